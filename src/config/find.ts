// Which file is the configuration: the flag, the variable, then the usual places. Nothing is read here; existence is asked of a function.
import type { Diagnostic } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CODES } from './codes.ts';
import type { Environment } from './secrets.ts';

/**
 * Who chose the working directory. An agent's client starts us in the folder of its project, which may be a stranger's repository: a
 * `sentinel.toml` in it would name programs to run, and the socket that gets the agent's token.
 */
export type StartedBy = 'operator' | 'agent';

const HERE = 'sentinel.toml';

/** Where a user's own configuration belongs (XDG base directories: a relative path there counts as none). */
export function userConfigDir(env: Environment, home: string): string {
  return `${absoluteOr(env['XDG_CONFIG_HOME'], `${home}/.config`)}/sentinel`;
}

export function userStateDir(env: Environment, home: string): string {
  return `${absoluteOr(env['XDG_STATE_HOME'], `${home}/.local/state`)}/sentinel`;
}

/** Where state goes that the file gives no place. systemd sets STATE_DIRECTORY for units that ask for one; it may list several. */
export function defaultStateDir(env: Environment, home: string): string {
  return absoluteOr(env['STATE_DIRECTORY']?.split(':')[0], userStateDir(env, home));
}

function absoluteOr(path: string | undefined, fallback: string): string {
  return path?.startsWith('/') === true ? path : fallback;
}

/** In the order they are tried. `ownFile`: the one of `sentinel start`, which only the command line knows the place of. */
export function placesToLook(env: Environment, home: string, startedBy: StartedBy, ownFile?: string): readonly string[] {
  return [...(startedBy === 'operator' ? [HERE] : []), `${userConfigDir(env, home)}/sentinel.toml`, ...(ownFile === undefined ? [] : [ownFile]), '/etc/sentinel/sentinel.toml'];
}

/** A file that was named is the only candidate: falling back to another would run a policy nobody asked for. */
export function locateConfig(flag: string | undefined, env: Environment, home: string, exists: (path: string) => boolean, startedBy: StartedBy = 'operator', ownFile?: string): Result<string, Diagnostic> {
  const variable = env['SENTINEL_CONFIG'];
  const named = flag ?? (variable === '' ? undefined : variable);
  if (named !== undefined) return exists(named) ? ok(named) : err(notFound(named, `there is no configuration file ${named} (named by ${flag === undefined ? 'SENTINEL_CONFIG' : '--config'})`));
  const places = placesToLook(env, home, startedBy, ownFile);
  const found = places.find(exists);
  if (found !== undefined) return ok(found);
  const passedOver = startedBy === 'agent' && exists(HERE) ? `; ./${HERE} is taken only when it is named` : '';
  return err(notFound(places[0] ?? '', `no configuration file found; looked at ${places.map((place) => (place.startsWith('/') ? place : `./${place}`)).join(', ')}${passedOver}`));
}

function notFound(file: string, message: string): Diagnostic {
  const { code, severity, cure } = CODES.not_found;
  return { code, severity, message, file, line: undefined, column: undefined, help: cure };
}
