// The conversation of a line transport: messages in order of arrival, requests in parallel, the era decided per message
// (SI2). One session for the 2025 revisions; the modern one keeps nothing but what is in flight.
import type { CallOrigin, SurfaceName } from '../../core/call.ts';
import { arrayOf, toRaw } from '../../core/json/compose.ts';
import { NO_CAPABILITIES } from '../../core/capabilities.ts';
import type { Ingress } from '../../core/inbound.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { AuthFailure, Principal } from '../../core/principal.ts';
import { DENIAL_CODES } from '../../core/wire/denials.ts';
import { isOffered, methodOf } from '../../relay/methods.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { allowsBatch } from '../../relay/versions.ts';
import { answerOf } from './answer.ts';
import { climbPlain, eraOfMessage, type MetaMembers, metaOf } from './classify.ts';
import { BATCH_MAX, type Envelope, type MessageEnvelope, type NotificationEnvelope, readMessage, type RequestEnvelope } from './envelope.ts';
import { FailureLimiter } from './failures.ts';
import { Notices } from './notices.ts';
import type { Outlet } from './outlet.ts';
import { isResult, LegacySession, notFound } from './session.ts';
import { traceOf } from './trace.ts';

export interface DialogueOptions {
  readonly outlet: Outlet;
  readonly token: () => string | undefined;
  readonly peer: string;
  readonly surface: SurfaceName;
}

/** A request without a natural end; it ends with its credential. */
interface Long {
  readonly principal: Principal;
  readonly controller: AbortController;
}

type Prepared = { readonly refused: RawJson } | { readonly refused: undefined; readonly origin: CallOrigin; readonly long: boolean };

/** Requests of one agent at once; the pipeline's own caps are far below. */
const RUNNING_MAX = 1024;
const RECHECK_MS = 1000;
const LAST_WORDS_MS = 200;

export class Dialogue {
  readonly #ingress: Ingress;
  readonly #options: DialogueOptions;
  readonly #talk: LegacySession;
  readonly #notices: Notices;
  readonly #long = new Map<string, Long>();
  readonly #pending = new Set<Promise<void>>();
  /** An agent that talks on with a dead token is answered each time, and recorded until it has had its share. */
  readonly #recorded = new FailureLimiter(1);
  readonly #recheck: NodeJS.Timeout;
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(ingress: Ingress, options: DialogueOptions) {
    this.#ingress = ingress;
    this.#options = options;
    this.#talk = new LegacySession(ingress.random.uuid());
    this.#notices = new Notices(ingress, options.outlet);
    this.#recheck = setInterval(() => this.#endStale(), RECHECK_MS);
    this.#recheck.unref();
  }

  /** Messages taken and not begun. */
  get waiting(): number {
    return this.#waiting;
  }

  caughtUp(): Promise<void> {
    return this.#queue;
  }

