// Whether records are missing before the one that comes next. Runs of one node write to one journal side by side, so each epoch is counted by itself:
// within one, `seq` has no gap, and each begins with 1.
import type { Cursor, SeenEpoch } from './cursor.ts';
import type { AuditRecord } from './record.ts';

/** More runs than this do not write at the same time. */
const MOST_EPOCHS = 256;

export class Continuity {
  readonly #node: string;
  readonly #seen: Map<number, number>;
  #base: number | undefined;

  /** `node`: whose journal it is. What was brought in from elsewhere has an order of its own. */
  constructor(node: string, { epochs, base }: Pick<Cursor, 'epochs' | 'base'>) {
    this.#node = node;
    this.#seen = new Map(epochs);
    this.#base = base;
  }

  /** Takes note of the record. Returns how many of its epoch were not seen before it. */
  look({ v, node, epoch, seq }: Pick<AuditRecord, 'v' | 'node' | 'epoch' | 'seq'>): number {
    // Version 1 left a gap where a record was given up.
    if (node !== this.#node || v < 2) return 0;
    const last = this.#seen.get(epoch);
    if (seq === 1) this.#base ??= epoch;
    // Epochs are claimed in order: one that began before the first beginning that was seen began before this exporter did.
    const missing = last === undefined ? (epoch >= (this.#base ?? Infinity) ? seq - 1 : 0) : seq - last - 1;
    this.#seen.delete(epoch);
    this.#seen.set(epoch, Math.max(seq, last ?? 0));
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST_EPOCHS && oldest !== undefined) this.#seen.delete(oldest);
    // A record that comes again, after its segment was given up, is no gap.
    return Math.max(0, missing);
  }

  state(): { readonly epochs: readonly SeenEpoch[]; readonly base: number | undefined } {
    return { epochs: [...this.#seen], base: this.#base };
  }
}
