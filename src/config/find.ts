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

/** In the order they are tried. `ownFile`: the one of `sentinel start`, which only the command line knows the place of. */
export function placesToLook(env: Environment, home: string, startedBy: StartedBy, ownFile?: string): readonly string[] {
  const xdg = env['XDG_CONFIG_HOME'];
  const user = xdg !== undefined && xdg.startsWith('/') ? xdg : `${home}/.config`;
  return [...(startedBy === 'operator' ? [HERE] : []), `${user}/sentinel/sentinel.toml`, ...(ownFile === undefined ? [] : [ownFile]), '/etc/sentinel/sentinel.toml'];
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
