// The one place where secrets enter the settings: from the environment, from files, by `${env:NAME}`. Nothing here is ever put into words.
import { join } from 'node:path';
import { openToOthers } from '../core/file-mode.ts';
import type { Result } from '../core/result.ts';
import { Secret } from '../core/secret.ts';
import type { SecretRef, SecretText } from './keys.ts';
import type { Path } from './locate.ts';
import type { Problems } from './problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface FileContent {
  readonly text: string;
  /** Permission bits, as stat(2) gives them. */
  readonly mode: number;
}

/** The error is a word for people, such as `ENOENT`. */
export type ReadFile = (path: string) => Result<FileContent, string>;

export interface Secrets {
  /** Undefined when unset or empty. */
  env(name: string): Secret | undefined;
  /** Tells what is wrong and answers undefined when the secret cannot be had. */
  resolve(ref: SecretRef, path: Path): Secret | undefined;
  /** A text with `${env:NAME}`, or a reference, for a backend: the gateway's own secrets are refused. */
  forBackend(value: SecretText, path: Path): Secret | undefined;
  /** Does this variable hold a secret of the gateway? */
  isOwn(name: string): boolean;
  /** Variables that were read so far, each set and not empty. */
  read(): readonly string[];
}

export interface SecretsDeps {
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly problems: Problems;
  /** Of the configuration file. */
  readonly directory: string;
  readonly home: string;
  /** Variables that hold secrets of the gateway. */
  readonly own: ReadonlySet<string>;
}

/** Names as POSIX has them. */
const VARIABLE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g;
const OTHER_VARIABLE = /\$\{[^}]*\}|\$\{/;
const MAX_SECRET_FILE = 65_536;

export function hasVariable(text: string): boolean {
  return text.includes('${env:');
}

export function looksLikeVariable(text: string): boolean {
  return OTHER_VARIABLE.test(text.replaceAll(VARIABLE, ''));
}

/** `~/x` is in the home directory; other relative paths start at the configuration file. */
export function pathOf(text: string, directory: string, home: string): string {
  if (text === '~' || text.startsWith('~/')) return join(home, text.slice(1));
  return text.startsWith('/') ? text : join(directory, text);
}

export function secretsFrom(deps: SecretsDeps): Secrets {
  const { problems } = deps;
  const read = new Set<string>();
  const valueOf = (name: string): string | undefined => {
    const value = Object.hasOwn(deps.env, name) ? deps.env[name] : undefined;
    if (value === undefined || value === '') return undefined;
    read.add(name);
    return value;
  };
  const needed = (name: string, path: Path): string | undefined => {
    const value = valueOf(name);
    if (value === undefined) problems.add('secret_unset', path, `the environment variable ${nameOf(name)} is not set or empty`);
    return value;
  };
  const borrowed = (name: string, path: Path): string | undefined => {
    if (!deps.own.has(name)) return needed(name, path);
    problems.add('unsafe_env', path, `${name} holds a secret of the gateway itself and is never given to a backend`);
    return undefined;
  };
  const resolve = (ref: SecretRef, path: Path, env: typeof needed): Secret | undefined => {
    const value = ref.env === undefined ? fileSecret(deps, ref.file ?? '', path) : env(ref.env, path);
    return value === undefined ? undefined : new Secret(value);
  };
  const interpolate = (text: string, path: Path): Secret | undefined => {
    let complete = true;
    const value = text.replaceAll(VARIABLE, (_, name: string) => {
      const found = borrowed(name, path);
      if (found === undefined) complete = false;
      return found ?? '';
    });
    return complete ? new Secret(value) : undefined;
  };
  return {
    env(name) {
      const value = valueOf(name);
      return value === undefined ? undefined : new Secret(value);
    },
    resolve: (ref, path) => resolve(ref, path, needed),
    forBackend: (value, path) => (typeof value === 'string' ? interpolate(value, path) : resolve(value, path, borrowed)),
    isOwn: (name) => deps.own.has(name),
    read: () => [...read],
  };
}

/** Somebody may have put the secret itself where its name belongs; only what looks like a name is repeated. */
export function nameOf(variable: string): string {
  return /^[A-Z_][A-Z0-9_]{0,63}$/.test(variable) ? variable : 'named here';
}

/** One line end at the end belongs to the editor, not to the secret. */
function fileSecret(deps: SecretsDeps, file: string, path: Path): string | undefined {
  const full = pathOf(file, deps.directory, deps.home);
  const read = deps.readFile(full);
  if (!read.ok) {
    deps.problems.add('secret_file', path, `cannot read the secret file ${full} (${read.error})`);
    return undefined;
  }
  if (openToOthers(read.value.mode)) {
    deps.problems.add('secret_readable', path, `the secret file ${full} is open to group or others`, `run: chmod 600 ${full}`);
    return undefined;
  }
  const value = read.value.text.replace(/\r?\n$/, '');
  const flaw = value === '' ? 'is empty' : value.length > MAX_SECRET_FILE ? 'is too large' : value.includes('\u0000') ? 'holds a NUL character' : undefined;
  if (flaw !== undefined) {
    deps.problems.add('secret_file', path, `the secret file ${full} ${flaw}`);
    return undefined;
  }
  return value;
}
