// `sentinel doctor`: everything that usually goes wrong, looked at once, each with its remedy.
import { existsSync } from 'node:fs';
import { messageIn } from '../../core/thrown.ts';
import { printable } from '../../core/text.ts';
import { controlOf } from '../control.ts';
import { failure } from '../doctor/finding.ts';
import type { Check, Finding } from '../doctor/finding.ts';
import { EXIT } from '../exit.ts';
import { count } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';
import { whereabouts } from '../whereabouts.ts';

const doctor: Verb = {
  name: 'doctor',
  summary: 'check the machine, the files and the gateway, with a remedy for each fault',
  usage: '',
  examples: [
    { run: 'sentinel doctor', does: 'one line for each check; exit 3 with warnings, 1 with errors' },
    { run: 'sentinel doctor --json', does: 'the same as one JSON object' },
  ],
  about: 'Looks and changes nothing. Uses no network but the addresses of the configuration.',
  options: {},
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [doctor];

interface Result {
  readonly name: string;
  readonly finding: Finding;
}

async function run(cx: VerbContext): Promise<number> {
  const checks = await checksOf(cx);
  const results = await Promise.all(checks.map(async (check): Promise<Result> => ({ name: check.name, finding: await guarded(check) })));
  const errors = results.filter((one) => one.finding.state === 'error').length;
  const warnings = results.filter((one) => one.finding.state === 'warning').length;
  if (cx.json) cx.outJson({ ok: errors + warnings === 0, checks: results.map(({ name, finding }) => ({ name, ...finding, ...('remedy' in finding ? { remedy: cx.remedy(finding.remedy) } : {}) })) });
  else {
    show(cx, results);
    cx.err(errors + warnings === 0 ? 'all is well' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`);
  }
  return errors > 0 ? EXIT.failed : warnings > 0 ? EXIT.partial : EXIT.ok;
}

async function checksOf(cx: VerbContext): Promise<readonly Check[]> {
  const where = whereabouts(cx);
  const { machineChecks } = await import('../doctor/machine.ts');
  const { gatewayChecks } = await import('../doctor/gateway.ts');
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { authProblem } = await import('../../app/authenticate.ts');
  const configuration = readConfiguration(cx);
  const status = existsSync(where.controlSocket) ? await controlOf(where.controlSocket).status() : undefined;
  return [
    ...machineChecks(cx.env, where.stateDir, cx.now),
    ...gatewayChecks({ ...where, configuration, keys: configuration.ok ? await authProblem(configuration.value.settings) : undefined, running: status?.ok === true ? status.value : undefined, env: cx.env }),
  ];
}

/** A check that throws has found something, too. */
async function guarded(check: Check): Promise<Finding> {
  try {
    return await check.run();
  } catch (error) {
    return failure(messageIn(error), 'look at the file or program that it names');
  }
}

function show(cx: VerbContext, results: readonly Result[]): void {
  const { paint } = cx;
  const colour = { ok: paint.good, skipped: paint.dim, warning: paint.warn, error: paint.bad };
  const width = Math.max(...results.map((one) => one.name.length));
  for (const { name, finding } of results) {
    cx.out(`${colour[finding.state](finding.state.padEnd(7))}  ${name.padEnd(width)}  ${printable(finding.note)}`);
    if ('remedy' in finding) cx.out(`${' '.repeat(width + 11)}${paint.dim('remedy:')} ${printable(cx.remedy(finding.remedy))}`);
  }
}
