// `subscriptions/listen` for stateless agents: acknowledged first, with what is honoured; then one notice per change of the agent's own
// lists, of each resource it follows and may still see, and of its tasks. What is acknowledged stays true, or the stream ends with its
// result and the agent may listen again: there is no second acknowledgement. Source: MCP 2026-07-28 basic/patterns/subscriptions (T113–T117).
import type { DenyReason } from '../core/decision.ts';
import { callId } from '../core/ids.ts';
import type { AgentIo, Answer, Inbound, ListName } from '../core/inbound.ts';
import { objectOf, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, members, stringOf } from '../core/json/slice.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { denialToWire } from '../core/wire/denials.ts';
import { unknownName } from '../relay/errors.ts';
import { readMeta } from '../relay/meta.ts';
import { ownResult } from '../relay/results.ts';
import { notificationMessage, resultMessage } from '../relay/rpc.ts';
import { subscriptionMeta, updatedParams } from '../relay/updates.ts';
import { denied, invalid, withStatus } from './answer.ts';
import type { PipelineDeps } from './deps.ts';
import { cancelledBy } from './inflight.ts';
import { keepFollowing, type KeptGiven } from './kept-follow.ts';
import { type Lacking, lackingScope } from './listen-scope.ts';
import { probeDenial } from './probes.ts';
import { noticeOf, watchTask, type WatchGiven } from './tasks/watch.ts';
import { offeredTo } from './view.ts';

const FLAGS: Readonly<Record<ListName, string>> = { tools: 'toolsListChanged', prompts: 'promptsListChanged', resources: 'resourcesListChanged' };
const NAMES: readonly ListName[] = ['tools', 'prompts', 'resources'];

export async function listen(inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const wanted = members(members(inbound.params)?.get('notifications'));
  const asked = wanted === undefined ? undefined : stringsIn(wanted.get('resourceSubscriptions'), snapshot.settings.bounds.follows);
  const tasks = wanted === undefined ? undefined : stringsIn(wanted.get('taskIds'), snapshot.settings.bounds.follows);
  if (wanted === undefined || asked === undefined || tasks === undefined) return invalid(inbound, 'Missing or malformed notifications filter in params');
  // More are not honoured.
  const uris = asked.slice(0, snapshot.settings.bounds.follows);
  const ids = tasks.slice(0, snapshot.settings.bounds.follows - uris.length);
  if (uris.length < asked.length || ids.length < tasks.length) deps.subscriptions.full();
  const lacking = lackingScope(uris, ids, inbound, snapshot, deps);
  if (lacking.scopes.length > 0) return refuseScope(lacking, inbound, io, snapshot, deps);
  const meta = subscriptionMeta(inbound.id);
  const tag: readonly [string, RawJson] = ['_meta', meta];
  const lists = honoured(wanted, inbound, snapshot);
  const outlet = acknowledgedFirst((uri) => io.notify(notificationMessage('notifications/resources/updated', updatedParams(uri, inbound.id))));
  const untrue = new AbortController();
  const ended = AbortSignal.any([io.signal, untrue.signal]);
  const followed = await followAll(uris, inbound, { signal: io.signal, told: outlet.tell, over: () => untrue.abort() }, snapshot, deps);
  const watched = await watchAll(ids, inbound, { signal: ended, told: (result) => io.notify(noticeOf(result, inbound.id)), gone: () => untrue.abort() }, deps);
  const flags = Object.fromEntries(lists.map((name) => [FLAGS[name], true]));
  io.notify(notificationMessage('notifications/subscriptions/acknowledged', objectOf([['notifications', toRaw({ ...flags, ...(followed.uris.length === 0 ? {} : { resourceSubscriptions: followed.uris }), ...(watched.size === 0 ? {} : { taskIds: [...watched.keys()] }) })], tag])));
  outlet.open();
  for (const tell of watched.values()) tell();
  const unwatch = lists.length === 0 ? undefined : deps.watch({ principal: inbound.principal, endpoint: inbound.origin.endpoint }, (name) => {
    if (lists.includes(name)) io.notify(notificationMessage(`notifications/${name}/list_changed`, objectOf([tag])));
  });
  await aborted(ended);
  untrue.abort();
  unwatch?.();
  for (const undo of followed.undo) undo();
  if (io.signal.aborted && cancelledBy(io.signal) === 'agent') return { message: undefined, status: 200 };
  return { message: resultMessage(inbound.id, ownResult('modern', objectOf([tag]), deps.identity, false)), status: 200 };
}

