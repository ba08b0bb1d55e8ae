// W3C trace context of a request: from `_meta` (SEP-414), else from the HTTP header. Malformed is absent, never an error.
import type { TraceContext } from '../../core/call.ts';
import { stringOf } from '../../core/json/slice.ts';
import type { MetaMembers } from './classify.ts';

const PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const STATE_MAX = 512;

export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export function traceOf(meta: MetaMembers, headers: TraceHeaders | undefined): TraceContext | undefined {
  return contextOf(stringOf(meta?.get('traceparent')), stringOf(meta?.get('tracestate'))) ?? contextOf(headers?.traceparent, headers?.tracestate);
}

function contextOf(parent: string | undefined, state: string | undefined): TraceContext | undefined {
  if (parent === undefined || !PARENT.test(parent)) return undefined;
  return { traceparent: parent, tracestate: state !== undefined && state.length <= STATE_MAX ? state : undefined };
}
