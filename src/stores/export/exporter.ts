// One export: reads the journal behind its own cursor and sends what its filter takes, in order, at least once. It is in nobody's way: no call waits for
// it, it holds one batch at most, and whatever fails is tried again later. How far it may fall behind is how long the journal keeps its records.
import type { Clock, Random, Timers } from '../../core/ports.ts';
import type { Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { type RecordSource, type StoredRecord, unitsOf } from '../journal/source.ts';
import { replaceFile } from '../small-file.ts';
import { Appetite } from './appetite.ts';
import { retryDelay } from './backoff.ts';
import { type Batch, batchOf, type BatchRules } from './batch.ts';
import { type Cursor, NO_CURSOR, readCursor } from './cursor.ts';
import type { RecordFormat } from './format.ts';
import type { MarkerEvent } from './marker.ts';
import type { AuditRecord } from './record.ts';
import { Sole } from './sole.ts';
import { removedBefore, type Standing, standingOf } from './standing.ts';
import { faultText, type Receipt, said, type SendFault, type Transport } from './transport.ts';

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
  /** There is something new: do not wait for the next look. */
  poke(): void;
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
/** Between two looks at whether the process that sends has ended. */
const ELSEWHERE_MS = 5000;
const MOST_COUNTED = 10_000;

export function createExporter(options: ExporterOptions, deps: ExporterDeps): Exporter {
  return new JournalExporter(options, deps);
}

class JournalExporter implements Exporter {
  readonly #options: ExporterOptions;
  readonly #deps: ExporterDeps;
  readonly #abort = new AbortController();
  readonly #appetite: Appetite;
  readonly #sole: Sole;
  #elsewhere = false;
  #cursor: Cursor | undefined;
  /** What the disk has. */
  #saved: Cursor | undefined;
  #standing: Standing | undefined;
  #undo: (() => void) | undefined;
  #running: Promise<number> | undefined;
  #started = false;
  #counts = { delivered: 0, failed: 0, inARow: 0, missing: 0 };
  #fault: string | undefined;
  #note: string | undefined;

  constructor(options: ExporterOptions, deps: ExporterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#appetite = new Appetite(options.records);
    this.#sole = new Sole(`${options.cursorPath}.lock`);
  }

  start(): void {
    if (this.#started || this.#abort.signal.aborted) return;
    this.#started = true;
    this.#due(0);
  }

  poke(): void {
    if (this.#started && this.#running === undefined && this.#counts.inARow === 0) this.#due(0);
  }

  retry(): void {
    if (this.#started && this.#running === undefined && this.#counts.inARow > 0) this.#due(0);
  }

  async step(): Promise<number> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#undo?.();
    await this.#running;
    this.#sole.release();
    await this.#deps.transport.close().catch(() => undefined);
  }

  health(): ExporterHealth {
    return { name: this.#options.name, lag: this.#lag(), ...this.#counts, elsewhere: this.#elsewhere, fault: this.#fault, note: this.#note };
  }

  #due(ms: number): void {
    this.#undo?.();
    if (this.#abort.signal.aborted) return;
    this.#undo = this.#deps.timers.after(ms, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#due(await this.step());
  }

  async #attempt(): Promise<number> {
    try {
      return await this.#once();
    } catch (thrown) {
      return this.#fail({ code: 'io', detail: said(messageIn(thrown)) });
    }
  }

  async #once(): Promise<number> {
    const held = this.#sole.hold();
    if (!held.ok) return this.#fail({ code: 'io', detail: held.error });
    this.#elsewhere = !held.value;
    if (this.#elsewhere) return ELSEWHERE_MS;
    const cursor = this.#standingCursor();
    if (cursor === undefined) return IDLE_MS;
    if (typeof cursor === 'string') return this.#fail({ code: 'io', detail: cursor });
    const { limit } = this.#appetite;
    const page = this.#deps.source.after(cursor.rowId, limit, this.#options.bytes);
    if (page.length === 0) {
      if (cursor !== this.#saved) await this.#save(cursor);
      this.#well();
      return IDLE_MS;
    }
    const batch = await batchOf(page, cursor, this.#rules(page, cursor));
    if (this.#abort.signal.aborted) return IDLE_MS;
    const sent = batch.parts.length === 0 ? undefined : await this.#deps.transport.send(batch.parts, this.#abort.signal);
    if (sent?.ok === false) {
      if (sent.error.code === 'refused') this.#appetite.notTaken(batch);
      return this.#fail(sent.error);
    }
    return this.#deliver(batch, sent, batch.cut || page.length === limit || unitsOf(page) >= this.#options.bytes);
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

  async #deliver(batch: Batch, sent: Extract<Result<Receipt, SendFault>, { ok: true }> | undefined, more: boolean): Promise<number> {
    const rejected = sent?.value.rejected ?? 0;
    // Delivered is delivered, whether or not the disk takes the cursor: at worst it is sent again after a restart.
    this.#cursor = { ...batch.cursor, rejected: batch.cursor.rejected + rejected };
    this.#standing = 'fine';
    this.#appetite.taken();
    this.#counts.delivered += batch.records;
    this.#counts.missing += rejected;
    this.#note = sent?.value.note ?? this.#note;
    for (const told of batch.told) this.#tell(told);
    await this.#save(this.#cursor);
    this.#well();
    return more ? 0 : IDLE_MS;
  }

  async #save(cursor: Cursor): Promise<void> {
    await replaceFile(this.#options.cursorPath, `${JSON.stringify(cursor)}\n`);
    this.#saved = cursor;
  }

  #fail(fault: SendFault): number {
    if (fault.code === 'stopped') return IDLE_MS;
    this.#counts.failed += 1;
    this.#counts.inARow += 1;
    const before = this.#fault;
    this.#fault = faultText(fault);
    // Also when the reason becomes another one: who mends the first must hear of the second.
    if (before !== this.#fault) this.#say({ kind: 'failing', exporter: this.#options.name, fault: this.#fault });
    return retryDelay(this.#counts.inARow, this.#deps.random.float(), fault.code === 'status' ? fault.retryAfterMs : undefined);
  }

  #well(): void {
    if (this.#counts.inARow > 0) this.#say({ kind: 'recovered', exporter: this.#options.name });
    this.#counts.inARow = 0;
    this.#fault = undefined;
  }

  #tell(what: MarkerEvent): void {
    // The ones the receiver threw away are counted when it says so.
    if (what.event === 'export_gap') this.#counts.missing += what.missing;
    if (what.event === 'export_skipped') this.#counts.missing += 1;
    this.#say({ kind: 'told', exporter: this.#options.name, what });
  }

  #say(event: ExporterEvent): void {
    try {
      this.#deps.onEvent?.(event);
    } catch {
      // Whoever listens has no say in the export.
    }
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