/** Nothing is followed: the agent asks again with a token for all of it, or for less. Each is decided and on record like any other. */
async function refuseScope({ uris, ids, scopes }: Lacking, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const { undo } = await followAll(uris, inbound, { signal: io.signal, told: () => undefined, over: () => undefined }, snapshot, deps);
  for (const one of undo) one();
  await watchAll(ids, inbound, { signal: io.signal, told: () => undefined, gone: () => undefined }, deps);
  const reason: DenyReason = { code: 'insufficient_scope', scopes };
  const wire = denialToWire(reason, { kind: uris.length > 0 ? 'resource' : 'tool', exposed: '', backend: '', callId: callId(deps.random.uuid()), codes: snapshot.settings.errorCodes });
  return withStatus(denied(inbound, { unknown: (era) => unknownName('resource', '', era) }, wire, deps.identity), { kind: 'denied', reason }, inbound, snapshot);
}

/** Undefined when it is no list of strings. One more than `most` is enough to know that there are too many. */
function stringsIn(raw: RawJson | undefined, most: number): readonly string[] | undefined {
  if (raw === undefined) return [];
  const found = elements(raw, most)?.map(stringOf);
  return found?.every((text) => text !== undefined) === true ? [...new Set(found)] : undefined;
}

/** The kinds that the hello promised to this viewer. */
function honoured(wanted: ReadonlyMap<string, RawJson>, { principal, origin }: Inbound, snapshot: Snapshot): readonly ListName[] {
  const offered = offeredTo(snapshot, { principal, endpoint: origin.endpoint });
  const kept: Readonly<Record<ListName, boolean>> = { tools: true, prompts: offered.prompts, resources: offered.resources };
  return NAMES.filter((name) => kept[name] && wanted.get(FLAGS[name]) === 'true');
}

/** The acknowledgement MUST be the first message of a subscription: what happens before is told once, after it. */
function acknowledgedFirst(send: (uri: string) => void): { tell(uri: string): void; open(): void } {
  let early: Set<string> | undefined = new Set();
  return {
    tell: (uri) => {
      if (early === undefined) send(uri);
      else if (early.size < EARLY_MOST) early.add(uri);
    },
    open: () => {
      const held = early;
      early = undefined;
      for (const uri of held ?? []) send(uri);
    },
  };
}

const EARLY_MOST = 256;

const LANES = 2;

interface All {
  readonly uris: readonly string[];
  readonly undo: readonly (() => void)[];
}

async function followAll(uris: readonly string[], inbound: Inbound, each: Pick<KeptGiven, 'signal' | 'told' | 'over'>, snapshot: Snapshot, deps: PipelineDeps): Promise<All> {
  const meta = readMeta(inbound.params).forward;
  const found = new Map<string, () => void>();
  const rest = uris.values();
  // A few at a time: each takes a place among the calls of its principal while it is opened.
  const lane = async (): Promise<void> => {
    for (const uri of rest) {
      // Asked again for each: a stream must not be a way to guess at more names than single requests.
      if (probeDenial(snapshot, inbound.principal, deps) !== undefined) continue;
      const followed = await keepFollowing({ inbound, uri, meta, ...each }, snapshot, deps);
      if (followed.kind === 'following') found.set(uri, followed.undo);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { uris: uris.filter((uri) => found.has(uri)), undo: [...found.values()] };
}

/** Those that are tasks of this agent now; each call begins to tell. One after the other: each is a request about a task like any. */
async function watchAll(ids: readonly string[], inbound: Inbound, each: Pick<WatchGiven, 'signal' | 'told' | 'gone'>, deps: PipelineDeps): Promise<ReadonlyMap<string, () => void>> {
  const found = new Map<string, () => void>();
  for (const id of ids) {
    const tell = each.signal.aborted ? undefined : await watchTask({ inbound, id, ...each }, deps);
    if (tell !== undefined) found.set(id, tell);
  }
  return found;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
