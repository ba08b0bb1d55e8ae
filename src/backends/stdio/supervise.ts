// A stdio backend: lets admitted calls through to the child that is kept with it, each of them once.
import type { BackendId } from '../../core/ids.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendFault, BackendListing, BackendStatus, CallIo, TaskStep } from '../../core/ports.ts';
import type { Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { admittedCall, admittedStep, type Errand } from '../admitted.ts';
import { type Answered, judgeAnswer, plainReply } from '../answer.ts';
import type { BackendDeps } from '../deps.ts';
import { followOn } from '../follow.ts';
import { patienceMs, requestOf, type Speaker } from '../request.ts';
import { servingOf } from '../serving.ts';
import { StatusCell } from '../status.ts';
import { type Live, setLevel } from './conversation.ts';
import { KeptChild } from './kept-child.ts';
import type { Asked } from './pending.ts';

class StdioBackend implements Backend {
  readonly id: BackendId;
  readonly #settings: StdioBackendSettings;
  readonly #deps: BackendDeps;
  readonly #status: StatusCell;
  readonly #kept: KeptChild;
  readonly #speaker: Speaker;

  constructor(settings: StdioBackendSettings, deps: BackendDeps) {
    this.id = settings.id;
    this.#settings = settings;
    this.#deps = deps;
    this.#status = new StatusCell(settings.id, 'stdio', deps);
    this.#kept = new KeptChild(settings, deps, this.#status);
    this.#speaker = { client: deps.client, asks: settings.asks };
  }

  start(): void {
    this.#kept.start();
  }

  async stop(): Promise<void> {
    return this.#kept.stop();
  }

  listing(): BackendListing | undefined {
    return this.#status.listing;
  }

  status(): BackendStatus {
    return this.#status.view();
  }

  async call(permit: Permit, io: CallIo): Promise<Answered> {
    return this.#attended(admittedCall(permit, this.id), io);
  }

  async task(permit: Permit, step: TaskStep, io: CallIo): Promise<Asked> {
    return plainReply(await this.#attended(admittedStep(permit, step, this.id), io));
  }

  async #attended(admitted: Result<Errand, BackendFault>, io: CallIo): Promise<Answered> {
    if (!admitted.ok) return admitted;
    this.#status.inflight += 1;
    try {
      const live = await this.#kept.ready(io.signal);
      return live.ok ? await this.#send(live.value, admitted.value, io) : live;
    } finally {
      this.#status.inflight -= 1;
    }
  }

  async #send(live: Live, errand: Errand, io: CallIo): Promise<Answered> {
    const { call } = errand;
    const { maxTimeoutMs, resultBytes } = this.#settings;
    const { random } = this.#deps;
    const request = requestOf(errand, live.link, this.#speaker);
    const serving = servingOf(errand, io);
    setLevel(live, call, io, this.#settings);
    const asked = await live.session.peer.ask(request.method, (id) => request.params(id, random), {
      timeoutMs: patienceMs(errand, this.#settings), maxTimeoutMs, resultBytes, signal: io.signal, onProgress: call.wantsProgress ? io.onProgress : undefined, cancellable: true, sent: io.sent,
      ...(serving === undefined ? {} : { serving }),
    });
    if (errand.step !== undefined && asked.ok) live.session.peer.heardOf(errand.step, asked.value);
    const judged = asked.ok ? judgeAnswer(asked.value, live.link.era, errand) : asked;
    if (!judged.ok) this.#status.fault(judged.error);
    return judged;
  }

  async follow(permit: Permit, updated: (uri: string) => void, sent?: () => void): Promise<Result<() => void, BackendFault>> {
    return followOn(this.#kept, this.id, permit, updated, sent);
  }
}

export function createStdioBackend(settings: StdioBackendSettings, deps: BackendDeps): Backend {
  return new StdioBackend(settings, deps);
}
