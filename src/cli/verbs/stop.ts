// `sentinel stop`: ends the gateway that `start` left running, and waits until it is gone.
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ok, type Result } from '../../core/result.ts';
import { controlOf } from '../control.ts';
import { controlSocketOf } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { refusedFault, usageFault } from '../faults.ts';
import { tellGateway } from '../meant.ts';
import { parseSpan } from '../time.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { demoConfig, demoHome } from '../whereabouts.ts';

const stop: Verb = {
  name: 'stop',
  summary: 'end the gateway that start left running',
  usage: '',
  examples: [
    { run: 'sentinel stop', does: 'lets calls in flight end, then the gateway and its backends' },
    { run: 'sentinel stop --config /etc/sentinel/sentinel.toml --within 1m', does: 'the gateway of that file; waits for up to a minute' },
  ],
  about: 'Without --config, SENTINEL_CONFIG or SENTINEL_CONTROL, the gateway of `sentinel start` is meant. Where none runs, it says so and exits with 0.',
  options: { within: { type: 'string', value: 'time', help: 'how long to wait until it is gone (default: 30s)' } },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [stop];

async function run(cx: VerbContext): Promise<number> {
  const within = parseSpan(cx.flags.text('within') ?? '30s');
  if (within === undefined) return cx.fail(usageFault('--within takes a time such as 30s'));
  const found = socketOf(cx);
  if (!found.ok) return cx.fail(found.error);
  const socket = found.value;
  const status = existsSync(socket) ? await controlOf(socket).status() : undefined;
  if (status === undefined || (!status.ok && status.error.exit === EXIT.daemonNotRunning)) {
    if (cx.json) cx.outJson({ stopped: false, pid: null });
    else cx.err(`no gateway runs on ${socket}`);
    return EXIT.ok;
  }
  if (!status.ok) return cx.fail(status.error);
  const { pid } = status.value;
  if (!mayBeSignalled(pid, socket)) return cx.fail(refusedFault(`what answers on ${socket} names a process that is no gateway of its owner`, 'sentinel status'));
  if (!signal(pid, 'SIGTERM')) return cx.fail(refusedFault(`the gateway (pid ${pid}) may not be signalled by this user`, 'run this as the user of the gateway'));
  const end = performance.now() + within;
  while (runs(pid)) {
    if (performance.now() > end) return cx.fail(refusedFault(`the gateway (pid ${pid}) was told to end, and still runs`, `it waits for calls in flight; a second signal ends it at once: kill -TERM ${pid}`));
    await delay(50);
  }
  if (cx.json) cx.outJson({ stopped: true, pid });
  else cx.out(`stopped (pid ${pid})`);
  return EXIT.ok;
}

/** Of the gateway that is named, by a flag or a variable as for every verb; else of the one that start left, whatever else is configured here. */
function socketOf(cx: VerbContext): Result<string, Fault> {
  const named = cx.flags.text('config') !== undefined || ['SENTINEL_CONFIG', 'SENTINEL_CONTROL'].some((name) => (cx.env[name] ?? '') !== '');
  const demo = demoConfig(cx.env, cx.cwd);
  if (!named && !existsSync(demo)) return ok(join(demoHome(cx.env, cx.cwd), 'control.sock'));
  const place = { configFile: named ? cx.configFile : demo, env: cx.env, cwd: cx.cwd };
  tellGateway({ ...place, json: cx.json, err: cx.err });
  return controlSocketOf(place);
}

/**
 * The number is what somebody answered: 0 and negative ones would signal groups, -1 everything this user has. And root, asked to
 * stop the gateway of a user, must not end a process that this user could not.
 */
export function mayBeSignalled(pid: number, socket: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false;
  try {
    return statSync(`/proc/${pid}`).uid === lstatSync(socket).uid;
  } catch {
    // No /proc, or a process that this user may not see: the system decides about the signal.
    return true;
  }
}

/** A zombie has ended: in a container nobody may come to collect it. */
function runs(pid: number): boolean {
  if (!signal(pid, 0)) return false;
  try {
    return !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return !existsSync('/proc/self');
  }
}

/** False when there is no such process, or it is not ours. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
