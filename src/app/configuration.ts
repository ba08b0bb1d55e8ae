// Finds and reads the configuration file and hands it to `config/`, which does not touch the disk itself.
import { closeSync, existsSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { exitFor } from '../config/codes.ts';
import { locateConfig, type StartedBy } from '../config/find.ts';
import { load } from '../config/load.ts';
import type { Diagnostic } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { messageIn } from '../core/thrown.ts';
import { parseVkey } from '../stores/tlog/note.ts';
import { findAccount } from './account.ts';
import type { Env } from './deps.ts';
import { startFault, whyUnread, type StartFault } from './fault.ts';
import { homeOf } from './home.ts';
import { sha256 } from './system.ts';
import { flawOf } from './trusted.ts';
import { which } from './which.ts';

export interface Configuration {
  /** Empty when there is none (`sentinel proxy`). */
  readonly file: string;
  readonly text: string;
  /** SHA-256 of the file's bytes as text. */
  readonly hash: string;
  readonly settings: Settings;
  readonly warnings: readonly Diagnostic[];
  /** Environment variables that secrets were read from. */
  readonly secretVariables: readonly string[];
}

export interface ConfigurationOptions {
  readonly configFile: string | undefined;
  readonly env: Env;
  readonly cwd: string;
  /** Absent: by an operator. */
  readonly startedBy?: StartedBy | undefined;
  /** Where `sentinel start` keeps its file, if that is a place to look at. */
  readonly ownFile?: string | undefined;
  /** A file that others may write is read as well, and refused with everything that is wrong in it: for who starts nothing of it. */
  readonly evenUntrusted?: boolean | undefined;
}

export function readConfiguration(options: ConfigurationOptions): Result<Configuration, StartFault> {
  const { env, cwd } = options;
  const home = homeOf(env);
  const found = locateConfig(options.configFile, env, home, (path) => existsSync(resolve(cwd, path)), options.startedBy, options.ownFile);
  if (!found.ok) return err(startFault(exitFor([found.error.code]), found.error.code, found.error.message, found.error.help));
  return readConfigurationFile(resolve(cwd, found.value), env, home, options.evenUntrusted);
}

export function readConfigurationFile(file: string, env: Env, home: string = homeOf(env), evenUntrusted = false): Result<Configuration, StartFault> {
  let text: string;
  let flaw: Diagnostic | undefined;
  try {
    const read = readFound(file, evenUntrusted);
    text = read.text;
    flaw = read.flaw;
  } catch (error) {
    if (error instanceof TypeError) return err(startFault(11, 'SEN-0103', `${file} is not UTF-8`, 'save the file as UTF-8'));
    return err(startFault(10, 'SEN-0100', `${file} cannot be read: ${whyUnread(error)}`, 'name a file that this user may read: --config <file>'));
  }
  if (flaw !== undefined && !evenUntrusted) return err(problemsFault(file, text, [flaw]));
  const readFile = flaw === undefined ? readSecretFile : readPlainFile;
  const loaded = load({ text, file, env, home, readFile, which: (command) => which(command, env), account: findAccount, realPath, vkeyFlaw });
  if (flaw !== undefined) return err(problemsFault(file, text, [flaw, ...(loaded.ok ? loaded.value.warnings : loaded.error)]));
  if (!loaded.ok) return err(problemsFault(file, text, loaded.error));
  return ok({ file, text, hash: sha256(text), ...loaded.value });
}

/** The text of a file that others may write is not even parsed, unless it is asked for. Throws when it cannot be read. */
function readFound(file: string, evenUntrusted: boolean): { readonly text: string; readonly flaw: Diagnostic | undefined } {
  const fd = openSync(file, 'r');
  try {
    const flaw = flawOf(file, fd);
    return { text: flaw === undefined || evenUntrusted ? decode(readFileSync(fd)) : '', flaw };
  } finally {
    closeSync(fd);
  }
}

/** Throws a TypeError for bytes that are not UTF-8: a policy read through replacement characters is another policy. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
}

function problemsFault(file: string, text: string, problems: readonly Diagnostic[]): StartFault {
  const [first] = problems;
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${file}`;
  return { exit: exitFor(problems.map((one) => one.code)), code: first?.code ?? 'SEN-0101', message: count, help: 'sentinel check', problems, source: text };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function vkeyFlaw(line: string): string | undefined {
  const parsed = parseVkey(line);
  return parsed.ok ? undefined : parsed.error.detail;
}

/** What `config/` asks of a secret's file: its text and whether others may read it. */
function readSecretFile(path: string): ReturnType<Parameters<typeof load>[0]['readFile']> {
  try {
    return ok({ text: readFileSync(path, 'utf8'), mode: statSync(path).mode });
  } catch (error) {
    return err(messageIn(error));
  }
}

/** A stranger who writes the name of a secret's file could name a pipe that never ends. */
function readPlainFile(path: string): ReturnType<typeof readSecretFile> {
  try {
    return statSync(path).isFile() ? readSecretFile(path) : err('it is no plain file');
  } catch (error) {
    return err(messageIn(error));
  }
}
