// `sentinel unkill`: undoes what `kill` did, by id or by the same words.
import { describeKillScope } from '../../core/override.ts';
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { refusedFault, usageFault } from '../faults.ts';
import { tellGateway } from '../meant.ts';
import { count } from '../render.ts';
import { SCOPE_USAGE, parseScope } from '../scope.ts';
import type { Verb, VerbContext } from '../verb.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const unkill: Verb = {
  name: 'unkill',
  summary: 'undo a kill, by its id or by the same words',
  usage: `<id> | ${SCOPE_USAGE}`,
  examples: [
    { run: 'sentinel unkill tool filesystem/write_file --reason "incident 12 closed"', does: 'lets the tool be called again' },
    { run: 'sentinel unkill 01991f0e-0000-7000-8000-000000000000 --reason "by mistake"', does: 'undoes one kill, by the id that kill and kills print' },
  ],
  about: 'Undoes kills made by operators. A kill written in the configuration file is undone there, then: sentinel reload.',
  options: { reason: { type: 'string', value: 'text', help: 'why; kept in the audit (required)' } },
  operands: [1, 2],
  run,
};

export const verbs: readonly Verb[] = [unkill];

async function run(cx: VerbContext): Promise<number> {
  const reason = cx.flags.text('reason')?.trim() ?? '';
  if (reason === '') return cx.fail(usageFault('--reason <text> is required: it is what the audit will say', 'sentinel help unkill'));
  const target = targetOf(cx.args);
  if (target.kind === 'unclear') return cx.fail(usageFault(target.message, 'sentinel help unkill'));
  tellGateway(cx);
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const done = await control.value.unkill({ target: target.text, reason, by: cx.user });
  if (!done.ok) return cx.fail({ ...done.error, help: done.error.help ?? `sentinel kills lists them${target.text === 'all' ? '; `unkill all` undoes a `kill all`, not every kill' : ''}` });
  const { removed, revision } = done.value;
  if (removed === 0) return cx.fail(refusedFault(`no active kill of an operator matches ${printable(target.text)}`, 'sentinel kills lists them, with where each comes from'));
  if (cx.json) cx.outJson({ removed, revision });
  else cx.out(`undone: ${count(removed, 'kill')} of ${printable(target.text)}`);
  return EXIT.ok;
}

function targetOf(args: readonly string[]): { readonly kind: 'target'; readonly text: string } | { readonly kind: 'unclear'; readonly message: string } {
  const [first] = args;
  if (args.length === 1 && first !== undefined && ID.test(first)) return { kind: 'target', text: first };
  const scope = parseScope(args);
  return scope.ok ? { kind: 'target', text: describeKillScope(scope.value) } : { kind: 'unclear', message: scope.error };
}
