// What is carried over one connection after the other: the cursor, the batches in order, the checkpoints behind the records they cover.
import type { StoreFault } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { type StoredCheckpoint, type StoredRecord, unitsOf } from '../journal/source.ts';
import type { Connection } from './connection.ts';
import type { CursorStore } from './cursor.ts';
import { Days } from './days.ts';
import { resumeFrom } from './resume.ts';
import { hasCheckpoints, sendCheckpoints, sendRecords, type Sorted, sortOut } from './sender.ts';

/** What of a journal is shipped. Synchronous; throws when the journal cannot be read. */
export interface ShipSource {
  after(rowId: number, limit: number, units?: number): readonly StoredRecord[];
  /** Checkpoints in the segment of this row and the later ones; of an epoch in `known` only the larger ones need be given. */
  checkpointsFrom(rowId: number, known: ReadonlyMap<number, number>): readonly StoredCheckpoint[];
  /** How many committed records stand behind this row. */
  behind(rowId: number): number;
}

export interface CarrierBounds {
  readonly batch: number;
  /** UTF-16 units of one batch; a single record may be longer. */
  readonly batchUnits: number;
  readonly checkpointMs: number;
  readonly partitionsMs: number;
  readonly daysAhead: number;
  /** While there is more to ship, the cursor is saved this often: each time is a wait for the disk that the journal needs. */
  readonly saveMs: number;
  /** A silent server is asked whether it is there. */
  readonly pingMs: number;
}

export interface CarrierDeps {
  readonly source: ShipSource;
  readonly cursor: CursorStore;
  /** From which row on checkpoints are still to be shipped. */
  readonly checkpoints: CursorStore;
  readonly clock: { mono(): number };
}

export interface Counts {
  readonly shipped: number;
  /** Sent though they were there: after a commit in doubt. */
  readonly resent: number;
  /** Put into audit_refused. */
  readonly refused: number;
  /** Records, put there too, and checkpoints in whose places stand others: somebody else writes under the name of this node. */
  readonly conflicts: number;
  /** How often a server lacked the end of what was shipped, and was sent it again. */
  readonly setBack: number;
}

export class Carrier {
  readonly #node: string;
  readonly #bounds: CarrierBounds;
  readonly #deps: CarrierDeps;
  readonly #days: Days;
  readonly #counts = { shipped: 0, resent: 0, refused: 0, conflicts: 0, setBack: 0 };
  #cursor = 0;
  #checkpointsFrom = 0;
  #checkpointsAt = -Infinity;
  /** The largest of each epoch that the server has. */
  readonly #signed = new Map<number, number>();
  #askedAt = -Infinity;
  #batch: number;
  #unsaved: string | undefined;
  #saved = { cursor: 0, checkpoints: 0 };
  #savedAt = -Infinity;

  constructor(node: string, bounds: CarrierBounds, deps: CarrierDeps) {
    this.#node = node;
    this.#bounds = bounds;
    this.#deps = deps;
    this.#days = new Days(bounds.daysAhead, bounds.partitionsMs, deps.clock);
    this.#batch = bounds.batch;
  }

  /** Everything up to this row is in PostgreSQL. */
  get cursor(): number {
    return this.#cursor;
  }

  get counts(): Counts {
    return { ...this.#counts };
  }

  /** What does not stop it, and wants a person all the same. */
  get trouble(): string | undefined {
    return this.#conflict() ?? this.#unsaved ?? this.#days.trouble;
  }

  #conflict(): string | undefined {
    const { conflicts } = this.#counts;
    if (conflicts === 0) return undefined;
    return `somebody else writes under the id of this node (${this.#node}): in the place of ${conflicts} of its records or checkpoints stand others, and its own are in the journal and in audit_refused (state CONFLICT)`;
  }

  load(): void {
    this.#cursor = this.#deps.cursor.load();
    this.#checkpointsFrom = this.#deps.checkpoints.load();
    this.#saved = { cursor: this.#cursor, checkpoints: this.#checkpointsFrom };
  }

