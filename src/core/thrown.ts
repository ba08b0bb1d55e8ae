// What a `catch` holds, read without trust: it may be anything. For what Node, its libraries and databases throw.

/** Its code (`ENOENT`, `UND_ERR_CLOSED`, an SQLSTATE), where it is an error that has one. */
export function codeIn(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

export function messageIn(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A cause may be its own. */
const MOST_CAUSES = 4;

/** Its stack and those of its causes, for a log: the stack alone says nothing of them. */
export function storyIn(thrown: unknown): string {
  const parts: string[] = [];
  let at = thrown;
  do {
    parts.push(at instanceof Error ? (at.stack ?? at.message) : String(at));
    at = at instanceof Error ? at.cause : undefined;
  } while (at !== undefined && parts.length <= MOST_CAUSES);
  return parts.join('\ncaused by: ');
}
