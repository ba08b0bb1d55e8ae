// The params of one tools/call for a backend: its own tool name, the arguments byte for byte, and a `_meta` of this hop (C01, SEP-414).
import type { ToolCall } from '../core/call.ts';
import { objectOf, quote, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf } from '../core/json/slice.ts';
import type { Random } from '../core/ports.ts';

const HOP_TOKEN = ['progressToken'] as const;
const TRACEPARENT = /^(00-[0-9a-f]{32}-)[0-9a-f]{16}(-[0-9a-f]{2})$/;

/** `envelope`: what the era demands in `_meta`; empty for legacy. `token`: unique among the calls in flight. */
export function callParams(call: ToolCall, envelope: ReadonlyMap<string, RawJson>, token: RawJson, random: Random): RawJson {
  const entries: (readonly [string, RawJson])[] = [['name', quote(call.target.name)]];
  if (call.args !== undefined) entries.push(['arguments', call.args]);
  const own = new Map(envelope);
  if (call.wantsProgress) own.set('progressToken', token);
  addTrace(own, call, random);
  const third = call.meta !== undefined && kindOf(call.meta) === 'object' ? call.meta : undefined;
  if (third !== undefined) entries.push(['_meta', withMembers(third, { set: own, drop: HOP_TOKEN })]);
  else if (own.size > 0) entries.push(['_meta', objectOf(own)]);
  return objectOf(entries);
}

/** The agent's trace goes on with a span of ours as its parent; a malformed one is dropped, never a failure (T111). */
function addTrace(meta: Map<string, RawJson>, call: ToolCall, random: Random): void {
  const { trace } = call.origin;
  const parts = trace === undefined ? null : TRACEPARENT.exec(trace.traceparent);
  if (trace === undefined || parts === null) return;
  const span = Buffer.from(random.token(8), 'base64url').toString('hex').padStart(16, '0');
  meta.set('traceparent', quote(`${parts[1] ?? ''}${span}${parts[2] ?? ''}`));
  if (trace.tracestate !== undefined) meta.set('tracestate', quote(trace.tracestate));
}
