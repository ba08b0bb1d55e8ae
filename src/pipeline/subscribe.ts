// `resources/subscribe` and `resources/unsubscribe` of the 2025 revisions: what a session follows, until it takes it back or ends.
import type { AgentIo, Answer, Inbound, SessionIo } from '../core/inbound.ts';
import { toRaw } from '../core/json/compose.ts';
import type { Principal } from '../core/principal.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { CODE, errorMessage, notificationMessage, resultMessage } from '../relay/rpc.ts';
import { updatedParams } from '../relay/updates.ts';
import { denied, invalid, unansweredMessage, unknownAnswer, withStatus } from './answer.ts';
import type { Asked } from './calls/method.ts';
import { resourceReads } from './calls/resource.ts';
import type { PipelineDeps } from './deps.ts';
import type { Followed } from './follow.ts';
import { keepFollowing } from './kept-follow.ts';
import { probeDenial } from './probes.ts';
import { TaskWatches } from './tasks/watches.ts';
import { refuseProbing } from './refuse.ts';
import { denialToWire } from '../core/wire/denials.ts';

interface Subscription {
  /** Taken back, maybe before it was open. */
  over: boolean;
  undo: (() => void) | undefined;
}

/** Per session, for as long as it lasts; and how much is followed by all, streams of stateless agents among them. */
export class Subscriptions {
  readonly tasks: TaskWatches = new TaskWatches();
  readonly #sessions = new WeakMap<SessionIo, Map<string, Subscription>>();
  readonly #viewers = new WeakMap<SessionIo, Principal>();
  #open = 0;
  #hits = 0;

  /** Resources that are followed now. */
  get open(): number {
    return this.#open;
  }

  /** Times that a session or stream wanted more than it may follow. */
  get hits(): number {
    return this.#hits;
  }

  full(): void {
    this.#hits += 1;
  }

  /** One more; the undo may be called twice. */
  opened(): () => void {
    let counts = true;
    this.#open += 1;
    return () => {
      if (counts) this.#open -= 1;
      counts = false;
    };
  }

  /** Whoever asked last in a session: a refreshed token may see less, and then hears less. */
  seen(session: SessionIo, principal: Principal): void {
    this.#viewers.set(session, principal);
  }

  viewer(session: SessionIo): Principal | undefined {
    return this.#viewers.get(session);
  }

  of(session: SessionIo): Map<string, Subscription> {
    const known = this.#sessions.get(session);
    if (known !== undefined) return known;
    const made = new Map<string, Subscription>();
    this.#sessions.set(session, made);
    session.ended.addEventListener('abort', () => {
      for (const one of made.values()) end(one);
      made.clear();
    }, { once: true });
    return made;
  }
}

function end(one: Subscription): void {
  one.over = true;
  one.undo?.();
}

export async function subscribe(inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const asked = resourceReads.ask(inbound.params);
  if (asked === undefined) return invalid(inbound, resourceReads.invalid);
  const { session } = io;
  if (session === undefined || session.ended.aborted) return invalid(inbound, 'Subscriptions need a session');
  const own = deps.subscriptions.of(session);
  if (own.has(asked.exposed)) return done(inbound);
  const probing = probeDenial(snapshot, inbound.principal, deps);
  if (probing !== undefined) {
    const cx = await refuseProbing(inbound, asked.kind, asked.exposed, probing, snapshot, deps);
    return { message: denied(inbound, asked, denialToWire(probing, cx), deps.identity), status: 200 };
  }
  if (own.size >= snapshot.settings.bounds.follows) {
    deps.subscriptions.full();
    return { message: errorMessage(inbound.id, CODE.internal, 'Too many subscriptions in this session'), status: 200 };
  }
  const one: Subscription = { over: false, undo: undefined };
  own.set(asked.exposed, one);
  const forget = (): void => {
    if (own.get(asked.exposed) === one) own.delete(asked.exposed);
  };
  const followed = await keepFollowing({
    inbound, uri: asked.exposed, meta: asked.meta.forward, signal: io.signal,
    viewer: () => deps.subscriptions.viewer(session) ?? inbound.principal,
    told: (uri) => session.notify(notificationMessage('notifications/resources/updated', updatedParams(uri, undefined))),
    // Asking again must not be answered as if it were still followed.
    over: forget,
  }, snapshot, deps).catch((error: unknown) => {
    forget();
    throw error;
  });
  if (followed.kind === 'following') {
    one.undo = followed.undo;
    if (one.over || session.ended.aborted) followed.undo();
    return done(inbound);
  }
  forget();
  return refusedAnswer(followed, asked, inbound, snapshot, deps);
}

/** What is not followed is as good as taken back: the answer tells nothing of what exists. */
export function unsubscribe(inbound: Inbound, io: AgentIo, deps: PipelineDeps): Answer {
  const asked = resourceReads.ask(inbound.params);
  if (asked === undefined) return invalid(inbound, resourceReads.invalid);
  const own = io.session === undefined ? undefined : deps.subscriptions.of(io.session);
  const one = own?.get(asked.exposed);
  if (one !== undefined) end(one);
  own?.delete(asked.exposed);
  return done(inbound);
}

function refusedAnswer(followed: Exclude<Followed, { kind: 'following' }>, asked: Asked, inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  if (followed.kind === 'unknown') return { message: unknownAnswer(inbound, asked), status: 200, silent: true };
  const { call } = followed;
  const cx = { kind: call.target.kind, exposed: asked.exposed, backend: call.target.backend, callId: call.id, codes: snapshot.settings.errorCodes };
  return withStatus(unansweredMessage(inbound, asked, cx, followed.end, deps.identity), followed.end, inbound, snapshot);
}

function done({ id }: Inbound): Answer {
  return { message: resultMessage(id, toRaw({})), status: 200 };
}
