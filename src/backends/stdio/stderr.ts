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
  /** A secret may straddle the end of a piece: this much of it waits for the rest. */
  readonly #overlap: number;
  #kept = '';
  #partial = '';
  #second = -Infinity;
  #lines = 0;
  #suppressed = 0;

  constructor(deps: StderrDeps) {
    this.#deps = deps;
    // What is told is told line by line: a key of several lines would never be found whole. Longest first, so that none is cut by another.
    const lines = deps.secrets.flatMap((secret) => secret.split(/[\r\n]+/));
    this.#secrets = [...new Set([...deps.secrets, ...lines])].filter((secret) => secret.length >= SECRET_CHARS).sort((one, other) => other.length - one.length);
    this.#overlap = Math.min(LINE_CHARS, Math.max(0, ...this.#secrets.map((secret) => secret.length - 1)));
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
    if (this.#partial.length > LINE_CHARS + this.#overlap) {
      const whole = this.#hide(this.#partial);
      this.#tell(whole.slice(0, -this.#overlap || undefined));
      this.#partial = this.#overlap === 0 ? '' : whole.slice(-this.#overlap);
    }
  }

  /** The last words, for the operator who asks why it died. */
  tail(chars: number): string {
    // Masked before it is cut: half a secret is found by nobody, and told.
    return shortText(this.#hide(this.#kept).slice(-chars), chars);
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
