// An HTTP backend: lets admitted calls through to the link that is kept with it, each of them once (CH1–CH12, original F).
import type { RequestCall } from '../../core/call.ts';
import type { BackendId } from '../../core/ids.ts';
import type { Permit } from '../../core/permit.ts';
import { compilePattern, matches, type Pattern } from '../../core/policy/globs.ts';
import type { Backend, BackendFault, BackendListing, BackendStatus, CallIo } from '../../core/ports.ts';
import { err, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { mirrorHeaders } from '../../relay/mirrored.ts';
import { CODE } from '../../relay/rpc.ts';
import { admittedCall } from '../admitted.ts';
import { judgeAnswer } from '../answer.ts';
import type { BackendDeps } from '../deps.ts';
import { followOn } from '../follow.ts';
import { requestOf } from '../request.ts';
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

  async follow(permit: Permit, updated: (uri: string) => void): Promise<Result<() => void, BackendFault>> {
    return followOn(this.#kept, this.id, permit, updated);
  }

  status(): BackendStatus {
    return this.#status.view();
  }

  async call(permit: Permit, io: CallIo): Promise<Asked> {
    const admitted = admittedCall(permit, this.id);
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

  async #attended(call: RequestCall, io: CallIo): Promise<Asked> {
    const live = await this.#kept.ready(io.signal);
    if (!live.ok) return live;
    const reply = await this.#send(live.value, call, io);
    if (!(await this.#mayAgain(live.value, call, reply))) return this.#judged(live.value, call, reply);
    const next = await this.#kept.ready(io.signal);
    return next.ok ? this.#judged(next.value, call, await this.#send(next.value, call, io)) : next;
  }

  async #send(live: HttpLink, call: RequestCall, io: CallIo): Promise<Reply> {
    const { timeoutMs, maxTimeoutMs, resultBytes, asks } = this.#settings;
    const { client, random } = this.#deps;
    await setLevel(this.#kept.input, live, call, io);
    const { method, name, params } = requestOf(call, live.link, { client, asks });
    return this.#kept.conversation.ask({
      manner: live.manner, timeoutMs, maxTimeoutMs, resultBytes, name, method, signal: io.signal, cancellable: true,
      params: (id) => params(id, random),
      extra: call.kind === 'tool' ? mirrorHeaders(this.#kept.lists.mirrorsOf(call.target.name), call.args) : [],
      onProgress: call.wantsProgress ? io.onProgress : undefined,
      serving: servingOf(call, io),
    });
  }

  /** Only for calls the backend says it has not executed: headers or revision refused. A lost session leaves a doubt (CH5, T76). */
  async #mayAgain(live: HttpLink, call: RequestCall, { asked, status }: Reply): Promise<boolean> {
    if (!asked.ok) {
      if (status !== 404 || live.manner.session === undefined) return false;
      this.#kept.lose(live, SESSION_LOST);
      return this.#idempotent.some((pattern) => matches(pattern, call.target));
    }
    if (live.link.era !== 'modern' || asked.value.kind !== 'error') return false;
    if (asked.value.code === CODE.headerMismatch) return (await this.#kept.lists.read(live)) === undefined;
    if (asked.value.code !== CODE.unsupportedVersion) return false;
    this.#kept.lose(live, { code: 'protocol', detail: 'the backend no longer takes the agreed revision' });
    return true;
  }

  #judged(live: HttpLink, call: RequestCall, { asked, status }: Reply): Asked {
    if (asked.ok) return judgeAnswer(asked.value, live.link.era, call.kind);
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
