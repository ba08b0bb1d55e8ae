// The running gateway that a verb means.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { homeOf } from '../app/home.ts';
import { flawAt } from '../app/trusted.ts';
import { exitFor } from '../config/codes.ts';
import { locateConfig } from '../config/find.ts';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { controlOf } from './control.ts';
import type { Control } from './control.ts';
import { daemonFault } from './faults.ts';
import type { Fault, VerbContext } from './verb.ts';
import { whereabouts } from './whereabouts.ts';

type Place = Pick<VerbContext, 'configFile' | 'env' | 'cwd' | 'startedBy'>;

/** SENTINEL_CONTROL names the socket itself, for a gateway whose file is not at hand. A file that is named and not there means no gateway at all, never another one. */
export function controlSocketOf(place: Place): Result<string, Fault> {
  const { configFile, env, cwd, startedBy } = place;
  const socket = env['SENTINEL_CONTROL'] ?? '';
  if (socket !== '') return ok(socket);
  const named = configFile !== undefined || (env['SENTINEL_CONFIG'] ?? '') !== '';
  const found = locateConfig(configFile, env, homeOf(env), (path) => existsSync(resolve(cwd, path)), startedBy);
  if (named && !found.ok) return err({ exit: exitFor([found.error.code]), code: found.error.code, message: found.error.message, help: found.error.help });
  const { configFile: file, controlSocket } = whereabouts(place);
  // An operator's kill must work while the file is in a bad state; an agent's token must not go where a stranger's words lead.
  const flaw = startedBy === 'agent' && file !== undefined ? flawAt(file) : undefined;
  if (flaw !== undefined) return err({ exit: exitFor([flaw.code]), code: flaw.code, message: flaw.message, help: flaw.help });
  return ok(controlSocket);
}

export async function openControl(place: Place): Promise<Result<Control, Fault>> {
  const socket = controlSocketOf(place);
  if (!socket.ok) return socket;
  return existsSync(socket.value) ? ok(controlOf(socket.value)) : err(daemonFault(socket.value, 'there is no such socket'));
}
