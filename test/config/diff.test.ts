import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffSettings } from '../../src/config/diff.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Settings } from '../../src/core/settings.ts';
import { accepted, FILE, http, JWT_SECRET, stdio } from './source.ts';

const ENV = { JWT_SECRET_KEY: JWT_SECRET, A: 'value-of-a', B: 'value-of-b' };
const settingsOf = (text: string, env: Readonly<Record<string, string>> = ENV): Settings => accepted(text, { env }).settings;

function changes(before: string, after: string): readonly string[] {
  return diffSettings(settingsOf(before), settingsOf(after), { file: FILE, text: after }).changes;
}

test('equal settings have no difference', () => {
  const text = `${stdio('env = { K = "${env:A}" }')}${http('url = "https://x.example/mcp"\nbearer = { env = "A" }')}[rbac.roles.dev]\nallow = ["*"]\n[auth]\nown_keys = true\n`;
  assert.deepEqual(diffSettings(settingsOf(text), settingsOf(text), { file: FILE, text }), { changes: [], refusals: [] });
});

test('changes are said in the words of the file', () => {
  assert.deepEqual(changes(stdio(''), stdio('timeout_secs = 30')), ['backend files: timeout_secs 1m → 30s']);
  assert.deepEqual(changes('', stdio('')), ['backend files: added']);
  assert.deepEqual(changes(stdio(''), ''), ['backend files: removed']);
  assert.deepEqual(changes('[rbac.roles.dev]\nallow = ["a/*", "b/*"]', '[rbac.roles.dev]\nallow = ["a/*", "c/*"]'), ['role dev: allow +c/* -b/*']);
  assert.deepEqual(changes('', '[kill_switch]\ndisabled_tools = ["rm"]'), ['kill_switch.disabled_tools: +rm']);
  assert.deepEqual(changes('[rate_limits]\nper_tool = { a = 1, b = 2 }', '[rate_limits]\nper_tool = { b = 2, a = 1 }'), ['rate_limits.per_tool: in another order']);
  assert.deepEqual(changes('', '[rate_limits]\nglobal_rpm = 9'), ['rate_limits.global_rpm: (not set) → 9']);
  assert.deepEqual(changes(stdio(''), http('url = "https://x.example/mcp"')), ['backend files: removed', 'backend tools: added']);
});

test('secrets, arguments and URLs are only ever said to have changed', () => {
  assert.deepEqual(changes(stdio('env = { K = "${env:A}" }\nargs = ["x"]'), stdio('env = { K = "${env:B}" }\nargs = ["y"]')), ['backend files: args changed', 'backend files: env changed']);
  assert.deepEqual(changes(http('url = "https://x.example/mcp?k=1"'), http('url = "https://x.example/mcp?k=2"')), ['backend tools: url changed']);
  assert.deepEqual(changes(http('url = "https://x.example/mcp"'), http('url = "https://x.example/mcp"\nbearer = { env = "A" }')), ['backend tools: bearer (not set) → (hidden)']);
});

test('a change that needs a restart refuses the whole, at its place; a live one does not', () => {
  const after = '[gateway]\nlog_level = "debug"\nlisten = "127.0.0.1:9300"\n';
  const { refusals } = diffSettings(settingsOf(''), settingsOf(after), { file: FILE, text: after });
  assert.deepEqual(refusals.map((one) => [one.code, one.line, one.message]), [['SEN-0122', 3, 'gateway.listen cannot change while the gateway runs: 127.0.0.1:9200 → 127.0.0.1:9300']]);
  for (const text of ['[gateway]\nhealth_listen = "127.0.0.1:1"', '[gateway]\nstate_dir = "/x"', '[gateway]\ncontrol_socket = "/x.sock"', '[store]\npath = "/x.db"', '[postgres]\nmax_connections = 3']) {
    assert.ok(diffSettings(settingsOf(''), settingsOf(text), { file: FILE, text }).refusals.length > 0, text);
  }
  const store = diffSettings(settingsOf(''), settingsOf('', { ...ENV, DATABASE_URL: 'postgres://u:hidden@h/d' }), { file: FILE, text: '' });
  assert.deepEqual(store.refusals.map((one) => one.message), ['postgres.url cannot change while the gateway runs: (not set) → (hidden)']);
});

type Mutant = readonly [path: string, mutant: unknown];

const SECRETS = /\.(metricsToken|postgresUrl|bearer|sharedSecret)$/;
const NUMBERS = /\.(maxLifetimeMs|global)$/;

/** What an unset leaf may become. */
function setValue(path: string): unknown {
  if (SECRETS.test(path)) return new Secret('s');
  return NUMBERS.test(path) ? 5 : 'x';
}

/** The same value with one leaf changed, for every leaf. */
function mutants(value: unknown, path: string): readonly Mutant[] {
  if (value === undefined) return [[path, setValue(path)]];
  if (value instanceof Secret) return [[path, new Secret(`${value.reveal()}x`)]];
  if (typeof value === 'string') return [[path, `${value}x`]];
  if (typeof value === 'number') return [[path, value === 0 ? 1 : value * 2]];
  if (typeof value === 'boolean') return [[path, !value]];
  if (Array.isArray(value)) {
    const inner = value.flatMap((item, index) => mutants(item, `${path}.${index}`).map(([at, mutant]): Mutant => [at, value.with(index, mutant)]));
    return value.length === 0 ? inner : [...inner, [`${path}.shorter`, value.slice(0, -1)]];
  }
  return Object.entries(value ?? {}).flatMap(([key, inner]) => mutants(inner, `${path}.${key}`).map(([at, mutant]): Mutant => [at, { ...value, [key]: mutant }]));
}

test('no setting can change unnoticed: every leaf that differs is in the difference', () => {
  const text = `${stdio('env = { K = "${env:A}" }\nargs = ["x"]\ncwd = "/x"\nrun_as = "files"\nidempotent_tools = ["a", "b"]\nenv_passthrough = ["TZ"]\nroots = ["/x"]\naliases = { a = "b" }\nhide = ["x"]\nasks = { sampling = true }')}${http('url = "https://x.example/mcp"\nheaders = { X-A = "1" }')}[rbac.roles.dev]\nallow = ["*", "a"]\n[auth]\nown_keys = true\nmax_token_lifetime = "1h"\n[[auth.issuers]]\nissuer = "i"\naudience = "a"\njwks_url = "https://i/k"\n[rate_limits]\nper_tool = { a = 1 }\nper_role = { dev = 1 }\nglobal_rpm = 1\n[kill_switch]\ndisabled_tools = ["x"]\ndisabled_backends = ["files"]\ndisabled_roles = ["dev"]\ndisabled_subjects = ["s"]\n[scopes]\nbaseline = ["r"]\n[scopes.grants.r]\nallow = ["a", "b"]\n[scopes.grants.w]\nallow = ["c"]\nincludes = ["r"]\n`;
  const before = settingsOf(text);
  // Another type of backend is another set of leaves.
  const all = mutants(before, 'settings').filter(([path]) => !/backends\.[0-9]+\.type$/.test(path));
  assert.ok(all.length > 120, String(all.length));
  for (const [path, mutant] of all) {
    // A mutant has the shape of the original by construction.
    const { changes: found } = diffSettings(before, mutant as Settings, { file: FILE, text });
    assert.ok(found.length > 0, `${path} changed unnoticed`);
  }
});
