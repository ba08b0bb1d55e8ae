// `sentinel audit verify`: whether the audit is what was written.
import type { Divergence, EpochReport, Verified } from '../app/audit-verify.ts';
import { printable } from '../core/text.ts';
import { EXIT } from './exit.ts';
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
    { run: 'sentinel audit verify records.jsonl --key audit-sign.pub', does: 'an export, on any machine, without a gateway' },
  ],
  about: 'Reads only, offline, in one pass. Names the first record of each epoch that is not what was written, and exits with 22. Without an anchor nobody can tell whether the end of the journal was cut off together with its checkpoints: keep checkpoints where who can write the journal cannot write. An export is JSON Lines with the records as they were written (`sentinel audit export`); `-` is stdin.',
  options: {
    anchor: { type: 'string', multiple: true, value: 'file', help: 'checkpoints that were kept elsewhere' },
    key: { type: 'string', multiple: true, value: 'file', help: 'whose signatures to believe (default: audit-sign.pub of the state directory)' },
    strict: { type: 'boolean', help: 'reads each record as JSON too; slower' },
  },
  operands: [0, 64],
  run: runVerify,
};

async function runVerify(cx: VerbContext): Promise<number> {
  const { readConfiguration } = await import('../app/configuration.ts');
  const { verifyAudit } = await import('../app/audit-verify.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const began = cx.now();
  let told = began;
  const onProgress = (records: number): void => {
    if (cx.now() - told < TELL_MS) return;
    told = cx.now();
    cx.err(`${records} records, ${Math.round(records / Math.max(1, (told - began) / 1000))} a second …`);
  };
  const verified = await verifyAudit(read.value.settings, { files: cx.args, stdin: cx.stdin, anchors: cx.flags.list('anchor'), keys: cx.flags.list('key'), strict: cx.flags.on('strict'), onProgress, signal: cx.signal });
  if (!verified.ok) return cx.fail(verified.error);
  if (cx.signal.aborted) return cx.fail({ exit: EXIT.failed, code: 'SEN-0603', message: 'interrupted: what was not read was not checked', help: 'sentinel audit verify' });
  if (cx.json) cx.outJson(verdictJson(verified.value, cx.now() - began));
  else tell(cx, verified.value, cx.now() - began);
  const [first] = verified.value.problems;
  if (first === undefined) return EXIT.ok;
  return cx.json ? EXIT.auditInvalid : cx.fail({ exit: EXIT.auditInvalid, code: 'SEN-0603', message: `the audit is not what was written: ${sentence(first)}`, help: 'keep the files as they are, and read docs/runbook.md' });
}

function tell(cx: VerbContext, { records, epochs, problems, passedOver }: Verified, tookMs: number): void {
  for (const { node, epoch, firstSeq, size, signed, anchored, unsigned } of epochs.slice(-SHOWN)) {
    cx.out(`epoch ${epoch} of ${node}: records ${firstSeq} to ${size}, signed to ${signed}${anchored > 0 ? `, anchored to ${anchored}` : ''}${unsigned > 0 ? `, ${unsigned} chained only` : ''}`);
  }
  if (epochs.length > SHOWN) cx.out(`and ${epochs.length - SHOWN} epochs before`);
  for (const problem of problems.slice(0, SHOWN)) cx.out(`${cx.paint.bad(problem.problem)}: ${sentence(problem)}`);
  if (problems.length > SHOWN) cx.out(`and ${problems.length - SHOWN} more`);
  if (passedOver > 0) cx.err(`${passedOver} anchors are of other nodes, or of what is no longer here, and showed nothing`);
  cx.out(`${records} records, ${epochs.length} epochs, ${problems.length} problems, ${(tookMs / 1000).toFixed(1)} s`);
}

function sentence({ node, epoch, seq, where, detail }: Divergence): string {
  const place = epoch === 0 ? '' : `record ${seq} of epoch ${epoch}${node === '' ? '' : ` of node ${node}`}, `;
  return printable(`${place}${where}: ${detail}`);
}

function verdictJson({ records, epochs, problems, passedOver, keys }: Verified, tookMs: number): object {
  return {
    ok: problems.length === 0, records, epochs: epochs.map(epochJson), problems: problems.map(({ node, epoch, seq, where, problem, detail, from }) => ({ node, epoch, seq, where, problem, detail, ...(from === undefined ? {} : { from }) })),
    anchors_passed_over: passedOver, keys, took_ms: tookMs,
  };
}

function epochJson({ node, epoch, firstSeq, size, root, signed, anchored, unsigned }: EpochReport): object {
  return { node, epoch, first_seq: firstSeq, size, root, signed, anchored, unsigned };
}
