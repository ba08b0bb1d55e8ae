// One epoch under check: its chain, its tree, and the first thing that is wrong with it. A leaf joins the tree when the record behind it has named
// it: so that of two neighbours that disagree neither has been believed yet, and the one behind them, or a signed root, says which is right.
import { Buffer } from 'node:buffer';
import { type Head, prefixOf } from './head.ts';
import { EMPTY_ROOT, HASH_BYTES, HASH_LETTERS, isSpelled, leafHashInto } from './leaf.ts';
import { type Finding, Spot, type Stray } from './spot.ts';
import { Frontier } from './tree.ts';
import type { Divergence, EpochReport, Problem } from './verdict.ts';

/** A root that was signed, and by whose account. */
export interface KnownRoot {
  readonly anchor: boolean;
  readonly size: number;
  readonly root: Buffer;
  readonly where: string;
}

/** What waits for the next record of the epoch. */
type Held =
  /** `found` stands where an earlier one belongs. */
  | { readonly kind: 'gap'; readonly found: number; readonly where: string; readonly order: number }
  /** The record in its place names another hash than the record before it has. */
  | { readonly kind: 'torn'; readonly leaf: Buffer; readonly named: Buffer; readonly where: string; readonly order: number };

export interface Beginning {
  readonly firstSeq: number;
  readonly last: Uint8Array;
  /** Undefined: nobody knows it. Then only the chain is checked, and no root can be. */
  readonly tree: Frontier | undefined;
}

export class EpochCheck {
  readonly node: string;
  readonly epoch: number;
  /** What each of its lines begins with. */
  readonly prefix: Buffer;
  /** Whether it was given where it begins. */
  readonly trusted: boolean;
  /** Who says that it began, though nothing that was signed does. */
  announced: string | undefined;
  /** Whether all of it is gone by right. */
  retired = false;
  readonly #firstSeq: number;
  readonly #tree: Frontier;
  /** Whether its tree is known from its first leaf on: else roots say nothing here. */
  readonly #rooted: boolean;
  readonly #shared: { stray: Stray | undefined };
  /** Of the record before the next one. */
  readonly #leaf: Buffer = Buffer.alloc(HASH_BYTES);
  readonly #spot: Spot = new Spot();
  #waiting = false;
  #next: number;
  #records = 0;
  #held: Held | undefined;
  #finding: Finding | undefined;
  /** Of the missing ones that were found: up to this seq, not included. */
  #missingUntil = 0;
  #roots: Map<number, KnownRoot[]> | undefined;
  #signed = 0;
  #anchored = 0;
  #unchecked = 0;

  constructor(node: string, epoch: number, shared: { stray: Stray | undefined }, beginning?: Beginning) {
    this.node = node;
    this.epoch = epoch;
    this.prefix = Buffer.from(prefixOf(node, epoch), 'latin1');
    this.trusted = beginning !== undefined;
    this.#shared = shared;
    this.#firstSeq = beginning?.firstSeq ?? 1;
    this.#next = this.#firstSeq;
    this.#rooted = beginning === undefined || beginning.tree !== undefined;
    this.#tree = beginning?.tree ?? Frontier.unknown(this.#firstSeq - 1);
    this.#leaf.set(beginning?.last ?? EMPTY_ROOT);
  }

  get records(): number {
    return this.#records;
  }

  get finding(): Finding | undefined {
    return this.#finding;
  }

  /** The seq that comes next, as far as all was well. */
  get next(): number {
    return this.#next;
  }

