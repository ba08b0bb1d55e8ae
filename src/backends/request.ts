// One admitted call as a request for its backend: method, own name or URI, arguments byte for byte, and a `_meta` of this hop (C01, C1, SEP-414).
import type { ClientInfo, Continuation, ServedCall, TaskLeave } from '../core/call.ts';
import { objectOf, quote, toRaw, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf } from '../core/json/slice.ts';
import type { Random, TaskStep } from '../core/ports.ts';
import type { BackendSettings } from '../core/settings.ts';
import { declaredCapabilities } from '../relay/capabilities.ts';
import type { Errand } from './admitted.ts';
import { envelopeOf, type Link } from './handshake.ts';

/** What our side of the hop says about itself. */
export interface Speaker {
  readonly client: ClientInfo;
  readonly asks: BackendSettings['asks'];
}

export interface BackendRequest {
  readonly method: string;
  /** What `Mcp-Name` mirrors; undefined where the method has no such header. */
  readonly name: string | undefined;
  /** `token`: unique among the calls in flight. */
  params(token: RawJson, random: Random): RawJson;
}

type Entry = readonly [string, RawJson];

const HOP_TOKEN = ['progressToken'] as const;
const TRACEPARENT = /^(00-[0-9a-f]{32}-)[0-9a-f]{16}(-[0-9a-f]{2})$/;
/** `context` of completion/complete came with 2025-06-18. */
const BEFORE_CONTEXT: readonly string[] = ['2024-11-05', '2025-03-26'];

export function requestOf(errand: Errand, link: Link, speaker: Speaker): BackendRequest {
  const body = errand.step === undefined ? bodyOf(errand.call, link) : stepOf(errand.step);
  return {
    method: body.method,
    name: body.name,
    params: (token, random) => {
      const meta = metaOf(errand, link, speaker, token, random);
      return objectOf(meta === undefined ? body.entries : [...body.entries, ['_meta', meta]]);
    },
  };
}

interface Body {
  readonly method: string;
  readonly name: string | undefined;
  readonly entries: readonly Entry[];
}

/** `Mcp-Name` mirrors the id (SEP-2663, routing headers). */
function stepOf(step: TaskStep): Body {
  const responses: readonly Entry[] = step.verb === 'update' ? [['inputResponses', step.responses]] : [];
  return { method: `tasks/${step.verb}`, name: step.task, entries: [['taskId', quote(step.task)], ...responses] };
}

function bodyOf(call: ServedCall, link: Link): Body {
  const { name } = call.target;
  switch (call.kind) {
    case 'tool': return { method: 'tools/call', name, entries: [...named(name, call.args), ...continued(call.continuation, link), ...augmented(call.task, link)] };
    case 'prompt': return { method: 'prompts/get', name, entries: [...named(name, call.args), ...continued(call.continuation, link)] };
    case 'resource': return { method: 'resources/read', name: call.uri, entries: [['uri', quote(call.uri)], ...continued(call.continuation, link)] };
    case 'completion': {
      const context: readonly Entry[] = call.context === undefined || BEFORE_CONTEXT.includes(link.version) ? [] : [['context', call.context]];
      return { method: 'completion/complete', name: undefined, entries: [['ref', call.ref], ['argument', call.argument], ...context] };
    }
    case 'task': return { method: `tasks/${call.verb}`, name: call.task, entries: [['taskId', quote(call.task)]] };
  }
}

function named(name: string, args: RawJson | undefined): readonly Entry[] {
  return args === undefined ? [['name', quote(name)]] : [['name', quote(name)], ['arguments', args]];
}

/** 2025-11-25 says it with each call; the extension with the capabilities of the request. */
function augmented(leave: TaskLeave | undefined, link: Link): readonly Entry[] {
  if (leave === undefined || link.era === 'modern') return [];
  return [['task', toRaw(leave.ttlMs === undefined ? {} : { ttl: leave.ttlMs })]];
}

/** Only a modern backend can have asked this way (MRTR); its state goes back exactly as it came (C6, C7). */
function continued(continuation: Continuation | undefined, link: Link): readonly Entry[] {
  if (continuation === undefined || link.era !== 'modern') return [];
  const entries: Entry[] = [];
  if (continuation.responses !== undefined) entries.push(['inputResponses', continuation.responses]);
  if (continuation.state !== undefined) entries.push(['requestState', continuation.state]);
  return entries;
}

function metaOf({ call, step }: Errand, link: Link, speaker: Speaker, token: RawJson, random: Random): RawJson | undefined {
  const own = new Map<string, RawJson>();
  if (link.era === 'modern') {
    const { capabilities, endpoint, logLevel } = call.origin;
    // On the endpoint of all backends nobody is offered apps (T139).
    const apps = capabilities.apps && endpoint.kind === 'single';
    for (const [key, value] of envelopeOf(link.version, speaker.client, declaredCapabilities(speaker.asks, { ...capabilities, apps, tasks: takesTasks({ call, step }) }), logLevel)) own.set(key, value);
  }
  if (call.wantsProgress && step === undefined) own.set('progressToken', token);
  addTrace(own, call, random);
  const third = (step === undefined || call.kind === 'task') && call.meta !== undefined && kindOf(call.meta) === 'object' ? call.meta : undefined;
  if (third !== undefined) return withMembers(third, { set: own, drop: HOP_TOKEN });
  return own.size > 0 ? objectOf(own) : undefined;
}

/** What the agent declared is not enough: only calls that may become tasks give leave, and only steps about tasks are heard of them. */
function takesTasks({ call, step }: Errand): boolean {
  return step !== undefined || (call.kind === 'tool' && call.task !== undefined);
}

/** The agent's trace goes on with a span of ours as its parent; a malformed one is dropped, never a failure (T111). */
function addTrace(meta: Map<string, RawJson>, call: ServedCall, random: Random): void {
  const { trace } = call.origin;
  const parts = trace === undefined ? null : TRACEPARENT.exec(trace.traceparent);
  if (trace === undefined || parts === null) return;
  const span = Buffer.from(random.token(8), 'base64url').toString('hex').padStart(16, '0');
  meta.set('traceparent', quote(`${parts[1] ?? ''}${span}${parts[2] ?? ''}`));
  if (trace.tracestate !== undefined) meta.set('tracestate', quote(trace.tracestate));
}

/** The end of a task is waited for as long as any call may take: its questions, and the work after them, come first. */
export function patienceMs({ step }: Errand, { timeoutMs, maxTimeoutMs }: Pick<BackendSettings, 'timeoutMs' | 'maxTimeoutMs'>): number {
  return step?.verb === 'result' ? maxTimeoutMs : timeoutMs;
}
