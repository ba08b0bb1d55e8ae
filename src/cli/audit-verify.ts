// `sentinel audit verify`: whether the audit is what was written.
import type { Divergence, EpochReport, Verified } from '../app/audit-verify.ts';
import { ok } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { EXIT } from './exit.ts';
import { count } from './render.ts';
import { usageFault } from './faults.ts';
import type { Verb, VerbContext } from './verb.ts';

/** So often a word on how far it is. */
const TELL_MS = 1000;
const SHOWN = 20;

export const verify: Verb = {
  name: 'audit verify',
  summary: 'check every record against its chain, the signed checkpoints, and copies of them kept elsewhere',
  usage: '[<export> …]',
  examples: [
    { run: 'sentinel audit verify', does: 'the journal of this gateway, with its own key' },
    { run: 'sentinel audit verify --anchor /mnt/elsewhere/checkpoints.txt', does: 'also shows that nothing was cut off at the end' },
    { run: 'sentinel audit verify --database --key node-a.pub --key node-b.pub', does: 'what PostgreSQL holds of two gateways' },
    { run: 'sentinel audit verify records.jsonl --anchor checkpoints.jsonl --key audit-sign.pub', does: 'an export with its checkpoints, on any machine, without a gateway' },
  ],
  about: 'Reads only, offline, in one pass. Names the first record of each epoch that is not what was written, and exits with 22. Without an anchor nobody can tell whether the end of the journal was cut off together with its checkpoints: keep checkpoints where who can write the journal cannot write. An export is JSON Lines with the records as they were written (`sentinel audit export`); `-` is stdin. It bears no signatures: without an anchor it is only shown to fit together, which is exit 3. With --database what PostgreSQL holds is read instead of the journal, and the auditor\'s role is enough; an epoch that lost its beginning to retention is chained from there on, and its checkpoints show only how long it was.',
  options: {
    anchor: { type: 'string', multiple: true, value: 'file', help: 'checkpoints that were kept elsewhere: notes, an export of checkpoints, or `witnessed` records of another gateway' },
    database: { type: 'boolean', help: 'checks PostgreSQL, where the records are shipped, instead of the journal' },
    detached: { type: 'boolean', help: 'with --database: also the tables of detached days that are still there and may be read' },
    key: { type: 'string', multiple: true, value: 'file', help: 'whose signatures to believe (default: audit-sign.pub of the state directory)' },
    strict: { type: 'boolean', help: 'reads each record as JSON too; slower' },
  },
  operands: [0, 64],
  run: runVerify,
};

async function runVerify(cx: VerbContext): Promise<number> {
  const fromDatabase = cx.flags.on('database');
  if (fromDatabase && cx.args.length > 0) return cx.fail(usageFault('--database reads PostgreSQL, and no exports: check one after the other'));
  if (cx.flags.on('detached') && !fromDatabase) return cx.fail(usageFault('--detached is for --database'));
  const { readConfiguration } = await import('../app/configuration.ts');
  const { verifyAudit } = await import('../app/audit-verify.ts');
  // Files against keys that are named need no gateway, and so no configuration.
  const read = cx.args.length > 0 && cx.flags.list('key').length > 0 ? ok(undefined) : readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  if (read.value?.settings.store.postgresUrl !== undefined && !fromDatabase && cx.args.length === 0) cx.err('note: this checks the journal; what PostgreSQL holds: sentinel audit verify --database');
  const began = cx.now();
  let told = began;
  const onProgress = (records: number): void => {
    if (cx.now() - told < TELL_MS) return;
    told = cx.now();
    cx.err(`${records} records, ${Math.round(records / Math.max(1, (told - began) / 1000))} a second …`);
  };
  const verified = await verifyAudit(read.value?.settings, { files: cx.args, stdin: cx.stdin, database: fromDatabase ? { detached: cx.flags.on('detached') } : undefined, anchors: cx.flags.list('anchor'), keys: cx.flags.list('key'), strict: cx.flags.on('strict'), onProgress, signal: cx.signal });
  if (!verified.ok) return cx.fail(verified.error);
  if (cx.signal.aborted) return cx.fail({ exit: EXIT.failed, code: 'SEN-0603', message: 'interrupted: what was not read was not checked', help: 'sentinel audit verify' });
  if (cx.json) cx.outJson(verdictJson(verified.value, cx.now() - began));
  else tell(cx, verified.value, cx.now() - began);
  const [first] = verified.value.problems;
  if (first === undefined) return cx.args.length > 0 && isBare(verified.value) ? tellBare(cx, verified.value) : EXIT.ok;
  return cx.json ? EXIT.auditInvalid : cx.fail({ exit: EXIT.auditInvalid, code: 'SEN-0603', message: `the audit is not what was written: ${sentence(first)}`, help: 'keep the files as they are, and read docs/runbook.md' });
}

