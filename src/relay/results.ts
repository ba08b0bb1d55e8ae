// Result objects per era: what a modern result must carry is added, what a legacy one must not carry is taken away.
// Sources: MCP 2026-07-28 basic (resultType, serverInfo), caching (ttlMs, cacheScope); SL11 for the legacy side.
import type { Era } from '../core/call.ts';
import { arrayOf, cut, type Member, objectOf, quote, toRaw, valueOf, withCut, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import { foreignMeta, stamped, type ServerIdentity } from './meta.ts';
import { type Expose, type HeldIn, rewrittenMembers } from './uris-in-results.ts';
import { isSince, type Spoken } from './versions.ts';

const COMPLETE = quote('complete');
const MODERN_ONLY = ['resultType', 'ttlMs', 'cacheScope'] as const;

/** A result the gateway makes itself, in the form of the era. `cacheable`: one of the six methods with cache hints. */
export function ownResult(era: Era, body: RawJson, identity: ServerIdentity, cacheable: boolean): RawJson {
  if (era === 'legacy') return body;
  const set = new Map<string, RawJson>([['resultType', COMPLETE]]);
  if (cacheable) setHints(set);
  set.set('_meta', stamped(members(body)?.get('_meta'), identity));
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

/** Whose result it is, and how it is told to whom. */
export interface ResultRelay {
  readonly kind: HeldIn | 'completion';
  readonly to: Spoken;
  readonly identity: ServerIdentity;
  /** The backend's URIs on this endpoint; undefined where they are its own. */
  readonly expose: Expose | undefined;
  /** `wrapsStructured` of the tool's definition; false for all other kinds. */
  readonly wraps: boolean;
}

/** A backend's result for this agent: what the era and the endpoint demand, everything else byte for byte. */
export function relayedResult(result: ReadResult, relay: ResultRelay): RawJson {
  const { kind, to, identity, expose } = relay;
  const set = new Map<string, RawJson>();
  const drop: string[] = [];
  if (kind === 'completion') {
    const completion = valueOf(result.members, 'completion');
    const capped = completion === undefined ? undefined : atMostAHundred(completion);
    if (capped !== undefined) set.set('completion', capped);
  } else {
    const how = { expose, linksAsText: !isSince(to.version, '2025-06-18') };
    for (const [name, value] of rewrittenMembers(kind, result.members, how)) set.set(name, value);
  }
  if (kind === 'tool' && to.era === 'legacy') structuredFor(result, relay, set, drop);
  const meta = valueOf(result.members, '_meta');
  if (to.era === 'modern') {
    set.set('resultType', COMPLETE);
    set.set('_meta', stamped(foreignMeta(meta), identity));
    if (kind === 'resource') setHints(set);
    else drop.push('ttlMs', 'cacheScope');
  } else {
    const kept = foreignMeta(meta);
    if (kept !== undefined) set.set('_meta', kept);
    drop.push(...MODERN_ONLY, '_meta');
  }
  return withCut(result.raw, result.members, { set, drop });
}

/** A tool's result inside a task of the extension: only what endpoint and hop demand, for the answer around it says the rest. */
export function inlinedResult(result: ReadResult, expose: Expose | undefined): RawJson {
  const set = new Map(rewrittenMembers('tool', result.members, { expose, linksAsText: false }));
  // As the call itself would have answered: the official requester takes nothing less.
  set.set('resultType', COMPLETE);
  const kept = foreignMeta(valueOf(result.members, '_meta'));
  if (kept !== undefined) set.set('_meta', kept);
  return withCut(result.raw, result.members, { set, drop: ['ttlMs', 'cacheScope', '_meta'] });
}

/** Structured content as a 2025 revision can say it, and then as text too, for those who cannot read it (SEP-2106, T98). */
function structuredFor(result: ReadResult, { to, wraps }: ResultRelay, set: Map<string, RawJson>, drop: string[]): void {
  const value = valueOf(result.members, 'structuredContent');
  if (value === undefined) return;
  const known = isSince(to.version, '2025-06-18');
  if (known && !wraps && kindOf(value) === 'object') return;
  if (known) set.set('structuredContent', objectOf([['result', value]]));
  else drop.push('structuredContent');
  const content = set.get('content') ?? valueOf(result.members, 'content');
  const blocks = elements(content) ?? [];
  if (!blocks.some((block) => stringOf(memberOf(block, 'type')) === 'text')) set.set('content', arrayOf([...blocks, textBlock(value)]));
}

function textBlock(text: string): RawJson {
  return objectOf([['type', quote('text')], ['text', quote(text)]]);
}

/** Private and at once stale: what is seen depends on the principal, and a kill must show at the next look. */
function setHints(set: Map<string, RawJson>): void {
  set.set('ttlMs', toRaw(0));
  set.set('cacheScope', quote('private'));
}

/** True when a tool says that it failed: JSON-RPC success with `isError: true`. */
export function isErrorResult(result: ReadResult): boolean {
  return valueOf(result.members, 'isError') === 'true';
}

/** `complete` (or absent, from older servers) is relayed, `input_required` goes another round; anything else is invalid (MUST, MCP basic). */
export function resultTypeOf(result: ReadResult): string {
  const type = valueOf(result.members, 'resultType');
  return type === undefined ? 'complete' : (stringOf(type) ?? '');
}

/** A tool result made by the gateway: text for the model, `isError`, and machine words under our own key. */
export function toolErrorResult(text: string, key: string, detail: RawJson): RawJson {
  return objectOf([['content', arrayOf([textBlock(text)])], ['isError', toRaw(true)], ['_meta', objectOf([[key, detail]])]]);
}

const COMPLETION_VALUES = 100;

/** The bound of the protocol, which strict clients hold an answer to as a whole (S28). Undefined: it is within it. */
function atMostAHundred(completion: RawJson): RawJson | undefined {
  const values = elements(memberOf(completion, 'values')) ?? [];
  if (values.length <= COMPLETION_VALUES) return undefined;
  return withMembers(completion, { set: new Map([['values', arrayOf(values.slice(0, COMPLETION_VALUES))], ['hasMore', toRaw(true)]]) });
}

/** What completes to nothing: for a backend without completions beside one that has them (4.11). */
export const EMPTY_COMPLETION: RawJson = toRaw({ completion: { values: [], total: 0, hasMore: false } });
