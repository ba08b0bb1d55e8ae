// `sentinel check`: every problem of a configuration at once, and nothing started but what --probe asks for.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Configuration } from '../../app/configuration.ts';
import { placesOf } from '../../config/locate.ts';
import type { Diagnostic } from '../../core/operations.ts';
import { printable } from '../../core/text.ts';
import { tellProblems } from '../diagnostics.ts';
import { EXIT } from '../exit.ts';
import { usageFault } from '../faults.ts';
import { withConfig } from '../remedy.ts';
import { count } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const FORMATS = ['human', 'github'] as const;

const check: Verb = {
  name: 'check',
  summary: 'look at the configuration and print all of its problems',
  usage: '[file]',
  examples: [
    { run: 'sentinel check', does: 'every error and warning, with line, column and remedy' },
    { run: 'sentinel check sentinel.toml --probe', does: 'also connects to each backend, and lets go of it again' },
    { run: 'sentinel check --format github', does: 'as annotations, for a workflow on GitHub' },
  ],
  about: 'The file is the one that --config or SENTINEL_CONFIG names, else ./sentinel.toml, $XDG_CONFIG_HOME/sentinel/sentinel.toml (or ~/.config), in a checkout .sentinel/sentinel.toml as `sentinel start` wrote it, /etc/sentinel/sentinel.toml. SENTINEL_HOME names the folder of `sentinel start`, whose file then comes first of these. For every verb the same, but two: `sentinel stdio`, which an agent\'s client starts in the folder of its project, takes no file from there that was not named; `sentinel stop` takes none of /etc that was not named, and refuses where another gateway of `sentinel start` runs besides. Exit 10: there is none. Exit 11: it has errors. Exit 12: only a secret is missing. Exit 3: a probed backend did not answer. Warnings alone are exit 0.',
  options: {
    probe: { type: 'boolean', help: 'connect to each backend and list its tools' },
    format: { type: 'string', value: FORMATS.join('|'), help: 'how problems are printed (default: human)' },
  },
  operands: [0, 1],
  run,
};

export const verbs: readonly Verb[] = [check];

async function run(cx: VerbContext): Promise<number> {
  const format = FORMATS.find((known) => known === (cx.flags.text('format') ?? 'human'));
  if (format === undefined) return cx.fail(usageFault(`unknown format "${printable(cx.flags.text('format') ?? '')}"`, `one of ${FORMATS.join(', ')}`));
  const [named] = cx.args;
  const file = named === undefined ? cx.configFile : resolve(cx.cwd, named);
  if (named !== undefined && file !== undefined && !existsSync(file)) return cx.fail({ exit: EXIT.configNotFound, code: 'SEN-0100', message: `there is no file ${printable(named)}`, help: 'name one that is there, or make one: sentinel init' });
  const { readConfiguration } = await import('../../app/configuration.ts');
  const read = readConfiguration({ configFile: file, ownFile: cx.ownFile, env: cx.env, cwd: cx.cwd, evenUntrusted: true });
  if (!read.ok) {
    const { problems, source, exit } = read.error;
    // No file at all: there is nothing to list.
    if (problems.length === 0) return cx.fail(read.error);
    report(cx, format, problems[0]?.file ?? '', source ?? '', problems);
    return exit;
  }
  const keys = await keyProblem(read.value, named ?? cx.flags.text('config'));
  report(cx, format, read.value.file, read.value.text, [...(keys === undefined ? [] : [keys.problem]), ...read.value.warnings]);
  if (keys !== undefined) return keys.exit;
  return cx.flags.on('probe') ? await probe(cx, read.value) : EXIT.ok;
}

/** What the file alone cannot show: the keys it speaks of are not there, or cannot be used, and `serve` would refuse. */
async function keyProblem(found: Configuration, config: string | undefined): Promise<{ readonly problem: Diagnostic; readonly exit: number } | undefined> {
  const { authProblem } = await import('../../app/authenticate.ts');
  const fault = await authProblem(found.settings);
  if (fault === undefined) return undefined;
  const place = placesOf(found.text).find(['auth', 'own_keys'], 'key');
  return { exit: fault.exit, problem: { code: fault.code, severity: 'error', message: fault.message, file: found.file, line: place?.line, column: place?.column, help: withConfig(fault.help ?? '', config) } };
}

function report(cx: VerbContext, format: (typeof FORMATS)[number], file: string, source: string, problems: readonly Diagnostic[]): void {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  if (cx.json) cx.outJson({ file, ok: errors === 0, problems });
  else if (format === 'github') for (const problem of problems) cx.out(annotation(problem, cx.cwd));
  else {
    tellProblems(cx, problems, source);
    cx.out(`${file}: ${problems.length === 0 ? 'no problems' : [count(errors, 'error'), count(problems.length - errors, 'warning')].join(', ')}`);
  }
}

/** Workflow command of GitHub Actions; its own escapes for line ends and separators. */
export function annotation(problem: Diagnostic, cwd: string): string {
  const file = problem.file.startsWith(`${cwd}/`) ? problem.file.slice(cwd.length + 1) : problem.file;
  const place = [`file=${property(file)}`, ...(problem.line === undefined ? [] : [`line=${problem.line}`]), ...(problem.column === undefined ? [] : [`col=${problem.column}`]), `title=${problem.code}`];
  const text = problem.help === undefined ? problem.message : `${problem.message}\n${problem.help}`;
  return `::${problem.severity} ${place.join(',')}::${data(text)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

async function probe(cx: VerbContext, config: Configuration): Promise<number> {
  const { probeConfig } = await import('../../app/offline.ts');
  const found = await probeConfig({ settings: config.settings, env: cx.env });
  for (const one of found) {
    if (cx.json) cx.outJson({ backend: one.backend, ok: one.ok, tools: one.tools, note: one.note });
    else cx.out(`${printable(one.backend)}: ${one.ok ? cx.paint.good(`answers, ${count(one.tools, 'tool')}`) : cx.paint.bad(`does not answer: ${printable(one.note)}`)}`);
  }
  return found.every((one) => one.ok) ? EXIT.ok : EXIT.partial;
}
