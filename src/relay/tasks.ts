// Tasks in the words of both forms: what a backend tells of a task, read; and the same told to an agent under the gateway's id.
// Sources: MCP 2025-11-25 basic/utilities/tasks; extension io.modelcontextprotocol/tasks (SEP-2663); protocol reference 4.13.
import type { Question } from '../core/capabilities.ts';
import type { Era } from '../core/call.ts';
import { cut, type Member, objectOf, quote, toRaw, valueOf, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, members, safeIntegerOf, stringOf } from '../core/json/slice.ts';
import { detached } from '../core/text.ts';
import { foreignMeta, type ServerIdentity, stamped } from './meta.ts';
import { readRequests, requestsOf } from './rounds.ts';

export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

/** The `_meta` key by which messages of 2025-11-25 name the task they belong to. */
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** What a backend told of a task. All but `task` and `born` are slices of its message: not to be kept beyond the call. */
export interface Told {
  /** The backend's own id. */
  readonly task: string;
  readonly status: TaskStatus;
  /** `createdAt`, as said; empty where it is not. */
  readonly born: string;
  /** Milliseconds it is kept from its creation; undefined: without an end, or not said. */
  readonly ttlMs: number | undefined;
  readonly pollMs: number | undefined;
  /** What it waits for (extension); empty elsewhere. */
  readonly requests: ReadonlyMap<string, Question>;
  /** Inlined where it is over (extension). */
  readonly result: RawJson | undefined;
  readonly error: RawJson | undefined;
  readonly members: readonly Member[];
}

const STATUSES: ReadonlyMap<string, TaskStatus> = new Map((['working', 'input_required', 'completed', 'failed', 'cancelled'] as const).map((status) => [status, status]));
const TASK_ID_MOST = 1024;
/** A time of RFC 3339 has fewer characters. */
const BORN_MOST = 64;
const NO_REQUESTS: ReadonlyMap<string, Question> = new Map();

/** The words of one form for the two durations. */
const DURATIONS: Readonly<Record<Era, { readonly ttl: string; readonly poll: string }>> = {
  legacy: { ttl: 'ttl', poll: 'pollInterval' },
  modern: { ttl: 'ttlMs', poll: 'pollIntervalMs' },
};

export function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** The task that stands in the answer to a tool call. */
export function readCreated(raw: RawJson, era: Era): Told | undefined {
  const flat = era === 'modern' ? raw : members(raw)?.get('task');
  return flat === undefined ? undefined : readTold(flat, era);
}

/** The task that `tasks/get`, or 2025-11-25 `tasks/cancel`, answers with. Undefined when it cannot be read: a peer that must not be acted on. */
export function readTold(raw: RawJson, era: Era): Told | undefined {
  const all = cut(raw);
  if (all === undefined) return undefined;
  const words = DURATIONS[era];
  const task = stringOf(valueOf(all, 'taskId'));
  const status = STATUSES.get(stringOf(valueOf(all, 'status')) ?? '');
  if (task === undefined || task === '' || task.length > TASK_ID_MOST || status === undefined) return undefined;
  const listed = era === 'modern' && status === 'input_required' ? valueOf(all, 'inputRequests') : undefined;
  const requests = listed === undefined ? NO_REQUESTS : readRequests(listed);
  if (requests === undefined) return undefined;
  return {
    // Copies, for these are kept.
    task: detached(task),
    born: detached(stringOf(valueOf(all, 'createdAt'))?.slice(0, BORN_MOST) ?? ''),
    status, requests, members: all,
    ttlMs: millisOf(valueOf(all, words.ttl)),
    pollMs: millisOf(valueOf(all, words.poll)),
    result: era === 'modern' ? objectIn(all, 'result') : undefined,
    error: era === 'modern' ? objectIn(all, 'error') : undefined,
  };
}

function objectIn(all: readonly Member[], name: string): RawJson | undefined {
  const value = valueOf(all, name);
  return value !== undefined && kindOf(value) === 'object' ? value : undefined;
}

/** A duration in milliseconds, as either form writes one; undefined when it is none. */
export function millisOf(raw: RawJson | undefined): number | undefined {
  const value = safeIntegerOf(raw);
  return value === undefined || value < 0 ? undefined : value;
}

/** How a task is told to one agent. */
export interface Telling {
  readonly to: Era;
  /** Of the gateway. */
  readonly id: string;
  readonly ttlMs: number;
  /** Where the agent's form says otherwise than the backend's. */
  readonly status: TaskStatus;
  readonly identity: ServerIdentity;
}

