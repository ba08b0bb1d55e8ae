// `sentinel audit`: what was asked, decided and done. Reads the store itself, so it works without a running gateway.
import type { Audit, AuditCount, AuditEntry } from '../../app/audit.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { printable } from '../../core/text.ts';
import { auditFilter, FILTER_OPTIONS, numberFlag } from '../audit-filter.ts';
import { auditLine, callText } from '../audit-text.ts';
import { openControl } from '../daemon.ts';
import { tellEmbedded } from '../embedded.ts';
import { EXIT } from '../exit.ts';
import { refusedFault } from '../faults.ts';
import { table } from '../render.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';

const ABOUT = 'Patterns may hold * and ?. A tool is named as the backend calls it, as agents call it, or as backend/tool; what is no tool by its kind, as prompt:backend/name, resource:backend/uri or completion:backend/name. Times are spans back from now (2h, 7d) or RFC 3339.';

const tail: Verb = {
  name: 'audit tail',
  summary: 'the last entries, then each new one as it is written',
  usage: '',
  examples: [
    { run: 'sentinel audit tail', does: 'ten entries and then on, until Ctrl-C' },
    { run: 'sentinel audit tail --decision deny --json', does: 'each refusal as one line of JSON' },
  ],
  about: ABOUT,
  options: { ...FILTER_OPTIONS, lines: { type: 'string', short: 'n', value: 'count', help: 'entries from before (default 10)' }, 'no-follow': { type: 'boolean', help: 'end after the entries from before' } },
  operands: [0, 0],
  run: (cx) => withAudit(cx, runTail),
};

const query: Verb = {
  name: 'audit query',
  summary: 'entries that match, newest first',
  usage: '',
  examples: [
    { run: 'sentinel audit query --since 1h --decision deny', does: 'what was refused in the last hour' },
    { run: "sentinel audit query --tool 'filesystem/write*' --subject alice --json", does: 'each entry as one line of JSON' },
  ],
  about: `${ABOUT} A page that is not the last ends with the number to give to --before.`,
  options: { ...FILTER_OPTIONS, limit: { type: 'string', value: 'count', help: 'entries of one page, up to 1000 (default 50)' }, before: { type: 'string', value: 'row', help: 'go on where the page before ended' } },
  operands: [0, 0],
  run: (cx) => withAudit(cx, runQuery),
};

const show: Verb = {
  name: 'audit show',
  summary: 'one call whole: who, what, every stage, and how it ended',
  usage: '<call>',
  examples: [
    { run: 'sentinel audit show 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60', does: 'the call with this id, as agents and logs quote it' },
    { run: 'sentinel audit show 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 --json', does: 'its records as one JSON object' },
  ],
  options: {},
  operands: [1, 1],
  run: (cx) => withAudit(cx, runShow),
};

const stats: Verb = {
  name: 'audit stats',
  summary: 'how many calls, by tool and how they ended',
  usage: '',
  examples: [
    { run: 'sentinel audit stats --since 1d', does: 'the last day, most frequent first' },
    { run: 'sentinel audit stats --decision deny --json', does: 'refusals, one line of JSON for each kind' },
  ],
  about: ABOUT,
  options: { ...FILTER_OPTIONS, limit: { type: 'string', value: 'count', help: 'rows, up to 1000 (default 50)' } },
  operands: [0, 0],
  run: (cx) => withAudit(cx, runStats),
};

export const verbs: readonly Verb[] = [tail, query, show, stats];

type Run = (cx: VerbContext, audit: Audit) => Promise<Result<number, Fault>>;

