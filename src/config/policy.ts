// [rbac], [rate_limits], [concurrency], [kill_switch], [arguments], [catalog], [compat]: what may be called, how often, and what is stopped.
import * as z from 'zod';
import type { Mode } from '../core/decision.ts';
import { roleName } from '../core/ids.ts';
import type { ArgumentSettings, BackendSettings, ConcurrencySettings, KillSettings, LimitSettings, RoleSettings, Settings } from '../core/settings.ts';
import { choice, count, counts, duration, flag, maybeCount, maybeText, size, words, type Note } from './keys.ts';
import type { Path } from './locate.ts';
import { checkPattern, leftOpen, tellStray } from './patterns.ts';
import { quoted } from './problems.ts';
import { section, type Context, type Section } from './section.ts';
import { suggest } from './suggest.ts';

const mode = (doc: string): z.ZodType<Mode> => choice(['enforce', 'monitor', 'shadow'], 'enforce', { doc });
const live = (doc: string): Note => ({ doc });
const PERMISSIONS: ReadonlySet<string> = new Set(['*', 'tools.read', 'tools.execute']);
/** Either lets a role call every tool. */
const BROAD: ReadonlySet<string> = new Set(['*', 'tools.execute']);

const ROLE = z.strictObject({
  permissions: words([], { doc: 'Words of the original: "*" allows everything, "tools.execute" every tool and no prompt or resource; "tools.read" alone allows nothing.', original: true }),
  allow: words([], { doc: 'What the role may see and use: tools (patterns `backend/tool`), `prompt:backend/name`, `resource:backend/uri`; `backend/*` is everything of a backend.', example: '["files/read_*", "files/list_*", "prompt:files/*", "resource:files/file:///srv/**"]' }),
  deny: words([], { doc: 'What it may not (patterns), whatever else allows it.', example: '["*/delete_*"]' }),
  denied_tools: words([], { doc: 'The original\'s name for `deny`.', original: true }),
  mode: mode('"monitor" and "shadow" record refusals without refusing.'),
  owner: maybeText({ doc: 'Who answers for this role: stands in the audit beside its decisions.', example: '"team-platform"' }),
});
const RBAC = z.strictObject({ roles: z.record(z.string().min(1).max(128), ROLE).default({}) });

export const rbac: Section<readonly RoleSettings[], Pick<Known, 'backends'>> = section('rbac', RBAC, (file, context, known: Pick<Known, 'backends'>): readonly RoleSettings[] => {
  const roles = Object.entries(file.roles).map(([name, role]) => roleOf(name, role, context, known.backends?.map((one) => one.id)));
  if (roles.length === 0) context.problem('no_roles', ['rbac'], 'there are no roles, so every call is refused');
  return roles;
});

function roleOf(name: string, role: z.output<typeof ROLE>, context: Context, backends: readonly string[] | undefined): RoleSettings {
  const path: Path = ['rbac', 'roles', name];
  for (const [index, word] of role.permissions.entries()) {
    if (PERMISSIONS.has(word)) continue;
    const near = suggest(word, PERMISSIONS);
    context.problem('permission', [...path, 'permissions', index], `the permission ${quoted(word)} of role ${quoted(name)} is not known and grants nothing`, near === undefined ? undefined : `did you mean ${quoted(near)}?`);
  }
  const broad = role.permissions.find((word) => BROAD.has(word));
  // `tools.execute` says nothing of prompts and resources, so an allow may add them.
  if (broad !== undefined && role.allow.some((text) => role.permissions.includes('*') || !/^(?:prompt|resource):/.test(text))) {
    context.problem('contradiction', [...path, 'allow'], `role ${quoted(name)} may call every tool by its permission ${quoted(broad)}, so \`allow\` would limit nothing`, 'remove `permissions` to allow only what is listed');
  }
  const read = (key: 'allow' | 'deny' | 'denied_tools'): readonly string[] => patterns(role[key], key === 'allow' ? 'allow' : 'deny', [...path, key], backends, context);
  const allow = read('allow');
  const deny = [...read('deny'), ...read('denied_tools')];
  tellOpen(name, role, deny, backends ?? [], context);
  if (broad === undefined && allow.length === 0) context.problem('role_empty', path, `role ${quoted(name)} may call nothing, so it sees empty lists`);
  return { name: roleName(name), permissions: role.permissions, allow, deny, mode: role.mode, owner: role.owner };
}

