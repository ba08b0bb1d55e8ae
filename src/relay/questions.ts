// What a backend asks of an agent, put so that the agent's revision can understand it, or refused; and the answer on its way back.
// Nothing is asked that the operator forbids, the agent did not declare, or that would have a user type a secret.
// Sources: MCP client/elicitation, client/sampling, client/roots; protocol reference 4.8; SEC21, SEC34, SEC35, SEC44, SEC45.
import type { ClientCapabilities, Question, QuestionReply } from '../core/capabilities.ts';
import { toRaw, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, members, stringOf } from '../core/json/slice.ts';
import { cut } from '../core/text.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import { elicitationFor } from './elicitation.ts';
import { foreignMeta, forwardable } from './meta.ts';
import { CODE, isRelayable } from './rpc.ts';
import { samplingFor } from './sampling.ts';
import type { Expose } from './uris-in-results.ts';
import { isSince, type Spoken } from './versions.ts';

/** Who is asked, by whom, and what may be asked. */
export interface Asking extends Spoken {
  /** Of the agent, for this call. */
  readonly capabilities: ClientCapabilities;
  /** Of the backend: the operator's word. */
  readonly asks: BackendSettings['asks'];
  /** The backend as users know it, put before messages (SEC35); undefined on its own endpoint. */
  readonly label: string | undefined;
  /** The backend's URIs on this endpoint; undefined where they are its own. */
  readonly expose: Expose | undefined;
  /** For a URL question to a 2025-11-25 agent: ids of backends are not unique among backends. Unused otherwise. */
  readonly elicitationId: string;
}

export interface QuestionRefusal {
  readonly code:
    /** `asks` of the backend. */
    | 'forbidden'
    /** The agent did not declare it. */
    | 'undeclared'
    /** It cannot be said in the agent's revision. */
    | 'unsupported'
    /** A form for passwords, keys or tokens (SEC44). */
    | 'sensitive'
    /** Neither https nor http on loopback, or not what it seems (SEC21, SEC45). */
    | 'unsafe_url'
    | 'malformed';
  /** For the log; no word of the question. */
  readonly note: string;
}

/** The question as this agent can be asked it, or why it must not be. */
export function questionFor(question: Question, asking: Asking): Result<Question, QuestionRefusal> {
  const refused = forbidden(question, asking);
  if (refused !== undefined) return err(refused);
  if (question.method === 'roots/list') return ok({ method: 'roots/list', params: undefined });
  const { params } = question;
  if (params === undefined || kindOf(params) !== 'object') return err({ code: 'malformed', note: 'params are not an object' });
  const own = ofThisHop(params);
  const put = question.method === 'elicitation/create' ? elicitationFor(own, asking) : samplingFor(own, asking);
  return put.ok ? ok({ method: question.method, params: put.value }) : put;
}

function forbidden({ method }: Question, { asks, capabilities }: Asking): QuestionRefusal | undefined {
  const may = { 'elicitation/create': asks.elicitation, 'sampling/createMessage': asks.sampling, 'roots/list': asks.roots }[method];
  if (!may) return { code: 'forbidden', note: `${method} is not among what this backend may ask` };
  const can = { 'elicitation/create': capabilities.elicitForm || capabilities.elicitUrl, 'sampling/createMessage': capabilities.sampling, 'roots/list': capabilities.roots }[method];
  return can ? undefined : { code: 'undeclared', note: `the agent did not declare ${method}` };
}

/** Tasks of clients are never declared, and tokens of the backend's hop mean nothing on ours. */
function ofThisHop(params: RawJson): RawJson {
  const meta = members(params)?.get('_meta');
  const kept = meta === undefined ? undefined : forwardable(meta);
  return withMembers(params, { drop: ['task', '_meta'], ...(kept === undefined ? {} : { set: new Map([['_meta', kept]]) }) });
}

const MESSAGE_MOST = 1024;

/** An agent's answer as the backend may read it. `backend`: what it speaks. */
export function replyFor(question: Question, reply: QuestionReply, backend: Spoken): QuestionReply {
  if (reply.kind === 'error') {
    const code = isRelayable(reply.code) || reply.code === CODE.methodNotFound ? reply.code : CODE.internal;
    return { kind: 'error', code, message: cut(reply.message, MESSAGE_MOST) };
  }
  const all = members(reply.raw);
  if (all === undefined || !isAnswer(question, all)) return { kind: 'error', code: CODE.internal, message: 'The client answered with what is no answer' };
  const set = new Map<string, RawJson>();
  const kept = foreignMeta(all.get('_meta'));
  if (kept !== undefined) set.set('_meta', kept);
  const drop = ['_meta', 'resultType'];
  if (question.method === 'elicitation/create' && stringOf(all.get('action')) !== 'accept') drop.push('content');
  if (question.method === 'sampling/createMessage') {
    const single = isSince(backend.version, '2025-11-25') ? undefined : onlyElement(all.get('content'));
    if (single !== undefined) set.set('content', single);
  }
  return { kind: 'result', raw: withMembers(reply.raw, { set, drop }) };
}

const ACTIONS: readonly (string | undefined)[] = ['accept', 'decline', 'cancel'];

function isAnswer({ method }: Question, all: ReadonlyMap<string, RawJson>): boolean {
  switch (method) {
    case 'elicitation/create': return ACTIONS.includes(stringOf(all.get('action')));
    case 'sampling/createMessage': return all.has('content') && all.has('role');
    case 'roots/list': return all.get('roots')?.startsWith('[') === true;
  }
}

/** The one block of a list; undefined where it is no list, or not of one. */
function onlyElement(content: RawJson | undefined): RawJson | undefined {
  const [only, ...more] = elements(content, 1) ?? [];
  return more.length === 0 ? only : undefined;
}

/** What the backend is told of a question that was not asked: users decline, programs have no such method. */
export function refusalReply(question: Question, why: QuestionRefusal): QuestionReply {
  if (question.method === 'elicitation/create') return { kind: 'result', raw: toRaw({ action: 'decline' }) };
  if (why.code === 'malformed') return { kind: 'error', code: CODE.invalidParams, message: 'Invalid params' };
  return { kind: 'error', code: CODE.methodNotFound, message: `Method not found: ${question.method}` };
}
