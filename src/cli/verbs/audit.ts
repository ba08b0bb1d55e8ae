// `sentinel audit`: what was asked, decided and done. Reads the store itself, so it works without a running gateway.
import type { Audit, AuditCount, AuditEntry } from '../../app/audit.ts';
import { fieldLines, fieldViews, FILTER_EXAMPLES, LANGUAGE } from '../../core/audit/reference.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { auditFilter, FILTER_ABOUT, FILTER_OPERANDS, FILTER_OPTIONS, FILTER_USAGE, LEFT_OUT, numberFlag, readFilter } from '../audit-filter.ts';
import { storeFault, withAudit } from '../audit-open.ts';
import { askedWith } from '../audit-read.ts';
import { auditLine, callText } from '../audit-text.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { noSuchCall } from '../no-call.ts';
import { table, wrap } from '../render.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { keptVerbs } from '../audit-keys.ts';
import { exporting } from '../audit-export.ts';
import { verify } from '../audit-verify.ts';

const tail: Verb = {
  name: 'audit tail',
  summary: 'the last entries, then each new one as it is written',
  usage: FILTER_USAGE,
  examples: [
    { run: 'sentinel audit tail', does: 'ten entries and then on, until Ctrl-C' },
    { run: "sentinel audit tail 'ruling = deny or took > 2s' --json", does: 'each refusal and each slow call as one line of JSON' },
  ],
  about: `${FILTER_ABOUT} ${LEFT_OUT}`,
  options: { ...FILTER_OPTIONS, lines: { type: 'string', short: 'n', value: 'count', help: 'entries from before (default 10)' }, 'no-follow': { type: 'boolean', help: 'end after the entries from before' } },
  operands: FILTER_OPERANDS,
  run: (cx) => withAudit(cx, 'audit tail', askedWith(cx), runTail),
};

const query: Verb = {
  name: 'audit query',
  summary: 'entries that match, newest first',
  usage: FILTER_USAGE,
  examples: [
    { run: "sentinel audit query 'since 1h and decision = deny and not role = admin'", does: 'what was refused in the last hour to others than admins' },
    { run: "sentinel audit query --tool 'filesystem/write*' --subject alice --json", does: 'each entry as one line of JSON' },
  ],
  about: `${FILTER_ABOUT} ${LEFT_OUT} A page that is not the last ends with the number to give to --before.`,
  options: { ...FILTER_OPTIONS, limit: { type: 'string', value: 'count', help: 'entries of one page, up to 1000 (default 50)' }, before: { type: 'string', value: 'row', help: 'go on where the page before ended' } },
  operands: FILTER_OPERANDS,
  run: (cx) => withAudit(cx, 'audit query', askedWith(cx), runQuery),
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
  run: (cx) => withAudit(cx, 'audit show', cx.args.join(' '), runShow),
};

const stats: Verb = {
  name: 'audit stats',
  summary: 'how many calls, by tool and how they ended',
  usage: FILTER_USAGE,
  examples: [
    { run: 'sentinel audit stats --since 1d', does: 'the last day, most frequent first' },
    { run: "sentinel audit stats 'decision = deny and severity >= high' --json", does: 'refusals by rules that matter, one line of JSON for each kind' },
  ],
  about: `${FILTER_ABOUT} ${LEFT_OUT}`,
  options: { ...FILTER_OPTIONS, limit: { type: 'string', value: 'count', help: 'rows, up to 1000 (default 50)' } },
  operands: FILTER_OPERANDS,
  run: (cx) => withAudit(cx, 'audit stats', askedWith(cx), runStats),
};

const filter: Verb = {
  name: 'audit filter',
  summary: 'explain filters and list their fields, or check one',
  usage: FILTER_USAGE,
  examples: [
    { run: 'sentinel audit filter', does: 'the language, with every field' },
    { run: "sentinel audit filter 'decision = deny and tool = \"github/*\"'", does: 'exit 0 when it can be read, 2 with the place when not' },
  ],
  about: 'Reads no store. Filters are the same for `audit tail`, `audit query`, `audit stats` and wherever a configuration has one; there, moments only, for a file is read at no time to count back from.',
  options: {},
  operands: FILTER_OPERANDS,
  run: runFilter,
};

export const verbs: readonly Verb[] = [tail, query, show, stats, filter, verify, exporting, ...keptVerbs];

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
  if (story.value === undefined) return err(noSuchCall(id));
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

async function runFilter(cx: VerbContext): Promise<number> {
  const text = cx.args.join(' ');
  if (text !== '') {
    const read = readFilter(text, cx);
    if (!read.ok) return cx.fail(read.error);
    if (cx.json) cx.outJson({ filter: text, ok: true });
    else cx.err('it can be read');
    return EXIT.ok;
  }
  if (cx.json) {
    cx.outJson({ fields: fieldViews(), examples: FILTER_EXAMPLES.map(([written, finds]) => ({ filter: written, finds })) });
    return EXIT.ok;
  }
  const examples = FILTER_EXAMPLES.map(([written, finds]) => `  ${written}\n      ${finds}`).join('\n');
  cx.out([...LANGUAGE.map((paragraph) => wrap(paragraph, cx.width, '')), `Examples\n${examples}`, `Fields\n\n${fieldLines()}`].join('\n\n'));
  return EXIT.ok;
}
