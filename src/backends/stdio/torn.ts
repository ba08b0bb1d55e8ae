// Whose answer a line is that cannot be read as a whole. A guess from its two ends, made only to end that one call early.

/** `id` of an answer as servers write it: next to the front or at the very end. In a request of theirs it would be an id of their own. */
const ID_AT_HEAD = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),"(?:result|error)":/;
const ANSWER_AT_HEAD = /^\{(?:"jsonrpc":"2\.0",)?"(?:result|error)":/;
const ID_AT_TAIL = /,"id":(\d{1,15})(?:,"jsonrpc":"2\.0")?\}\s*$/;

/** Bytes of each end that are looked at. */
export const END_BYTES = 256;

/** Undefined: it does not look like an answer. */
export function answeredIn(head: Uint8Array, tail: Uint8Array): number | undefined {
  const front = Buffer.from(head).toString('latin1');
  const found = ID_AT_HEAD.exec(front) ?? (ANSWER_AT_HEAD.test(front) ? ID_AT_TAIL.exec(Buffer.from(tail).toString('latin1')) : null);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}
