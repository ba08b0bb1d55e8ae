// The checkpoints of the journal, to a place where who can write the journal cannot write: the newest of each epoch, whenever there is one. What is
// kept there shows that the end of an epoch was cut off, or all of it written anew (`sentinel audit verify --anchor`).
import { readFileSync } from 'node:fs';
import type { Instant } from '../../core/ids.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import type { StoredCheckpoint } from '../journal/source.ts';
import { replaceFile } from '../small-file.ts';
import { retryDelay } from './backoff.ts';
import type { Exporter, ExporterDeps, ExporterHealth, ExporterOptions } from './exporter.ts';
import type { AuditRecord } from './record.ts';
import { Sole } from './sole.ts';
import { faultText, said, type SendFault } from './transport.ts';

export interface CheckpointSource {
  checkpointsFrom(rowId: number, known: ReadonlyMap<number, number>): readonly StoredCheckpoint[];
  newest(): number;
}

export interface CheckpointDeps extends Omit<ExporterDeps, 'source' | 'accepts' | 'behind'> {
  readonly source: CheckpointSource;
  /** Records so far that only say that checkpoints of others were kept here. */
  readonly echoes?: () => number;
}

/** Between two looks: so much of an end could be cut off and nobody would see. */
const LOOK_MS = 5000;
/** Epochs whose size is remembered; of older ones nothing comes any more. */
const EPOCHS_MOST = 1000;
/** Two gateways that keep each other's checkpoints would for ever keep the record of keeping one: what is nothing but that waits so long. */
const ECHO_MS = 300_000;

interface Sent {
  readonly from: number;
  readonly sizes: ReadonlyMap<number, number>;
}

export function createCheckpointExporter(options: ExporterOptions, deps: CheckpointDeps): Exporter {
  return new CheckpointExporter(options, deps);
}

class CheckpointExporter implements Exporter {
  readonly #options: ExporterOptions;
  readonly #deps: CheckpointDeps;
  readonly #sole: Sole;
  readonly #abort = new AbortController();
  #sent: Sent | undefined;
  #undo: (() => void) | undefined;
  #running: Promise<number> | undefined;
  #counts = { delivered: 0, failed: 0, inARow: 0, missing: 0 };
  /** Sent of a look that is not over: by epoch, the size. */
  #partly = new Map<number, number>();
  #last: { readonly at: Instant; readonly echoes: number } | undefined;
  /** Once said, it stands while this process runs: no later success makes it untrue. */
  #conflict: string | undefined;
  #lag: number | undefined;
  #elsewhere = false;
  #fault: string | undefined;

  constructor(options: ExporterOptions, deps: CheckpointDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#sole = new Sole(`${options.cursorPath}.lock`);
  }

