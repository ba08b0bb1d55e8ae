// The running gateway that a verb means.
import { existsSync } from 'node:fs';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { controlOf } from './control.ts';
import type { Control } from './control.ts';
import { daemonFault } from './faults.ts';
import type { Fault, VerbContext } from './verb.ts';
import { whereabouts } from './whereabouts.ts';

/** SENTINEL_CONTROL names the socket itself, for a gateway whose file is not at hand. */
export async function openControl(cx: Pick<VerbContext, 'configFile' | 'env' | 'cwd'>): Promise<Result<Control, Fault>> {
  const named = cx.env['SENTINEL_CONTROL'];
  const socket = named === undefined || named === '' ? whereabouts(cx).controlSocket : named;
  return existsSync(socket) ? ok(controlOf(socket)) : err(daemonFault(socket, 'there is no such socket'));
}
