// Takes checkpoints of other nodes and has them recorded before it says so. One request at a time, in slices between which calls are served: what
// arrives here must cost calls nothing that they would notice.
import { notesIn, type Witnessed, type WitnessCounts, type WitnessedFact, type WitnessPort } from '../../core/audit/witness.ts';
import type { Instant } from '../../core/ids.ts';
import { parseVkey, type VerifierKey } from '../tlog/note.ts';
import { judge, Seen, type Trust, type Verdict } from './judge.ts';

export interface WitnessDeps {
  /** This gateway's node. */
  readonly own: string;
  /** Lines of trusted keys; asked at each request, so that a reload counts. */
  readonly keys: () => readonly string[];
  readonly mono: () => Instant;
  /** True: it is durable. */
  record(fact: WitnessedFact): Promise<boolean>;
  /** Told of each conflict once, also where it could not be recorded. */
  onConflict(fact: WitnessedFact): void;
  /** Lets others have a turn. */
  rest(): Promise<void>;
}

export interface Witness extends WitnessPort {
  counts(): WitnessCounts;
}

/** Some 70 µs each, for the signature: a millisecond. */
const SLICE = 16;
/** Requests that wait for the one before them, each with a body of its own. */
const MOST_WAITING = 4;
const CROWDED_MS = 1000;
/** Of one node in a minute. A sender has a few epochs, looked at every five seconds; a new one has all of its past to tell of. */
const RATE = { burst: 600, refillMs: 100 } as const;

export function createWitness(deps: WitnessDeps): Witness {
  return new OneAtATime(deps);
}

class OneAtATime implements Witness {
  readonly #deps: WitnessDeps;
  readonly #shares = new Map<string, { left: number; at: Instant }>();
  readonly #counts = { recorded: 0, known: 0, conflict: 0, refused: 0, delayed: 0 };
  #trust: { readonly lines: string; readonly keys: readonly VerifierKey[] } = { lines: '', keys: [] };
  #seen = new Seen();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: WitnessDeps) {
    this.#deps = deps;
  }

  counts(): WitnessCounts {
    return { ...this.#counts };
  }

  async take(text: string): Promise<Witnessed> {
    if (this.#waiting >= MOST_WAITING) {
      this.#counts.delayed += 1;
      return { kind: 'wait', why: 'crowded', ms: CROWDED_MS };
    }
    this.#waiting += 1;
    const taken = this.#last.then(() => this.#body(text)).catch((): Witnessed => ({ kind: 'unrecorded' })).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = taken;
    return taken;
  }

  async #body(text: string): Promise<Witnessed> {
    const notes = notesIn(text);
    if (notes === undefined) return this.#refused('malformed');
    const trust = this.#trusted();
    const sum = { recorded: 0, known: 0, conflict: false, unknown: false };
    for (let from = 0; from < notes.length; from += SLICE) {
      if (from > 0) await this.#deps.rest();
      const end = await this.#slice(notes.slice(from, from + SLICE), trust, sum);
      // For all that is left: to come again for one of them would be too often.
      if (end?.kind === 'wait') {
        this.#counts.delayed += 1;
        return { ...end, ms: (notes.length - from) * RATE.refillMs };
      }
      if (end !== undefined) return end;
    }
    if (sum.unknown) return { kind: 'untrusted', forged: false };
    return sum.conflict ? { kind: 'conflict' } : { kind: 'kept', recorded: sum.recorded, known: sum.known };
  }

  /** Resolves when what was judged is on record, also where the slice ends early: with why. */
  async #slice(notes: readonly string[], trust: Trust, sum: { recorded: number; known: number; conflict: boolean; unknown: boolean }): Promise<Witnessed | undefined> {
    const writes: Promise<boolean>[] = [];
    let end: Witnessed | undefined;
    for (const note of notes) {
      const verdict = judge(note, trust, this.#seen);
      end = this.#endOf(verdict);
      if (end !== undefined) break;
      if (verdict.kind === 'refused') sum.unknown = true;
      if (verdict.kind === 'known') sum.known += 1;
      if (verdict.kind === 'conflict' || verdict.kind === 'known_conflict') sum.conflict = true;
      if (verdict.kind === 'new') sum.recorded += 1;
      this.#count(verdict);
      if (verdict.kind === 'new' || verdict.kind === 'conflict') writes.push(this.#write(verdict));
    }
    const written = await Promise.all(writes);
    return written.includes(false) ? { kind: 'unrecorded' } : end;
  }

  /** What makes it needless, or too dear, to look at the rest. */
  #endOf(verdict: Verdict): Witnessed | undefined {
    if (verdict.kind !== 'refused') return this.#late(verdict);
    switch (verdict.why) {
      case 'own':
      case 'malformed': return this.#refused(verdict.why);
      case 'bad_signature': {
        this.#counts.refused += 1;
        return { kind: 'untrusted', forged: true };
      }
      case 'unknown_key': return undefined;
    }
  }

  #refused(kind: 'own' | 'malformed'): Witnessed {
    this.#counts.refused += 1;
    return { kind };
  }

  /** The same text again costs next to nothing and is not counted: who sends all of it anew after a refusal must come to an end. */
  #late(verdict: Exclude<Verdict, { kind: 'refused' }>): Witnessed | undefined {
    if ('isSameText' in verdict && verdict.isSameText) return undefined;
    const node = 'node' in verdict ? verdict.node : verdict.checkpoint.node;
    const now = this.#deps.mono();
    const share = this.#shares.get(node) ?? { left: RATE.burst, at: now };
    const left = Math.min(RATE.burst, share.left + (now - share.at) / RATE.refillMs);
    // As many as there are keys: a node without one does not come this far.
    this.#shares.set(node, { left: left >= 1 ? left - 1 : left, at: now });
    return left >= 1 ? undefined : { kind: 'wait', why: 'rate', ms: RATE.refillMs };
  }

  #count(verdict: Verdict): void {
    switch (verdict.kind) {
      case 'refused': {
        this.#counts.refused += 1;
        return;
      }
      case 'known': {
        this.#counts.known += 1;
        return;
      }
      case 'known_conflict': {
        this.#counts.conflict += 1;
        return;
      }
      // Counted when they are on record.
      case 'new':
      case 'conflict':
    }
  }

  async #write({ kind, checkpoint, fact }: Extract<Verdict, { kind: 'new' | 'conflict' }>): Promise<boolean> {
    // Before it is: the same note may stand in the same body again.
    this.#seen.keep(checkpoint, fact.checkpoint);
    if (kind === 'conflict') this.#deps.onConflict(fact);
    const durable = await this.#deps.record(fact).catch(() => false);
    if (durable) this.#counts[kind === 'new' ? 'recorded' : 'conflict'] += 1;
    else this.#seen.drop(checkpoint);
    return durable;
  }

  /** With other keys nothing is taken for seen: what was signed by one that is not believed any more must be shown to be good again. */
  #trusted(): Trust {
    const lines = this.#deps.keys().join('\n');
    if (lines !== this.#trust.lines) {
      const keys = lines.split('\n').flatMap((line) => {
        const key = parseVkey(line);
        return key.ok ? [key.value] : [];
      });
      this.#trust = { lines, keys };
      this.#seen = new Seen();
      this.#shares.clear();
    }
    return { own: this.#deps.own, keys: this.#trust.keys };
  }
}
