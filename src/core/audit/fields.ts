// What a filter may ask about: the one table that the parser, `sentinel audit filter` and the page on it are made from.
import type { Call, SurfaceName } from '../call.ts';
import type { Mode, Severity } from '../decision.ts';
import type { Status } from '../outcome.ts';
import type { Verdict } from '../ruling.ts';
import type { HeldMember, Measure, NumberMember, TextMember } from './filter.ts';

export type FieldType =
  | { readonly is: 'moment' }
  | { readonly is: 'text'; readonly member: TextMember }
  /** One of a few words; `ordered`: from the least to the most. */
  | { readonly is: 'word'; readonly member: TextMember; readonly words: readonly string[]; readonly ordered?: true }
  | { readonly is: 'yes'; readonly member: NumberMember }
  /** Whether a record has it at all. */
  | { readonly is: 'held'; readonly member: HeldMember }
  | { readonly is: 'count'; readonly member: NumberMember }
  | { readonly is: 'took'; readonly measure: Measure }
  | { readonly is: 'size'; readonly measure: Measure }
  | { readonly is: 'tool' }
  | { readonly is: 'role' };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly means: string;
}

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
}

export const KINDS: readonly string[] = ['intent', 'outcome', 'refused', 'lifecycle'];
const OBJECTS: readonly Call['kind'][] = ['tool', 'prompt', 'resource', 'completion', 'listen', 'task', 'model'];
const SURFACES: readonly SurfaceName[] = ['stdio', 'http', 'socket'];
export const VERDICTS: readonly Verdict[] = ['allow', 'deny'];
export const MODES: readonly Mode[] = ['enforce', 'monitor', 'shadow'];
export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];
export const STATUSES: readonly Status[] = ['success', 'error', 'killed', 'rate_limited', 'denied', 'invalid_args', 'circuit_open'];
const CLASSES = ['changing', 'reading'];

const text = (name: string, means: string, member: TextMember): Field => ({ name, means, type: { is: 'text', member } });
const word = (name: string, means: string, member: TextMember, words: readonly string[]): Field => ({ name, means, type: { is: 'word', member, words } });
const count = (name: string, means: string, member: NumberMember): Field => ({ name, means, type: { is: 'count', member } });
const took = (name: string, means: string, measure: Measure): Field => ({ name, means, type: { is: 'took', measure } });
const size = (name: string, means: string, measure: Measure): Field => ({ name, means, type: { is: 'size', measure } });