  /** Never throws. Messages begin in the order they came: `initialize` is answered before what follows it is looked at. */
  take(envelope: Envelope): void {
    this.#waiting += 1;
    const begun = this.#queue.then(() => {
      this.#waiting -= 1;
      return this.#begin(envelope);
    });
    this.#queue = begun.catch(() => this.#options.outlet.write(errorMessage(undefined, CODE.internal, 'Internal error')));
  }

  /** Waits for what is in flight, then cancels it. `by`: why streams without an end are ended now. */
  async end(graceMs: number, by: 'agent' | 'shutdown'): Promise<void> {
    clearInterval(this.#recheck);
    await within(this.#queue, graceMs);
    this.#notices.stop();
    for (const { controller } of this.#long.values()) controller.abort(by);
    await within(Promise.allSettled(this.#pending), graceMs);
    this.#talk.cancelAll(graceMs > 0 ? 'shutdown' : 'agent');
    await within(Promise.allSettled(this.#pending), LAST_WORDS_MS);
  }

  async #begin(envelope: Envelope): Promise<void> {
    if (envelope.kind === 'invalid') return this.#write(errorMessage(envelope.id, envelope.code, envelope.message));
    // Nothing is ever asked of an agent here, so no response can be awaited.
    if (envelope.kind === 'response') return;
    const authenticated = await this.#ingress.authenticator.authenticate(this.#options.token());
    if (!authenticated.ok) return this.#turnAway(envelope, authenticated.error);
    const principal = authenticated.value;
    this.#notices.seen(principal);
    if (envelope.kind === 'notification') return this.#notified(envelope, principal);
    const answered = envelope.kind === 'batch' ? this.#batch(envelope.items, principal) : this.#answer(envelope, principal);
    const written = answered.then((message) => this.#write(message));
    this.#pending.add(written);
    const settled = written.finally(() => this.#pending.delete(written));
    if (envelope.kind === 'request' && envelope.method === 'initialize') await settled;
  }

  #write(message: RawJson | undefined): void {
    if (message !== undefined) this.#options.outlet.write(message);
  }

  #turnAway(envelope: Envelope, failure: AuthFailure): void {
    const method = envelope.kind === 'request' ? envelope.method : undefined;
    const { surface, peer } = this.#options;
    const now = this.#ingress.clock.mono();
    if (this.#recorded.wait(peer, now) === undefined) {
      this.#ingress.refuse({ surface, peer, principal: undefined, method, name: undefined, reason: { code: 'unauthenticated', failure: failure.code } });
    }
    this.#recorded.failed(peer, now);
    const id = envelope.kind === 'request' ? envelope.id : undefined;
    if (envelope.kind !== 'notification') this.#write(errorMessage(id, CODE.invalidRequest, 'Authentication failed: the token is missing, expired or revoked'));
  }

  #notified(message: NotificationEnvelope, principal: Principal): void {
    if (this.#talk.notified(message)) this.#notices.start(principal);
  }

  /** Only in the revision that has batches; elsewhere nothing of one is executed. */
  async #batch(items: readonly RawJson[], principal: Principal): Promise<RawJson | undefined> {
    const fits = items.length > 0 && items.length <= BATCH_MAX;
    if (this.#talk.phase === 'fresh' || !allowsBatch(this.#talk.version) || !fits) {
      return errorMessage(undefined, CODE.invalidRequest, 'Invalid Request: this batch is not accepted');
    }
    const answers = await Promise.all(items.map((item) => this.#item(readMessage(item), principal)));
    const said = answers.filter((message) => message !== undefined);
    return said.length === 0 ? undefined : arrayOf(said);
  }

  async #item(message: MessageEnvelope, principal: Principal): Promise<RawJson | undefined> {
    if (message.kind === 'invalid') return errorMessage(message.id, message.code, message.message);
    if (message.kind === 'response') return undefined;
    if (message.kind === 'notification') return void this.#notified(message, principal);
    return this.#answer(message, principal);
  }

  async #answer(message: RequestEnvelope, principal: Principal): Promise<RawJson | undefined> {
    const prepared = this.#prepare(message);
    if (prepared.refused !== undefined) return prepared.refused;
    const opening = message.method === 'initialize';
    const controller = this.#talk.begin(message);
    if (prepared.long) this.#long.set(message.key, { principal, controller });
    const inbound = { principal, origin: prepared.origin, id: message.id, method: message.method, params: message.params, paramHeaders: undefined };
    const notify = (sent: RawJson): void => this.#notify(sent, prepared.long ? controller : undefined);
    const answer = await answerOf(this.#ingress, inbound, { signal: controller.signal, notify, ask: undefined, session: undefined });
    this.#talk.end(message);
    this.#long.delete(message.key);
    // A failed initialize leaves the conversation as it was, so that it can be tried again (C11 of the original).
    if (opening) this.#talk.phase = isResult(answer.message) ? 'opened' : 'fresh';
    return answer.message;
  }

  #prepare(message: RequestEnvelope): Prepared {
    const meta = metaOf(message);
    if (this.#talk.inflight.size >= RUNNING_MAX) return { refused: errorMessage(message.id, CODE.internal, 'Too many requests at once') };
    return eraOfMessage(meta, undefined) === 'modern' ? this.#modern(message, meta) : this.#legacy(message, meta);
  }

  #legacy(message: RequestEnvelope, meta: MetaMembers): Prepared {
    const refused = this.#talk.refusal(message);
    if (refused !== undefined) return { refused: refused.message };
    if (message.method === 'initialize') this.#talk.introduce(message);
    const { version, client, label } = this.#talk;
    return { refused: undefined, long: false, origin: { ...this.#origin(meta), era: 'legacy', version, session: label, client, capabilities: NO_CAPABILITIES, logLevel: undefined } };
  }

  #modern(message: RequestEnvelope, meta: MetaMembers): Prepared {
    const climbed = climbPlain(meta);
    if (!climbed.ok) return { refused: errorMessage(message.id, climbed.error.code, climbed.error.message, climbed.error.data) };
    if (this.#talk.inflight.has(message.key)) return { refused: errorMessage(message.id, CODE.invalidRequest, 'Invalid Request: this id is already in use') };
    if (!isOffered(message.method, 'modern')) return { refused: errorMessage(message.id, CODE.methodNotFound, notFound(message.method)) };
    const long = methodOf(message.method)?.plan === 'listen';
    if (long && this.#long.size >= this.#ingress.runtime.current().settings.bounds.streamsPerPrincipal) {
      return { refused: errorMessage(message.id, CODE.internal, 'Too many open streams', toRaw({ sentinel: { code: DENIAL_CODES.busy } })) };
    }
    const { version, client } = climbed.value;
    return { refused: undefined, long, origin: { ...this.#origin(meta), era: 'modern', version, session: undefined, client, capabilities: NO_CAPABILITIES, logLevel: undefined } };
  }

  #origin(meta: MetaMembers): Pick<CallOrigin, 'surface' | 'endpoint' | 'peer' | 'trace'> {
    return { surface: this.#options.surface, endpoint: { kind: 'merged' }, peer: this.#options.peer, trace: traceOf(meta, undefined) };
  }

  /** Past the cap (I15) a call's progress is dropped, which costs nothing, and a stream without an end is ended. */
  #notify(message: RawJson, long: AbortController | undefined): void {
    if (this.#options.outlet.backlog <= this.#ingress.runtime.current().settings.bounds.streamBufferBytes) this.#write(message);
    else long?.abort('agent');
  }

  #endStale(): void {
    for (const { principal, controller } of this.#long.values()) {
      if (this.#ingress.authenticator.recheck(principal) !== undefined) controller.abort('timeout');
    }
  }
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