function tell(cx: VerbContext, { records, epochs, problems, passedOver, database }: Verified, tookMs: number): void {
  for (const { node, epoch, firstSeq, rooted, size, signed, anchored, unsigned } of epochs.slice(-SHOWN)) {
    const proven = rooted ? `signed to ${signed}${anchored > 0 ? `, anchored to ${anchored}` : ''}` : `those before ${firstSeq} were retired, and without them no checkpoint proves these`;
    cx.out(`epoch ${epoch} of ${node}: records ${firstSeq} to ${size}, ${proven}${unsigned > 0 ? `, ${unsigned} chained only` : ''}`);
  }
  if (epochs.length > SHOWN) cx.out(`and ${epochs.length - SHOWN} epochs before`);
  for (const problem of problems.slice(0, SHOWN)) cx.out(`${cx.paint.bad(problem.problem)}: ${sentence(problem)}`);
  if (problems.length > SHOWN) cx.out(`and ${problems.length - SHOWN} more`);
  const unrooted = epochs.filter(({ rooted }) => !rooted).length;
  if (unrooted > 0) cx.err(`${unrooted} epochs lost their beginning to retention: what is left of them is chained, and proven by nothing`);
  if (database !== undefined) tellDatabase(cx, database);
  if (passedOver > 0) cx.err(`of other nodes, or of what is no longer here, and so without a word: ${count(passedOver, 'anchor')}`);
  cx.out(`${count(records, 'record')}, ${count(epochs.length, 'epoch')}, ${count(problems.length, 'problem')}, ${(tookMs / 1000).toFixed(1)} s`);
}

/** Nobody has signed any of it, as of an export without an anchor. */
function isBare({ records, epochs }: Verified): boolean {
  return records > 0 && epochs.every(({ signed, anchored }) => signed === 0 && anchored === 0);
}

function tellBare(cx: VerbContext, { records }: Verified): number {
  cx.err(`no signature covers ${records === 1 ? 'this record' : `these ${records} records`}: they fit each other, and whoever could write them could have made them so. With --anchor and checkpoints of the journal (sentinel audit export --format checkpoints) it is proven`);
  return EXIT.partial;
}

/** What was not checked, or is taken as right without a proof. */
function tellDatabase(cx: VerbContext, { unchained, aside, others, absent, retiredBefore, retired }: NonNullable<Verified['database']>): void {
  if (unchained > 0) cx.err(`${unchained} records of version 1 have no chain, and were passed over`);
  if (aside > 0) cx.err(`${aside} records were read from audit_refused`);
  if (retired > 0) cx.err(`of ${retired} epochs that began before ${retiredBefore} nothing is here: taken as detached with their days`);
  if (others.length > 0) cx.err(`not checked, for want of a --key: ${others.slice(0, SHOWN).map(printable).join(', ')}${others.length > SHOWN ? `, and ${others.length - SHOWN} more` : ''}`);
  if (absent.length > 0) cx.err(`no record is here of ${absent.join(', ')}`);
}

function sentence({ node, epoch, seq, where, detail }: Divergence): string {
  const place = epoch === 0 ? '' : `record ${seq} of epoch ${epoch}${node === '' ? '' : ` of node ${node}`}, `;
  return printable(`${place}${where}: ${detail}`);
}

function verdictJson({ records, epochs, problems, passedOver, keys, database }: Verified, tookMs: number): object {
  return {
    ok: problems.length === 0, records, epochs: epochs.map(epochJson), problems: problems.map(({ node, epoch, seq, where, problem, detail, from }) => ({ node, epoch, seq, where, problem, detail, ...(from === undefined ? {} : { from }) })),
    anchors_passed_over: passedOver, keys, took_ms: tookMs, ...(database === undefined ? {} : { database: databaseJson(database) }),
  };
}

function epochJson({ node, epoch, firstSeq, rooted, size, root, signed, anchored, unsigned }: EpochReport): object {
  return { node, epoch, first_seq: firstSeq, size, ...(rooted ? { root } : { rooted }), signed, anchored, unsigned };
}

function databaseJson({ unchained, aside, others, absent, retiredBefore, retired }: NonNullable<Verified['database']>): object {
  return { version_1: unchained, refused: aside, not_checked: others, absent, retired_epochs: retired, ...(retiredBefore === undefined ? {} : { retired_before: retiredBefore }) };
}
