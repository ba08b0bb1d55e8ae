// Says which gateway a verb is about to change, before it does: with several files on one machine, the lookup may mean another than its user.
import type { VerbContext } from './verb.ts';
import { whereabouts } from './whereabouts.ts';

type Place = Pick<VerbContext, 'configFile' | 'env' | 'cwd' | 'json' | 'err'>;

/** For verbs that act on the files of the configuration: keys, tokens. Programs asked for JSON and get nothing else. */
export function tellFile(cx: Place): void {
  const { configFile } = whereabouts(cx);
  if (!cx.json && configFile !== undefined) cx.err(`configuration: ${configFile}`);
}

/** For verbs that ask the running gateway, which SENTINEL_CONTROL may name by its socket. */
export function tellGateway(cx: Place): void {
  const socket = cx.env['SENTINEL_CONTROL'] ?? '';
  if (cx.json) return;
  if (socket !== '') return cx.err(`control socket: ${socket} (named by SENTINEL_CONTROL)`);
  const { configFile, controlSocket } = whereabouts(cx);
  cx.err(configFile === undefined ? `configuration: none found; control socket: ${controlSocket}` : `configuration: ${configFile}`);
}
