// A task as one agent reads it: in the form of its revision, under the gateway's id, with what the other form puts elsewhere.
import type { Era, ServedCall } from '../../core/call.ts';
import { copyOf } from '../../core/json/raw.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { objectOf, quote, toRaw } from '../../core/json/compose.ts';
import { memberOf } from '../../core/json/slice.ts';
import type { Ended } from '../screen.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { errorFor } from '../../relay/errors.ts';
import { inlinedResult } from '../../relay/results.ts';
import { CODE } from '../../relay/rpc.ts';
import { createdResult, type Inlined, type TaskStatus, type Told, toldResult } from '../../relay/tasks.ts';
import type { ServerIdentity } from '../../relay/meta.ts';
import { exposeFor } from '../expose.ts';
import { askingOf } from '../questions/asking.ts';
import type { KnownTask } from './known.ts';

/** Who is told. */
export interface Teller {
  readonly call: ServedCall;
  readonly snapshot: Snapshot;
  readonly identity: ServerIdentity;
}

/** Milliseconds that a task is kept: as long as its backend says, and no longer than the operator. */
export function ttlOf(told: Told, { settings }: Snapshot): number {
  return Math.min(told.ttlMs ?? Infinity, settings.bounds.taskMs);
}

/** A tool that failed is a failed task in 2025-11-25, and a completed one by the extension (SEP-2663). */
function statusFor(told: Told, known: KnownTask, to: Era): TaskStatus {
  if (to === 'modern') return told.status;
  if (known.cancelled) return 'cancelled';
  return told.status === 'completed' && told.result !== undefined && memberOf(told.result, 'isError') === 'true' ? 'failed' : told.status;
}

export function tellCreated(told: Told, known: KnownTask, answer: RawJson | undefined, teller: Teller): RawJson {
  return createdResult(told, tellingOf(told, known, told.status, teller), answer);
}

export function tell(told: Told, known: KnownTask, inlined: Inlined, teller: Teller, status: TaskStatus = statusFor(told, known, teller.call.origin.era)): RawJson {
  return toldResult(told, tellingOf(told, known, status, teller), inlined);
}

function tellingOf(told: Told, known: KnownTask, status: TaskStatus, { call, snapshot, identity }: Teller): Parameters<typeof toldResult>[1] {
  return { to: call.origin.era, id: known.id, ttlMs: ttlOf(told, snapshot), status, identity };
}

/** Of what a backend says of one task, as much is kept for lists; of more only what a list needs. */
const ITEM_MOST = 8192;
const DATES: readonly string[] = ['createdAt', 'lastUpdatedAt'];

/** Kept for lists: a copy in words of 2025-11-25, free of the message it came in. */
export function remember(told: Told, known: KnownTask, { snapshot, identity }: Teller): void {
  known.status = statusFor(told, known, 'legacy');
  const telling = { to: 'legacy', id: known.id, ttlMs: ttlOf(told, snapshot), status: known.status, identity } as const;
  const whole = toldResult(told, telling, {});
  const briefly: Told = { ...told, members: told.members.filter(({ key, value }) => DATES.includes(key) && value.length < 64) };
  known.item = copyOf(whole.length <= ITEM_MOST ? whole : toldResult(briefly, telling, {}));
}

/** As the extension inlines it: a result although the tool failed, an error only of the protocol. */
export function inlinedEnd(answer: Ended, { call, snapshot }: Teller): { readonly status: TaskStatus; readonly inlined: Inlined } {
  const { endpoint } = call.origin;
  if (answer.kind === 'error') {
    const said = errorFor(answer, { kind: 'completion', exposed: call.exposed, callId: call.id, asking: askingOf(call, call.origin, snapshot, call.id) });
    const fields: (readonly [string, RawJson])[] = said.kind === 'error'
      ? [['code', toRaw(said.code)], ['message', quote(said.message)], ...(said.data === undefined ? [] : [['data', said.data] as const])]
      : [['code', toRaw(CODE.internal)], ['message', quote(said.text)]];
    return { status: 'failed', inlined: { error: objectOf(fields) } };
  }
  return { status: 'completed', inlined: { result: inlinedResult(answer.result, exposeFor(snapshot.catalog, endpoint, call.target.backend)) } };
}

export function isErrorIn({ result }: Inlined): boolean {
  return result !== undefined && memberOf(result, 'isError') === 'true';
}

/** The fields of a task that never was one: its backend answered at once. */
export function hostedTold(result: RawJson, task: string, at: string, ttlMs: number): Told {
  const failed = memberOf(result, 'isError') === 'true';
  const members = [['createdAt', at], ['lastUpdatedAt', at]].map(([key = '', text = '']) => ({ lexeme: quote(key), key, value: quote(text) }));
  return { task, born: at, status: failed ? 'failed' : 'completed', ttlMs, pollMs: undefined, requests: new Map(), result, error: undefined, members };
}
