// `sentinel audit reveal` and `sentinel audit forget`: what was captured of a call, and the end of it. What the records show without a key is `audit show`.
import type { CaptureTools, Forgotten, ForgetWhich, Revealed } from '../app/audit-capture.ts';
import { parseMoment } from '../core/audit/units.ts';
import { arrayOf, objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { err, ok, type Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { recordRead } from './audit-read.ts';
import { tellEmbedded } from './embedded.ts';
import { EXIT } from './exit.ts';
import { confirmFault, refusedFault, usageFault } from './faults.ts';
import { tellFile } from './meant.ts';
import { noSuchCall } from './no-call.ts';
import { count, rfc3339, shownJson } from './render.ts';
import { parsePast } from './time.ts';
import type { Fault, Verb, VerbContext } from './verb.ts';

/** Opens what a verb works on, by the configuration it means. */
export type OpenCapture = (cx: VerbContext) => Promise<Result<CaptureTools, Fault>>;

type Run = (cx: VerbContext, tools: CaptureTools) => Promise<Result<number, Fault>>;

export function captureVerbs(open: OpenCapture): readonly Verb[] {
  const within = (run: Run) => async (cx: VerbContext): Promise<number> => {
    const tools = await open(cx);
    const done = tools.ok ? await run(cx, tools.value) : tools;
    return done.ok ? done.value : cx.fail(done.error);
  };
  return [{ ...REVEAL, run: within(reveal) }, { ...FORGET, run: within(forget) }];
}

const REVEAL: Omit<Verb, 'run'> = {
  name: 'audit reveal',
  summary: 'what was captured of one call, decrypted',
  usage: '<call>',
  examples: [
    { run: 'sentinel audit reveal 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60', does: 'the values that rules of [[audit.capture]] kept of this call' },
    { run: 'sentinel audit reveal 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 --json', does: 'the same as one JSON object' },
  ],
  about: 'Works for the user whose the keys are (the one the gateway runs as), on the machine of the node that wrote the record. That it was done is written to the audit before anything is shown. Values were masked and cut before they were encrypted, and stay so.',
  options: {},
  operands: [1, 1],
};

const FORGET: Omit<Verb, 'run'> = {
  name: 'audit forget',
  summary: 'destroy keys of captured values, so that nobody can read those again',
  usage: '',
  examples: [
    { run: 'sentinel audit forget --day 2026-11-01 --reason "request 12"', does: 'what was captured on that day (UTC) is gone; its records stay, and still verify' },
    { run: 'sentinel audit forget --before 30d --yes', does: 'the same for each day that was over 30 days ago, without asking' },
  ],
  about: 'A key is good for one UTC day of this node. It is overwritten and removed; copies of the file that backups, snapshots or the disk itself kept are not reached: see docs/audit-capture.md. Written to the audit before and after. A running gateway goes on with a new key.',
  options: {
    day: { type: 'string', value: 'day', help: 'the key of this UTC day, such as 2026-11-01' },
    before: { type: 'string', value: 'time', help: 'the keys of all days that were over then: a span back (30d) or an RFC 3339 time' },
    reason: { type: 'string', value: 'text', help: 'why; kept in the audit' },
    'dry-run': { type: 'boolean', help: 'only say which keys it would destroy' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask' },
  },
  operands: [0, 0],
};

async function openTools(cx: VerbContext): Promise<Result<CaptureTools, Fault>> {
  const { readConfiguration } = await import('../app/configuration.ts');
  const { openCaptureTools } = await import('../app/audit-capture-open.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return read;
  tellEmbedded(cx, read.value);
  const { settings } = read.value;
  const tools = openCaptureTools(read.value, cx.user);
  if (!tools.ok) return tools;
  const { record } = tools.value;
  return ok({ ...tools.value, record: (fact) => (fact.kind === 'audit_read' ? recordRead(cx, settings, fact.verb, fact.asked) : record(fact)) });
}

export const keptVerbs: readonly Verb[] = captureVerbs(openTools);

// ── reveal ──────────────────────────────────────────────────────────────────

async function reveal(cx: VerbContext, tools: CaptureTools): Promise<Result<number, Fault>> {
  const { revealCall } = await import('../app/audit-capture.ts');
  const [call = ''] = cx.args;
  const revealed = await revealCall(call, tools);
  if (!revealed.ok) return revealed;
  if (revealed.value === undefined) return err(noSuchCall(call));
  if (revealed.value.length === 0) return err(refusedFault(`nothing was captured of call ${printable(call)}`, 'rules of [[audit.capture]] say what is; they do so for calls that come after'));
  const closed = revealed.value.filter(({ reading }) => reading.content.state !== 'open');
  if (cx.json) cx.out(shownJson(objectOf([['call', quote(call)], ['records', arrayOf(revealed.value.map(jsonOf))]])));
  else for (const one of revealed.value) tell(cx, one);
  if (closed.length === 0) return ok(EXIT.ok);
  if (closed.length < revealed.value.length) return ok(EXIT.partial);
  return err(refusedFault(`nothing that was captured of call ${printable(call)} can be shown: ${[...new Set(closed.map(whyClosed))].join('; ')}`, 'the records themselves: sentinel audit show <call>'));
}

function tell(cx: VerbContext, one: Revealed): void {
  const { record, reading: { rules, content } } = one;
  cx.out(`${record.kind}  ${rfc3339(record.ts)}  ${printable(record.id)}`);
  for (const { reason, owner } of rules) cx.out(`  kept for: ${printable(reason)}${owner === undefined ? '' : ` (${printable(owner)})`}`);
  if (content.state !== 'open') return cx.out(`  not shown: ${whyClosed(one)}`);
  for (const [pointer, value] of content.arguments) cx.out(`  argument ${printable(pointer)}  ${printable(value)}`);
  for (const [pointer, value] of content.result) cx.out(`  result ${printable(pointer)}  ${printable(value)}`);
  if (content.incomplete) cx.out('  more was named than was kept');
}

function whyClosed({ elsewhere, record, reading: { content } }: Revealed): string {
  switch (content.state) {
    case 'open': return '';
    case 'unreadable': return 'it is in a form that this version does not know';
    case 'not_kept': return `when it was written there was no key of ${content.day}, so nothing was kept`;
    case 'destroyed': return `the key of ${content.day} was destroyed at ${rfc3339(content.by.at)} by ${printable(content.by.by)}`;
    case 'no_key': return elsewhere ? `it was captured on node ${printable(record.node)}, and its key is there` : `its key of ${content.day} is not here; events key_destroyed in the audit say whether it was destroyed`;
    case 'key_refused': return printable(content.detail);
    case 'refused': return `it was altered, or moved here from another record (key of ${content.day})`;
  }
}

/** Text instead of parsed values: an id of 19 digits is no number of this program. */
function jsonOf(one: Revealed): RawJson {
  const { record, reading: { rules, content } } = one;
  const members: (readonly [string, RawJson])[] = [
    ['id', quote(record.id)], ['kind', quote(record.kind)], ['time', quote(rfc3339(record.ts))], ['node', quote(record.node)], ['rules', toRaw(rules)], ['state', quote(content.state)],
  ];
  if ('day' in content) members.push(['day', quote(content.day)]);
  if (content.state === 'open') members.push(['arguments', objectOf(content.arguments)], ['result', objectOf(content.result)], ['incomplete', toRaw(content.incomplete)]);
  else members.push(['why', quote(whyClosed(one))]);
  if (content.state === 'destroyed') members.push(['destroyed_at', quote(rfc3339(content.by.at))], ['destroyed_by', quote(content.by.by)]);
  return objectOf(members);
}

// ── forget ──────────────────────────────────────────────────────────────────

async function forget(cx: VerbContext, tools: CaptureTools): Promise<Result<number, Fault>> {
  const which = whichOf(cx);
  if (!which.ok) return err(usageFault(which.error, 'sentinel help audit forget'));
  const { daysToForget, destroyedOn, forgetDays } = await import('../app/audit-capture.ts');
  tellFile(cx);
  const days = daysToForget(which.value, tools);
  if (days.length === 0) return 'day' in which.value ? nothingOn(cx, which.value.day, destroyedOn(which.value.day, tools)) : nothing(cx);
  if (cx.flags.on('dry-run')) {
    if (cx.json) cx.outJson({ dry_run: true, days });
    else cx.out(`would destroy ${count(days.length, 'key')}: ${days.join(', ')}`);
    return ok(EXIT.ok);
  }
  const sure = await confirmed(cx, days);
  if (!sure.ok || !sure.value) return sure.ok ? ok(EXIT.confirmationNeeded) : sure;
  return said(cx, await forgetDays(days, cx.flags.text('reason')?.trim() || 'by an operator', tools));
}

function whichOf(cx: VerbContext): Result<ForgetWhich, string> {
  const [day, before] = [cx.flags.text('day'), cx.flags.text('before')];
  if ((day === undefined) === (before === undefined)) return err('say which keys: --day <day> or --before <time>');
  if (day !== undefined) return isDay(day) ? ok({ day }) : err(`--day: "${printable(day)}" is no day; write it as 2026-11-01`);
  const moment = parsePast(before ?? '', cx.now());
  if (!moment.ok) return err(`--before: ${printable(moment.error)}`);
  // A slip of a year would destroy today's as well.
  return moment.value <= cx.now() ? ok({ before: moment.value }) : err('--before: that time has not come yet');
}

function isDay(text: string): boolean {
  return parseMoment(`${text}T00:00Z`) !== undefined;
}

function nothing(cx: VerbContext): Result<number, Fault> {
  if (cx.json) cx.outJson({ destroyed: [] });
  cx.err('no day that was over then has a key');
  return ok(EXIT.ok);
}

function nothingOn(cx: VerbContext, day: string, before: Forgotten['destroyed']): Result<number, Fault> {
  const last = before.at(-1);
  if (last === undefined) return err(refusedFault(`there is no key of ${day}: nothing was captured on that day, or its keys are kept elsewhere`, 'is this the configuration the gateway runs with? sentinel status'));
  if (cx.json) cx.outJson({ destroyed: [] });
  cx.err(`the key of ${day} was destroyed already, at ${rfc3339(last.at)} by ${printable(last.by)}`);
  return ok(EXIT.ok);
}

async function confirmed(cx: VerbContext, days: readonly string[]): Promise<Result<boolean, Fault>> {
  if (cx.flags.on('yes')) return ok(true);
  const [first = '', last = ''] = [days[0], days.at(-1)];
  const span = days.length === 1 ? first : `${days.length} days from ${first} to ${last}`;
  const answer = await cx.ask(`Destroy what was captured on ${span}? Nobody can read it again.`);
  if (answer === undefined) return err(confirmFault('sentinel audit forget'));
  if (!answer) cx.err('nothing was destroyed');
  return ok(answer);
}

function said(cx: VerbContext, { destroyed, fault }: Forgotten): Result<number, Fault> {
  if (cx.json) cx.outJson({ destroyed: destroyed.map(({ day, id, at }) => ({ day, key_id: id, at: rfc3339(at) })) });
  else for (const { day, id } of destroyed) cx.out(`destroyed the key of ${day} (${printable(id)})`);
  return fault === undefined ? ok(EXIT.ok) : err(fault);
}
