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
const FRAMES = /^ {4}at /m;

/** What it says and what its causes say, then where it was thrown: a stack says nothing of causes, and a log keeps only the beginning of a text. */
export function storyIn(thrown: unknown): string {
  const said: string[] = [];
  let at = thrown;
  do {
    said.push(String(at));
    at = at instanceof Error ? at.cause : undefined;
  } while (at !== undefined && said.length <= MOST_CAUSES);
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const frames = stack.search(FRAMES);
  return [said.join('; caused by '), ...(frames < 0 ? [] : [stack.slice(frames)])].join('\n');
}
