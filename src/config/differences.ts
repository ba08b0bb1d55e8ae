// Where this gateway deliberately behaves otherwise than the original, told once and only to files that rely on it.
// A file relies on the original while it holds no key of ours: choosing `[catalog] names`, say, shows that the difference is known.
import type { Settings } from '../core/settings.ts';
import type { Path } from './locate.ts';
import type { Document } from './parse.ts';
import type { Context } from './section.ts';
import { settingsTable } from './settings.ts';

export function tellDifferences(file: Document, settings: Settings, context: Context): void {
  tellRestart(settings, context);
  if (!speaksOriginal(file)) return;
  const { problem, given, env } = context;
  if (given(['gateway', 'listen'])) problem('listens', ['gateway', 'listen'], 'the address of `gateway.listen` is served here; the original only logged it');
  if (settings.backends.length > 0) {
    problem('names_prefixed', ['backends', 0, 'name'], `tools are named ${settings.backends[0]?.id ?? ''}__… here; the original did so only on collisions`, 'say which you want: `[catalog] names = "prefixed"`, or "bare"');
  }
  if (given(['rate_limits'])) problem('policy_order', ['rate_limits'], 'roles are asked before limits, and windows slide');
  const shared = env['BACKEND_SHARED_SECRET'];
  const first = settings.backends.findIndex((one) => one.type === 'http');
  if (shared !== undefined && shared !== '' && first >= 0) problem('shared_secret_off', ['backends', first], 'BACKEND_SHARED_SECRET is set, but no backend asks for it with `shared_secret = true`');
}

function tellRestart(settings: Settings, context: Context): void {
  for (const [index, backend] of settings.backends.entries()) {
    const path: Path = ['backends', index, 'restart_on_exit'];
    if (backend.type === 'stdio' && !backend.restart && context.given(path)) context.problem('restart_off', path, `the backend "${backend.id}" is not started again when it ends`);
  }
}

/** Every key of the file is one the original knew. */
function speaksOriginal(file: Document): boolean {
  const original = settingsTable().filter((row) => row.original === true).map((row) => row.path);
  const tables = new Set(original.map((path) => path.split(/[.[]/, 1)[0]));
  return Object.keys(file).every((table) => tables.has(table)) && keysOf(file).every((key) => original.some((path) => key === path || key.startsWith(`${path}.`)));
}

/** The file's keys as the settings table writes them; list positions and names are left open. */
function keysOf(file: Document): readonly string[] {
  return Object.entries(file).flatMap(([table, value]) => {
    if (table === 'rbac') return Object.values(membersOf(membersOf(file['rbac'])['roles'])).flatMap((role) => Object.keys(membersOf(role)).map((key) => `rbac.roles.<name>.${key}`));
    if (Array.isArray(value)) return value.flatMap((item) => Object.keys(membersOf(item)).map((key) => `${table}[].${key}`));
    return Object.keys(membersOf(value)).map((key) => `${table}.${key}`);
  });
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