export const FIELD_GROUPS: readonly FieldGroup[] = [
  {
    title: 'when and what',
    fields: [
      { name: 'ts', type: { is: 'moment' }, means: 'when it was written; `since` and `until` say the same shorter' },
      word('kind', 'of the record', 'kind', KINDS),
      text('event', 'of a lifecycle record: started, reloaded, killed, …', 'event'),
      text('call', 'id of the call or refused request', 'call_id'),
      text('method', 'request of MCP: tools/call', 'method'),
      { name: 'tool', type: { is: 'tool' }, means: 'what was called: name, exposed name, backend/name, prompt:backend/name, resource:backend/uri, …' },
      text('backend', 'the backend', 'backend'),
      word('type', 'of the target', 'object_type', OBJECTS),
      text('name', 'the backend\u2019s own name for the target', 'object_name'),
      text('exposed', 'the name or URI the agent used', 'exposed'),
      word('class', 'whether the call may change something', 'class', CLASSES),
    ],
  },
  {
    title: 'who',
    fields: [
      text('subject', 'who called', 'subject'),
      text('issuer', 'by whose word', 'issuer'),
      { name: 'role', type: { is: 'role' }, means: 'one of the roles of the caller' },
      text('client', 'name and version the agent\u2019s program gave', 'client'),
      text('session', 'keyed digest of the session id', 'session'),
      text('token', 'keyed digest of the token\u2019s id', 'jti_hmac'),
      text('key', 'id of the key that signed the token', 'kid'),
      word('surface', 'the way in', 'surface', SURFACES),
      text('protocol', 'revision of MCP', 'protocol'),
      text('peer', 'network the request came from, or local', 'peer'),
      text('actor', 'who caused a lifecycle event', 'actor'),
    ],
  },
  {
    title: 'what was decided',
    fields: [
      word('decision', 'what was done', 'decision', VERDICTS),
      word('ruling', 'what the rules said; under monitor and shadow that is not what was done', 'ruling', VERDICTS),
      text('reason', 'why it was denied: forbidden, killed, limited, …', 'reason'),
      text('rule', 'the rule that decided: role:developer:allow', 'rule'),
      word('mode', 'of that rule', 'mode', MODES),
      { name: 'severity', type: { is: 'word', member: 'severity', words: SEVERITIES, ordered: true }, means: 'of that rule' },
      text('owner', 'who answers for that rule', 'owner'),
      count('revision', 'number of the configuration in force', 'revision'),
      text('config', 'SHA-256 of its file', 'config_hash'),
    ],
  },
  {
    title: 'how it ended',
    fields: [
      word('status', 'in one of seven words', 'status', STATUSES),
      text('code', 'how exactly: ok, forbidden, timeout, exited, …', 'code'),
      { name: 'is_error', type: { is: 'yes', member: 'is_error' }, means: 'whether the tool\u2019s result said isError' },
      text('fault', 'why it did not end well, in one sentence', 'fault'),
      took('took', 'all of it', 'took_us'),
      took('admit', 'time to decide', 'admit_us'),
      took('queue', 'time to wait for a place', 'queue_us'),
      took('dispatch', 'time at the backend', 'dispatch_us'),
      took('screen', 'time to look at the result', 'screen_us'),
      size('bytes', 'arguments and result, as far as the record has them', 'bytes'),
      size('args_bytes', 'arguments', 'args_bytes'),
      size('result_bytes', 'result', 'result_bytes'),
      text('args_hmac', 'keyed digest of the arguments', 'args_hmac'),
      text('result_hmac', 'keyed digest of the result', 'result_hmac'),
      count('attempts', 'how often the backend was asked', 'attempts'),
      { name: 'captured', type: { is: 'held', member: 'captured' }, means: 'whether a rule kept words of the call; `sentinel audit reveal` shows them' },
    ],
  },
  {
    title: 'its place',
    fields: [
      text('trace', 'trace id that came with the call', 'trace_id'),
      text('node', 'id of the state directory that wrote it', 'node'),
      count('epoch', 'run of that node', 'epoch'),
      count('seq', 'number in that run', 'seq'),
      text('id', 'of the record', 'id'),
    ],
  },
];

export const FIELDS: readonly Field[] = FIELD_GROUPS.flatMap(({ fields }) => fields);

/** Also by the name that a record has for it: people copy those from what they see. */
const NAMED: ReadonlyMap<string, Field> = new Map([...FIELDS.flatMap((field) => {
  const { type } = field;
  const member = 'member' in type ? type.member : 'measure' in type ? type.measure : type.is === 'role' ? 'roles' : type.is === 'moment' ? 'time' : undefined;
  return member === undefined ? [] : [[member, field] as const];
}), ...FIELDS.map((field) => [field.name, field] as const)]);

export function fieldNamed(name: string): Field | undefined {
  return NAMED.get(name);
}

const EQUAL = ['=', '!=', 'in'];
const ORDERED = [...EQUAL, '<', '<=', '>', '>='];

export function operatorsOf({ type }: Field): readonly string[] {
  switch (type.is) {
    case 'moment':
    case 'count':
    case 'took':
    case 'size': return ORDERED;
    case 'word': return type.ordered === true ? ORDERED : EQUAL;
    case 'text':
    case 'yes':
    case 'held':
    case 'tool':
    case 'role': return EQUAL;
  }
}

/** What may stand behind the operator. */
export function valuesOf({ type }: Field): string {
  switch (type.is) {
    case 'moment': return 'a time such as 2026-11-21T00:00Z';
    case 'word': return listed(type.words);
    case 'yes': return 'true or false';
    case 'held': return '* (or true) where there is something, false where not';
    case 'count': return 'a whole number';
    case 'took': return 'a duration such as 500ms, 1.5s or 2m';
    case 'size': return 'a size such as 64KiB or 1MiB';
    case 'text':
    case 'tool':
    case 'role': return 'a text, with * and ? for what may vary';
  }
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}
