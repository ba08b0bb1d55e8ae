// What the gateway says to a child of its own accord: the handshake, the lists, the wish to hear of changes.
import type { ServedCall } from '../../core/call.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendFault, CallIo } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { DAY_MS } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import type { EraPlan } from '../era.ts';
import type { UpdateLine } from '../follows.ts';
import { type Link, ownEnvelope, withEnvelope } from '../handshake.ts';
import type { ListenEnd } from '../listening.ts';
import { readLists, type ReadLists } from '../listing.ts';
import { SessionLevel } from '../logs.ts';
import { legacyLine, SMALL_BYTES } from '../subscription.ts';
import { negotiate } from './negotiate.ts';
import type { Asked } from './pending.ts';
import type { StdioSession } from './session.ts';

/** A child that has been greeted. */
export interface Live {
  readonly session: StdioSession;
  readonly link: Link;
  /** `_meta` members of our own requests in this era. */
  readonly envelope: ReadonlyMap<string, RawJson>;
  readonly level: SessionLevel;
}

export async function connect(session: StdioSession, plan: EraPlan, settings: StdioBackendSettings, deps: BackendDeps): Promise<Result<Live, BackendFault>> {
  const { client, timers, limits } = deps;
  const { handshakeMs } = settings;
  const linked = await negotiate({ peer: session.peer, plan, settings, client, timers, handshakeMs, probeMs: Math.min(limits.probeMs, handshakeMs / 2), resultBytes: limits.lineBytes });
  if (!linked.ok) return linked;
  return ok({ session, link: linked.value, envelope: ownEnvelope(linked.value, client), level: new SessionLevel() });
}

export async function readAll(live: Live, settings: StdioBackendSettings, deps: BackendDeps): Promise<Result<ReadLists, BackendFault>> {
  return readLists(async (method, params) => say(live, method, params, { timeoutMs: settings.handshakeMs, resultBytes: deps.limits.lineBytes }), live.link.offers, deps.limits);
}

async function say(live: Live, method: string, params: RawJson, { timeoutMs, resultBytes, sent }: { readonly timeoutMs: number; readonly resultBytes: number; readonly sent?: (() => void) | undefined }): Promise<Asked> {
  return live.session.peer.ask(method, () => withEnvelope(params, live.envelope), {
    timeoutMs, maxTimeoutMs: timeoutMs, signal: undefined, onProgress: undefined, resultBytes, cancellable: true, sent,
  });
}

/** Returns when the stream has ended: `refused` when asking again is no use. */
export async function listen(live: Live, params: RawJson, acknowledged: (params: RawJson) => void, signal: AbortSignal): Promise<ListenEnd> {
  const answer = await live.session.peer.ask('subscriptions/listen', () => withEnvelope(params, live.envelope), {
    timeoutMs: DAY_MS, maxTimeoutMs: DAY_MS, signal, onProgress: undefined, resultBytes: SMALL_BYTES, cancellable: true, acknowledged,
  });
  return answer.ok && answer.value.kind === 'error' ? 'refused' : 'ended';
}

/** Of a legacy child. */
export function subscriptions(live: Live, settings: StdioBackendSettings): UpdateLine {
  return legacyLine(async (method, params, sent) => say(live, method, params, { timeoutMs: settings.timeoutMs, resultBytes: SMALL_BYTES, sent }));
}

/** Of a task that nobody but the child knows. */
export async function cancelTask(live: Live, task: string, { timeoutMs }: StdioBackendSettings): Promise<void> {
  const asked = await say(live, 'tasks/cancel', toRaw({ taskId: task }), { timeoutMs, resultBytes: SMALL_BYTES });
  if (asked.ok) live.session.peer.heardOf({ verb: 'cancel', task }, asked.value);
}

/** Sent before the call that wants it; what comes back matters to nobody (a child reads in order). */
export function setLevel(live: Live, call: ServedCall, io: CallIo, settings: StdioBackendSettings): void {
  const level = live.level.next(live.link, call, io);
  if (level !== undefined) void say(live, 'logging/setLevel', toRaw({ level }), { timeoutMs: settings.timeoutMs, resultBytes: SMALL_BYTES });
}
