// Tells agents of changes of their tasks: `notifications/tasks` on a stream that names them, `notifications/tasks/status` in the session
// of 2025-11-25 that began one. The gateway looks for itself, quietly, while somebody listens; what it then tells is one `tasks/get` of the
// agent's own: decided, limited and recorded as such. Sources: SEP-2663 notifications; MCP 2025-11-25 tasks, status notification.
import type { Answer, Inbound, SessionIo } from '../../core/inbound.ts';
import { objectOf, quote, valueOf, withMembers } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { memberOf, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import { mayUse } from '../../core/policy/decide.ts';
import type { Principal } from '../../core/principal.ts';
import { detached } from '../../core/text.ts';
import { CODE, notificationMessage } from '../../relay/rpc.ts';
import type { Told } from '../../relay/tasks.ts';
import { subscriptionMeta } from '../../relay/updates.ts';
import { pause } from '../attempt.ts';
import type { PipelineDeps } from '../deps.ts';
import { killOf } from '../dispatch.ts';
import { isRefused, lookAt, pollMs } from './ask.ts';
import { serveTask } from './serve.ts';

export interface WatchGiven {
  /** Of the request that listens, or began the task. */
  readonly inbound: Inbound;
  /** As the agent knows it. */
  readonly id: string;
  readonly signal: AbortSignal;
  /** Who hears of it now, where that can change: a session goes on with a refreshed token. */
  readonly viewer?: () => Principal;
  /** The answer that `tasks/get` gives now. */
  told(result: RawJson): void;
  /** This agent has no such task any more. Never called after the task was told to be over. */
  gone(): void;
}

/** Begins to tell, once it is called. Undefined: this agent has no such task. */
export async function watchTask(given: WatchGiven, deps: PipelineDeps): Promise<(() => void) | undefined> {
  const first = await getFor(given, deps);
  if (typeof first === 'string') return undefined;
  return () => {
    // It may have come to this before anybody listened, and then nothing else would ever tell.
    if (first.status !== 'working') given.told(first.result);
    begin(given, first, deps);
  };
}

/** The session in which a task was begun hears of it without asking; its agent MUST NOT rely on that, and may have no stream to hear by. */
export function watchBegun(answer: Answer, inbound: Inbound, session: SessionIo | undefined, deps: PipelineDeps): void {
  const id = session === undefined || inbound.origin.era !== 'legacy' || !members(inbound.params)?.has('task') ? undefined : begunIn(answer);
  if (id === undefined || session === undefined || session.ended.aborted) return;
  const own = deps.subscriptions.of(session);
  if (own.size >= deps.runtime.current().settings.bounds.follows) return deps.subscriptions.full();
  const key = `task\u0000${id}`;
  own.set(key, { over: false, undo: undefined });
  // Nothing of the request that began it is kept: what it said may be megabytes.
  const lean: Inbound = { ...inbound, id: NOBODY, params: undefined, origin: { ...inbound.origin, trace: undefined } };
  begin({
    inbound: lean, id, signal: session.ended,
    viewer: () => deps.subscriptions.viewer(session) ?? inbound.principal,
    told: (result) => session.notify(notificationMessage('notifications/tasks/status', result)),
    gone: () => {},
  }, undefined, deps, () => own.delete(key));
}

function begunIn({ message }: Answer): string | undefined {
  const task = members(members(members(message)?.get('result'))?.get('task'));
  const id = stringOf(task?.get('taskId'));
  return id === undefined ? undefined : detached(id);
}

/** Params of `notifications/tasks`: the task as `tasks/get` tells it, of one subscription. */
export function noticeOf(result: RawJson, subscription: RawJson): RawJson {
  return notificationMessage('notifications/tasks', withMembers(result, { set: new Map([['_meta', subscriptionMeta(subscription)]]), drop: ['resultType'] }));
}

const NOBODY = quote('watch');
const LEAST_MS = 1000;
const MOST_MS = 10_000;
/** Of a task that does not change the looks grow rarer. */
const SLOWER = 1.5;
/** Times in a row that it could not be asked after. */
const LATER_MOST = 6;

function begin(given: WatchGiven, first: Shown | undefined, deps: PipelineDeps, over: () => void = () => {}): void {
  const closed = deps.subscriptions.opened();
  watch(given, first, deps).catch(deps.onListenerFault).finally(() => {
    closed();
    over();
  });
}

async function watch(given: WatchGiven, first: Shown | undefined, deps: PipelineDeps): Promise<void> {
  const { id, signal } = given;
  if (first !== undefined && isEnd(first.status)) return;
  let shown = first === undefined ? undefined : markOf(first, deps);
  let seen: string | undefined;
  let wait = LEAST_MS;
  let later = 0;
  for (;;) {
    await pause(wait, signal, deps.timers);
    if (signal.aborted) return;
    const glimpse = await glance(given, deps);
    const mark = glimpse === undefined ? undefined : glimpseOf(glimpse, id, deps);
    wait = Math.min(Math.max(glimpse === undefined ? 0 : pollMs(glimpse), wait * SLOWER), MOST_MS);
    if (signal.aborted || (mark !== undefined && mark === seen)) continue;
    seen = mark;
    const now = await getFor(given, deps);
    if (signal.aborted) return;
    later = now === 'later' ? later + 1 : 0;
    if (now === 'gone' || later >= LATER_MOST) return given.gone();
    if (now === 'later') continue;
    const next = markOf(now, deps);
    if (shown === undefined ? now.status !== 'working' : next !== shown) {
      wait = LEAST_MS;
      given.told(now.result);
    }
    shown = next;
    if (isEnd(now.status)) return;
  }
}

/** What makes a difference to whoever is told: not that its backend looked at the clock. */
function markOf({ result }: Shown, { digest }: PipelineDeps): string {
  return digest(withMembers(result, { drop: ['lastUpdatedAt'] }));
}

/** The same of a quiet look; what a legacy backend asks is known to whoever listens for it. */
function glimpseOf({ status, members: all, requests }: Told, id: string, { tasks }: PipelineDeps): string {
  const asked = tasks.get(id)?.collector?.list() ?? [];
  return [status, valueOf(all, 'statusMessage') ?? '', ...requests.keys(), ...asked.map(([key]) => key)].join('\n');
}

/** A look that no agent asked for: on no record, and charged to nobody. Undefined: only a request of the agent itself can tell. */
async function glance({ id, inbound, viewer, signal }: WatchGiven, deps: PipelineDeps): Promise<Told | undefined> {
  const { settings, catalog, policy } = deps.runtime.current();
  const known = deps.tasks.get(id);
  if (known === undefined || !known.listed) return undefined;
  const { target, permit, task } = known;
  if (killOf(permit.call, deps) !== undefined || !mayUse(policy, viewer?.() ?? inbound.principal, target, deps.clock.wall())) return undefined;
  const row = settings.backends.find((one) => one.id === target.backend);
  const backend = row === undefined ? undefined : deps.backend(row);
  const era = catalog.byBackend.get(target.backend)?.era;
  if (backend === undefined || era === undefined) return undefined;
  const looked = await lookAt({ backend, permit, era, task }, signal);
  return looked.ok && !isRefused(looked.value) ? looked.value : undefined;
}

interface Shown {
  readonly result: RawJson;
  readonly status: string;
}

/** `gone`: to this agent there is no such task. `later`: it could not be asked now. */
async function getFor({ inbound, id, viewer, signal }: WatchGiven, deps: PipelineDeps): Promise<Shown | 'gone' | 'later'> {
  const asking: Inbound = { ...inbound, principal: viewer?.() ?? inbound.principal, method: 'tasks/get', params: objectOf([['taskId', quote(id)]]), paramHeaders: undefined };
  const { message, scopes } = await serveTask('get', asking, { signal, notify: () => {}, ask: undefined, session: undefined }, deps.runtime.current(), deps);
  // Its token has become too small: asking again would only put one more refusal on record.
  if (scopes !== undefined) return 'gone';
  const all = members(message);
  const result = all?.get('result');
  const status = result === undefined ? undefined : stringOf(memberOf(result, 'status'));
  if (result !== undefined && status !== undefined) return { result, status };
  const code = all === undefined ? undefined : safeIntegerOf(members(all.get('error'))?.get('code') ?? NOBODY);
  return code !== undefined && GONE.has(code) ? 'gone' : 'later';
}

const GONE: ReadonlySet<number> = new Set([CODE.invalidParams, CODE.methodNotFound, CODE.missingCapability]);

function isEnd(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