  start(): void {
    if (this.#undo === undefined && !this.#abort.signal.aborted) this.#due(0);
  }

  poke(): void {
    // The next look is soon enough.
  }

  retry(): void {
    if (this.#undo !== undefined && this.#running === undefined && this.#fault !== undefined) this.#due(0);
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
    await this.#deps.transport.close().catch(() => undefined);
    this.#sole.release();
  }

  health(): ExporterHealth {
    return { name: this.#options.name, lag: this.#lag, ...this.#counts, inARow: Math.max(this.#counts.inARow, this.#conflict === undefined ? 0 : 1), fault: this.#fault ?? this.#conflict, note: undefined, elsewhere: this.#elsewhere };
  }

  #due(ms: number): void {
    this.#undo?.();
    if (!this.#abort.signal.aborted) this.#undo = this.#deps.timers.after(ms, () => void this.step().then((wait) => this.#due(wait)));
  }

  async #attempt(): Promise<number> {
    try {
      const held = this.#sole.hold();
      if (!held.ok) return this.#failed({ code: 'io', detail: held.error });
      this.#elsewhere = !held.value;
      if (!held.value) return LOOK_MS;
      return await this.#once();
    } catch (thrown) {
      return this.#failed({ code: 'io', detail: said(codeIn(thrown) ?? messageIn(thrown)) });
    }
  }

  async #once(): Promise<number> {
    const { source } = this.#deps;
    const sent = this.#sent ??= readSent(this.#options.cursorPath);
    // Asked before: what comes into a newer one is looked for there.
    const newest = source.newest();
    const largest = new Map(source.checkpointsFrom(sent.from, sent.sizes).map((one) => [one.epoch, one]));
    this.#lag = largest.size;
    if (largest.size === 0 || this.#isEcho(sent, [...largest.values()])) return LOOK_MS;
    const echoes = this.#deps.echoes?.() ?? 0;
    const fault = await this.#sendAll([...largest.values()].filter(({ epoch, size }) => this.#partly.get(epoch) !== size));
    if (fault !== undefined) return this.#failed(fault);
    const sizes = new Map([...sent.sizes, ...[...largest.values()].map(({ epoch, size }) => [epoch, size] as const)].toSorted(([a], [b]) => a - b).slice(-EPOCHS_MOST));
    this.#sent = { from: newest, sizes };
    this.#partly = new Map();
    this.#last = { at: this.#deps.clock.mono(), echoes };
    await replaceFile(this.#options.cursorPath, `${JSON.stringify({ from: newest, sizes: [...sizes] })}\n`);
    this.#lag = 0;
    if (this.#fault !== undefined) this.#deps.onEvent?.({ kind: 'recovered', exporter: this.#options.name });
    this.#counts.inARow = 0;
    this.#fault = undefined;
    return LOOK_MS;
  }

  /** In batches. What was sent before a fault is not sent again after it. */
  async #sendAll(checkpoints: readonly StoredCheckpoint[]): Promise<SendFault | undefined> {
    for (let rest = checkpoints; rest.length > 0;) {
      const batch = this.#batchOf(rest);
      const done = await this.#deps.transport.send(batch.map((one) => this.#line(one)), this.#abort.signal);
      if (!done.ok && done.error.code !== 'conflict') return done.error;
      if (!done.ok) this.#contradicted(done.error);
      for (const { epoch, size } of batch) this.#partly.set(epoch, size);
      this.#counts.delivered += batch.length;
      rest = rest.slice(batch.length);
    }
    return undefined;
  }

  /** One at least. */
  #batchOf(checkpoints: readonly StoredCheckpoint[]): readonly StoredCheckpoint[] {
    let bytes = 0;
    const over = checkpoints.findIndex((one, at) => {
      bytes += Buffer.byteLength(this.#line(one)) + 1;
      return at > 0 && (at >= this.#options.records || bytes > this.#options.bytes);
    });
    return over < 0 ? checkpoints : checkpoints.slice(0, over);
  }

  /** The receiver has it all, and holds something else: sending it again would change nothing, and saying nothing would hide it. */
  #contradicted(fault: SendFault): void {
    this.#counts.failed += 1;
    this.#conflict = faultText(fault);
    this.#deps.onEvent?.({ kind: 'conflict', exporter: this.#options.name, fault: faultText(fault) });
  }

  /** One epoch has grown by no more than what was kept here for others since. What was counted too much makes the next look see more than that. */
  #isEcho({ sizes }: Sent, largest: readonly StoredCheckpoint[]): boolean {
    const { echoes, clock } = this.#deps;
    const [one, other] = largest;
    const before = one === undefined ? undefined : sizes.get(one.epoch);
    if (echoes === undefined || this.#last === undefined || one === undefined || other !== undefined || before === undefined) return false;
    return one.size - before <= echoes() - this.#last.echoes && clock.mono() - this.#last.at < ECHO_MS;
  }

  #line({ epoch, size, note }: StoredCheckpoint): string {
    const { clock, format } = this.#deps;
    const record: AuditRecord = { v: 2, node: this.#options.node, epoch, seq: size, id: `checkpoint-${epoch}-${size}`, ts: clock.wall(), kind: 'lifecycle', event: 'checkpoint', actor: 'system' };
    return format.one(record, JSON.stringify({ checkpoint: note }));
  }

  #failed(fault: SendFault): number {
    this.#counts.failed += 1;
    this.#counts.inARow += 1;
    if (this.#fault !== faultText(fault)) this.#deps.onEvent?.({ kind: 'failing', exporter: this.#options.name, fault: faultText(fault) });
    this.#fault = faultText(fault);
    return retryDelay(this.#counts.inARow, this.#deps.random.float(), 'retryAfterMs' in fault ? fault.retryAfterMs : 0);
  }
}

/** A file that is damaged or gone costs a second sending, which is harmless. */
function readSent(path: string): Sent {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && 'from' in value && typeof value.from === 'number' && 'sizes' in value && Array.isArray(value.sizes)) {
      return { from: value.from, sizes: new Map(value.sizes.filter(isSize)) };
    }
  } catch {
    // The same.
  }
  return { from: 0, sizes: new Map() };
}

function isSize(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number';
}
