// `_meta` at the gateway: reserved keys are read or re-made per hop, own keys of others are dropped, third-party keys pass.
// Sources: MCP basic (reserved keys), SEP-414 (trace context). Attacks: SEC36 (identity spoofing), SEC37 (baggage).
import { kindOf, members, stringOf } from '../core/json/slice.ts';
import { objectOf, toRaw, withMembers } from '../core/json/compose.ts';
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

/** Members of a request's or notification's `_meta` that may cross the gateway: not reserved, not ours, not of one hop. Undefined when there are none. */
export function forwardable(meta: RawJson): RawJson | undefined {
  return without(meta, (key) => isReserved(key) || HOP_KEYS.has(key));
}

/** A result's `_meta` without what names the backend or belongs to its hop, and what only the gateway may say; undefined when nothing is left. */
export function foreignMeta(meta: RawJson | undefined): RawJson | undefined {
  return meta === undefined ? undefined : without(meta, isReserved);
}

/** The `_meta` of a definition without what only the gateway may say; the same slice where there is no such thing, undefined when nothing is left. */
export function ownless(meta: RawJson): RawJson | undefined {
  const isOurs = (key: string): boolean => key.startsWith(OWN_PREFIX);
  return [...(members(meta)?.keys() ?? [])].some(isOurs) ? without(meta, isOurs) : meta;
}

function isReserved(key: string): boolean {
  return key.startsWith(RESERVED_PREFIX) || key.startsWith(OWN_PREFIX);
}

function without(meta: RawJson, isGone: (key: string) => boolean): RawJson | undefined {
  if (kindOf(meta) !== 'object') return undefined;
  const keys = [...(members(meta)?.keys() ?? [])];
  const drop = keys.filter(isGone);
  return drop.length === keys.length ? undefined : withMembers(meta, { drop });
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

/** With our own name, which servers SHOULD say in every modern result (S9). A backend's `_meta` goes through `foreignMeta` first. */
export function stamped(meta: RawJson | undefined, identity: ServerIdentity): RawJson {
  const own: readonly [string, RawJson] = [META.serverInfo, serverInfo(identity)];
  return meta === undefined ? objectOf([own]) : withMembers(meta, { set: new Map([own]) });
}
