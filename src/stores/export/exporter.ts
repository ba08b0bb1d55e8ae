// One export: reads the journal behind its own cursor and sends what its filter takes, in order, at least once. It is in nobody's way: no call waits for
// it, it holds one batch at most, and whatever fails is tried again later. How far it may fall behind is how long the journal keeps its records.
import type { Clock, Random, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { type RecordSource, type StoredRecord, unitsOf } from '../journal/source.ts';
import { replaceFile } from '../small-file.ts';
import { Appetite } from './appetite.ts';
import { type Batch, batchOf, type BatchRules } from './batch.ts';
import { type Cursor, NO_CURSOR, readCursor } from './cursor.ts';
import type { RecordFormat } from './format.ts';
import type { MarkerEvent } from './marker.ts';
import type { AuditRecord } from './record.ts';
import { type Round, Rounds, say } from './rounds.ts';
import { removedBefore, type Standing, standingOf } from './standing.ts';
import { type Receipt, type SendFault, TAKEN, type Transport } from './transport.ts';

export interface ExporterOptions {
  readonly name: string;
  /** Whose journal it is. */
  readonly node: string;
  readonly cursorPath: string;
  /** Most records, and bytes of text, of one batch. */
  readonly records: number;
  readonly bytes: number;
}

/** What an operator should hear of. */
export type ExporterEvent =
  | { readonly kind: 'failing'; readonly exporter: string; readonly fault: string }
  | { readonly kind: 'recovered'; readonly exporter: string }
  /** Another gateway keeps a checkpoint of this one that contradicts what is in this journal. */
  | { readonly kind: 'conflict'; readonly exporter: string; readonly fault: string }
  | { readonly kind: 'told'; readonly exporter: string; readonly what: MarkerEvent };

export interface ExporterDeps {
  readonly source: RecordSource;
  readonly accepts: (record: AuditRecord) => boolean;
  readonly format: RecordFormat;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /** Records behind a number, where the journal can count them; without it they are counted up to a bound. */
  readonly behind?: (rowId: number) => number;
  readonly onEvent?: (event: ExporterEvent) => void;
}

export interface ExporterHealth {
  readonly name: string;
  /** Records that were not looked at yet. Undefined: not known, before the first look or while the journal cannot be read. */
  readonly lag: number | undefined;
  /** Since the start of this process, as are the counters below. */
  readonly delivered: number;
  readonly failed: number;
  /** Failures since the last success. */
  readonly inARow: number;
  /** Records known to be missing from the export: removed, absent, refused, thrown away by the receiver. */
  readonly missing: number;
  /** Another process of this state directory sends it. */
  readonly elsewhere: boolean;
  /** Of the last attempt. */
  readonly fault: string | undefined;
  /** Last words of the receiver beside a success. */
  readonly note: string | undefined;
}

export interface Exporter {
  start(): void;
  /** What it waits for may be over: one that fails tries again now. */
  retry(): void;
  /** Does what is due once; returns in how many milliseconds there is more to do. Never rejects. */
  step(): Promise<number>;
  /** A batch on its way is broken off, and sent again by the next start. */
  stop(): Promise<void>;
  health(): ExporterHealth;
}

/** Between two looks at a journal that had nothing new. */
const IDLE_MS = 1000;
const MOST_COUNTED = 10_000;

export function createExporter(options: ExporterOptions, deps: ExporterDeps): Exporter {
  return new Rounds(options, deps, new JournalRound(options, deps));
}

class JournalRound implements Round {
  readonly #options: ExporterOptions;
  readonly #deps: ExporterDeps;
  readonly #appetite: Appetite;
  #cursor: Cursor | undefined;
  /** What the disk has. */
  #saved: Cursor | undefined;
  #standing: Standing | undefined;
  #delivered = 0;
  #missing = 0;
  #note: string | undefined;

  constructor(options: ExporterOptions, deps: ExporterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#appetite = new Appetite(options.records);
  }

  health(): ReturnType<Round['health']> {
    return { lag: this.#lag(), delivered: this.#delivered, missing: this.#missing, note: this.#note };
  }

  async once(signal: AbortSignal): Promise<Result<number, SendFault>> {
    const cursor = this.#standingCursor();
    if (cursor === undefined) return ok(IDLE_MS);
    if (typeof cursor === 'string') return err({ code: 'io', detail: cursor });
    const { limit } = this.#appetite;
    const page = this.#deps.source.after(cursor.rowId, limit, this.#options.bytes);
    if (page.length === 0) {
      if (cursor !== this.#saved) await this.#save(cursor);
      return ok(IDLE_MS);
    }
    const batch = await batchOf(page, cursor, this.#rules(page, cursor));
    if (signal.aborted) return err({ code: 'stopped', detail: 'the exporter is being stopped' });
    const sent = batch.parts.length === 0 ? ok(TAKEN) : await this.#deps.transport.send(batch.parts, signal);
    if (!sent.ok) {
      if (sent.error.code === 'refused') this.#appetite.notTaken(batch);
      return sent;
    }
    await this.#deliver(batch, sent.value);
    return ok(batch.cut || page.length === limit || unitsOf(page) >= this.#options.bytes ? 0 : IDLE_MS);
  }

  #rules(page: readonly StoredRecord[], cursor: Cursor): BatchRules {
    const { accepts, format, source } = this.#deps;
    const { name, node, bytes } = this.#options;
    const standing = this.#standing === 'replaced' ? 'replaced' : removedBefore(page, source, cursor) ? 'removed' : 'fine';
    return { exporter: name, node, accepts, format, bytes, refused: this.#appetite.refused, standing };
  }

  /** Read once. A text is what is wrong; undefined: it cannot be told yet. */
  #standingCursor(): Cursor | string | undefined {
    if (this.#cursor === undefined) {
      const read = readCursor(this.#options.cursorPath);
      if (!read.ok) return read.error;
      this.#standing = standingOf(this.#deps.source, read.value);
      if (this.#standing === 'empty') return undefined;
      this.#saved = read.value;
      this.#cursor = this.#standing === 'replaced' ? { ...NO_CURSOR, rejected: read.value.rejected } : read.value;
    }
    return this.#cursor;
  }

  async #deliver(batch: Batch, { rejected, note }: Receipt): Promise<void> {
    // Delivered is delivered, whether or not the disk takes the cursor: at worst it is sent again after a restart.
    this.#cursor = { ...batch.cursor, rejected: batch.cursor.rejected + rejected };
    this.#standing = 'fine';
    this.#appetite.taken();
    this.#delivered += batch.records;
    this.#missing += rejected;
    this.#note = note ?? this.#note;
    for (const told of batch.told) this.#tell(told);
    await this.#save(this.#cursor);
  }

  async #save(cursor: Cursor): Promise<void> {
    await replaceFile(this.#options.cursorPath, `${JSON.stringify(cursor)}\n`);
    this.#saved = cursor;
  }

  #tell(what: MarkerEvent): void {
    // The ones the receiver threw away are counted when it says so.
    if (what.event === 'export_gap') this.#missing += what.missing;
    if (what.event === 'export_skipped') this.#missing += 1;
    say({ kind: 'told', exporter: this.#options.name, what }, this.#deps);
  }

  #lag(): number | undefined {
    if (this.#cursor === undefined) return undefined;
    try {
      const { rowId } = this.#cursor;
      return this.#deps.behind?.(rowId) ?? this.#deps.source.after(rowId, MOST_COUNTED).length;
    } catch {
      return undefined;
    }
  }
}
