// `sentinel audit export`: records as they were written, or in the form that another program reads.
import { FORMAT_NAMES, type FormatName } from '../core/audit/exports.ts';
import type { AuditFilter } from '../core/audit/filter.ts';
import { err, ok, type Result } from '../core/result.ts';
import { FILTER_ABOUT, FILTER_OPERANDS, FILTER_OPTIONS, FILTER_USAGE, numberFlag, wholeFilter } from './audit-filter.ts';
import { askedWith, recordRead } from './audit-read.ts';
import { EXIT } from './exit.ts';
import { usageFault } from './faults.ts';
import { packageVersion } from './package.ts';
import { count, shownJson } from './render.ts';
import type { Fault, Verb, VerbContext } from './verb.ts';

const MOST = Number.MAX_SAFE_INTEGER;

export const exporting: Verb = {
  name: 'audit export',
  summary: 'records of the journal, oldest first, as they were written or in the form of another program',
  usage: FILTER_USAGE,
  examples: [
    { run: 'sentinel audit export > records.jsonl', does: 'every record, byte for byte' },
    { run: 'sentinel audit export --format checkpoints > checkpoints.jsonl', does: 'what vouches for them: `audit verify records.jsonl --anchor checkpoints.jsonl --key audit-sign.pub` checks them anywhere' },
    { run: "sentinel audit export --format ocsf 'since 1d and decision = deny'", does: 'what was refused in a day, as OCSF events' },
    { run: 'sentinel audit export --after 4294967396 --limit 1000', does: 'on from where the last one ended' },
  ],
  about: `${FILTER_ABOUT} Nothing is left out unasked. A file or pipe gets the bytes that were hashed; on a terminal, what would steer it is shown escaped. The number for --after of the next run is said at the end, on stderr. What is exported continuously is set in \`[[audit.exports]]\`.`,
  options: {
    ...FILTER_OPTIONS,
    format: { type: 'string', value: 'name', help: `${FORMAT_NAMES.join(', ')} (default: jsonl); or checkpoints, which are an anchor for audit verify` },
    after: { type: 'string', value: 'row', help: 'behind this one (default: from the oldest)' },
    limit: { type: 'string', value: 'count', help: 'records at most (default: all)' },
  },
  operands: FILTER_OPERANDS,
  run: runExport,
};

async function runExport(cx: VerbContext): Promise<number> {
  if (cx.flags.text('format') === 'checkpoints') return runCheckpoints(cx);
  const asked = askedOf(cx);
  if (!asked.ok) return cx.fail(asked.error);
  const { readConfiguration } = await import('../app/configuration.ts');
  const { exportAudit } = await import('../app/audit-export.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const told = await recordRead(cx, read.value.settings, 'audit export', askedWith(cx));
  if (!told.ok) cx.err(`note: this reading is not on record: ${told.error.message}`);
  const done = await exportAudit(read.value.settings, { ...asked.value, version: packageVersion(), write: writerOf(cx) });
  if (!done.ok) return cx.fail(done.error);
  const { written, unreadable, next } = done.value;
  cx.err(`${written} records; go on with --after ${next}`);
  if (unreadable === 0) return EXIT.ok;
  cx.err(`${unreadable} lines of the journal are no records and were left out: sentinel audit verify`);
  return EXIT.partial;
}

/** What vouches for the records, and none of them: not a reading of the audit. */
async function runCheckpoints(cx: VerbContext): Promise<number> {
  const stray = [...Object.keys(FILTER_OPTIONS), 'after', 'limit'].find((name) => cx.flags.text(name) !== undefined);
  if (stray !== undefined || cx.args.length > 0) return cx.fail(usageFault('checkpoints are exported whole: no filter, --after or --limit', 'sentinel audit export --format checkpoints'));
  const { readConfiguration } = await import('../app/configuration.ts');
  const { exportCheckpoints } = await import('../app/audit-export.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const done = await exportCheckpoints(read.value.settings, cx.write);
  if (!done.ok) return cx.fail(done.error);
  cx.err(`${count(done.value, 'checkpoint')}, the newest of each epoch: keep them where who can write the journal cannot write`);
  return EXIT.ok;
}

/** Files and pipes get every byte as it was hashed; a terminal would obey some of them. */
function writerOf({ isTty, write }: Pick<VerbContext, 'isTty' | 'write'>): VerbContext['write'] {
  return isTty.stdout ? (text) => write(text.split('\n').map(shownJson).join('\n')) : write;
}

interface Asked {
  readonly filter: AuditFilter;
  readonly format: FormatName;
  readonly after: number;
  readonly limit: number | undefined;
}

function askedOf(cx: VerbContext): Result<Asked, Fault> {
  const filter = wholeFilter(cx);
  if (!filter.ok) return filter;
  const format = formatFlag(cx);
  if (!format.ok) return format;
  const after = numberFlag(cx, 'after', 0, [0, MOST]);
  if (!after.ok) return after;
  const limit = numberFlag(cx, 'limit', undefined, [1, MOST]);
  return limit.ok ? ok({ filter: filter.value, format: format.value, after: after.value, limit: limit.value }) : limit;
}

function formatFlag(cx: VerbContext): Result<FormatName, Fault> {
  const text = cx.flags.text('format') ?? 'jsonl';
  const found = FORMAT_NAMES.find((one) => one === text);
  return found === undefined ? err(usageFault(`--format ${text}: expected ${FORMAT_NAMES.join(', ')} or checkpoints`)) : ok(found);
}
