// The rounds of an exporter: one after the other, by one process of a state directory, and again later after what fails. What is done in a round is the
// exporter's own.
import type { Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { retryDelay } from './backoff.ts';
import type { Exporter, ExporterDeps, ExporterEvent, ExporterHealth, ExporterOptions } from './exporter.ts';
import { Sole } from './sole.ts';
import { faultText, said, type SendFault } from './transport.ts';

export interface Round {
  /** In how many milliseconds there is more to do. May throw what the disk says. */
  once(signal: AbortSignal): Promise<Result<number, SendFault>>;
  /** `contradicted`: what a receiver holds against it, and how often it said so. It stands while this process runs: no later success makes it untrue. */
  health(): Pick<ExporterHealth, 'lag' | 'delivered' | 'missing' | 'note'> & { readonly contradicted?: { readonly times: number; readonly fault: string } | undefined };
}

type RoundDeps = Pick<ExporterDeps, 'transport' | 'random' | 'timers' | 'onEvent'>;

/** Between two looks at whether the process that sends has ended. */
const ELSEWHERE_MS = 5000;

export class Rounds implements Exporter {
  readonly #name: string;
  readonly #deps: RoundDeps;
  readonly #round: Round;
  readonly #sole: Sole;
  readonly #abort = new AbortController();
  #undo: (() => void) | undefined;
  #running: Promise<number> | undefined;
  #elsewhere = false;
  #failed = 0;
  #inARow = 0;
  #fault: string | undefined;

  constructor({ name, cursorPath }: ExporterOptions, deps: RoundDeps, round: Round) {
    this.#name = name;
    this.#deps = deps;
    this.#round = round;
    this.#sole = new Sole(`${cursorPath}.lock`);
  }

  start(): void {
    if (this.#undo === undefined) this.#due(0);
  }

  retry(): void {
    if (this.#undo !== undefined && this.#running === undefined && this.#inARow > 0) this.#due(0);
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
    const { contradicted, ...known } = this.#round.health();
    return {
      name: this.#name, ...known, failed: this.#failed + (contradicted?.times ?? 0), inARow: Math.max(this.#inARow, contradicted === undefined ? 0 : 1),
      elsewhere: this.#elsewhere, fault: this.#fault ?? contradicted?.fault,
    };
  }

  #due(ms: number): void {
    this.#undo?.();
    if (!this.#abort.signal.aborted) this.#undo = this.#deps.timers.after(ms, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    this.#due(await this.step());
  }

  async #attempt(): Promise<number> {
    try {
      const held = this.#sole.hold();
      if (!held.ok) return this.#fail({ code: 'io', detail: held.error });
      this.#elsewhere = !held.value;
      if (this.#elsewhere) return ELSEWHERE_MS;
      const done = await this.#round.once(this.#abort.signal);
      if (!done.ok) return this.#fail(done.error);
      this.#well();
      return done.value;
    } catch (thrown) {
      return this.#fail({ code: 'io', detail: said(messageIn(thrown)) });
    }
  }

  #fail(fault: SendFault): number {
    if (fault.code === 'stopped') return 0;
    this.#failed += 1;
    this.#inARow += 1;
    const before = this.#fault;
    this.#fault = faultText(fault);
    // Also when the reason becomes another one: who mends the first must hear of the second.
    if (before !== this.#fault) say({ kind: 'failing', exporter: this.#name, fault: this.#fault }, this.#deps);
    return retryDelay(this.#inARow, this.#deps.random.float(), fault.code === 'status' ? fault.retryAfterMs : undefined);
  }

  #well(): void {
    if (this.#inARow > 0) say({ kind: 'recovered', exporter: this.#name }, this.#deps);
    this.#inARow = 0;
    this.#fault = undefined;
  }
}

export function say(event: ExporterEvent, { onEvent }: Pick<ExporterDeps, 'onEvent'>): void {
  try {
    onEvent?.(event);
  } catch {
    // Whoever listens has no say in the export.
  }
}
