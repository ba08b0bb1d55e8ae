// The whole file: its tables in order, and the Settings they make together. A faulty table does not keep the others from being read.
import * as z from 'zod';
import type { Settings } from '../core/settings.ts';
import { auth } from './auth.ts';
import { backends } from './backends.ts';
import { tellUnknownTables } from './diagnose.ts';
import { bounds, gateway } from './gateway.ts';
import type { Document } from './parse.ts';
import { argumentRules, catalog, compat, concurrency, killSwitch, rateLimits, rbac } from './policy.ts';
import { scopes } from './scopes.ts';
import type { Context } from './section.ts';
import { audit, postgres, store } from './storage.ts';
import { keysAt, rowsOf, type TableRow } from './table.ts';

const SECTIONS = [gateway, bounds, auth, postgres, store, audit, backends, rbac, scopes, rateLimits, concurrency, killSwitch, argumentRules, catalog, compat] as const;

/** The file as one schema: for the reference, the JSON Schema and unknown tables. */
export const FILE_SCHEMA: z.ZodType = z.strictObject(Object.fromEntries(SECTIONS.map((one) => [one.name, one.schema.optional()])));

/** The settings table: every key, in the order of the example file. */
export function settingsTable(): readonly TableRow[] {
  return SECTIONS.flatMap((one) => rowsOf(one.schema, one.name));
}

/** The table in which a misplaced key would be right. */
export function belongsIn(key: string): string | undefined {
  return SECTIONS.find((one) => keysAt(one.schema, []).includes(key))?.name ?? (keysAt(backends.schema, [0]).includes(key) ? '[backends]' : undefined);
}

/** Undefined when a table is faulty; its faults are told. */
export function readSettings(file: Document, context: Context): Settings | undefined {
  tellUnknownTables(Object.keys(file), SECTIONS.map((one) => one.name), context);
  const raw = (name: string): unknown => file[name] ?? (name === 'backends' ? [] : {});
  const base = gateway.read(raw('gateway'), context, undefined);
  // A stand-in lets the other tables be checked when this one is faulty; nothing is made of it then.
  const stateDir = base?.settings.stateDir ?? '.';
  const limits = bounds.read(raw('bounds'), context, undefined);
  const tokens = auth.read(raw('auth'), context, stateDir);
  const database = postgres.read(raw('postgres'), context, undefined);
  const sqlitePath = store.read(raw('store'), context, stateDir);
  const servers = backends.read(raw('backends'), context, limits?.resultBytes ?? Number.MAX_SAFE_INTEGER);
  const record = audit.read(raw('audit'), context, servers);
  const roles = rbac.read(raw('rbac'), context, { backends: servers });
  const granted = scopes.read(raw('scopes'), context, { backends: servers });
  const known = { backends: servers, roles };
  const rates = rateLimits.read(raw('rate_limits'), context, known);
  const together = concurrency.read(raw('concurrency'), context, undefined);
  const kills = killSwitch.read(raw('kill_switch'), context, known);
  const checks = argumentRules.read(raw('arguments'), context, undefined);
  const lists = catalog.read(raw('catalog'), context, undefined);
  const errorCodes = compat.read(raw('compat'), context, undefined);
  if (!base || !limits || !tokens || !database || sqlitePath === undefined || !record || !servers || !roles) return undefined;
  if (!rates || !together || !kills || !checks || !lists || !granted || !errorCodes) return undefined;
  return {
    gateway: base.settings,
    bounds: limits,
    auth: tokens,
    store: { postgresUrl: database.url, maxConnections: database.maxConnections, sqlitePath },
    audit: { enabled: base.auditEnabled, ...record },
    backends: servers,
    roles,
    scopes: granted,
    limits: rates,
    concurrency: together,
    kills,
    arguments: checks,
    ...lists,
    errorCodes,
  };
}
