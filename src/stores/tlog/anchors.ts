// Checkpoints that were kept elsewhere, out of a file as whoever kept them has written it.

/** Of one line. A note has some 300 letters, a record of the audit some 40,000 at most. */
const LONGEST = 1 << 24;
const SIGNATURE = '\u2014 ';

/**
 * The notes of a file: as they are, one behind the other, with or without empty lines between them; or JSON Lines with a note in `checkpoint`, as exports of
 * checkpoints write them, or in `detail.checkpoint`, as the audit of another gateway keeps them. JSON without one is passed over; nothing else is:
 * what fits nowhere is a note that will not hold. Throws what the pieces throw.
 */
export async function* notesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const notes = new Notes();
  let isJson: boolean | undefined;
  for await (const line of linesOf(pieces)) {
    if (line.trim() === '' && isJson !== false) continue;
    isJson ??= line.trimStart().startsWith('{');
    const note = isJson ? noteIn(line) : notes.add(line);
    if (note !== undefined) yield note;
  }
  const last = notes.end();
  if (last !== undefined) yield last;
}

/** Line breaks are U+000A alone: texts of records may hold what others take for one. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST) throw new RangeError(`a line of it is longer than ${LONGEST}`);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** A note ends where a line follows its signatures that is none. */
class Notes {
  #lines: string[] = [];
  #signed = false;

  /** The one that is complete with this line before it. */
  add(line: string): string | undefined {
    const isSignature = line.startsWith(SIGNATURE);
    const done = this.#signed && !isSignature ? this.end() : undefined;
    if (this.#lines.length > 0 || line !== '') {
      this.#lines.push(line);
      this.#signed = isSignature;
    }
    return done;
  }

  end(): string | undefined {
    const note = this.#lines.length === 0 ? undefined : `${this.#lines.join('\n')}\n`;
    [this.#lines, this.#signed] = [[], false];
    return note;
  }
}

function noteIn(line: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof value !== 'object' || value === null) return line;
  return checkpointIn(value) ?? ('detail' in value ? checkpointIn(value.detail) : undefined);
}

function checkpointIn(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && 'checkpoint' in value && typeof value.checkpoint === 'string' ? value.checkpoint : undefined;
}
