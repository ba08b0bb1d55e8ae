// `sentinel stop`: ends the gateway that `start` left running, and waits until it is gone.
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseSpan } from '../../core/audit/units.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { controlOf } from '../control.ts';
import { controlSocketOf } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { refusedFault, usageFault } from '../faults.ts';
import { tellGateway } from '../meant.ts';
import { shellLine } from '../quote.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { demoHome, nearerFile } from '../whereabouts.ts';

const stop: Verb = {
  name: 'stop',
  summary: 'end the gateway that start left running',
  usage: '',
  examples: [
    { run: 'sentinel stop', does: 'lets calls in flight end, then the gateway and its backends' },
    { run: 'sentinel stop --config /etc/sentinel/sentinel.toml --within 1m', does: 'the gateway of that file; waits for up to a minute' },
  ],
  about: 'The gateway is that of --config, SENTINEL_CONFIG or SENTINEL_CONTROL; else, unless SENTINEL_HOME names a folder of `sentinel start`, that of ./sentinel.toml or of the user\'s own file, as for every verb; else the one that `sentinel start` left, and never that of /etc. Where the second and the third both run, it ends neither and names a command for each. Where the one that is meant does not run, it says so and exits with 0.',
  options: { within: { type: 'string', value: 'time', help: 'how long to wait until it is gone (default: 30s)' } },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [stop];

async function run(cx: VerbContext): Promise<number> {
  const within = parseSpan(cx.flags.text('within') ?? '30s');
  if (within === undefined) return cx.fail(usageFault('--within takes a time such as 30s'));
  const named = cx.flags.text('config') === undefined ? undefined : cx.configFile;
  const found = await gatewayToStop({ named, env: cx.env, cwd: cx.cwd, json: cx.json, err: cx.err }, demoHome(cx.env, cx.cwd));
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

interface Place extends Pick<VerbContext, 'env' | 'cwd' | 'json' | 'err'> {
  /** Value of --config, absolute. */
  readonly named: string | undefined;
}

/**
 * The control socket of the gateway that is named, by a flag or a variable as for every verb; else of the file that every verb takes from here,
 * of this directory or of the user; else of the gateway that start left. Where both of these run, nobody can know which is meant.
 */
export async function gatewayToStop(place: Place, home: string): Promise<Result<string, Fault>> {
  const { env, cwd, named } = place;
  const variable = (name: string): boolean => (env[name] ?? '') !== '';
  const at = (configFile: string | undefined): Result<string, Fault> => {
    tellGateway({ ...place, configFile });
    return controlSocketOf({ configFile, env, cwd });
  };
  if (named !== undefined || variable('SENTINEL_CONFIG') || variable('SENTINEL_CONTROL')) return at(named);
  const started = join(home, 'sentinel.toml');
  const nearer = variable('SENTINEL_HOME') ? undefined : nearerFile(env, cwd);
  if (nearer === undefined) return existsSync(started) ? at(started) : ok(join(home, 'control.sock'));
  const own = at(nearer);
  const other = existsSync(started) ? controlSocketOf({ configFile: started, env, cwd }) : undefined;
  if (!own.ok || other?.ok !== true || other.value === own.value || !(await answers(other.value))) return own;
  const [stopOwn, stopOther] = [nearer, started].map((file) => shellLine(['sentinel', 'stop', '--config', file]));
  if (await answers(own.value)) return err(refusedFault(`two gateways run: that of ${nearer}, and the one that start left`, `say which: ${stopOwn}; or: ${stopOther}`));
  if (!place.json) place.err(`the gateway that start left runs, and is not meant here: ${stopOther}`);
  return own;
}

async function answers(socket: string): Promise<boolean> {
  return existsSync(socket) && (await controlOf(socket).status()).ok;
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