/** What the model is told until there is a result (2025-11-25). */
const IMMEDIATE_RESPONSE = 'io.modelcontextprotocol/model-immediate-response';

/** The answer to a tool call: a handle. `answer`: the backend's, where it gave one. */
export function createdResult(told: Told, telling: Telling, answer: RawJson | undefined): RawJson {
  const fields = fieldsOf(told, telling);
  if (telling.to === 'modern') return objectOf([['resultType', quote('task')], ...fields, stamp(told, telling.identity)]);
  const meta = answer === undefined ? undefined : members(answer)?.get('_meta');
  const kept = members(foreignMeta(meta)) ?? new Map<string, RawJson>();
  const immediate = members(meta)?.get(IMMEDIATE_RESPONSE);
  const all = [...kept, ...(immediate === undefined ? [] : [[IMMEDIATE_RESPONSE, immediate] as const])];
  return objectOf([['task', objectOf(fields)], ...(all.length === 0 ? [] : [['_meta', objectOf(all)] as const])]);
}

/** What the extension inlines, and 2025-11-25 has a request of its own for. */
export interface Inlined {
  readonly requests?: ReadonlyMap<string, Question>;
  readonly result?: RawJson;
  readonly error?: RawJson;
}

/** The answer to `tasks/get` (and to `tasks/cancel` of 2025-11-25); `inlined` is of the extension alone. */
export function toldResult(told: Told, telling: Telling, inlined: Inlined): RawJson {
  const fields = fieldsOf(told, telling);
  if (telling.to === 'legacy') {
    const kept = foreignMeta(valueOf(told.members, '_meta'));
    return objectOf(kept === undefined ? fields : [...fields, ['_meta', kept]]);
  }
  return objectOf([['resultType', quote('complete')], ...fields, ...inlinedFields(inlined), stamp(told, telling.identity)]);
}

function inlinedFields({ requests, result, error }: Inlined): readonly (readonly [string, RawJson])[] {
  const found: (readonly [string, RawJson])[] = [];
  if (requests !== undefined) found.push(['inputRequests', requestsOf(requests)]);
  if (result !== undefined) found.push(['result', result]);
  if (error !== undefined) found.push(['error', error]);
  return found;
}

function stamp({ members: all }: Told, identity: ServerIdentity): readonly [string, RawJson] {
  return ['_meta', stamped(foreignMeta(valueOf(all, '_meta')), identity)];
}

/** Said by us in the agent's form, or not of the task itself. */
const OURS: ReadonlySet<string> = new Set([
  'taskId', 'status', 'ttl', 'ttlMs', 'pollInterval', 'pollIntervalMs', 'resultType', 'requestState', 'inputRequests', 'result', 'error', 'task', '_meta', 'cacheScope',
]);

/** In the backend's order; what neither form knows goes through as it came. */
function fieldsOf(told: Told, { to, id, ttlMs, status }: Telling): readonly (readonly [string, RawJson])[] {
  const words = DURATIONS[to];
  const rest = told.members.filter(({ key }) => !OURS.has(key)).map(({ key, value }) => [key, value] as const);
  const poll = told.pollMs === undefined || told.pollMs === 0 ? [] : [[words.poll, toRaw(told.pollMs)] as const];
  return [['taskId', quote(id)], ['status', quote(status)], ...rest, [words.ttl, toRaw(ttlMs)], ...poll];
}

/** `updated` and `cancelled` are taken note of, no more (SEP-2663). */
export function acknowledged(identity: ServerIdentity): RawJson {
  return objectOf([['resultType', quote('complete')], ['_meta', stamped(undefined, identity)]]);
}

/** The `_meta` of messages that belong to a task, for agents of 2025-11-25. */
export function withRelatedTask(raw: RawJson, id: string): RawJson {
  const meta = members(raw)?.get('_meta');
  const own: readonly [string, RawJson] = [RELATED_TASK, objectOf([['taskId', quote(id)]])];
  return withMembers(raw, { set: new Map([['_meta', meta === undefined ? objectOf([own]) : withMembers(meta, { set: new Map([own]) })]]) });
}

/** The task a message of a legacy backend belongs to by its own word; undefined when it names none. */
export function relatedTaskOf(params: RawJson | undefined): string | undefined {
  return stringOf(members(members(members(params)?.get('_meta'))?.get(RELATED_TASK))?.get('taskId'));
}