  /** Roots known of sizes beyond what was read. */
  get promises(): readonly KnownRoot[] {
    return [...(this.#roots?.values() ?? [])].flat();
  }

  /** The one of the largest size. */
  get promised(): KnownRoot | undefined {
    return this.promises.reduce<KnownRoot | undefined>((most, known) => (most === undefined || known.size > most.size ? known : most), undefined);
  }

  know(known: KnownRoot): void {
    // What was found stands: of a hostile or damaged epoch, nothing more is kept.
    if (this.#finding !== undefined) return;
    if (known.size < this.#tree.size) {
      this.#unchecked += 1;
      return;
    }
    if (known.size === this.#tree.size) {
      this.#compare([known]);
      return;
    }
    this.#roots ??= new Map();
    const same = this.#roots.get(known.size);
    if (same === undefined) this.#roots.set(known.size, [known]);
    else same.push(known);
  }

  /** The next line of this epoch. */
  take(line: Buffer, start: number, end: number, head: Head, here: Spot): void {
    this.#records += 1;
    if (this.#finding !== undefined) this.#later(head.seq, here);
    else if (this.#held !== undefined) this.#decide(this.#held, line, head);
    else if (head.seq !== this.#next || !isSpelled(this.#leaf, line, head.prevAt)) this.#misfit(line, start, end, head, here);
    else if (!this.#waiting || this.#join()) {
      leafHashInto(line, start, end, this.#leaf);
      this.#waiting = true;
      this.#next += 1;
      this.#spot.become(here);
    }
  }

  /** Whether a line that says it is of another place is the one that follows here. */
  isFollowedBy(line: Uint8Array, prevAt: number): boolean {
    return this.#waiting && this.#finding === undefined && this.#held === undefined && isSpelled(this.#leaf, line, prevAt);
  }

  /** That line: `said` is what it says it is. */
  changed(said: string, here: Spot): void {
    this.#find('changed', this.#next, here, `it follows record ${this.#next - 1}, and says that it is ${said}`);
  }

  /** A line that says it is record `seq` and cannot be read on. False: it is not the one that comes next. */
  unreadable(seq: number, detail: string, here: Spot): boolean {
    if (seq !== this.#next || this.#held !== undefined) return false;
    this.#find('unreadable', seq, here, detail);
    return true;
  }

  /** Nothing more will come. */
  finish(): void {
    if (this.#finding !== undefined) return;
    if (this.#held?.kind === 'gap') this.#missing(this.#held);
    else if (this.#held !== undefined) this.#settle(this.#held, this.#isNamedRight(this.#held));
    else if (this.#waiting) this.#join();
    const promised = this.promised;
    if (this.#finding !== undefined || promised === undefined || (this.#records === 0 && !this.trusted)) return;
    const detail = `${promised.where} covers ${promised.size} records, and the last one here is ${this.#tree.size}`;
    this.#report({ order: Infinity, divergence: this.#divergence('truncated', this.#tree.size + 1, promised.where, detail) });
  }

  /** After `finish`. */
  report(): EpochReport {
    const { node, epoch } = this;
    const [size, confirmed] = [this.#tree.size, Math.max(this.#signed, this.#anchored, this.#firstSeq - 1)];
    const prev = this.#leaf.toString('base64url');
    const end = this.#finding === undefined && this.#rooted ? { node, epoch, firstSeq: this.#next, prev, frontier: this.#tree.save() } : undefined;
    return {
      node, epoch, firstSeq: this.#firstSeq, rooted: this.#rooted, records: this.#records, size, root: this.#rooted ? this.#tree.root().toString('base64') : '',
      signed: this.#signed, anchored: this.#anchored, unsigned: Math.max(0, size - confirmed), unchecked: this.#unchecked, end,
    };
  }

  /** The record before the next one joins the tree. False: a root at its size says otherwise. */
  #join(): boolean {
    this.#tree.append(this.#leaf);
    this.#waiting = false;
    const known = this.#roots?.get(this.#tree.size);
    if (known === undefined) return true;
    this.#roots?.delete(this.#tree.size);
    return this.#compare(known);
  }

  #compare(known: readonly KnownRoot[]): boolean {
    if (!this.#rooted) {
      this.#unchecked += known.length;
      return true;
    }
    const [root, size, from] = [this.#tree.root(), this.#tree.size, Math.max(this.#signed, this.#anchored, this.#firstSeq - 1) + 1];
    for (const one of known) {
      if (one.root.equals(root)) {
        if (one.anchor) this.#anchored = size;
        else this.#signed = size;
      }
    }
    // What is kept elsewhere says more than what lies beside the records.
    const wrong = known.filter((one) => !one.root.equals(root)).toSorted((one, other) => Number(other.anchor) - Number(one.anchor))[0];
    if (wrong === undefined) return true;
    const which = from >= size ? `record ${size} is` : `of records ${from} to ${size} the last, or one and all that follow it, are`;
    const detail = `${which} not what ${wrong.where} was signed for`;
    const where = this.#spot.order < 0 ? wrong.where : this.#spot.toString();
    this.#report({ order: this.#spot.order, divergence: { ...this.#divergence(wrong.anchor ? 'rewritten' : 'checkpoint_root', size, where, detail), from: Math.min(from, size) } });
    return false;
  }

  #misfit(line: Buffer, start: number, end: number, { seq, prevAt }: Head, here: Spot): void {
    const next = this.#next;
    if (seq === next) this.#disagree(line, start, end, prevAt, here);
    else if (isSpelled(this.#leaf, line, prevAt)) this.#find('changed', next, here, `it follows record ${next - 1}, and says that it is record ${seq}`);
    else if (seq > next) this.#gap(seq, here);
    else if (seq < this.#firstSeq) this.#find('out_of_place', seq, here, `the check begins with record ${this.#firstSeq}`);
    else this.#find('duplicate', seq, here, `record ${seq} was there before, and record ${next - 1} is the one before this line`);
  }

  #gap(found: number, here: Spot): void {
    const { stray } = this.#shared;
    if (stray !== undefined && stray.order > this.#spot.order) {
      this.#shared.stray = undefined;
      this.#report({ order: stray.order, divergence: this.#divergence('unreadable', this.#next, stray.where, stray.detail) });
    } else {
      this.#held = { kind: 'gap', found, where: here.toString(), order: here.order };
    }
  }

  #disagree(line: Buffer, start: number, end: number, prevAt: number, here: Spot): void {
    if (!this.#waiting) {
      this.#find('changed', this.#next, here, this.trusted ? 'it does not name the record before it, which is known' : 'it is the first record, and names one before it');
      return;
    }
    const leaf = Buffer.alloc(HASH_BYTES);
    leafHashInto(line, start, end, leaf);
    const named = Buffer.from(line.toString('latin1', prevAt, prevAt + HASH_LETTERS), 'base64url');
    const held = { kind: 'torn', leaf, named, where: here.toString(), order: here.order } as const;
    const known = this.#rooted ? this.#roots?.get(this.#tree.size + 1) : undefined;
    if (known === undefined) this.#held = held;
    else this.#settle(held, !known.some(({ root }) => root.equals(this.#tree.rootWith(this.#leaf))));
  }

  /** What waited is decided by the record that came behind it. */
  #decide(held: Held, line: Buffer, { seq, prevAt }: Head): void {
    if (held.kind === 'torn') {
      this.#settle(held, (seq === this.#next + 1 && isSpelled(held.leaf, line, prevAt)) || this.#isNamedRight(held));
    } else if (seq >= this.#next && seq < held.found) {
      const detail = `record ${held.found} stands where record ${this.#next} belongs`;
      this.#report({ order: held.order, divergence: this.#divergence('out_of_place', held.found, held.where, detail) });
    } else {
      this.#missing(held);
    }
  }

  /** Of two neighbours that disagree: the later one is as it was, so the earlier one is not; or else. */
  #settle(held: Held & { readonly kind: 'torn' }, laterIsRight: boolean): void {
    const next = this.#next;
    const detail = `record ${next} names another one than stands before it`;
    const [seq, where, order] = laterIsRight ? [next - 1, this.#spot.toString(), this.#spot.order] : [next, held.where, held.order];
    this.#report({ order, divergence: this.#divergence('changed', seq, where, detail) });
  }

  /** Whether a signed root is that of a tree in which the later one and what it names are right. */
  #isNamedRight({ named, leaf }: Held & { readonly kind: 'torn' }): boolean {
    const known = this.#rooted ? this.#roots?.get(this.#tree.size + 2) : undefined;
    return known !== undefined && known.some(({ root }) => root.equals(this.#tree.rootWith(named, leaf)));
  }

  #missing({ found, where, order }: Held & { readonly kind: 'gap' }): void {
    const last = found - 1;
    const which = last === this.#next ? `record ${last} is` : `records ${this.#next} to ${last} are`;
    this.#missingUntil = found;
    this.#report({ order, divergence: this.#divergence('missing', this.#next, where, `${which} not before record ${found}`) });
  }

  /** One that was missed may stand further on. */
  #later(seq: number, here: Spot): void {
    const found = this.#finding;
    if (found?.divergence.problem !== 'missing' || seq < this.#next || seq >= this.#missingUntil) return;
    const detail = `record ${seq} stands behind record ${this.#missingUntil}`;
    this.#finding = { order: found.order, divergence: this.#divergence('out_of_place', seq, here.toString(), detail) };
  }

  #find(problem: Problem, seq: number, here: Spot, detail: string): void {
    this.#report({ order: here.order, divergence: this.#divergence(problem, seq, here.toString(), detail) });
  }

  #divergence(problem: Problem, seq: number, where: string, detail: string): Divergence {
    return { node: this.node, epoch: this.epoch, seq, where, problem, detail };
  }

  /** The first one stands. */
  #report(finding: Finding): void {
    this.#finding ??= finding;
  }
}
