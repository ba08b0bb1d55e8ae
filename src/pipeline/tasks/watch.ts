// Tells agents of changes of their tasks: `notifications/tasks` on a stream that names them, `notifications/tasks/status` in the session
// of 2025-11-25 that began one. The gateway looks for itself, quietly, while somebody listens (watcher.ts); what it then tells is one `tasks/get`
// in the agent's name: decided and recorded as such, and limited apart from what the agent asks for itself. Sources: SEP-2663 notifications; MCP 2025-11-25 tasks, status notification.
import type { Answer, Inbound, SessionIo } from '../../core/inbound.ts';
import { objectOf, quote, withMembers } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { memberOf, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import type { Principal } from '../../core/principal.ts';
import { detached } from '../../core/text.ts';
import { CODE, notificationMessage } from '../../relay/rpc.ts';
import { isOver } from '../../relay/tasks.ts';
import { subscriptionMeta } from '../../relay/updates.ts';
import type { PipelineDeps } from '../deps.ts';
import { serveTask } from './serve.ts';
import { type Listener, TaskWatcher } from './watcher.ts';

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

function begin(given: WatchGiven, first: Shown | undefined, deps: PipelineDeps, over: () => void = () => {}): void {
  if (given.signal.aborted || (first !== undefined && isOver(first.status))) return over();
  const { byTask } = deps.subscriptions.tasks;
  const closed = deps.subscriptions.opened();
  const running = byTask.get(given.id);
  const known = running?.isOver === false ? running : undefined;
  const watcher = known ?? new TaskWatcher(given.id, deps);
  const listener = listenerOf(given, first, deps);
  const undo = watcher.add({ ...listener, over: () => {
    given.signal.removeEventListener('abort', ended);
    closed();
    over();
  } });
  function ended(): void {
    undo();
  }
  given.signal.addEventListener('abort', ended, { once: true });
  if (known !== undefined) return;
  byTask.set(given.id, watcher);
  watcher.run().catch(deps.onListenerFault).finally(() => {
    if (byTask.get(given.id) === watcher) byTask.delete(given.id);
  });
}

function listenerOf(given: WatchGiven, first: Shown | undefined, deps: PipelineDeps): Omit<Listener, 'over'> {
  const { windows, probes } = deps.subscriptions.tasks;
  // Nobody asked for it just now: it is decided and on record as the agent's own, and charged to nothing that is the agent's.
  const own: PipelineDeps = { ...deps, windows, probes };
  let shown = first === undefined ? undefined : markOf(first, deps);
  return {
    viewer: () => given.viewer?.() ?? given.inbound.principal,
    gone: () => given.gone(),
    news: async () => {
      const now = await getFor(given, own);
      if (given.signal.aborted) return 'over';
      if (now === 'later') return 'later';
      if (now === 'gone') {
        given.gone();
        return 'over';
      }
      const next = markOf(now, deps);
      const isNew = shown === undefined ? now.status !== 'working' : next !== shown;
      shown = next;
      if (isNew) given.told(now.result);
      if (isOver(now.status)) return 'over';
      return isNew ? 'told' : 'same';
    },
  };
}

/** What makes a difference to whoever is told: not that its backend looked at the clock. */
function markOf({ result }: Shown, { digest }: PipelineDeps): string {
  return digest(withMembers(result, { drop: ['lastUpdatedAt'] }));
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
  const code = safeIntegerOf(members(all?.get('error'))?.get('code'));
  return code !== undefined && GONE.has(code) ? 'gone' : 'later';
}

const GONE: ReadonlySet<number> = new Set([CODE.invalidParams, CODE.methodNotFound, CODE.missingCapability]);
