// What the gateway says to a child of its own accord: the handshake, the list, the wish to hear of changes.
import { objectOf, toRaw, withMembers } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendFault } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { DAY_MS } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { envelopeOf, type Link } from '../handshake.ts';
import { readTools, type ToolList } from '../listing.ts';
import { type EraPlan, negotiate } from './negotiate.ts';
import type { StdioSession } from './session.ts';

/** A child that has been greeted. */
export interface Live {
  readonly session: StdioSession;
  readonly link: Link;
  /** `_meta` members of every request in this era. */
  readonly envelope: ReadonlyMap<string, RawJson>;
}

const LEGACY_ENVELOPE: ReadonlyMap<string, RawJson> = new Map();
const NOTHING: ToolList = { tools: [], notes: [] };

export async function connect(session: StdioSession, plan: EraPlan, settings: StdioBackendSettings, deps: BackendDeps): Promise<Result<Live, BackendFault>> {
  const { client, timers, limits } = deps;
  const { handshakeMs } = settings;
  const linked = await negotiate({ peer: session.peer, plan, client, timers, handshakeMs, probeMs: Math.min(limits.probeMs, handshakeMs / 2), resultBytes: limits.lineBytes });
  if (!linked.ok) return linked;
  const envelope = linked.value.era === 'modern' ? envelopeOf(linked.value.version, client) : LEGACY_ENVELOPE;
  return ok({ session, link: linked.value, envelope });
}

export async function listTools(live: Live, settings: StdioBackendSettings, deps: BackendDeps): Promise<Result<ToolList, BackendFault>> {
  if (!live.link.tools) return ok(NOTHING);
  const times = { timeoutMs: settings.handshakeMs, maxTimeoutMs: settings.handshakeMs };
  return readTools(async (params) => live.session.peer.ask('tools/list', () => withEnvelope(params, live), {
    ...times, signal: undefined, onProgress: undefined, resultBytes: deps.limits.lineBytes, cancellable: true,
  }), deps.limits);
}

/** Returns when the stream has ended: `refused` when asking again is no use. */
export async function listen(live: Live): Promise<'ended' | 'refused'> {
  const params = objectOf([['notifications', toRaw({ toolsListChanged: true })]]);
  const answer = await live.session.peer.ask('subscriptions/listen', () => withEnvelope(params, live), {
    timeoutMs: DAY_MS, maxTimeoutMs: DAY_MS, signal: undefined, onProgress: undefined, resultBytes: 4096, cancellable: true,
  });
  return answer.ok && answer.value.kind === 'error' ? 'refused' : 'ended';
}

function withEnvelope(params: RawJson, live: Live): RawJson {
  return live.envelope.size === 0 ? params : withMembers(params, { set: { _meta: objectOf(live.envelope) } });
}