function tellOpen(name: string, role: z.output<typeof ROLE>, deny: readonly string[], backends: readonly string[], context: Context): void {
  const everything = role.permissions.indexOf('*');
  const open = leftOpen(everything < 0 ? role.allow : ['*'], deny, backends);
  if (open.length === 0) return;
  const place: Path = everything < 0 ? ['allow'] : ['permissions', everything];
  const named = `${open.slice(0, MOST_NAMED).join(' and of ')}${open.length > MOST_NAMED ? ` and of ${open.length - MOST_NAMED} more` : ''}`;
  context.problem('kinds_open', ['rbac', 'roles', name, ...place], `role ${quoted(name)} may use every prompt and resource of ${named}: what it denies there are tools only`,
    everything < 0
      ? `for tools only allow \`tool:${open.length === backends.length ? '*' : `${open[0] ?? ''}/*`}\`; else deny others too (\`prompt:…\`, \`resource:…\`), or allow those kinds by name where all are meant`
      : 'for tools only write `permissions = ["tools.execute"]`, with `allow = ["prompt:*", "resource:*"]` where all are meant; else deny others too (`prompt:…`, `resource:…`)');
}

const MOST_NAMED = 5;

function patterns(written: readonly string[], rule: 'allow' | 'deny' | 'kill', path: Path, backends: readonly string[] | undefined, context: Context): readonly string[] {
  for (const [index, text] of written.entries()) tellStray(text, rule, [...path, index], backends, context);
  return written.filter((text, index) => checkPattern(text, [...path, index], context));
}

/** What limits and kills may name. */
export interface Known {
  readonly backends: readonly BackendSettings[] | undefined;
  readonly roles: readonly RoleSettings[] | undefined;
}

const LIMITS = z.strictObject({
  default_rpm: count(1000, { doc: 'Calls per minute of one subject to one tool or prompt, or to all resources of one backend.', original: true }),
  per_tool: counts({ doc: 'Pattern → the same; the first that matches wins. The resources of a backend that one pattern names count together.', original: true, example: '{ "files/write_*" = 30 }' }),
  per_role: counts({ doc: 'Role → calls per minute of all its subjects together.', example: '{ developer = 600 }' }),
  per_backend: counts({ doc: 'Backend → calls per minute of everybody.', example: '{ files = 600 }' }),
  global_rpm: maybeCount({ doc: 'Calls per minute of everybody to everything. Unset: no limit.', example: '6000' }),
  tasks_rpm: count(600, { doc: 'Requests about tasks per minute of one subject: looks at them, answers, cancellations. They are charged to no tool.' }),
  probe_rpm: count(120, { doc: 'Refused calls per minute of one subject, before it is told to wait.' }),
  mode: mode('"monitor" and "shadow" record refusals without refusing.'),
});

export const rateLimits: Section<LimitSettings, Known> = section('rate_limits', LIMITS, (file, context, known: Known): LimitSettings => {
  const names = { backends: known.backends?.map((one) => one.id), roles: known.roles?.map((one) => one.name) };
  for (const [key, table, all] of [['per_backend', file.per_backend, names.backends], ['per_role', file.per_role, names.roles]] as const) {
    for (const name of Object.keys(table)) tellUnknown('unknown_name', name, all, ['rate_limits', key, name], context);
  }
  for (const pattern of Object.keys(file.per_tool)) tellStray(pattern, 'limit', ['rate_limits', 'per_tool', pattern], names.backends, context);
  return {
    perTool: file.default_rpm,
    tools: Object.entries(file.per_tool).filter(([pattern]) => checkPattern(pattern, ['rate_limits', 'per_tool', pattern], context)).map(([pattern, limit]) => ({ pattern, limit })),
    roles: file.per_role,
    backends: file.per_backend,
    global: file.global_rpm,
    tasks: file.tasks_rpm,
    probes: file.probe_rpm,
    mode: file.mode,
  };
});

/** A limit for nothing is an error; a kill of nothing is told, but never keeps the other kills of the file from taking effect. */
function tellUnknown(kind: 'unknown_name' | 'dead_entry', name: string, all: readonly string[] | undefined, path: Path, context: Context): void {
  if (all === undefined || all.includes(name)) return;
  const near = suggest(name, all);
  context.problem(kind, path, `${quoted(name)} is not configured in this file`, near === undefined ? undefined : `did you mean ${quoted(near)}?`);
}

const CONCURRENCY = z.strictObject({
  per_principal: count(32, live('Most calls at once of one subject. Half of the `concurrency` of a backend by default: whoever fills this share leaves room for others.'), { least: 1, most: 100_000 }),
  global: count(1024, live('Most calls at once.'), { least: 1, most: 1_000_000 }),
});

export const concurrency: Section<ConcurrencySettings, undefined> = section('concurrency', CONCURRENCY, (file): ConcurrencySettings => ({ perPrincipal: file.per_principal, global: file.global }));

const KILLS = z.strictObject({
  disabled_tools: words([], { doc: 'Tools, prompts and resources (patterns) nobody may use.', original: true }),
  disabled_backends: words([], { doc: 'Backends nobody may call.', original: true }),
  disabled_roles: words([], live('Roles that may call nothing.')),
  disabled_subjects: words([], live('Subjects (`sub`) that may call nothing.')),
  all: flag(false, live('Stops everything.')),
  cancel_in_flight: flag(true, live('Calls that run when their kill comes are cancelled, and tasks that work are told to stop at their backends. Without it both go on; looks at a task are refused all the same.')),
});

export const killSwitch: Section<KillSettings, Known> = section('kill_switch', KILLS, (file, context, known: Known): KillSettings => {
  const names = { backends: known.backends?.map((one) => one.id), roles: known.roles?.map((one) => one.name) };
  for (const [index, name] of file.disabled_backends.entries()) tellUnknown('dead_entry', name, names.backends, ['kill_switch', 'disabled_backends', index], context);
  for (const [index, name] of file.disabled_roles.entries()) tellUnknown('dead_entry', name, names.roles, ['kill_switch', 'disabled_roles', index], context);
  return {
    tools: patterns(file.disabled_tools, 'kill', ['kill_switch', 'disabled_tools'], names.backends, context),
    backends: file.disabled_backends,
    roles: file.disabled_roles,
    subjects: file.disabled_subjects,
    all: file.all,
    cancelInFlight: file.cancel_in_flight,
  };
});

const ARGUMENTS = z.strictObject({
  mode: mode('Whether arguments must fit the tool\'s own schema, and a prompt be given what it requires.'),
  deadline: duration('250ms', live('Time for one check.'), { least: 10, most: 10_000 }),
  schema: size('256KiB', live('Largest schema that is used.'), { least: 1024, most: 16 * 1024 * 1024 }),
  on_unusable: choice(['deny', 'allow'], 'deny', live('What happens to calls of a tool whose schema cannot be used.')),
});

export const argumentRules: Section<ArgumentSettings, undefined> = section('arguments', ARGUMENTS, (file): ArgumentSettings => ({
  mode: file.mode, deadlineMs: file.deadline, schemaBytes: file.schema, onUnusable: file.on_unusable,
}));

const CATALOG = z.strictObject({
  names: choice(['prefixed', 'bare'], 'prefixed', live('Tools are `<backend>__<tool>`, or have their own names, which must then be unique; such a name is given when every backend has listed its tools or failed, and stays given.')),
  when_down: choice(['known', 'omit', 'fail'], 'known', live('What lists say while a backend is down. "known": what it listed last. "omit": nothing of it, and an error when all that the agent may see are down. "fail": an error, until every backend that the agent may see is up. Calls are decided alike under each.')),
});
export const catalog: Section<Pick<Settings, 'names' | 'whenDown'>, undefined> = section('catalog', CATALOG, (file) => ({ names: file.names, whenDown: file.when_down }));

const COMPAT = z.strictObject({ error_codes: choice(['standard', 'original'], 'standard', live('"original": refusals have the JSON-RPC codes of the original.')) });
export const compat: Section<Settings['errorCodes'], undefined> = section('compat', COMPAT, (file) => file.error_codes);
