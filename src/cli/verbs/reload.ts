// `sentinel reload`: the whole file or none of it.
import type { ReloadReport } from '../../core/operations.ts';
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { tellProblems } from '../diagnostics.ts';
import { EXIT } from '../exit.ts';
import { tellGateway } from '../meant.ts';
import { publish } from '../publish.ts';
import { count } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const reload: Verb = {
  name: 'reload',
  summary: 'make the running gateway read its configuration again',
  usage: '',
  examples: [
    { run: 'sentinel reload', does: 'puts the file into force, or prints every problem and changes nothing' },
    { run: 'sentinel check && sentinel reload', does: 'looks at the file first' },
  ],
  about: 'The same as sending SIGHUP to the gateway. Calls in flight end under the revision they began with. Exit 11 when the file was refused; the running revision is then untouched.',
  options: {},
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [reload];

async function run(cx: VerbContext): Promise<number> {
  tellGateway(cx);
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const done = await control.value.reload(cx.user);
  if (!done.ok) return cx.fail(done.error);
  const report = done.value;
  if (cx.json) cx.outJson(publish(report));
  else tell(cx, report);
  return report.ok ? EXIT.ok : EXIT.configInvalid;
}

function tell(cx: VerbContext, report: ReloadReport): void {
  tellProblems(cx, report.problems);
  if (!report.ok) {
    cx.err(`refused: revision ${report.revision} keeps running`);
    return;
  }
  cx.out(`revision ${report.revision} is in force: ${report.changes.length === 0 ? 'nothing changed' : count(report.changes.length, 'change')}`);
  for (const change of report.changes) cx.out(`  ${printable(change)}`);
}
