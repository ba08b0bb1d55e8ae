// The way in: text, environment and a file reader in; Settings or every problem of the file out. Pure but for the reader it is given.
import type { Diagnostic } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { DEFAULT_SECRET_ENV } from './auth.ts';
import { CODES } from './codes.ts';
import { valueAt } from './diagnose.ts';
import { tellDifferences } from './differences.ts';
import { placesOf, type Path } from './locate.ts';
import { parseText, type Document, type ParseFault } from './parse.ts';
import { collectProblems, showPath, type Problems } from './problems.ts';
import type { Context, FindAccount, VkeyFlaw } from './section.ts';
import { secretsFrom, type Environment, type ReadFile } from './secrets.ts';
import { belongsIn, readSettings } from './settings.ts';
import { DEFAULT_DATABASE_ENV } from './storage.ts';

export interface LoadInput {
  readonly text: string;
  /** As given or found, absolute: relative paths in the file start at its directory. */
  readonly file: string;
  readonly env: Environment;
  readonly home: string;
  readonly readFile: ReadFile;
  /** Resolves a command through PATH; without it commands are taken as written. */
  readonly which?: (command: string) => string | undefined;
  /** Finds users of this machine; without it no backend can have one. */
  readonly account?: FindAccount;
  /** Follows links; without it paths are taken as written. */
  readonly realPath?: (path: string) => string | undefined;
  /** Judges public keys; without it they are taken as written. */
  readonly vkeyFlaw?: VkeyFlaw;
}

export interface Loaded {
  readonly settings: Settings;
  readonly warnings: readonly Diagnostic[];
  /** Environment variables that secrets were read from. */
  readonly secretVariables: readonly string[];
}

export function load(input: LoadInput): Result<Loaded, readonly Diagnostic[]> {
  const parsed = parseText(input.text);
  if (!parsed.ok) return err([syntaxDiagnostic(input.file, parsed.error)]);
  const problems = collectProblems(input.file, placesOf(input.text));
  const nul = nulPath(parsed.value);
  if (nul !== undefined) problems.add('nul', nul, `\`${showPath(nul)}\` holds a NUL character`);
  const context = contextOf(input, parsed.value, problems);
  const settings = readSettings(parsed.value, context);
  if (settings === undefined || problems.failed) return err(problems.diagnostics('error'));
  tellDifferences(parsed.value, settings, context);
  return ok({ settings: deepFrozen(settings), warnings: problems.diagnostics('warning'), secretVariables: context.secrets.read() });
}

function syntaxDiagnostic(file: string, fault: ParseFault): Diagnostic {
  const entry = CODES[fault.kind];
  return { code: entry.code, severity: 'error', message: fault.message, file, line: fault.line, column: fault.column, help: entry.cure };
}

function contextOf(input: LoadInput, document: Document, problems: Problems): Context {
  const directory = input.file.includes('/') ? input.file.slice(0, input.file.lastIndexOf('/')) || '/' : '.';
  return {
    env: input.env,
    home: input.home,
    directory,
    which: input.which,
    account: input.account,
    readFile: input.readFile,
    realPath: input.realPath,
    vkeyFlaw: input.vkeyFlaw,
    secrets: secretsFrom({ env: input.env, readFile: input.readFile, problems, directory, home: input.home, own: ownVariables(document) }),
    given: (path) => valueAt(document, path) !== undefined,
    elsewhere: belongsIn,
    problem: (kind, path, message, help, points) => problems.add(kind, path, message, help, points),
  };
}

/** Variables with secrets of the gateway, by default or as this file names them. */
function ownVariables(document: Document): ReadonlySet<string> {
  const paths: readonly Path[] = [['auth', 'jwt_secret_env'], ['postgres', 'url_env'], ['auth', 'jwt_secret', 'env'], ['postgres', 'url', 'env'], ['gateway', 'metrics_token', 'env']];
  const named = paths.map((path) => valueAt(document, path)).filter((value) => typeof value === 'string');
  const database = named.length > 0 && valueAt(document, ['postgres']) !== undefined ? [] : [DEFAULT_DATABASE_ENV];
  return new Set([DEFAULT_SECRET_ENV, 'SENTINEL_TOKEN', 'HEALTH_TOKEN', ...database, ...named]);
}

/** H02. Walks with a list of its own: dotted keys nest deeper than a call stack. */
function nulPath(document: Document): Path | undefined {
  interface Visit { readonly value: unknown; readonly step: string | number; readonly up: Visit | undefined }
  const visits: Visit[] = Object.entries(document).map(([step, value]) => ({ value, step, up: undefined }));
  for (let visit = visits.pop(); visit !== undefined; visit = visits.pop()) {
    const { value, step, up } = visit;
    if ((typeof value === 'string' && value.includes('\u0000')) || (typeof step === 'string' && step.includes('\u0000'))) {
      const path: (string | number)[] = [step];
      for (let above = up; above !== undefined; above = above.up) path.unshift(above.step);
      return path;
    }
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visits.push({ value: item, step: index, up: visit });
    else if (typeof value === 'object' && value !== null) for (const [key, item] of Object.entries(value)) visits.push({ value: item, step: key, up: visit });
  }
  return undefined;
}

/** Settings are shared by every call of a revision. Secrets are immutable by themselves. */
function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFrozen(inner);
  }
  return value;
}
