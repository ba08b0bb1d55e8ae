// `_meta` at the gateway: reserved keys are read or re-made per hop, own keys of others are dropped, third-party keys pass.
// Sources: MCP basic (reserved keys), SEP-414 (trace context). Attacks: SEC36 (identity spoofing), SEC37 (baggage).
import { decodeString, eachMember, kindOf, members, stringOf } from '../core/json/slice.ts';
import { objectOf, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { detached } from '../core/text.ts';
import type { ClientInfo } from '../core/call.ts';

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

export interface RequestMeta {
  /** A string or number as it arrived; undefined when absent or of another kind. */
  readonly progressToken: RawJson | undefined;
  /** Third-party members, byte for byte; undefined when there are none. */
  readonly forward: RawJson | undefined;
}

export function readMeta(params: RawJson | undefined): RequestMeta {
  const meta = members(params)?.get('_meta');
  if (meta === undefined || kindOf(meta) !== 'object') return { progressToken: undefined, forward: undefined };
  const token = members(meta)?.get('progressToken');
  const kind = token === undefined ? undefined : kindOf(token);
  return {
    progressToken: kind === 'string' || kind === 'number' ? token : undefined,
    forward: forwardable(meta),
  };
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
  const all = members(raw);
  const name = stringOf(all?.get('name'));
  if (all === undefined || name === undefined) return undefined;
  return { name: detached(name.slice(0, 128)), version: detached((stringOf(all.get('version')) ?? '').slice(0, 64)) };
}

export interface ServerIdentity {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

export function serverInfo(identity: ServerIdentity): RawJson {
  return toRaw({ name: identity.name, title: identity.title, version: identity.version });
}
