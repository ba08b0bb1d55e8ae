// The conversation of a line transport: messages in order of arrival, requests in parallel, the era decided per message
// (SI2). One session for the 2025 revisions; the modern one keeps nothing but what is in flight.
import type { SurfaceName } from '../../core/call.ts';
import { arrayOf } from '../../core/json/compose.ts';
import type { Ingress, SessionIo } from '../../core/inbound.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { type AuthFailure, type Principal, principalKey } from '../../core/principal.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { allowsBatch } from '../../relay/versions.ts';
import { answerOf } from './answer.ts';
import { BATCH_MAX, type Envelope, type MessageEnvelope, type NotificationEnvelope, readMessage, type RequestEnvelope, type ResponseEnvelope } from './envelope.ts';
import { FailureLimiter } from './failures.ts';
import { Notices } from './notices.ts';
import type { Outlet } from './outlet.ts';
import { prepare } from './prepare.ts';
import type { Channel } from './questions.ts';
import { isResult, LegacySession } from './session.ts';

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

const RECHECK_MS = 1000;
const LAST_WORDS_MS = 200;

export class Dialogue {
  readonly #ingress: Ingress;
  readonly #options: DialogueOptions;
  readonly #talk: LegacySession;
  readonly #notices: Notices;
  /** One for all requests of the session, so that it can be told by it. */
  readonly #io: SessionIo;
  readonly #long = new Map<string, Long>();
  readonly #pending = new Set<Promise<void>>();
  /** An agent that talks on with a dead token is answered each time, and recorded until it has had its share. */
  readonly #recorded = new FailureLimiter(1);
  readonly #recheck: NodeJS.Timeout;
  /** The one stream of this transport. When it breaks the conversation ends, and with it all questions. */
  readonly #channel: Channel = {
    send: (message) => {
      if (this.#isBehind) return false;
      this.#write(message);
      return true;
    },
    onGone: () => () => undefined,
  };
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #strays = 0;

  constructor(ingress: Ingress, options: DialogueOptions) {
    this.#ingress = ingress;
    this.#options = options;
    this.#talk = new LegacySession(ingress.random.uuid());
    this.#notices = new Notices(ingress, options.outlet);
    this.#io = { ended: this.#talk.ended, notify: (message) => this.#notices.send(message) };
    this.#recheck = setInterval(() => this.#endStale(), RECHECK_MS);
    this.#recheck.unref();
  }

  /** Messages taken and not begun. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Responses to nothing that was asked. */
  get strays(): number {
    return this.#strays;
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
    // Nothing is read any more, so nobody can answer, and what waits for an answer must come to its end without one.
    this.#talk.close(by);
    this.#notices.stop();
    for (const { controller } of this.#long.values()) controller.abort(by);
    await within(Promise.allSettled(this.#pending), graceMs);
    this.#talk.cancelAll(graceMs > 0 ? 'shutdown' : 'agent');
    await within(Promise.allSettled(this.#pending), LAST_WORDS_MS);
  }

  async #begin(envelope: Envelope): Promise<void> {
    if (envelope.kind === 'invalid') return this.#write(errorMessage(envelope.id, envelope.code, envelope.message));
    // Nothing was asked: whoever says so need not be known.
    if (envelope.kind === 'response' && this.#talk.questions.size === 0) return void (this.#strays += 1);
    const authenticated = await this.#ingress.authenticator.authenticate(this.#options.token());
    if (!authenticated.ok) return this.#turnAway(envelope, authenticated.error);
    const principal = authenticated.value;
    this.#notices.seen(principal);
    if (envelope.kind === 'response') return this.#answered(envelope, principal);
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
    if (envelope.kind !== 'notification' && envelope.kind !== 'response') this.#write(errorMessage(id, CODE.invalidRequest, 'Authentication failed: the token is missing, expired or revoked'));
  }

  #notified(message: NotificationEnvelope, principal: Principal): void {
    if (this.#talk.notified(message)) this.#notices.start(principal);
  }

  /** Late, repeated, never asked for, or said with another principal's token: dropped (T53, SL8, A40). */
  #answered(message: ResponseEnvelope, principal: Principal): void {
    if (!this.#talk.questions.answered(message, principalKey(principal), { tokenId: principal.tokenId, peer: this.#options.peer })) this.#strays += 1;
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
    if (message.kind === 'response') return void this.#answered(message, principal);
    if (message.kind === 'notification') return void this.#notified(message, principal);
    return this.#answer(message, principal);
  }

  async #answer(message: RequestEnvelope, principal: Principal): Promise<RawJson | undefined> {
    const { surface, peer } = this.#options;
    const prepared = prepare(message, { surface, peer, talk: this.#talk, long: this.#long.size, settings: this.#ingress.runtime.current().settings });
    if (prepared.refused !== undefined) return prepared.refused;
    // In the modern era there is no such method, and nothing is opened by it.
    const opening = message.method === 'initialize' && prepared.origin.era === 'legacy';
    const controller = this.#talk.begin(message);
    if (prepared.long) this.#long.set(message.key, { principal, controller });
    const inbound = { principal, origin: prepared.origin, id: message.id, method: message.method, params: message.params, paramHeaders: undefined };
    const notify = (sent: RawJson): void => this.#notify(sent, prepared.long ? controller : undefined);
    const { signal } = controller;
    const inSession = prepared.origin.era === 'legacy' && !opening;
    const asker = inSession ? this.#talk.questions.asker(this.#channel, principalKey(principal), signal) : undefined;
    const answer = await answerOf(this.#ingress, inbound, { signal, notify, ask: asker?.ask, session: inSession ? this.#io : undefined });
    asker?.end();
    this.#talk.end(message);
    if (inSession) this.#talk.answered(message, answer.message);
    this.#long.delete(message.key);
    // A failed initialize leaves the conversation as it was, so that it can be tried again (C11 of the original).
    if (opening) this.#talk.phase = isResult(answer.message) ? 'opened' : 'fresh';
    return answer.message;
  }

  /** Past the cap (I15) a call's progress is dropped, which costs nothing, and a stream without an end is ended. */
  #notify(message: RawJson, long: AbortController | undefined): void {
    if (!this.#isBehind) this.#write(message);
    else long?.abort('agent');
  }

  get #isBehind(): boolean {
    return this.#options.outlet.backlog > this.#ingress.runtime.current().settings.bounds.streamBufferBytes;
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
