// What a child says on stderr: always read (an unread pipe stops the child for ever, I13), kept in a ring, told line by line at a bounded rate.
import type { Clock } from '../../core/ports.ts';
import { shortText } from '../text.ts';

export interface StderrDeps {
  readonly clock: Clock;
  readonly keepBytes: number;
  readonly linesPerSecond: number;
  /** Values that must not appear in a log: the child's own secrets. */
  readonly secrets: readonly string[];
  readonly log: (text: string) => void;
}

const LINE_CHARS = 2000;
// Shorter values are words like "1" or "prod", which would blank half of the log.
const SECRET_CHARS = 6;

export class StderrLog {
  readonly #deps: StderrDeps;
  readonly #secrets: readonly string[];
  #kept = '';
  #partial = '';
  #second = -Infinity;
  #lines = 0;
  #suppressed = 0;

  constructor(deps: StderrDeps) {
    this.#deps = deps;
    this.#secrets = deps.secrets.filter((secret) => secret.length >= SECRET_CHARS);
  }

  push(chunk: Buffer): void {
    const text = chunk.toString('utf8');
    this.#kept = (this.#kept + text).slice(-this.#deps.keepBytes);
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      this.#tell(this.#partial + line);
      this.#partial = '';
    }
    // A line without an end is told in pieces rather than held.
    this.#partial += last;
    if (this.#partial.length > LINE_CHARS) {
      this.#tell(this.#partial);
      this.#partial = '';
    }
  }

  /** The last words, for the operator who asks why it died. */
  tail(chars: number): string {
    return shortText(this.#hide(this.#kept.slice(-chars)), chars);
  }

  end(): void {
    if (this.#partial !== '') this.#tell(this.#partial);
    this.#partial = '';
    this.#tellSuppressed();
  }

  #tell(line: string): void {
    const now = this.#deps.clock.mono();
    if (now - this.#second >= 1000) {
      this.#second = now;
      this.#lines = 0;
      this.#tellSuppressed();
    }
    this.#lines += 1;
    if (this.#lines > this.#deps.linesPerSecond) {
      this.#suppressed += 1;
      return;
    }
    const text = shortText(this.#hide(line), LINE_CHARS);
    if (text !== '') this.#deps.log(text);
  }

  #tellSuppressed(): void {
    if (this.#suppressed > 0) this.#deps.log(`${this.#suppressed} lines were left out`);
    this.#suppressed = 0;
  }

  #hide(text: string): string {
    let hidden = text;
    for (const secret of this.#secrets) hidden = hidden.replaceAll(secret, '[secret]');
    return hidden;
  }
}
