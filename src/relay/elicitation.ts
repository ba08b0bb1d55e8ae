// Elicitation from one revision to another: forms and pages to visit. Pages are never opened or fetched here (SEC21).
// Sources: MCP client/elicitation of 2025-06-18, 2025-11-25 and 2026-07-28; protocol reference 4.8.
import { isLoopback } from '../core/loopback.ts';
import { arrayOf, objectOf, quote, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Asking, QuestionRefusal } from './questions.ts';
import { asksForSecret } from './secrets-asked.ts';
import { isSince } from './versions.ts';

type Put = Result<RawJson, QuestionRefusal>;

function no(code: QuestionRefusal['code'], note: string): { readonly ok: false; readonly error: QuestionRefusal } {
  return err({ code, note });
}

/** `params` of an `elicitation/create` as this agent can read them. */
export function elicitationFor(params: RawJson, asking: Asking): Put {
  const all = members(params);
  const message = stringOf(all?.get('message'));
  const mode = all?.get('mode');
  if (all === undefined || message === undefined) return no('malformed', 'an elicitation without a message');
  switch (mode === undefined ? 'form' : stringOf(mode)) {
    case 'form': return formFor(params, all, message, asking);
    case 'url': return urlFor(params, all, message, asking);
    default: return no('unsupported', 'an elicitation of unknown mode');
  }
}

function labelled(message: string, label: string | undefined): RawJson {
  return quote(label === undefined ? message : `[${label}] ${message}`);
}

function formFor(params: RawJson, all: ReadonlyMap<string, RawJson>, message: string, asking: Asking): Put {
  if (!asking.capabilities.elicitForm) return no('undeclared', 'the agent did not declare forms');
  const schema = all.get('requestedSchema');
  const fields = schema === undefined ? undefined : members(schema)?.get('properties');
  if (schema === undefined || fields === undefined || kindOf(fields) !== 'object') return no('malformed', 'a form without fields');
  const read = fieldsFor(fields, asking);
  if (!read.ok) return read;
  const set = new Map<string, RawJson>();
  if (asking.label !== undefined) set.set('message', labelled(message, asking.label));
  if (read.value !== fields) set.set('requestedSchema', withMembers(schema, { set: new Map([['properties', read.value]]) }));
  if (asking.era === 'modern') set.set('mode', quote('form'));
  const drop = isSince(asking.version, '2025-11-25') ? ['elicitationId'] : ['elicitationId', 'mode'];
  return ok(withMembers(params, { set, drop }));
}

function fieldsFor(fields: RawJson, asking: Asking): Put {
  const set = new Map<string, RawJson>();
  for (const [name, field] of members(fields) ?? []) {
    const read = fieldFor(name, field, asking);
    if (!read.ok) return read;
    set.set(name, read.value);
  }
  return ok(withMembers(fields, { set }));
}

/** One field: flat in every revision, typed freely or chosen from what the server offers. */
function fieldFor(name: string, field: RawJson, asking: Asking): Put {
  const all = members(field);
  const type = stringOf(all?.get('type'));
  if (all === undefined || type === 'object' || all.has('properties')) return no('malformed', 'a field that is not flat');
  const chosen = type === 'boolean' || hasChoices(type === 'array' ? members(all.get('items')) : all);
  const typed = !chosen && type !== 'number' && type !== 'integer';
  if (typed && asksForSecret([name, stringOf(all.get('title')), stringOf(all.get('format'))])) return no('sensitive', 'a form for a password, key or token');
  if (isSince(asking.version, '2025-11-25')) return ok(field);
  if (type === 'array') return no('unsupported', 'a choice of several for a revision that has none');
  const titled = all.get('oneOf');
  return titled === undefined ? ok(field) : plainChoice(field, titled);
}

/** A list without a choice in it is typed, whatever it is called. */
function hasChoices(all: ReadonlyMap<string, RawJson> | undefined): boolean {
  return ['enum', 'oneOf', 'anyOf'].some((word) => (elements(all?.get(word), 1) ?? []).length > 0);
}

/** `oneOf` with titles is `enum` and `enumNames` of 2025-06-18. */
function plainChoice(field: RawJson, titled: RawJson): Put {
  const options = (elements(titled) ?? []).map((option) => ({ value: memberOf(option, 'const'), title: memberOf(option, 'title') }));
  const values: RawJson[] = [];
  const names: RawJson[] = [];
  for (const { value, title } of options) {
    if (value === undefined || kindOf(value) !== 'string') return no('unsupported', 'a choice that an older revision cannot show');
    values.push(value);
    names.push(title ?? value);
  }
  if (values.length === 0) return no('unsupported', 'a choice of nothing');
  return ok(withMembers(field, { set: new Map([['enum', arrayOf(values)], ['enumNames', arrayOf(names)]]), drop: ['oneOf'] }));
}

function urlFor(params: RawJson, all: ReadonlyMap<string, RawJson>, message: string, asking: Asking): Put {
  if (!asking.capabilities.elicitUrl) return no('undeclared', 'the agent did not declare URLs');
  if (!isSince(asking.version, '2025-11-25')) return no('unsupported', 'a URL for a revision that has none');
  const place = placeOf(stringOf(all.get('url')));
  if (place === undefined) return no('unsafe_url', 'a URL that is not plain https');
  // A host in another script may look like a known one: its ASCII form stands beside the message (SEC45).
  const shown = place.split('.').some((part) => part.startsWith('xn--')) ? [asking.label, place] : [asking.label];
  const label = shown.filter((part) => part !== undefined).join(', ');
  const set = new Map<string, RawJson>();
  if (label !== '') set.set('message', labelled(message, label));
  if (asking.era === 'modern') return ok(withMembers(params, { set, drop: ['elicitationId'] }));
  set.set('elicitationId', quote(asking.elicitationId));
  return ok(withMembers(params, { set }));
}

const URL_MOST = 8192;

/** The host, where the address may be shown: https, or http on this machine, and nobody's name before the host. */
function placeOf(text: string | undefined): string | undefined {
  const url = text === undefined || text.length > URL_MOST ? null : URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return undefined;
  if (url.protocol === 'https:') return url.hostname;
  return url.protocol === 'http:' && isLoopback(url.hostname) ? url.hostname : undefined;
}

/** One page to visit, by two names: its backend's, and the one its agent was given; undefined for agents of a revision without such ids. */
export interface ElicitationIds {
  readonly theirs: string;
  readonly ours: string | undefined;
}

/** By which two names a page goes, from the question as its backend wrote it and as its agent is put it; undefined where it is no page, or its backend did not name it. */
export function elicitationIds(written: RawJson | undefined, put: RawJson | undefined): ElicitationIds | undefined {
  const theirs = idOf(written);
  return theirs === undefined ? undefined : { theirs, ours: idOf(put) };
}

function idOf(params: RawJson | undefined): string | undefined {
  const all = members(params);
  return stringOf(all?.get('mode')) === 'url' ? stringOf(all?.get('elicitationId')) : undefined;
}

/** What `notifications/elicitation/complete` speaks of (2025-11-25 alone). */
export function completedId(params: RawJson | undefined): string | undefined {
  return stringOf(members(params)?.get('elicitationId'));
}

export function completedParams(elicitationId: string): RawJson {
  return objectOf([['elicitationId', quote(elicitationId)]]);
}
