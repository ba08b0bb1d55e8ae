// Where the gateway of this command line lives: its file, state and control socket. Reads the file leniently, so that status and kill work
// while the file is broken; what the file means is for config/load.ts alone.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { homeOf } from '../app/home.ts';
import { defaultStateDir, locateConfig, placesToLook, type StartedBy } from '../config/find.ts';
import { parseText } from '../config/parse.ts';
import { pathOf } from '../config/secrets.ts';
import { packageRoot, runsFromSource } from './package.ts';
import type { VerbContext } from './verb.ts';

export interface Whereabouts {
  /** Absolute; undefined when there is none. */
  readonly configFile: string | undefined;
  readonly stateDir: string;
  readonly controlSocket: string;
  /** URL for agents; undefined when the port is chosen at the start. */
  readonly endpoint: string | undefined;
  /** Where `init` and `start` put the token of the first agent. */
  readonly tokenFile: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `start` keeps everything: SENTINEL_HOME, else .sentinel of the checkout, else of the working directory. */
export function demoHome(env: Environment, cwd: string): string {
  const named = env['SENTINEL_HOME'];
  if (named !== undefined && named !== '') return resolve(cwd, named);
  return join(runsFromSource() ? packageRoot() : cwd, '.sentinel');
}

/** What `start` wrote, or would write. */
export function demoConfig(env: Environment, cwd: string): string {
  return join(demoHome(env, cwd), 'sentinel.toml');
}

/**
 * The file of `start`, where it is meant: SENTINEL_HOME names it; else, in a checkout, only when neither the working directory nor the
 * user has a file of their own, so that what `init` wrote is never passed over. Undefined = `locateConfig` decides. For an agent's client
 * nothing below the working directory counts.
 */
export function defaultConfig(env: Environment, cwd: string, startedBy: StartedBy = 'operator'): string | undefined {
  if ((env['SENTINEL_CONFIG'] ?? '') !== '') return undefined;
  const named = (env['SENTINEL_HOME'] ?? '') !== '';
  if (!named && nearerFile(env, cwd, startedBy) !== undefined) return undefined;
  const file = ownFile(env, cwd, startedBy);
  return file !== undefined && existsSync(file) ? file : undefined;
}

/** The first file of the working directory or of the user: before that of `start`, as long as nothing is named. Absolute. */
export function nearerFile(env: Environment, cwd: string, startedBy: StartedBy = 'operator'): string | undefined {
  const places = placesToLook(env, homeOf(env), startedBy).filter((place) => !place.startsWith('/etc/'));
  return places.map((place) => resolve(cwd, place)).find((place) => existsSync(place));
}

/** Undefined where the file of `start` could only be one of the folder that an agent's client started us in. */
export function ownFile(env: Environment, cwd: string, startedBy: StartedBy = 'operator'): string | undefined {
  const strange = (env['SENTINEL_HOME'] ?? '') === '' && startedBy === 'agent' && !runsFromSource();
  return strange ? undefined : demoConfig(env, cwd);
}

export function whereabouts(cx: Pick<VerbContext, 'configFile' | 'env' | 'cwd' | 'startedBy'>): Whereabouts {
  const home = homeOf(cx.env);
  const found = locateConfig(cx.configFile, cx.env, home, (path) => existsSync(resolve(cx.cwd, path)), cx.startedBy);
  const file = found.ok ? resolve(cx.cwd, found.value) : undefined;
  const text = file === undefined ? '' : readOrEmpty(file);
  const directory = file === undefined ? cx.cwd : dirname(file);
  const said = written(text);
  const stateDir = said.stateDir === undefined ? defaultStateDir(cx.env, home) : pathOf(said.stateDir, directory, home);
  return {
    configFile: file,
    stateDir,
    controlSocket: said.controlSocket === undefined ? join(stateDir, 'control.sock') : pathOf(said.controlSocket, directory, home),
    endpoint: endpointOf(said),
    tokenFile: join(stateDir, 'agent.token'),
  };
}

interface Written {
  readonly stateDir: string | undefined;
  readonly controlSocket: string | undefined;
  readonly listen: string | undefined;
  readonly publicUrl: string | undefined;
}

function written(text: string): Written {
  const document = parseText(text);
  const read = (key: string): string | undefined => {
    const table = document.ok ? document.value['gateway'] : undefined;
    const value: unknown = typeof table === 'object' && table !== null ? Reflect.get(table, key) : document.ok ? undefined : lineValue(text, key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { stateDir: read('state_dir'), controlSocket: read('control_socket'), listen: read('listen'), publicUrl: read('public_url') };
}

/** From a text that is no TOML any more: the first line that sets the key in the plain form. */
function lineValue(text: string, key: string): string | undefined {
  return new RegExp(String.raw`^[ \t]*${key}[ \t]*=[ \t]*["']([^"'\\]+)["']`, 'm').exec(text)?.[1];
}

function endpointOf(said: Written): string | undefined {
  if (said.publicUrl !== undefined) return `${said.publicUrl.replace(/\/+$/, '')}/mcp`;
  const listen = said.listen ?? '127.0.0.1:9200';
  return listen.endsWith(':0') ? undefined : `http://${listen}/mcp`;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
