// The flags that say which entries of the audit are meant, for every `audit` verb alike.
import type { AuditFilter } from '../app/audit.ts';
import { err, ok, type Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { usageFault } from './faults.ts';
import { parsePast } from './time.ts';
import type { Fault, VerbContext, VerbOption } from './verb.ts';

const KINDS = ['call', 'intent', 'outcome', 'refused', 'lifecycle'] as const;
const DECISIONS = ['allow', 'deny'] as const;
const STATUSES = ['success', 'error', 'killed', 'rate_limited', 'denied', 'invalid_args', 'circuit_open'] as const;

export const FILTER_OPTIONS: Readonly<Record<string, VerbOption>> = {
  since: { type: 'string', value: 'time', help: 'from this time on: 2h, 7d, 2026-09-01T12:00:00Z' },
  until: { type: 'string', value: 'time', help: 'up to this time' },
  subject: { type: 'string', value: 'name', help: 'who called' },
  role: { type: 'string', value: 'role', help: 'called with this role' },
  tool: { type: 'string', value: 'pattern', help: 'tool, backend/tool, prompt:backend/name, resource:backend/uri' },
  backend: { type: 'string', value: 'pattern', help: 'backend' },
  decision: { type: 'string', value: 'word', help: DECISIONS.join(' or ') },
  status: { type: 'string', value: 'word', help: STATUSES.join(', ') },
  code: { type: 'string', value: 'code', help: 'how it ended: ok, forbidden, timeout, …' },
  call: { type: 'string', value: 'id', help: 'one call' },
  kind: { type: 'string', value: 'kind', help: `${KINDS.join(', ')} (default: all but intent)` },
};

export function auditFilter(cx: VerbContext): Result<AuditFilter, Fault> {
  const { flags } = cx;
  const since = moment(cx, 'since');
  const until = moment(cx, 'until');
  const decision = oneOf(cx, 'decision', DECISIONS);
  const status = oneOf(cx, 'status', STATUSES);
  const kind = oneOf(cx, 'kind', KINDS);
  for (const part of [since, until, decision, status, kind]) if (!part.ok) return part;
  if (!since.ok || !until.ok || !decision.ok || !status.ok || !kind.ok) return err(usageFault('the filter cannot be read'));
  return ok({
    since: since.value, until: until.value, subject: flags.text('subject'), role: flags.text('role'), tool: flags.text('tool'),
    backend: flags.text('backend'), decision: decision.value, status: status.value, code: flags.text('code'), callId: flags.text('call'),
    kinds: kind.value === undefined ? undefined : kind.value === 'call' ? ['outcome', 'refused'] : [kind.value],
  });
}

function moment(cx: VerbContext, flag: string): Result<number | undefined, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(undefined);
  const at = parsePast(text, cx.now());
  return at.ok ? at : err(usageFault(`--${flag}: ${printable(at.error)}`, `a day back: --${flag} 1d`));
}

function oneOf<const T extends string>(cx: VerbContext, flag: string, words: readonly T[]): Result<T | undefined, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(undefined);
  const word = words.find((one) => one === text);
  return word === undefined ? err(usageFault(`--${flag} ${printable(text)}: expected ${words.join(', ')}`)) : ok(word);
}

/** A whole number within bounds; `fallback` when the flag is absent. */
export function numberFlag<T extends number | undefined>(cx: VerbContext, flag: string, fallback: T, [least, most]: readonly [number, number]): Result<number | T, Fault> {
  const text = cx.flags.text(flag);
  if (text === undefined) return ok(fallback);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? ok(value) : err(usageFault(`--${flag} ${printable(text)}: expected a whole number from ${least} to ${most}`));
}
