// The words of multi-round-trip requests (2026-07-28): what is still needed, the answers to it, and the state that goes round.
// Source: MCP basic/patterns/mrtr. States are opaque here: the pipeline seals ours, and a backend's travels as the lexeme it wrote (C6, C7).
import type { Question, QuestionMethod, QuestionReply } from '../core/capabilities.ts';
import { cut, objectOf, quote, toRaw, valueOf, withCut } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { eachMember, decodeString, kindOf, members, stringOf } from '../core/json/slice.ts';
import { foreignMeta, stamped, type ServerIdentity } from './meta.ts';

/** Questions, or answers, of one round. Fixed: an agent is told them all at once, and a person reads them. */
export const REQUESTS_MOST = 16;
const KEY_MOST = 256;
/** UTF-16 units of a state: a backend's, and with our seal around it an agent's. */
const INNER_STATE_MOST = 65_536;
const STATE_MOST = 262_144;

const METHODS: ReadonlyMap<string, QuestionMethod> = new Map(
  (['elicitation/create', 'sampling/createMessage', 'roots/list'] as const).map((method) => [method, method]),
);

/** A result of our own that asks the agent: `requests` by keys that are unique in this round. */
export function inputRequiredResult(requests: ReadonlyMap<string, Question>, requestState: string, identity: ServerIdentity): RawJson {
  return objectOf([
    ['resultType', quote('input_required')],
    ['inputRequests', requestsOf(requests)],
    ['requestState', quote(requestState)],
    ['_meta', stamped(undefined, identity)],
  ]);
}

/** The `inputRequests` of a result. */
export function requestsOf(requests: ReadonlyMap<string, Question>): RawJson {
  return objectOf([...requests].map(([key, { method, params }]) => [key, objectOf([['method', quote(method)], ...(params === undefined ? [] : [['params', params] as const])])] as const));
}

export interface InputRequired {
  /** Empty where the backend only wants to be asked again. */
  readonly requests: ReadonlyMap<string, Question>;
  /** The lexeme, byte for byte; undefined when it gave none. */
  readonly state: RawJson | undefined;
}

/** Undefined when it is no such result, or one that must not be acted on: too much, another method, neither questions nor state. */
export function readInputRequired(raw: RawJson): InputRequired | undefined {
  const all = members(raw);
  if (all === undefined || stringOf(all.get('resultType')) !== 'input_required') return undefined;
  const state = all.get('requestState');
  if (state !== undefined && (kindOf(state) !== 'string' || state.length > INNER_STATE_MOST)) return undefined;
  const listed = all.get('inputRequests');
  const requests = listed === undefined ? new Map<string, Question>() : readRequests(listed);
  if (requests === undefined || (requests.size === 0 && state === undefined)) return undefined;
  return { requests, state };
}

/** Undefined when it is too much, or asks for what nobody can answer. */
export function readRequests(raw: RawJson): ReadonlyMap<string, Question> | undefined {
  const entries = fewMembers(raw);
  if (entries === undefined) return undefined;
  const found = new Map<string, Question>();
  for (const [key, value] of entries) {
    const all = members(value);
    const method = METHODS.get(stringOf(all?.get('method')) ?? '');
    const params = all?.get('params');
    if (method === undefined || (params !== undefined && kindOf(params) !== 'object')) return undefined;
    found.set(key, { method, params });
  }
  return found;
}

/** Undefined when it is no object, or has too many members or too long a key. */
function fewMembers(raw: RawJson): readonly (readonly [string, RawJson])[] | undefined {
  const found: (readonly [string, RawJson])[] = [];
  let fits = true;
  const isObject = eachMember(raw, (lexeme, value) => {
    const key = found.length < REQUESTS_MOST && lexeme.length <= KEY_MOST ? decodeString(lexeme) : undefined;
    if (key === undefined) fits = false;
    else found.push([key, value]);
  });
  return isObject && fits ? found : undefined;
}

export interface ReadContinuation {
  readonly responses: ReadonlyMap<string, RawJson> | undefined;
  readonly state: string | undefined;
}

/** What a retry brings beside its params; both undefined for a first request. `invalid`: -32602. */
export function readContinuation(params: RawJson | undefined): ReadContinuation | 'invalid' {
  const all = members(params);
  const rawState = all?.get('requestState');
  const rawResponses = all?.get('inputResponses');
  const state = stringOf(rawState);
  if (rawState !== undefined && (state === undefined || state.length > STATE_MOST)) return 'invalid';
  if (rawResponses === undefined) return { responses: undefined, state };
  const entries = fewMembers(rawResponses);
  if (entries === undefined || entries.some(([, value]) => kindOf(value) !== 'object')) return 'invalid';
  return { responses: new Map(entries), state };
}

/** The `inputResponses` of a retry towards a backend. */
export function inputResponses(responses: ReadonlyMap<string, RawJson>): RawJson {
  return objectOf(responses);
}

/**
 * An `input_required` of a backend for a modern agent: its questions as `questionFor` put them, its state in our seal, our own name.
 * Everything else byte for byte. Throws when `raw` is not what `readInputRequired` read.
 */
export function withState(raw: RawJson, requests: ReadonlyMap<string, Question>, sealed: string, identity: ServerIdentity): RawJson {
  const all = cut(raw);
  if (all === undefined) throw new TypeError('withState needs a JSON object');
  const set = new Map<string, RawJson>([['requestState', quote(sealed)], ['_meta', stamped(foreignMeta(valueOf(all, '_meta')), identity)]]);
  if (requests.size > 0) set.set('inputRequests', requestsOf(requests));
  return withCut(raw, all, { set, drop: ['inputRequests', 'ttlMs', 'cacheScope'] });
}

/** An answer as `inputResponses` can say it: results only. Undefined: it cannot be said, and the call ends without being asked again. */
export function responseOf(question: Question, reply: QuestionReply): RawJson | undefined {
  if (reply.kind === 'result') return reply.raw;
  return question.method === 'elicitation/create' ? toRaw({ action: 'cancel' }) : undefined;
}
