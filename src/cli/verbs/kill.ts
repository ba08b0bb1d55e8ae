// `sentinel kill`: stops something at once, without a restart, and says which calls it cancelled.
import { timestamp } from '../../core/ids.ts';
import type { KillReport, KillRequest } from '../../core/operations.ts';
import { describeKillScope, type KillScope } from '../../core/override.ts';
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { confirmFault, usageFault } from '../faults.ts';
import { tellGateway } from '../meant.ts';
import { publishObject } from '../publish.ts';
import { count, relative, rfc3339 } from '../render.ts';
import { SCOPE_USAGE, parseScope } from '../scope.ts';
import { parseUntil } from '../time.ts';
import type { Verb, VerbContext } from '../verb.ts';

const kill: Verb = {
  name: 'kill',
  summary: 'stop a tool, a backend, a role, a subject or everything, at once',
  usage: SCOPE_USAGE,
  examples: [
    { run: 'sentinel kill tool filesystem/write_file --reason "incident 12" --until 2h', does: 'stops one tool for two hours and cancels its calls in flight' },
    { run: 'sentinel kill all --reason "leak suspected" --dry-run', does: 'shows what would be stopped, and stops nothing' },
  ],
  about: 'A tool is named backend/tool, with * for any part; a bare name means that tool on any backend, and a name of * alone also prompts and resources. Those are named prompt:backend/name and resource:backend/uri. A kill lasts until its --until or until `sentinel unkill`, also across restarts, and is written to the audit. It says how many calls in flight it cancelled and how many tasks it told to end.',
  options: {
    reason: { type: 'string', value: 'text', help: 'why; kept in the audit (required, except with --dry-run)' },
    until: { type: 'string', value: 'time', help: 'a span (30m, 2h, 7d) or an RFC 3339 time; without it, until unkill' },
    'dry-run': { type: 'boolean', help: 'only say what it would hit and cancel' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask (only `all` asks)' },
  },
  operands: [1, 2],
  run,
};

export const verbs: readonly Verb[] = [kill];

async function run(cx: VerbContext): Promise<number> {
  const asked = requestOf(cx);
  if (typeof asked === 'string') return cx.fail(usageFault(asked, 'sentinel help kill'));
  tellGateway(cx);
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  if (asked.scope.kind === 'all' && !asked.dryRun && !cx.flags.on('yes')) {
    const answer = await cx.ask('Stop every tool of every backend for everyone?');
    if (answer === undefined) return cx.fail(confirmFault('sentinel kill all'));
    if (!answer) {
      cx.err('nothing was stopped');
      return EXIT.confirmationNeeded;
    }
  }
  const done = await control.value.kill(asked);
  if (!done.ok) return cx.fail(done.error);
  if (cx.json) cx.outJson({ scope: describeKillScope(asked.scope), dry_run: asked.dryRun, until: asked.until === undefined ? null : rfc3339(asked.until), ...publishObject(done.value) });
  else tell(cx, asked, done.value);
  if (!done.value.known) cx.err(`warning: ${unknownScope(asked.scope)}`);
  return EXIT.ok;
}

function requestOf(cx: VerbContext): KillRequest | string {
  const scope = parseScope(cx.args);
  if (!scope.ok) return scope.error;
  const dryRun = cx.flags.on('dry-run');
  const reason = cx.flags.text('reason')?.trim() ?? '';
  if (reason === '' && !dryRun) return '--reason <text> is required: it is what the audit will say';
  const given = cx.flags.text('until');
  const until = given === undefined ? undefined : parseUntil(given, cx.now());
  if (until !== undefined && !until.ok) return `--until: ${until.error}`;
  return { scope: scope.value, reason: reason === '' ? 'dry run' : reason, until: until === undefined ? undefined : timestamp(until.value), by: cx.user, dryRun };
}

/** The kill holds all the same: a role may come with the next reload. But it may be a typo, and then what should be stopped is not. */
function unknownScope(scope: KillScope): string {
  const named = printable(describeKillScope(scope));
  return scope.kind === 'role' || scope.kind === 'backend' ? `no ${named} in the configuration: sentinel check` : `no known ${kindIn(scope)} is hit by ${named}: sentinel tools${kindIn(scope) === 'tool' ? '' : ' --all-kinds'}`;
}

function tell(cx: VerbContext, asked: KillRequest, report: KillReport): void {
  const until = asked.until === undefined ? 'until unkill' : `until ${rfc3339(asked.until)} (${relative(asked.until, cx.now())})`;
  const calls = `${count(report.cancelled.length, 'call')} in flight${asked.dryRun ? '' : ' cancelled'}`;
  const tasks = report.tasks > 0 ? `, ${count(report.tasks, 'task')} ${asked.dryRun ? 'at work' : 'told to end'}` : '';
  const [scope, tools] = reachOf(asked.scope, report);
  cx.out(`${asked.dryRun ? 'would stop' : 'stopped'} ${scope}, ${until}: ${tools}${calls}${tasks}`);
  for (const call of report.cancelled) cx.out(`  ${printable(call.call)}  ${printable(call.target)}  ${printable(call.subject)}`);
  if (!asked.dryRun) cx.err(`undo: sentinel unkill ${printable(report.id)} --reason "…"`);
}

/** The scope, and the tools it hits; a role also says what it may call, and of a subject only its tokens know. */
function reachOf(scope: KillScope, { hits, tools, known }: KillReport): readonly [scope: string, tools: string] {
  const named = printable(describeKillScope(scope));
  if (hits === undefined || (scope.kind === 'role' && !known)) return [named, ''];
  return scope.kind === 'role' ? [`${named}, which may call ${hits} of ${count(tools, 'tool')}`, ''] : [named, `${count(hits, `known ${kindIn(scope)}`)}, `];
}

function kindIn(scope: KillScope): string {
  return /^(?:prompt|resource)(?=:)/.exec(scope.kind === 'tool' ? scope.pattern : '')?.[0] ?? 'tool';
}