async function withAudit(cx: VerbContext, run: Run): Promise<number> {
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { openAudit } = await import('../../app/audit.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellEmbedded(cx, read.value);
  const opened = await openAudit(read.value.settings.store);
  if (!opened.ok) return cx.fail(opened.error);
  try {
    const done = await run(cx, opened.value);
    return done.ok ? done.value : cx.fail(done.error);
  } finally {
    await opened.value.close();
  }
}

async function runTail(cx: VerbContext, audit: Audit): Promise<Result<number, Fault>> {
  const filter = auditFilter(cx);
  const lines = numberFlag(cx, 'lines', 10, [0, 1000]);
  if (!filter.ok) return filter;
  if (!lines.ok) return lines;
  if (!cx.flags.on('no-follow') && !(await runsHere(cx))) cx.err('note: no gateway runs here; what others write to this store is shown as it comes');
  const signal = cx.flags.on('no-follow') ? AbortSignal.abort() : cx.signal;
  const followed = await audit.follow(filter.value, lines.value, signal, await speaker(cx));
  return followed.ok ? ok(EXIT.ok) : err(storeFault(followed.error));
}

async function speaker(cx: VerbContext): Promise<(entry: AuditEntry) => void> {
  const { auditJson } = await import('../../app/audit.ts');
  return (entry) => (cx.json ? cx.outJson(auditJson(entry)) : cx.out(auditLine(entry, cx.paint)));
}

async function runsHere(cx: VerbContext): Promise<boolean> {
  const control = await openControl(cx);
  return control.ok && (await control.value.readiness()).ok;
}

async function runQuery(cx: VerbContext, audit: Audit): Promise<Result<number, Fault>> {
  const filter = auditFilter(cx);
  const limit = numberFlag(cx, 'limit', 50, [1, 1000]);
  const before = numberFlag(cx, 'before', undefined, [1, Number.MAX_SAFE_INTEGER]);
  if (!filter.ok) return filter;
  if (!limit.ok) return limit;
  if (!before.ok) return before;
  const page = await audit.query(filter.value, { limit: limit.value, before: before.value });
  if (!page.ok) return err(storeFault(page.error));
  page.value.entries.forEach(await speaker(cx));
  if (page.value.entries.length === 0) cx.err('nothing matches');
  if (page.value.next !== undefined) cx.err(`more: --before ${page.value.next}`);
  return ok(EXIT.ok);
}

async function runShow(cx: VerbContext, audit: Audit): Promise<Result<number, Fault>> {
  const [id = ''] = cx.args;
  const story = await audit.show(id);
  if (!story.ok) return err(storeFault(story.error));
  if (story.value === undefined) return err(refusedFault(`no call ${printable(id)} is on record`, 'sentinel audit query shows the ids of recent calls'));
  const { auditJson } = await import('../../app/audit.ts');
  if (cx.json) cx.outJson({ call: id, concluded: story.value.outcome !== undefined, records: story.value.records.map(auditJson) });
  else cx.out(callText(id, story.value, cx));
  return ok(EXIT.ok);
}

async function runStats(cx: VerbContext, audit: Audit): Promise<Result<number, Fault>> {
  const filter = auditFilter(cx);
  const limit = numberFlag(cx, 'limit', 50, [1, 1000]);
  if (!filter.ok) return filter;
  if (!limit.ok) return limit;
  const counts = await audit.stats(filter.value, limit.value);
  if (!counts.ok) return err(storeFault(counts.error));
  if (cx.json) for (const { averageMs, ...count } of counts.value) cx.outJson({ ...count, ...(averageMs === undefined ? {} : { average_ms: averageMs }) });
  else if (counts.value.length > 0) cx.out(table(['CALLS', 'STATUS', 'CODE', 'BACKEND MS', 'TARGET'], counts.value.map(countRow), cx));
  if (counts.value.length === 0) cx.err('nothing matches');
  return ok(EXIT.ok);
}

function countRow({ calls, status, code, averageMs, target }: AuditCount): readonly string[] {
  return [String(calls), status, code, averageMs === undefined ? '' : averageMs.toFixed(1), target];
}

function storeFault(fault: { readonly detail: string }): Fault {
  return { exit: EXIT.failed, code: 'SEN-0601', message: `the store cannot be read: ${printable(fault.detail)}`, help: 'sentinel doctor' };
}
