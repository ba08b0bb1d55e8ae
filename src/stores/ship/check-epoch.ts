// One epoch in PostgreSQL before the verifier: its rows, what was set aside in between, and its checkpoints in time.
import type { Verifier } from '../tlog/verify.ts';
import { saidIn } from '../tlog/checkpoint.ts';
import { leafHash } from '../tlog/leaf.ts';
import type { Divergence } from '../tlog/verdict.ts';
import { bytesSetAside, checkpointsBehind, type Db, type SignedRow, type Stretch } from './held.ts';
import { type Batch, type HeldRow, inOrder } from './in-order.ts';
import { recordOf, spoiltColumn } from './rebuild.ts';

export interface AsideRecord {
  /** As `audit_refused` has it. */
  readonly node: string;
  readonly place: number;
  readonly seq: number;
}

export interface HeldEpoch {
  readonly node: string;
  readonly epoch: number;
  readonly stretches: Stretch[];
  readonly aside: AsideRecord[];
  /** The last seq that a row had when it was asked for. */
  readonly to: number;
  /** The largest size that a checkpoint was there for; undefined: for none. */
  readonly signed: number | undefined;
  /** `audit_start` has it, for a while. */
  readonly begun: boolean;
  /** It began before the day up to which days were detached. */
  readonly mayBeRetired: boolean;
}

export interface Tally {
  readonly problems: Divergence[];
  unchained: number;
  aside: number;
  retired: number;
  /** Nodes of which something is here. */
  readonly present: Set<string>;
}

export interface EpochDeps {
  readonly verifier: Verifier;
  readonly db: Db;
  readonly tally: Tally;
  readonly onRecords: () => void | Promise<void>;
  readonly signal: AbortSignal;
}

const DAY_MS = 86_400_000;
/** Beyond it PostgreSQL's own days are not exact to the millisecond. */
const EXACT_MS = 2e14;
const MOST_TOLD = 100;
const NOTES = 500;
/** A checkpoint is known before the second record behind those that it covers. */
const AHEAD = 2;
const PREV = /"prev":"([^"]*)"/;
const HEAD = 200;

export async function checkEpoch(held: HeldEpoch, deps: EpochDeps): Promise<void> {
  const { node, epoch, begun, mayBeRetired } = held;
  const { verifier, tally } = deps;
  if (mayBeRetired) verifier.retire(node, epoch);
  else if (begun) verifier.announce(node, epoch, 'audit_start');
  const check = new Reading(held, deps);
  for await (const batch of inOrder(deps.db, held.stretches, held.to)) {
    await check.take(batch);
    await deps.onRecords();
    if (deps.signal.aborted) return;
  }
  await check.end();
  if (check.records > 0) tally.present.add(node);
  else if (mayBeRetired) tally.retired += 1;
}

class Reading {
  readonly #held: HeldEpoch;
  readonly #deps: EpochDeps;
  readonly #notes: Notes;
  #aside: readonly AsideRecord[];
  #last = 0;
  records = 0;

  constructor(held: HeldEpoch, deps: EpochDeps) {
    this.#held = held;
    this.#deps = deps;
    this.#notes = new Notes(held, deps);
    this.#aside = held.aside.toSorted((one, other) => one.seq - other.seq);
  }

  async take({ stretch, rows }: Batch): Promise<void> {
    const { tally } = this.#deps;
    const first = this.records === 0 ? rows.find(({ v }) => v !== 1) : undefined;
    if (first !== undefined) this.#begin(first.seq, String(first.row.prev ?? ''));
    // Where a seq leaps, this epoch has its finding, and no checkpoint is wanted any more.
    await this.#notes.upTo(this.#last + rows.length + this.#aside.length + AHEAD);
    for (const [at, row] of rows.entries()) {
      if (row.v === 1) {
        tally.unchained += 1;
        continue;
      }
      const [aside] = this.#aside;
      if (aside !== undefined && aside.seq <= row.seq) await this.#contested(row, stretch, rows[at + 1]);
      else this.#row(row, stretch);
    }
  }

