// An HTTP backend: lets admitted calls through to the link that is kept with it, each of them once (CH1–CH12, original F).
import type { BackendId } from '../../core/ids.ts';
import type { Permit } from '../../core/permit.ts';
import { compilePattern, matches, type Pattern } from '../../core/policy/globs.ts';
import type { Backend, BackendFault, BackendListing, BackendStatus, CallIo, TaskStep } from '../../core/ports.ts';
import { err, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { mirrorHeaders } from '../../relay/mirrored.ts';
import { CODE } from '../../relay/rpc.ts';
import { admittedCall, admittedStep, type Errand } from '../admitted.ts';
import { type Answered, judgeAnswer, plainReply } from '../answer.ts';
import type { BackendDeps } from '../deps.ts';
import { followOn } from '../follow.ts';
import { patienceMs, requestOf } from '../request.ts';
import { servingOf } from '../serving.ts';
import { StatusCell } from '../status.ts';
import type { Asked, Reply } from './ask.ts';
import { type HttpLink, SESSION_LOST, setLevel } from './connect.ts';
import { KeptLink } from './kept-link.ts';

class HttpBackend implements Backend {
  readonly id: BackendId;
  readonly #settings: HttpBackendSettings;
  readonly #deps: BackendDeps;
  readonly #status: StatusCell;
  readonly #kept: KeptLink;
  readonly #idempotent: readonly Pattern[];

  constructor(settings: HttpBackendSettings, deps: BackendDeps) {
    this.id = settings.id;
    this.#settings = settings;
    this.#deps = deps;
    this.#status = new StatusCell(settings.id, 'http', deps);
    this.#kept = new KeptLink(settings, deps, this.#status);
    this.#idempotent = settings.idempotent.flatMap((text) => {
      const pattern = compilePattern(text);
      return pattern.ok ? [pattern.value] : [];
    });
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

  async follow(permit: Permit, updated: (uri: string) => void, sent?: () => void): Promise<Result<() => void, BackendFault>> {
    return followOn(this.#kept, this.id, permit, updated, sent);
  }

  status(): BackendStatus {
    return this.#status.view();
  }

  async call(permit: Permit, io: CallIo): Promise<Answered> {
    return this.#admitted(admittedCall(permit, this.id), io);
  }

  async task(permit: Permit, step: TaskStep, io: CallIo): Promise<Asked> {
    return plainReply(await this.#admitted(admittedStep(permit, step, this.id), io));
  }

  async #admitted(admitted: Result<Errand, BackendFault>, io: CallIo): Promise<Answered> {
    if (!admitted.ok) return admitted;
    this.#status.inflight += 1;
    try {
      const asked = await this.#attended(admitted.value, io);
      if (!asked.ok) this.#status.fault(asked.error);
      return asked;
    } finally {
      this.#status.inflight -= 1;
    }
  }

  async #attended(errand: Errand, io: CallIo): Promise<Answered> {
    const live = await this.#kept.ready(io.signal);
    if (!live.ok) return live;
    const reply = await this.#send(live.value, errand, io);
    if (!(await this.#mayAgain(live.value, errand, reply))) return this.#judged(live.value, errand, reply);
    const next = await this.#kept.ready(io.signal);
    return next.ok ? this.#judged(next.value, errand, await this.#send(next.value, errand, io)) : next;
  }

  async #send(live: HttpLink, errand: Errand, io: CallIo): Promise<Reply> {
    const { call, step } = errand;
    const { maxTimeoutMs, resultBytes, asks } = this.#settings;
    const { client, random } = this.#deps;
    await setLevel(this.#kept.input, live, call, io);
    const { method, name, params } = requestOf(errand, live.link, { client, asks });
    const reply = await this.#kept.conversation.ask({
      manner: live.manner, timeoutMs: patienceMs(errand, this.#settings), maxTimeoutMs, resultBytes, name, method, signal: io.signal, cancellable: true, sent: io.sent,
      params: (id) => params(id, random),
      extra: call.kind === 'tool' && step === undefined ? mirrorHeaders(this.#kept.lists.mirrorsOf(call.target.name), call.args) : [],
      onProgress: call.wantsProgress ? io.onProgress : undefined,
      serving: servingOf(errand, io),
    });
    if (step !== undefined && reply.asked.ok) this.#kept.conversation.heardOf(step, reply.asked.value);
    return reply;
  }

  /** Only for calls the backend says it has not executed: headers or revision refused. A lost session leaves a doubt (CH5, T76). */
  async #mayAgain(live: HttpLink, { call, step }: Errand, { asked, status }: Reply): Promise<boolean> {
    if (!asked.ok) {
      if (status !== 404 || live.manner.session === undefined) return false;
      this.#kept.lose(live, SESSION_LOST);
      return step === undefined ? this.#idempotent.some((pattern) => matches(pattern, call.target)) : step.verb === 'get';
    }
    if (live.link.era !== 'modern' || asked.value.kind !== 'error') return false;
    if (asked.value.code === CODE.headerMismatch) return (await this.#kept.lists.read(live)) === undefined;
    if (asked.value.code !== CODE.unsupportedVersion) return false;
    this.#kept.lose(live, { code: 'protocol', detail: 'the backend no longer takes the agreed revision' });
    return true;
  }

  #judged(live: HttpLink, errand: Errand, { asked, status }: Reply): Answered {
    if (asked.ok) return judgeAnswer(asked.value, live.link.era, errand);
    const { code } = asked.error;
    const isLost = live.manner.session !== undefined && status === 404;
    if (isLost) return err(SESSION_LOST);
    // Some servers answer 400 for a session they do not know, or 404 for an endpoint that was; a ping will tell.
    const isOdd = live.line === undefined ? status === 400 && live.manner.session !== undefined : status >= 400;
    if (code === 'unreachable' || code === 'timeout' || status >= 500 || isOdd) this.#kept.doubt();
    return asked;
  }
}

export function createHttpBackend(settings: HttpBackendSettings, deps: BackendDeps): Backend {
  return new HttpBackend(settings, deps);
}
