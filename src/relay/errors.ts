// JSON-RPC errors of backends as an agent may read them: codes of the hop behind us are not our agent's business, and each revision has
// its own word for a resource that is not there. Sources: protocol reference 4.17; MCP basic, error codes.
import type { ClientCapabilities, Question } from '../core/capabilities.ts';
import type { Era, TargetKind } from '../core/call.ts';
import { arrayOf, objectOf, quote, toRaw, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendAnswer } from '../core/ports.ts';
import { unknownNameMessage } from '../core/wire/denials.ts';
import { TASKS_EXTENSION } from './capabilities.ts';
import { elicitationIds, type ElicitationIds } from './elicitation.ts';
import { questionFor, type Asking } from './questions.ts';
import { REQUESTS_MOST } from './rounds.ts';
import { CODE, isRelayable } from './rpc.ts';

export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
}

const NAME_MOST = 128;
const URI_MOST = 8192;

/**
 * The answer to a name or URI that leads nowhere: the same bytes whether it is hidden, unknown to us, or unknown to its backend (SEC49, C01).
 * `exposed` as the agent wrote it.
 */
export function unknownName(kind: TargetKind, exposed: string, era: Era): WireError {
  if (kind !== 'resource') return { code: CODE.invalidParams, message: unknownNameMessage(kind, exposed.slice(0, NAME_MOST)), data: undefined };
  return { code: era === 'modern' ? CODE.invalidParams : CODE.resourceNotFound, message: 'Resource not found', data: objectOf([['uri', quote(exposed.slice(0, URI_MOST))]]) };
}

export type BackendError = Extract<BackendAnswer, { readonly kind: 'error' }>;

export interface ErrorContext {
  /** `completion`: authorised as its `ref`, so what that names is known to exist. */
  readonly kind: TargetKind | 'completion';
  /** The name or URI as the agent wrote it; of a completion, that of its `ref`. */
  readonly exposed: string;
  readonly callId: string;
  /** For the questions that -32042 brings, and for URIs in `data`. */
  readonly asking: Asking;
}

/** `tool_error`: the call failed in a way its model can be told of, as a result with `isError`. `pages`: those that the agent is shown by it. */
export type RelayedError =
  | ({ readonly kind: 'error'; readonly pages?: readonly ElicitationIds[] } & WireError)
  | { readonly kind: 'tool_error'; readonly text: string };

export function errorFor(answer: BackendError, cx: ErrorContext): RelayedError {
  const gone = unknownOf(answer, cx);
  if (gone !== undefined) return { kind: 'error', ...gone };
  if (answer.code === CODE.urlElicitation) return urlElicitation(answer, cx);
  if (answer.code === CODE.missingCapability) return missingCapability(answer, cx);
  const code = isRelayable(answer.code) ? answer.code : CODE.internal;
  return { kind: 'error', code, message: answer.message, data: dataFor(answer.data, cx) };
}

/**
 * A modern backend that needs what this agent did not declare. Told only where declaring it would help: what the operator does not let
 * this backend ask for is no lack of the agent's (4.17).
 */
function missingCapability({ data }: BackendError, { kind, asking }: ErrorContext): RelayedError {
  const required = members(members(data)?.get('requiredCapabilities'));
  const needs = [...(required ?? [])].flatMap(([name, raw]) => needsOf(name, raw, asking));
  const helps = needs.every(({ may }) => may) && needs.some(({ has }) => !has);
  const names = needs.filter(({ has }) => !has).map(({ name }) => name);
  const text = helps ? lacking(names) : 'This backend needs to ask for more than it may.';
  if (asking.era === 'legacy' && kind === 'tool') return { kind: 'tool_error', text };
  if (!helps || asking.era === 'legacy' || required === undefined) return { kind: 'error', code: CODE.internal, message: text, data: undefined };
  return { kind: 'error', code: CODE.missingCapability, message: 'Missing required client capability', data: objectOf([['requiredCapabilities', objectOf(required)]]) };
}

/** True when leave for a task is all that was missing (-32021, SEP-2663): the call was refused for it, and not begun. */
export function requiresTasksAlone({ code, data }: BackendError): boolean {
  if (code !== CODE.missingCapability) return false;
  const required = [...(members(members(data)?.get('requiredCapabilities')) ?? [])];
  const extensions = required.flatMap(([name, raw]) => (name === 'extensions' ? [...(members(raw)?.keys() ?? [])] : [undefined]));
  return extensions.length > 0 && extensions.every((id) => id === TASKS_EXTENSION);
}

function lacking(names: readonly string[]): string {
  // In 2025-11-25 nobody declares that; the call itself asks for a task.
  if (names.includes(TASKS_EXTENSION)) return 'This tool runs as a task only: it has to be called as one.';
  return `This needs a client that can be asked for: ${names.join(', ')}.`;
}

/** One capability in one mode: whether a backend may be told of it, and whether this agent declared it. */
interface Need {
  readonly name: string;
  readonly may: boolean;
  readonly has: boolean;
}

