// Which records of the audit are meant, for every verb that reads them: a filter in words, and flags as shorthand for terms of it. All must hold.
import { suggest } from '../config/suggest.ts';
import { KINDS, STATUSES, VERDICTS } from '../core/audit/fields.ts';
import { all, compare, globText, mentions, not, oneOf, plainText, type AuditFilter } from '../core/audit/filter.ts';
import { parseFilter } from '../core/audit/parse.ts';
import { term } from '../core/audit/terms.ts';
import { faultLine, faultPlace } from '../core/audit/told.ts';
import { err, ok, type Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { usageFault } from './faults.ts';
import { parsePast } from './time.ts';
import type { Fault, VerbContext, VerbOption } from './verb.ts';

/** A call is its end. */
const MEANT_KINDS: readonly string[] = ['call', ...KINDS];

export const FILTER_USAGE = '[<filter>]';

/** An unquoted filter comes as many words. */
export const FILTER_OPERANDS: readonly [number, number] = [0, 256];

export const FILTER_ABOUT = 'A filter is a condition such as \'decision = deny and tool = "github/*" and not role = admin\' or \'since 2h and took > 500ms\'; in the shell it is best quoted. `sentinel audit filter` explains it and lists the fields. Flags are shorthand for terms of it, and all of them must hold. Patterns may hold * and ?. A tool is named as the backend calls it, as agents call it, or as backend/tool; what is no tool by its kind, as prompt:backend/name, resource:backend/uri or completion:backend/name. Times are spans back from now (2h, 7d) or RFC 3339.';

export const LEFT_OUT = 'Left out are intents unless the kind or `captured` is asked for, and, unless the event is, readings of the audit (event = audit_read) and beginnings of its epochs.';

export const FILTER_OPTIONS: Readonly<Record<string, VerbOption>> = {
  since: { type: 'string', value: 'time', help: 'from this time on: 2h, 7d, 2026-09-01T12:00:00Z' },
  until: { type: 'string', value: 'time', help: 'up to this time' },
  subject: { type: 'string', value: 'name', help: 'who called' },
  role: { type: 'string', value: 'role', help: 'called with this role' },
  tool: { type: 'string', value: 'pattern', help: 'tool, backend/tool, prompt:backend/name, resource:backend/uri' },
  backend: { type: 'string', value: 'pattern', help: 'backend' },
  decision: { type: 'string', value: 'word', help: VERDICTS.join(' or ') },
  status: { type: 'string', value: 'word', help: STATUSES.join(', ') },
  code: { type: 'string', value: 'code', help: 'how it ended: ok, forbidden, timeout, …' },
  call: { type: 'string', value: 'id', help: 'one call' },
  kind: { type: 'string', value: 'kind', help: `${MEANT_KINDS.join(', ')} (default: all but intent)` },
};

export function auditFilter(cx: Pick<VerbContext, 'args' | 'flags' | 'json' | 'now'>): Result<AuditFilter, Fault> {
  const meant = wholeFilter(cx);
  if (!meant.ok) return meant;
  // A call is one row for people, and its outcome says more. What was captured of its arguments is with the intent.
  const kinds = mentions(meant.value, 'kind') || mentions(meant.value, 'captured') ? [] : [oneOf('kind', ['outcome', 'refused', 'lifecycle'])];
  // Who looks at the audit, and looks again, is not looking for that.
  const events = mentions(meant.value, 'event') ? [] : [not(oneOf('event', ['audit_read', 'epoch_opened']))];
  return ok(all([meant.value, ...kinds, ...events]));
}

/** The same with intents. */
export function wholeFilter(cx: Pick<VerbContext, 'args' | 'flags' | 'json' | 'now'>): Result<AuditFilter, Fault> {
  const flags = flagFilter(cx);
  if (!flags.ok) return flags;
  const words = readFilter(cx.args.join(' '), cx);
  return words.ok ? ok(all([flags.value, words.value])) : words;
}

/** The filter in words alone. */
export function readFilter(text: string, cx: Pick<VerbContext, 'json' | 'now'>): Result<AuditFilter, Fault> {
  const parsed = parseFilter(text, { now: cx.now(), suggest });
  if (parsed.ok) return parsed;
  const line = `the filter, ${faultLine(text, parsed.error)}`;
  return err(usageFault(cx.json ? printable(line) : `${line}\n  ${faultPlace(text, parsed.error).replace('\n', '\n  ')}`, parsed.error.help ?? 'sentinel audit filter'));
}

function flagFilter(cx: Pick<VerbContext, 'flags' | 'now'>): Result<AuditFilter, Fault> {
  const { flags } = cx;
  const since = moment(cx, 'since');
  const until = moment(cx, 'until');
  const decision = oneWord(cx, 'decision', VERDICTS);
  const status = oneWord(cx, 'status', STATUSES);
  const kind = oneWord(cx, 'kind', MEANT_KINDS);
  for (const part of [since, until, decision, status, kind]) if (!part.ok) return part;
  if (!since.ok || !until.ok || !decision.ok || !status.ok || !kind.ok) return err(usageFault('the filter cannot be read'));
  const given: readonly (AuditFilter | undefined)[] = [
    since.value === undefined ? undefined : compare('ts', '>=', since.value),
    until.value === undefined ? undefined : compare('ts', '<', until.value),
    ...(['subject', 'role', 'code', 'call'] as const).map((name) => exactly(name, flags.text(name))),
    ...(['tool', 'backend'] as const).map((name) => patterned(name, flags.text(name))),
    exactly('decision', decision.value), exactly('status', status.value),
    kind.value === undefined ? undefined : oneOf('kind', kind.value === 'call' ? ['outcome', 'refused'] : [kind.value]),
  ];
  return ok(all(given.filter((one) => one !== undefined)));
}

function exactly(field: string, text: string | undefined): AuditFilter | undefined {
  return text === undefined ? undefined : term(field, '=', plainText(text));
}

function patterned(field: string, text: string | undefined): AuditFilter | undefined {
  return text === undefined ? undefined : term(field, '=', globText(text));
}

function moment(cx: Pick<VerbContext, 'flags' | 'now'>, flag: string): Result<number | undefined, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(undefined);
  const at = parsePast(text, cx.now());
  return at.ok ? at : err(usageFault(`--${flag}: ${printable(at.error)}`, `a day back: --${flag} 1d`));
}

function oneWord(cx: Pick<VerbContext, 'flags'>, flag: string, words: readonly string[]): Result<string | undefined, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(undefined);
  return words.includes(text) ? ok(text) : err(usageFault(`--${flag} ${printable(text)}: expected ${words.join(', ')}`));
}

/** A whole number within bounds; `fallback` when the flag is absent. */
export function numberFlag<T extends number | undefined>(cx: Pick<VerbContext, 'flags'>, flag: string, fallback: T, [least, most]: readonly [number, number]): Result<number | T, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(fallback);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? ok(value) : err(usageFault(`--${flag} ${printable(text)}: expected a whole number from ${least} to ${most}`));
}
