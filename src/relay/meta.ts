// `_meta` at the gateway: reserved keys are read or re-made per hop, own keys of others are dropped, third-party keys pass.
// Sources: MCP basic (reserved keys), SEP-414 (trace context). Attacks: SEC36 (identity spoofing), SEC37 (baggage).
import { decodeString, eachMember, kindOf, members, stringOf } from '../core/json/slice.ts';
import { objectOf, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { detached } from '../core/text.ts';
import type { ClientInfo, TraceContext } from '../core/call.ts';

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  logLevel: 'io.modelcontextprotocol/logLevel',
} as const;

/** Our own vendor prefix: only the gateway writes below it. */
export const OWN_PREFIX = 'sentinel/';
export const DENIAL_KEY = 'sentinel/denial';

const RESERVED_PREFIX = 'io.modelcontextprotocol/';
/** Bare keys that belong to one hop, or are continued rather than copied. */
const HOP_KEYS: ReadonlySet<string> = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage']);

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE_MAX = 512;

export interface RequestMeta {
  /** A string or number as it arrived; undefined when absent or of another kind. */
  readonly progressToken: RawJson | undefined;
  readonly trace: TraceContext | undefined;
  /** Third-party members, byte for byte; undefined when there are none. */
  readonly forward: RawJson | undefined;
}

export function readMeta(params: RawJson | undefined): RequestMeta {
  const meta = params === undefined ? undefined : members(params)?.get('_meta');
  if (meta === undefined || kindOf(meta) !== 'object') return { progressToken: undefined, trace: undefined, forward: undefined };
  const all = members(meta) ?? new Map<string, RawJson>();
  const token = all.get('progressToken');
  const kind = token === undefined ? undefined : kindOf(token);
  return {
    progressToken: kind === 'string' || kind === 'number' ? token : undefined,
    trace: traceOf(all),
    forward: forwardable(meta),
  };
}

function traceOf(all: ReadonlyMap<string, RawJson>): TraceContext | undefined {
  const parent = textOf(all.get('traceparent'));
  if (parent === undefined || !TRACEPARENT.test(parent)) return undefined;
  const state = textOf(all.get('tracestate'));
  return { traceparent: parent, tracestate: state !== undefined && state.length <= TRACESTATE_MAX ? state : undefined };
}

function textOf(raw: RawJson | undefined): string | undefined {
  return raw === undefined ? undefined : stringOf(raw);
}

function forwardable(meta: RawJson): RawJson | undefined {
  const kept: (readonly [string, RawJson])[] = [];
  eachMember(meta, (lexeme, value) => {
    const key = decodeString(lexeme);
    if (key.startsWith(RESERVED_PREFIX) || key.startsWith(OWN_PREFIX) || HOP_KEYS.has(key)) return;
    kept.push([key, value]);
  });
  return kept.length === 0 ? undefined : objectOf(kept);
}

/** `clientInfo` for the record only; a malformed one is no reason to refuse (spec: SHOULD). Sessions keep it, and must not keep a body of megabytes with it. */
export function readClientInfo(raw: RawJson | undefined): ClientInfo | undefined {
  const all = raw === undefined ? undefined : members(raw);
  const name = textOf(all?.get('name'));
  if (all === undefined || name === undefined) return undefined;
  return { name: detached(name.slice(0, 128)), version: detached((textOf(all.get('version')) ?? '').slice(0, 64)) };
}

export interface ServerIdentity {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

export function serverInfo(identity: ServerIdentity): RawJson {
  return toRaw({ name: identity.name, title: identity.title, version: identity.version });
}