type Modes = Readonly<Record<string, keyof ClientCapabilities>>;

/** The modes that `relay/capabilities.ts` declares to backends. `{}`: the mode that no member says. */
const MODES: Readonly<Record<keyof Asking['asks'], { readonly plain: keyof ClientCapabilities; readonly modes: Modes }>> = {
  elicitation: { plain: 'elicitForm', modes: { form: 'elicitForm', url: 'elicitUrl' } },
  sampling: { plain: 'sampling', modes: { tools: 'samplingTools' } },
  roots: { plain: 'roots', modes: {} },
};

/** One member of `requiredCapabilities`. */
function needsOf(name: string, raw: RawJson, { asks, capabilities }: Asking): readonly Need[] {
  // The handle of a task is passed on to whoever takes one.
  if (name === 'extensions') return [...(members(raw)?.keys() ?? [])].map((id) => ({ name: id, may: id === TASKS_EXTENSION, has: capabilities.tasks }));
  if (!isAsked(name)) return [{ name, may: false, has: false }];
  const { plain, modes } = MODES[name];
  const wanted = [...(members(raw)?.keys() ?? [])];
  if (wanted.length === 0) return [{ name, may: asks[name], has: capabilities[plain] }];
  return wanted.map((mode) => {
    const flag = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
    return { name: `${name} (${mode})`, may: flag !== undefined && asks[name], has: flag !== undefined && capabilities[flag] };
  });
}

function isAsked(name: string): name is keyof Asking['asks'] {
  return Object.hasOwn(MODES, name);
}

/** Our view was stale, or the resource is gone: what never existed is answered alike. */
function unknownOf(answer: BackendError, { kind, exposed, asking }: ErrorContext): WireError | undefined {
  switch (kind) {
    case 'tool':
    case 'prompt': return answer.code === CODE.methodNotFound ? unknownName(kind, exposed, asking.era) : undefined;
    case 'resource': return isNotFound(answer) ? unknownName('resource', exposed, asking.era) : undefined;
    case 'completion': return undefined;
  }
}

/** -32002 says it; 2026-07-28 says -32602, which is said of other params too: then its `data.uri` or its words tell. */
function isNotFound({ code, message, data }: BackendError): boolean {
  if (code === CODE.resourceNotFound || code === CODE.methodNotFound) return true;
  if (code !== CODE.invalidParams) return false;
  return (data !== undefined && memberOf(data, 'uri') !== undefined) || /not found|unknown resource|no such|does not exist/i.test(message);
}

/** `data.sentinel` is how an agent tells our faults from a backend's: no backend may write it. */
function dataFor(data: RawJson | undefined, { callId, asking }: ErrorContext): RawJson {
  if (data === undefined) return toRaw({ sentinel: { callId } });
  if (kindOf(data) !== 'object') return data;
  const uri = asking.expose === undefined ? undefined : stringOf(memberOf(data, 'uri'));
  return withMembers(data, { drop: ['sentinel'], ...(uri === undefined || asking.expose === undefined ? {} : { set: new Map([['uri', quote(asking.expose(uri))]]) }) });
}

/** The questions of a -32042 (2025-11-25), in the order given; undefined when they cannot be read. */
export function urlQuestions(answer: BackendError): readonly Question[] | undefined {
  if (answer.code !== CODE.urlElicitation) return undefined;
  const listed = elements(members(answer.data)?.get('elicitations'), REQUESTS_MOST);
  if (listed === undefined || listed.length === 0 || listed.length > REQUESTS_MOST) return undefined;
  const questions = listed.map((params): Question => ({ method: 'elicitation/create', params }));
  return questions.every(({ params }) => stringOf(members(params)?.get('mode')) === 'url') ? questions : undefined;
}

/** Said again only to a legacy agent whom each of its pages may be shown, with ids of ours: that is one of 2025-11-25 that declared URLs. */
function urlElicitation(answer: BackendError, { kind, asking }: ErrorContext): RelayedError {
  const questions = urlQuestions(answer);
  if (questions !== undefined && asking.era === 'legacy') {
    const put = questions.map((question, at) => questionFor(question, { ...asking, elicitationId: at === 0 ? asking.elicitationId : `${asking.elicitationId}.${at}` }));
    const listed = put.flatMap((one) => (one.ok && one.value.params !== undefined ? [one.value.params] : []));
    const pages = questions.flatMap(({ params }, at) => elicitationIds(params, listed[at]) ?? []);
    if (listed.length === put.length) return { kind: 'error', code: CODE.urlElicitation, message: 'URL elicitation required', data: objectOf([['elicitations', arrayOf(listed)]]), pages };
  }
  const text = 'This needs a web page to be visited first, which this client cannot be asked to show.';
  return kind === 'tool' ? { kind: 'tool_error', text } : { kind: 'error', code: CODE.internal, message: text, data: undefined };
}
