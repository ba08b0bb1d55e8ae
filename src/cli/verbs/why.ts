// `sentinel why`: one call or refused request, by its id: who asked for what, what each stage said, how it ended, and what would change it.
import type { Audit } from '../../app/audit.ts';
import { all, oneOf } from '../../core/audit/filter.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { StatusReport } from '../../core/operations.ts';
import { storeFault, withAudit } from '../audit-open.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { refusedFault } from '../faults.ts';
import { noSuchCall } from '../no-call.ts';
import { publishObject } from '../publish.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { commandLine, whyText } from '../why-text.ts';

const why: Verb = {
  name: 'why',
  summary: 'say why a call was allowed or refused, how it ended, and what would change it',
  usage: '[<request-id>]',
  examples: [
    { run: 'sentinel why', does: 'the last that was refused' },
    { run: 'sentinel why 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60', does: 'the call or refused request with this id, as agents and logs quote it' },
    { run: 'sentinel why 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 --json', does: 'the same as one JSON object' },
  ],
  about: 'Read from the audit, with no values of arguments or results. What would change it is found with the configuration file and the kills as they are now; a running gateway is only asked which configuration it has in force, and no backend is asked anything. Exit 0: found. Exit 1: no such call is on record.',
  options: {},
  operands: [0, 1],
  run,
};

export const verbs: readonly Verb[] = [why];

async function run(cx: VerbContext): Promise<number> {
  return await withAudit(cx, 'why', cx.args.join(' '), async (_cx, audit, { settings, file, hash }): Promise<Result<number, Fault>> => {
    const { whyCall } = await import('../../app/why-call.ts');
    const { storedOverrides } = await import('../../app/overrides.ts');
    const asked = cx.args[0] === undefined ? await lastRefused(audit) : ok(cx.args[0]);
    if (!asked.ok) return asked;
    const id = asked.value;
    const overrides = await storedOverrides(settings);
    if (overrides === undefined) cx.err('note: operators\u2019 kills could not be read; only those of the file are taken into account');
    const found = await whyCall(id, { audit, settings, file, hash, overrides, running: await inForce(cx), now: cx.now() });
    if (!found.ok) return err(storeFault(found.error));
    if (found.value === undefined) return err(noSuchCall(id));
    const report = found.value;
    if (cx.json) cx.outJson(publishObject({ ...report, changes: report.changes.map(({ text, run: words }) => ({ text, run: words === undefined ? undefined : commandLine(words, cx) })) }));
    else cx.out(whyText(report, cx));
    return ok(EXIT.ok);
  });
}

async function lastRefused(audit: Audit): Promise<Result<string, Fault>> {
  const page = await audit.query(all([oneOf('kind', ['outcome', 'refused']), oneOf('decision', ['deny'])]), { limit: 1 });
  if (!page.ok) return err(storeFault(page.error));
  const id = page.value.entries[0]?.call_id;
  return typeof id === 'string' ? ok(id) : err(refusedFault('nothing was refused', 'sentinel why <request-id>: sentinel audit query shows the ids of recent calls'));
}

async function inForce(cx: VerbContext): Promise<Pick<StatusReport, 'revision' | 'configHash'> | undefined> {
  const control = await openControl(cx);
  const status = control.ok ? await control.value.status() : control;
  return status.ok ? status.value : undefined;
}