  /** A new connection may be another server, without the end of what was shipped. */
  async resume(connection: Connection): Promise<void> {
    const { source } = this.#deps;
    this.#days.forget();
    // What is signed comes behind its records, and so may be lost alone.
    if (!(await hasCheckpoints(connection, this.#node, this.#signed))) {
      this.#signed.clear();
      this.#checkpointsFrom = 0;
      this.#checkpointsAt = -Infinity;
    }
    const from = await resumeFrom(connection, source, this.#node, this.#cursor);
    if (from >= this.#cursor) return;
    const [lost] = source.after(from, 1);
    if (lost !== undefined && lost.rowId <= this.#cursor) this.#counts.setBack += 1;
    this.#cursor = from;
    this.#checkpointsFrom = Math.min(this.#checkpointsFrom, from);
    this.#signed.clear();
    await this.save();
  }

  /** A slow server takes fewer at once. */
  takeLess(): void {
    this.#batch = Math.max(1, this.#batch >> 1);
  }

  /** One batch at most. Whether there may be more at once; an error is for a person. Throws what the driver or the source throws. */
  async step(connection: Connection): Promise<Result<boolean, StoreFault>> {
    const { source, clock } = this.#deps;
    await this.#days.ahead(connection);
    // Read before the records: those that they cover are then among the records, or were shipped before.
    const due = clock.mono() - this.#checkpointsAt >= this.#bounds.checkpointMs;
    const signed = due ? source.checkpointsFrom(this.#checkpointsFrom, this.#signed).filter(({ epoch, size }) => size > (this.#signed.get(epoch) ?? 0)) : [];
    const found = source.after(this.#cursor, this.#batch, this.#bounds.batchUnits);
    // A batch that was not full was all there is: what comes meanwhile makes the next one, at the next look.
    const full = found.length === this.#batch || unitsOf(found) >= this.#bounds.batchUnits;
    const sorted = sortOut(this.#within(found));
    const last = sorted.good.at(-1) ?? sorted.bad.at(-1);
    if (last !== undefined) {
      const sent = await this.#send(connection, sorted, last.rowId);
      if (!sent.ok) return sent;
      const more = full || sorted.good.length + sorted.bad.length < found.length;
      if (!more || clock.mono() - this.#savedAt >= this.#bounds.saveMs) await this.save();
      if (more) return ok(true);
    }
    if (due) {
      await this.#sign(connection, signed);
      return ok(false);
    }
    if (last === undefined && clock.mono() - this.#askedAt >= this.#bounds.pingMs) {
      await connection.ask('select 1');
      this.#askedAt = clock.mono();
    }
    return ok(false);
  }

  async #send(connection: Connection, sorted: Sorted, last: number): Promise<Result<void, StoreFault>> {
    await this.#days.of(connection, sorted.good);
    const sent = await sendRecords(connection, this.#node, sorted);
    if (!sent.ok) return sent;
    this.#counts.shipped += sent.value.inserted;
    this.#counts.resent += sent.value.resent;
    this.#counts.refused += sent.value.refused;
    this.#counts.conflicts += sent.value.conflicts;
    this.#cursor = last;
    this.#askedAt = this.#deps.clock.mono();
    this.#batch = Math.min(this.#bounds.batch, this.#batch * 2);
    return ok(undefined);
  }

  async #sign(connection: Connection, signed: readonly StoredCheckpoint[]): Promise<void> {
    for (let at = 0; at < signed.length; at += this.#bounds.batch) {
      const some = signed.slice(at, at + this.#bounds.batch);
      this.#counts.conflicts += await sendCheckpoints(connection, this.#node, some);
      for (const { epoch, size } of some) this.#signed.set(epoch, Math.max(size, this.#signed.get(epoch) ?? 0));
    }
    this.#checkpointsAt = this.#deps.clock.mono();
    if (this.#checkpointsFrom !== this.#cursor) {
      this.#checkpointsFrom = this.#cursor;
      await this.save();
    }
  }

  #within(records: readonly StoredRecord[]): readonly StoredRecord[] {
    let units = 0;
    const end = records.findIndex(({ record }) => (units += record.length) > this.#bounds.batchUnits);
    return end < 0 ? records : records.slice(0, Math.max(1, end));
  }

  /** Without it the next process sends again what is there already; a full disk must not stop what empties it. */
  async save(): Promise<void> {
    try {
      if (this.#saved.cursor !== this.#cursor) await this.#deps.cursor.save(this.#cursor);
      this.#saved = { ...this.#saved, cursor: this.#cursor };
      if (this.#saved.checkpoints !== this.#checkpointsFrom) await this.#deps.checkpoints.save(this.#checkpointsFrom);
      this.#saved = { ...this.#saved, checkpoints: this.#checkpointsFrom };
      this.#unsaved = undefined;
    } catch (thrown) {
      this.#unsaved = `the cursor could not be saved: ${messageIn(thrown)}`;
    }
    this.#savedAt = this.#deps.clock.mono();
  }
}
