// What a `catch` holds, read without trust: it may be anything. For what Node, its libraries and databases throw.

/** Its code (`ENOENT`, `UND_ERR_CLOSED`, an SQLSTATE), where it is an error that has one. */
export function codeIn(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

export function messageIn(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
