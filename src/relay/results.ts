// Result objects per era: what a modern result must carry is added, what a legacy one must not carry is taken away.
// Sources: MCP 2026-07-28 basic (resultType, serverInfo), caching (ttlMs, cacheScope); SL11 for the legacy side.
import type { Era } from '../core/call.ts';
import { arrayOf, cut, type Member, objectOf, quote, toRaw, withCut, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, members, stringOf } from '../core/json/slice.ts';
import { META, OWN_PREFIX, serverInfo, type ServerIdentity } from './meta.ts';

const COMPLETE = quote('complete');
const MODERN_ONLY = ['resultType', 'ttlMs', 'cacheScope'] as const;

/** A result the gateway makes itself, in the form of the era. `cacheable`: one of the six methods with cache hints. */
export function ownResult(era: Era, body: RawJson, identity: ServerIdentity, cacheable: boolean): RawJson {
  if (era === 'legacy') return body;
  const set = new Map<string, RawJson>([['resultType', COMPLETE]]);
  if (cacheable) {
    // Private and at once stale: lists depend on the principal, and a kill must show at the next look.
    set.set('ttlMs', toRaw(0));
    set.set('cacheScope', quote('private'));
  }
  set.set('_meta', metaWith(members(body)?.get('_meta'), identity));
  return withMembers(body, { set });
}

/** A backend's result and its members, cut once: of 16 MB of small elements each walk holds the main thread for 40 ms, and four were made. */
export interface ReadResult {
  readonly raw: RawJson;
  readonly members: readonly Member[];
}

/** Undefined when it is not an object. */
export function readResult(raw: RawJson): ReadResult | undefined {
  const found = cut(raw);
  return found === undefined ? undefined : { raw, members: found };
}

/** A backend's tool result for this agent: envelope members translated, everything else byte for byte. */
export function relayedResult(era: Era, result: ReadResult, identity: ServerIdentity): RawJson {
  const { raw } = result;
  const meta = foreignMeta(result);
  if (era === 'modern') return withCut(raw, result.members, { set: new Map([['resultType', COMPLETE], ['_meta', metaWith(meta, identity)]]), drop: ['ttlMs', 'cacheScope'] });
  if (meta === undefined) return withCut(raw, result.members, { drop: [...MODERN_ONLY, '_meta'] });
  return withCut(raw, result.members, { set: new Map([['_meta', meta]]), drop: MODERN_ONLY });
}

function memberOf({ members: all }: ReadResult, name: string): RawJson | undefined {
  return all.find(({ key }) => key === name)?.value;
}

function metaWith(meta: RawJson | undefined, identity: ServerIdentity): RawJson {
  const own: readonly [string, RawJson] = [META.serverInfo, serverInfo(identity)];
  return meta === undefined ? objectOf([own]) : withMembers(meta, { set: new Map([own]) });
}

/** A backend's `_meta` without what names the backend or belongs to its hop, and what only the gateway may say. */
function foreignMeta(result: ReadResult): RawJson | undefined {
  const meta = memberOf(result, '_meta');
  if (meta === undefined || kindOf(meta) !== 'object') return undefined;
  const kept = [...(members(meta)?.keys() ?? [])];
  const drop = kept.filter((key) => key.startsWith('io.modelcontextprotocol/') || key.startsWith(OWN_PREFIX));
  return drop.length === kept.length ? undefined : withMembers(meta, { drop });
}

/** True when a tool says that it failed: JSON-RPC success with `isError: true`. */
export function isErrorResult(result: ReadResult): boolean {
  return memberOf(result, 'isError') === 'true';
}

/** `complete` (or absent, from older servers) may be relayed; anything else needs a bridge this gateway does not have. */
export function resultTypeOf(result: ReadResult): string {
  const type = memberOf(result, 'resultType');
  return type === undefined ? 'complete' : (stringOf(type) ?? '');
}

/** A tool result made by the gateway: text for the model, `isError`, and machine words under our own key. */
export function toolErrorResult(text: string, key: string, detail: RawJson): RawJson {
  const block = objectOf([['type', quote('text')], ['text', quote(text)]]);
  return objectOf([['content', arrayOf([block])], ['isError', toRaw(true)], ['_meta', objectOf([[key, detail]])]]);
}
