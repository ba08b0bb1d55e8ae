// The checkpoints of the journal, to a place where who can write the journal cannot write: the newest of each epoch, whenever there is one. What is
// kept there shows that the end of an epoch was cut off, or all of it written anew (`sentinel audit verify --anchor`).
import { readFileSync } from 'node:fs';
import type { Instant } from '../../core/ids.ts';
import { ok, type Result } from '../../core/result.ts';
import type { StoredCheckpoint } from '../journal/source.ts';
import { replaceFile } from '../small-file.ts';
import type { Exporter, ExporterDeps, ExporterOptions } from './exporter.ts';
import type { AuditRecord } from './record.ts';
import { type Round, Rounds, say } from './rounds.ts';
import { faultText, type SendFault } from './transport.ts';

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
  return new Rounds(options, deps, new CheckpointRound(options, deps));
}

class CheckpointRound implements Round {
  readonly #options: ExporterOptions;
  readonly #deps: CheckpointDeps;
  #sent: Sent | undefined;
  /** Sent of a look that is not over: by epoch, the size. */
  #partly = new Map<number, number>();
  #last: { readonly at: Instant; readonly echoes: number } | undefined;
  #contradicted: { readonly times: number; readonly fault: string } | undefined;
  #delivered = 0;
  #lag: number | undefined;

  constructor(options: ExporterOptions, deps: CheckpointDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  health(): ReturnType<Round['health']> {
    return { lag: this.#lag, delivered: this.#delivered, missing: 0, note: undefined, contradicted: this.#contradicted };
  }

  async once(signal: AbortSignal): Promise<Result<number, SendFault>> {
    const { source } = this.#deps;
    const sent = this.#sent ??= readSent(this.#options.cursorPath);
    // Asked before: what comes into a newer one is looked for there.
    const newest = source.newest();
    const largest = new Map(source.checkpointsFrom(sent.from, sent.sizes).map((one) => [one.epoch, one]));
    this.#lag = largest.size;
    if (largest.size === 0 || this.#isEcho(sent, [...largest.values()])) return ok(LOOK_MS);
    const echoes = this.#deps.echoes?.() ?? 0;
    const done = await this.#sendAll([...largest.values()].filter(({ epoch, size }) => this.#partly.get(epoch) !== size), signal);
    if (!done.ok) return done;
    const sizes = new Map([...sent.sizes, ...[...largest.values()].map(({ epoch, size }) => [epoch, size] as const)].toSorted(([a], [b]) => a - b).slice(-EPOCHS_MOST));
    this.#sent = { from: newest, sizes };
    this.#partly = new Map();
    this.#last = { at: this.#deps.clock.mono(), echoes };
    this.#lag = 0;
    await replaceFile(this.#options.cursorPath, `${JSON.stringify({ from: newest, sizes: [...sizes] })}\n`);
    return ok(LOOK_MS);
  }

  /** In batches. What was sent before a fault is not sent again after it. */
  async #sendAll(checkpoints: readonly StoredCheckpoint[], signal: AbortSignal): Promise<Result<void, SendFault>> {
    for (let rest = checkpoints; rest.length > 0;) {
      const batch = this.#batchOf(rest);
      const done = await this.#deps.transport.send(batch.map((one) => this.#line(one)), signal);
      if (!done.ok && done.error.code !== 'conflict') return done;
      if (!done.ok) this.#hold(done.error);
      for (const { epoch, size } of batch) this.#partly.set(epoch, size);
      this.#delivered += batch.length;
      rest = rest.slice(batch.length);
    }
    return ok(undefined);
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
  #hold(fault: SendFault): void {
    this.#contradicted = { times: (this.#contradicted?.times ?? 0) + 1, fault: faultText(fault) };
    say({ kind: 'conflict', exporter: this.#options.name, fault: faultText(fault) }, this.#deps);
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
