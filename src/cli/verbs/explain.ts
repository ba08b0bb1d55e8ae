// `sentinel explain`: why a call would be allowed or denied, by the real stages; or what an error code means.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ExplainReport, ExplainRequest } from '../../core/operations.ts';
import { printable } from '../../core/text.ts';
import { whyUnread } from '../../app/fault.ts';
import type { Control } from '../control.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { fileFault, refusedFault, usageFault } from '../faults.ts';
import { packageRoot } from '../package.ts';
import { publish } from '../publish.ts';
import { table } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const ARGUMENT_BYTES = 4 * 1024 * 1024;

const explain: Verb = {
  name: 'explain',
  summary: 'say why a call would be allowed or denied, or what an error code means',
  usage: '<tool | prompt:name | resource:uri | SEN-nnnn>',
  examples: [
    { run: 'sentinel explain filesystem/write_file --as developer', does: 'runs the stages on a call that is not made; exit 0 allowed, 21 denied' },
    { run: 'sentinel explain prompt:files/review --as developer', does: 'the same for a prompt' },
    { run: 'sentinel explain resource:files/file:///srv/a --as developer', does: 'the same for a resource, by the URI that would be read' },
    { run: 'sentinel explain SEN-0107', does: 'the page of an error code; needs no gateway and no network' },
  ],
  about: 'A tool is named as agents see it or as backend/tool, a prompt as prompt:backend/name, a resource as resource:backend/uri. A running gateway answers from its state (kills, limits, breakers); without one the configuration file answers. Nothing is called and no limit is used up.',
  options: {
    as: { type: 'string', value: 'role', multiple: true, help: 'role of the caller (required for a call); again for several' },
    scope: { type: 'string', value: 'scope', multiple: true, help: 'scope that the caller\'s token has; again for several (default: none)' },
    subject: { type: 'string', value: 'name', help: 'who calls, for kills and limits of a subject (default: explain)' },
    args: { type: 'string', value: 'file', help: 'arguments as a JSON file; - reads stdin' },
    offline: { type: 'boolean', help: 'ask the configuration file even when a gateway runs' },
  },
  operands: [1, 1],
  run,
};

export const verbs: readonly Verb[] = [explain];

async function run(cx: VerbContext): Promise<number> {
  const [what = ''] = cx.args;
  if (/^SEN-/i.test(what)) return page(cx, what.toUpperCase());
  const roles = cx.flags.list('as').flatMap((text) => text.split(',')).filter((role) => role !== '');
  if (roles.length === 0) return cx.fail(usageFault('--as <role> is required: who is allowed what depends on it', `sentinel explain ${printable(what)} --as developer`));
  const args = await argumentsOf(cx);
  if (args.kind === 'fault') return cx.fail(fileFault(args.message, 'name a file that holds one JSON object, or - for stdin'));
  const report = await ask(cx, { tool: what, roles, scopes: cx.flags.list('scope').flatMap((text) => text.split(' ')).filter((scope) => scope !== ''), subject: cx.flags.text('subject') ?? 'explain', args: args.text });
  if (typeof report === 'number') return report;
  if (cx.json) cx.outJson(publish(report));
  else tell(cx, what, roles, report);
  return report.allowed ? EXIT.ok : EXIT.denied;
}

async function argumentsOf(cx: VerbContext): Promise<{ readonly kind: 'text'; readonly text: string | undefined } | { readonly kind: 'fault'; readonly message: string }> {
  const from = cx.flags.text('args');
  if (from === undefined) return { kind: 'text', text: undefined };
  try {
    const text = from === '-' ? await cx.readStdin(ARGUMENT_BYTES) : readFileSync(resolve(cx.cwd, from), 'utf8');
    JSON.parse(text);
    return { kind: 'text', text };
  } catch (error) {
    return { kind: 'fault', message: `--args ${printable(from)} ${error instanceof SyntaxError ? `is no JSON: ${printable(error.message)}` : `cannot be read: ${whyUnread(error)}`}` };
  }
}

async function ask(cx: VerbContext, request: ExplainRequest): Promise<ExplainReport | number> {
  if (!cx.flags.on('offline')) {
    const control = await openControl(cx);
    const answer = control.ok ? await control.value.explain(request) : control;
    if (answer.ok) return control.ok ? await withKill(answer.value, control.value) : answer.value;
    if (answer.error.exit !== EXIT.daemonNotRunning) return cx.fail(answer.error);
  }
  const { explainOffline } = await import('../../app/offline.ts');
  return await explainOffline({ configFile: cx.configFile, ownFile: cx.ownFile, env: cx.env, cwd: cx.cwd, request, fail: cx.fail, err: cx.err });
}

/** By whom the kill is and why: words for people, which the compiled policy does not carry. */
async function withKill(report: ExplainReport, control: Control): Promise<ExplainReport> {
  const prefix = 'kill:operator:';
  if (!report.trail.some(({ rule }) => rule.startsWith(prefix))) return report;
  const kills = await control.kills();
  const named = (rule: string): string | undefined => {
    const kill = kills.ok ? kills.value.find(({ scope, origin }) => origin === 'operator' && rule === `${prefix}${scope}`) : undefined;
    return kill === undefined ? undefined : `by ${kill.by ?? 'an operator'}: ${kill.reason ?? 'no reason given'}`;
  };
  return { ...report, trail: report.trail.map((row) => ({ ...row, note: named(row.rule) ?? row.note })) };
}

function tell(cx: VerbContext, tool: string, roles: readonly string[], report: ExplainReport): void {
  const { paint } = cx;
  const who = printable(roles.join(', '));
  const verdict = report.allowed ? paint.good('allowed') : paint.bad('denied');
  const why = report.code === undefined ? '' : ` (${printable(report.code)})`;
  cx.out(`${verdict}: ${printable(report.target ?? tool)} for ${who}${why}, revision ${report.revision}`);
  const rows = report.trail.map((step) => [step.stage, step.decision, step.rule, step.mode === 'enforce' ? '' : step.mode, step.note ?? '']);
  if (rows.length > 0) cx.out(table(['STAGE', 'DECISION', 'RULE', 'MODE', 'WHY'], rows, cx));
  if (report.trail.some((step) => step.rule === 'arguments:not-given')) cx.err('note: arguments not checked: give them with --args');
  const what = /^(?:prompt|resource)(?=:)/.exec(tool)?.[0] ?? 'tool';
  if (!report.known) cx.err(`note: no backend offers such a ${what}, as far as is known: sentinel tools${what === 'tool' ? '' : ' --all-kinds'}`);
}

function page(cx: VerbContext, code: string): number {
  const folder = join(packageRoot(), 'docs', 'errors');
  const file = join(folder, `${code}.md`);
  if (!/^SEN-\d{4}$/.test(code) || !existsSync(file)) {
    const help = /^SEN-\d{4}$/.test(code) ? `the codes that exist are listed in ${join(folder, 'README.md')}` : 'codes look like SEN-0107';
    return cx.fail(refusedFault(`there is no page for ${printable(code)}`, help));
  }
  const text = readFileSync(file, 'utf8').trimEnd();
  if (cx.json) cx.outJson({ code, page: text });
  else cx.out(text);
  return EXIT.ok;
}
