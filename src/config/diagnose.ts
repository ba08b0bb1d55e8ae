// From the schema's complaints to problems a person can act on: named as the user wrote it, what was expected, one fix.
import type * as z from 'zod';
import type { Row } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted, showPath } from './problems.ts';
import type { Context } from './section.ts';
import { suggest } from './suggest.ts';
import { containerAt, keysAt, rowAt } from './table.ts';

export interface Scene {
  readonly root: string;
  readonly schema: z.ZodType;
  readonly raw: unknown;
  readonly context: Pick<Context, 'problem' | 'elsewhere'>;
}

type Issue = z.core.$ZodIssue;

/** What people of other gateways would write. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['kind', 'type'], ['transport', 'type'], ['cmd', 'command'], ['cwd_dir', 'cwd'], ['allowed_tools', 'allow'], ['tools', 'allow'],
  ['blocked_tools', 'denied_tools'], ['timeout', 'timeout_secs'], ['endpoint', 'url'], ['id', 'name'], ['environment', 'env'], ['token', 'bearer'],
]);

export function explain(scene: Scene, issues: readonly Issue[], base: Path = []): void {
  for (const issue of issues) explainOne(scene, issue, [...base, ...issue.path.filter((step) => typeof step !== 'symbol')]);
}

function explainOne(scene: Scene, issue: Issue, path: Path): void {
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) unknownKey(scene, path, key);
      return;
    case 'invalid_union': return union(scene, issue, path);
    case 'invalid_key': return fault(scene, 'value', path, 'is not a usable name: 1 to 512 characters');
    case 'too_small':
      return fault(scene, 'range', path, typeof issue.minimum === 'number' && issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`);
    case 'too_big': return fault(scene, 'range', path, issue.origin === 'string' || issue.origin === 'array' ? `is too long: at most ${issue.maximum}` : `must be at most ${issue.maximum}`);
    case 'custom': return issue.message === 'form' ? wrongValue(scene, path) : fault(scene, 'range', path, `must be ${issue.message}`);
    default:
      if (valueAt(scene.raw, path) === undefined) missing(scene, path);
      else wrongValue(scene, path);
  }
}

/** The branch meant is the one that got further than the type of the whole. */
function union(scene: Scene, issue: Extract<Issue, { code: 'invalid_union' }>, path: Path): void {
  const branches: readonly (readonly Issue[])[] = issue.errors;
  const meant = branches.find((issues) => issues.every((one) => one.path.length > 0 || one.code === 'unrecognized_keys'));
  if (meant === undefined || rowAt(scene.schema, path)?.secret === true) wrongValue(scene, path);
  else explain(scene, meant, path);
}

function unknownKey(scene: Scene, path: Path, key: string): void {
  const known = keysAt(scene.schema, path);
  const alias = ALIASES.get(key);
  const near = suggest(key, known) ?? (alias !== undefined && known.includes(alias) ? alias : undefined);
  const table = showPath([scene.root, ...path]);
  const other = near === undefined ? scene.context.elsewhere(key) : undefined;
  const help = near !== undefined ? `did you mean \`${near}\`?` : other !== undefined ? `\`${key}\` belongs in [${other}]` : keysHelp(known);
  scene.context.problem('unknown_key', [scene.root, ...path, key], `unknown key \`${clean(key)}\` in ${table}`, help);
}

export function tellUnknownTables(found: readonly string[], known: readonly string[], context: Scene['context']): void {
  for (const name of found) {
    if (known.includes(name)) continue;
    const near = suggest(name, known);
    const home = near === undefined ? context.elsewhere(name) : undefined;
    const help = near !== undefined ? `did you mean \`${near}\`?` : home !== undefined ? `\`${name}\` belongs in [${home}]` : `known tables: ${known.join(', ')}`;
    context.problem('unknown_key', [name], `unknown key \`${clean(name)}\``, help);
  }
}

function keysHelp(known: readonly string[]): string | undefined {
  return known.length === 0 || known.length > 12 ? undefined : `known keys: ${known.join(', ')}`;
}

function missing(scene: Scene, path: Path): void {
  const row = rowAt(scene.schema, path);
  const name = String(path.at(-1) ?? scene.root);
  const kind = row === undefined ? '' : `: it must be ${row.kind}`;
  scene.context.problem('missing_key', [scene.root, ...path], `${showPath([scene.root, ...path.slice(0, -1)])} needs \`${name}\`${kind}`);
}

function wrongValue(scene: Scene, path: Path): void {
  const row = rowAt(scene.schema, path);
  const raw = valueAt(scene.raw, path);
  const said = row?.secret === true || typeof raw !== 'string' ? '' : `, not ${quoted(raw)}`;
  const near = row?.secret === true || typeof raw !== 'string' ? undefined : suggest(raw, wordsIn(row));
  fault(scene, 'value', path, `must be ${row?.kind ?? containerAt(scene.schema, path)}${said}`, near === undefined ? undefined : `did you mean ${quoted(near)}?`);
}

function wordsIn(row: Row | undefined): readonly string[] {
  return [...(row?.kind.matchAll(/"([a-z]+)"/g) ?? [])].map((found) => found[1] ?? '');
}

function fault(scene: Scene, kind: 'value' | 'range', path: Path, sentence: string, help?: string): void {
  const secret = rowAt(scene.schema, path)?.secret === true;
  const full = [scene.root, ...path];
  scene.context.problem(kind, full, `\`${showPath(full)}\` ${sentence}`, help, secret ? 'key' : undefined);
}

export function valueAt(raw: unknown, path: Path): unknown {
  let here: unknown = raw;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

function clean(key: string): string {
  const shown = quoted(key);
  return shown.slice(1, -1);
}
