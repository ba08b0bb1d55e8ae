// `sentinel status`: the running gateway on one screen, with the command that mends each warning.
import type { ExportView, ShippingView, StatusReport } from '../../core/operations.ts';
import type { BackendFault, BackendStatus } from '../../core/ports.ts';
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { publishObject } from '../publish.ts';
import { count, duration, relative, table } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const status: Verb = {
  name: 'status',
  summary: 'show the running gateway: revision, backends, kills, warnings',
  usage: '',
  examples: [
    { run: 'sentinel status', does: 'one screen about the running gateway; exit 3 when it is degraded' },
    { run: 'sentinel status --check', does: 'says nothing when all is well: for health checks' },
  ],
  about: 'Exit 0: ready. Exit 3: running, but not ready, or a backend is down or its circuit is open. Exit 13: no gateway runs.',
  options: { check: { type: 'boolean', help: 'print only what is wrong, and only on stderr' } },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [status];

async function run(cx: VerbContext): Promise<number> {
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const answer = await control.value.status();
  if (!answer.ok) return cx.fail(answer.error);
  const report = answer.value;
  const faults = faultsOf(report);
  if (cx.flags.on('check')) for (const fault of faults) cx.err(fault);
  else if (cx.json) cx.outJson({ degraded: faults.length > 0, ...publishObject(report) });
  else show(cx, report);
  return faults.length === 0 ? EXIT.ok : EXIT.partial;
}

/** What makes it degraded, one sentence each. A backend that nobody needed yet is not down. */
function faultsOf(report: StatusReport): readonly string[] {
  const unmet = report.readiness.conditions.filter((condition) => !condition.ok).map((condition) => `not ready: ${printable(condition.name)}: ${printable(condition.note)}`);
  const down = report.backends.filter(isDown).map((backend) => `backend ${printable(backend.id)} is ${backend.state}${faultNote(backend.lastFault)}`);
  const open = report.circuits.filter((circuit) => circuit.state === 'open').map((circuit) => `circuit of ${printable(circuit.backend)} is open`);
  return [...unmet, ...down, ...open];
}

function isDown(backend: BackendStatus): boolean {
  return backend.state === 'failed' || backend.state === 'backing_off' || backend.state === 'stopped';
}

function faultNote(fault: BackendFault | undefined): string {
  if (fault === undefined) return '';
  if ('detail' in fault) return `: ${fault.code}, ${printable(fault.detail)}`;
  if (fault.code === 'timeout') return `: timeout after ${fault.afterMs} ms`;
  if ('status' in fault) return `: HTTP status ${fault.status}`;
  return `: ${fault.code}`;
}

function show(cx: VerbContext, report: StatusReport): void {
  const now = cx.now();
  const { paint } = cx;
  const state = report.readiness.ready ? paint.good('ready') : paint.bad('not ready');
  cx.out(`sentinel ${printable(report.version)}  ${state}  pid ${report.pid}, started ${relative(report.startedAt, now)}`);
  const facts: readonly (readonly [string, string])[] = [
    ['endpoint', report.endpoint],
    ['health', report.health],
    ['control', report.controlSocket],
    ['config', `${report.configFile ?? 'none'} (revision ${report.revision}, ${report.configHash.slice(0, 12)})`],
    ['reloaded', reloadNote(report, now)],
    ['policy', report.policy],
    ['audit', `${report.store}${shippingNote(report.shipping, now)}`],
    ...(report.exports ?? []).map((one) => ['export', exportNote(one, now)] as const),
    ['now', `${count(report.tools, 'tool')}, ${othersOf(report)}${count(report.sessions, 'session')}, ${count(report.inflight, 'call')} in flight${waitsOf(report)}`],
  ];
  for (const [name, value] of facts) cx.out(`  ${name.padEnd(9)} ${printable(value)}`);
  showBackends(cx, report, now);
  // Those of operators are among the warnings, with the command that undoes them.
  for (const kill of report.kills) if (kill.origin === 'config') cx.out(`${paint.warn('stopped')}: ${printable(kill.scope)}${kill.reason === undefined ? '' : ` (${printable(kill.reason)})`}`);
  for (const condition of report.readiness.conditions) if (!condition.ok) cx.out(`${paint.bad('not ready')}: ${printable(condition.name)}: ${printable(condition.note)}`);
  for (const warning of report.warnings) cx.out(`${paint.warn('warning')}: ${printable(cx.remedy(warning))}`);
}

function shippingNote(shipping: ShippingView | undefined, now: number): string {
  if (shipping === undefined) return '';
  const { state, behind, oldest, reason } = shipping;
  return `, ${state}, ${count(behind, 'record')} behind${oldest === undefined ? '' : `, the oldest of ${relative(oldest, now)}`}${reason === undefined ? '' : `: ${reason}`}`;
}

function exportNote({ name, state, since, lag, missing, reason }: ExportView, now: number): string {
  const how = state === 'up' ? 'up' : state === 'elsewhere' ? 'sent by another process' : `failing${since === undefined ? '' : ` for ${duration(now - since)}`}`;
  return `${name} ${how}${lag === undefined ? '' : `, ${lag} behind`}${missing === 0 ? '' : `, ${missing} missing`}${reason === undefined ? '' : `: ${reason}`}`;
}

/** A gateway without prompts and resources need not say so. */
function othersOf({ prompts, resources }: StatusReport): string {
  return `${prompts > 0 ? `${count(prompts, 'prompt')}, ` : ''}${resources > 0 ? `${count(resources, 'resource')}, ` : ''}`;
}

/** Nor one of which nobody is asked anything and nothing is followed. */
function waitsOf({ parked, follows, tasks }: StatusReport): string {
  return `${parked > 0 ? `, ${parked} waiting for an answer of their agent` : ''}${tasks > 0 ? `, ${count(tasks, 'task')}` : ''}${follows > 0 ? `, ${follows} followed` : ''}`;
}

function reloadNote(report: StatusReport, now: number): string {
  if (report.lastReload === undefined) return 'not since the start';
  const { at, ok, problems } = report.lastReload;
  return ok ? relative(at, now) : `refused ${relative(at, now)} with ${count(problems.length, 'problem')}: sentinel check`;
}

function showBackends(cx: VerbContext, report: StatusReport, now: number): void {
  if (report.backends.length === 0) return;
  const circuits = new Map(report.circuits.map((circuit) => [circuit.backend, circuit.state]));
  const rows = report.backends.map((backend) => [
    backend.id,
    backend.transport,
    backend.state,
    circuits.get(backend.id) ?? '',
    String(backend.tools),
    String(backend.restarts),
    relative(backend.since, now),
    `${backend.noise > 0 ? `writes non-protocol output (${count(backend.noise, 'line')}) ` : ''}${isDown(backend) ? faultNote(backend.lastFault).slice(2) : ''}`.trim(),
  ]);
  cx.out('');
  cx.out(table(['BACKEND', 'VIA', 'STATE', 'CIRCUIT', 'TOOLS', 'RESTARTS', 'SINCE', ''], rows, cx));
}
