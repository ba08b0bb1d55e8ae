// JSON-RPC 2.0 on scanned text: what one message is, with legal ids only. Reads; decides nothing about eras or policy.
// Sources: JSON-RPC 2.0 §4–6, MCP basic (ids are strings or integers, params an object). Cases I04, I08, I09, T24–T27.
import { type JsonFault, type JsonLimits, type RawJson, scan } from '../../core/json/scan.ts';
import { AGENT_LIMITS } from '../../core/json/raw.ts';
import { elements, kindOf, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import type { BoundsSettings } from '../../core/settings.ts';
import { CODE } from '../../relay/rpc.ts';

export interface RequestEnvelope {
  readonly kind: 'request';
  /** As it arrived. */
  readonly id: RawJson;
  /** The same for ids that are equal however they were written; a number never equals a string. */
  readonly key: string;
  readonly method: string;
  readonly params: RawJson | undefined;
}

export interface NotificationEnvelope {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: RawJson | undefined;
}

/** Has a result or an error, never both. */
export interface ResponseEnvelope {
  readonly kind: 'response';
  /** Of the request it answers; undefined for an error without an id. */
  readonly key: string | undefined;
  readonly result: RawJson | undefined;
  readonly error: RawJson | undefined;
}

export interface InvalidEnvelope {
  readonly kind: 'invalid';
  readonly code: number;
  readonly message: string;
  /** Left out of the answer when it could not be read. */
  readonly id: RawJson | undefined;
}

export type MessageEnvelope = RequestEnvelope | NotificationEnvelope | ResponseEnvelope | InvalidEnvelope;
export type Envelope = MessageEnvelope | { readonly kind: 'batch'; readonly items: readonly RawJson[] };

const ID_MAX = 256;
const METHOD_MAX = 256;
const VERSION = '2.0';

/** More than any client batches; each item is a call of its own. */
export const BATCH_MAX = 64;

export function agentLimits(bounds: BoundsSettings): JsonLimits {
  return { ...AGENT_LIMITS, maxDepth: bounds.depth, maxKeys: bounds.keys, maxItems: bounds.items };
}

/** One message, or a batch whose items are still to be read by `readMessage`: at most one more than is allowed. */
export function readEnvelope(text: string, limits: JsonLimits): Envelope {
  const scanned = scan(text, limits);
  if (!scanned.ok) return faulty(scanned.error);
  const items = elements(scanned.value, BATCH_MAX);
  return items === undefined ? readMessage(scanned.value) : { kind: 'batch', items };
}

/** Also for bytes that are not UTF-8 (I10). */
export function faulty(fault: JsonFault): InvalidEnvelope {
  switch (fault.code) {
    case 'utf8':
    case 'bom':
    case 'syntax': return invalid(CODE.parse, 'Parse error: not a JSON text in UTF-8');
    case 'forbidden_key': return invalid(CODE.invalidParams, 'Invalid params: this member name is not accepted');
    case 'duplicate_key': return invalid(CODE.invalidRequest, 'Invalid Request: a member name is repeated');
    case 'surrogate': return invalid(CODE.invalidRequest, 'Invalid Request: a string holds half a character');
    case 'depth':
    case 'keys':
    case 'items':
    case 'key_length':
    case 'number': return invalid(CODE.invalidRequest, `Invalid Request: over the limit for ${LIMITED[fault.code]}`);
  }
}

const LIMITED = { depth: 'nesting', keys: 'members', items: 'list items', key_length: 'member names', number: 'digits of a number' } as const;

export function readMessage(raw: RawJson): MessageEnvelope {
  const all = members(raw);
  if (all === undefined) return invalid(CODE.invalidRequest, 'Invalid Request: a message is a JSON object');
  const idRaw = all.get('id');
  const key = idRaw === undefined ? undefined : idKey(idRaw);
  const id = key === undefined ? undefined : idRaw;
  const refuse = (why: string): InvalidEnvelope => invalid(CODE.invalidRequest, `Invalid Request: ${why}`, id);
  if (stringOf(all.get('jsonrpc')) !== VERSION) return refuse('jsonrpc must be "2.0"');
  const methodRaw = all.get('method');
  if (methodRaw === undefined) return readResponse(all, key, refuse);
  const method = stringOf(methodRaw);
  if (method === undefined || method === '' || method.length > METHOD_MAX) return refuse('method must be a short string');
  if (all.has('result') || all.has('error')) return refuse('a message is a request or a response');
  const params = all.get('params');
  if (params !== undefined && kindOf(params) !== 'object') return refuse('params must be an object');
  if (idRaw === undefined) return { kind: 'notification', method, params };
  if (key === undefined || id === undefined) return refuse('id must be a string of at most 256 characters or an integer');
  return { kind: 'request', id, key, method, params };
}

function readResponse(all: ReadonlyMap<string, RawJson>, key: string | undefined, refuse: (why: string) => InvalidEnvelope): MessageEnvelope {
  if (all.has('result') === all.has('error')) return refuse('a message has a method, a result or an error');
  const errorWithoutId = all.has('error') && !all.has('id');
  if (key === undefined && !errorWithoutId) return refuse('a response has the id of its request');
  return { kind: 'response', key, result: all.get('result'), error: all.get('error') };
}

/** Undefined for what no request may use as its id: null, floats, -0, integers a double cannot hold, long text (I09). */
export function idKey(raw: RawJson): string | undefined {
  const text = stringOf(raw);
  if (text !== undefined) return text.length <= ID_MAX ? `s${text}` : undefined;
  const number = safeIntegerOf(raw);
  return number === undefined ? undefined : `n${number}`;
}

function invalid(code: number, message: string, id?: RawJson): InvalidEnvelope {
  return { kind: 'invalid', code, message, id };
}