  /** What was set aside at the end, and what is signed beyond it. */
  async end(): Promise<void> {
    await this.#notes.upTo(this.#last + this.#aside.length + AHEAD);
    for (const aside of this.#aside) {
      // Of a batch that is under way, what is refused is put aside before the others are there.
      if (aside.seq > this.#held.to && aside.seq !== this.#last + 1) break;
      const record = await this.#bytes(aside);
      if (this.records === 0) this.#begin(aside.seq, PREV.exec(record.toString('latin1', 0, HEAD))?.[1] ?? '');
      this.#set(aside, record);
    }
    if (this.records > 0 || !this.#held.mayBeRetired) await this.#notes.rest();
  }

  #begin(seq: number, prev: string): void {
    const { node, epoch, mayBeRetired } = this.#held;
    if (!mayBeRetired) return;
    // What stands alone before the days that are left says nothing about them.
    const first = this.#aside[0]?.seq === 1 ? 1 : seq;
    this.#aside = this.#aside.filter((one) => one.seq >= first);
    if (first <= 1) return;
    this.#deps.verifier.beginLate({ node, epoch, firstSeq: first, prev });
    this.#last = first - 1;
  }

  /** A row, with what was set aside before it and in its place. */
  async #contested(row: HeldRow, stretch: Stretch, next: HeldRow | undefined): Promise<void> {
    for (const aside of this.#asideTo(row.seq - 1)) this.#set(aside, await this.#bytes(aside));
    const rivals: (readonly [AsideRecord, Buffer])[] = [];
    for (const aside of this.#asideTo(row.seq)) {
      const record = await this.#bytes(aside);
      // Refused once and taken later: it is there twice, and the same.
      if (record.toString('utf8') !== recordOf(row.row)) rivals.push([aside, record]);
    }
    // Who may add rows may take the place of one that is still to come. The record behind says which is right; where none does, it is the row.
    const right = rivals.find(([, record]) => next?.row.prev === leafHash(record.toString('utf8')).toString('base64url'));
    if (right === undefined) this.#row(row, stretch);
    else this.#tell({ seq: row.seq, where: `${stretch.table}:${row.rowId}`, problem: 'duplicate', detail: `it stands where the record belongs that is in audit_refused, place ${right[0].place}` });
    for (const [aside, record] of rivals.toSorted((one, other) => Number(other === right) - Number(one === right))) this.#set(aside, record);
  }

  #asideTo(seq: number): readonly AsideRecord[] {
    const end = this.#aside.findIndex((one) => one.seq > seq);
    const due = end < 0 ? this.#aside : this.#aside.slice(0, end);
    this.#aside = this.#aside.slice(due.length);
    return due;
  }

  async #bytes({ node, place }: AsideRecord): Promise<Buffer> {
    return (await bytesSetAside(this.#deps.db, node, place)) ?? Buffer.alloc(0);
  }

  #set({ place, seq }: AsideRecord, record: Buffer): void {
    this.#deps.verifier.source('audit_refused');
    this.#deps.verifier.record(record, place);
    this.#deps.tally.aside += 1;
    this.#count(seq);
  }

  #row({ rowId, ts, seq, row }: HeldRow, { table, day }: Stretch): void {
    const { verifier } = this.#deps;
    verifier.source(table);
    const spoilt = spoiltColumn(row);
    if (spoilt === undefined) verifier.record(recordOf(row), rowId);
    else verifier.unreadable(`its column ${spoilt} is not one JSON value`, rowId);
    if (Math.floor(ts / DAY_MS) !== day && Math.abs(ts) < EXACT_MS) {
      this.#tell({ seq, where: `${table}:${rowId}`, problem: 'out_of_place', detail: `its day is ${dateOf(day)}, and its time is of ${dateOf(Math.floor(ts / DAY_MS))}` });
    }
    this.#count(seq);
  }

  #tell(found: Pick<Divergence, 'seq' | 'where' | 'problem' | 'detail'>): void {
    const { node, epoch } = this.#held;
    const { problems } = this.#deps.tally;
    if (problems.length < MOST_TOLD) problems.push({ node, epoch, ...found });
  }

  #count(seq: number): void {
    this.records += 1;
    this.#last = Math.max(this.#last, seq);
  }
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().replace(/T.*$/, '');
}

/** The checkpoints of an epoch, told as the records come. */
class Notes {
  readonly #held: HeldEpoch;
  readonly #deps: EpochDeps;
  #page: readonly SignedRow[] = [];
  #behind: number = Number.MIN_SAFE_INTEGER;
  #over: boolean;

  constructor(held: HeldEpoch, deps: EpochDeps) {
    this.#held = held;
    this.#deps = deps;
    this.#over = held.signed === undefined;
  }

  async upTo(size: number): Promise<void> {
    while (!this.#over || this.#page.length > 0) {
      if (this.#page.length === 0) await this.#load();
      const end = this.#page.findIndex((one) => one.size > size);
      const due = end < 0 ? this.#page : this.#page.slice(0, end);
      for (const one of due) this.#tell(one);
      this.#page = this.#page.slice(due.length);
      if (end >= 0) return;
    }
  }

  /** Of those beyond the last record the first ones, and the largest: what is missing is as many as that one says. */
  async rest(): Promise<void> {
    const { node, epoch, signed = 0 } = this.#held;
    for (const one of this.#page) this.#tell(one);
    if (!this.#over) for (const one of await checkpointsBehind(this.#deps.db, node, epoch, [Math.max(this.#behind, signed - 1), signed], 1)) this.#tell(one);
  }

  async #load(): Promise<void> {
    const { node, epoch, signed = 0 } = this.#held;
    this.#page = await checkpointsBehind(this.#deps.db, node, epoch, [this.#behind, signed], NOTES);
    this.#behind = this.#page.at(-1)?.size ?? signed;
    this.#over = this.#page.length < NOTES;
  }

  #tell({ size, note }: SignedRow): void {
    const { node, epoch } = this.#held;
    const { verifier, tally } = this.#deps;
    const where = `checkpoint ${epoch}/${size} of node ${node}`;
    const said = saidIn(note);
    if (said.epoch !== 0 && (said.node !== node || said.epoch !== epoch || said.size !== size)) {
      const detail = `it says that it is of size ${said.size} of epoch ${said.epoch} of node ${said.node}`;
      if (tally.problems.length < MOST_TOLD) tally.problems.push({ node, epoch, seq: size, where, problem: 'out_of_place', detail });
    }
    verifier.checkpoint(note, where);
  }
}
