import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileNames, compilePolicy, unmatchedPatterns } from '../../src/config/compile.ts';
import { EMPTY_CATALOG } from '../../src/core/policy/catalog.ts';
import { NO_OFFERS } from '../support/offers.ts';
import type { TargetKind } from '../../src/core/call.ts';
import type { Catalog, ToolEntry } from '../../src/core/catalog.ts';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import type { KillOverride, RevokeOverride } from '../../src/core/override.ts';
import { matches } from '../../src/core/policy/globs.ts';
import { isVisible } from '../../src/core/policy/decide.ts';
import type { Policy } from '../../src/core/snapshot.ts';
import { accepted, stdio } from './source.ts';

function policyOf(text: string): Policy {
  const compiled = compilePolicy(accepted(text).settings, []);
  assert.ok(compiled.ok);
  return compiled.value;
}

function may(policy: Policy, role: string, target: string, kind: TargetKind = 'tool'): boolean {
  const slash = target.indexOf('/');
  const [backend, name] = [target.slice(0, slash), target.slice(slash + 1)];
  const principal = { subject: 's', roles: [roleName(role)], scopes: [], issuer: 'i', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(1e15), credential: 'c' } as const;
  return isVisible(policy, principal, { kind, backend: backendId(backend), name }, timestamp(0));
}

test('the permissions of the original: * and tools.execute allow everything, tools.read alone nothing, a deny beats both', () => {
  const policy = policyOf('[rbac.roles]\nadmin = { permissions = ["*"] }\ndeveloper = { permissions = ["tools.read", "tools.execute"], denied_tools = ["write_query", "fs__rm"] }\nviewer = { permissions = ["tools.read"] }\n');
  assert.equal(may(policy, 'admin', 'sqlite/write_query'), true);
  assert.equal(may(policy, 'developer', 'sqlite/read_query'), true);
  assert.equal(may(policy, 'developer', 'sqlite/write_query'), false);
  assert.equal(may(policy, 'developer', 'fs/rm'), false);
  assert.equal(may(policy, 'viewer', 'sqlite/read_query'), false);
  assert.equal(may(policy, 'nobody', 'sqlite/read_query'), false);
});

test('`*` of the original is everything; `tools.execute` is every tool and no prompt or resource, which an allow may add', () => {
  const policy = policyOf('[rbac.roles]\nadmin = { permissions = ["*"] }\ndeveloper = { permissions = ["tools.execute"], allow = ["prompt:fs/*"] }\n');
  for (const kind of ['tool', 'prompt', 'resource'] as const) assert.equal(may(policy, 'admin', 'fs/x', kind), true, kind);
  assert.deepEqual((['tool', 'prompt', 'resource'] as const).map((kind) => may(policy, 'developer', 'fs/x', kind)), [true, true, false]);
});

test('rules with a kind hold for that kind only, in allow, deny and kill', () => {
  const policy = policyOf(`${stdio('')}[rbac.roles.dev]\nallow = ["files/*"]\ndeny = ["prompt:files/debug_*", "resource:files/file:///srv/private/**"]\n[kill_switch]\ndisabled_tools = ["resource:files/mem:*"]\n`);
  assert.equal(may(policy, 'dev', 'files/debug_x', 'prompt'), false);
  assert.equal(may(policy, 'dev', 'files/debug_x'), true);
  assert.equal(may(policy, 'dev', 'files/file:///srv/private/a/b', 'resource'), false);
  assert.equal(may(policy, 'dev', 'files/file:///srv/a', 'resource'), true);
  assert.equal(may(policy, 'dev', 'files/mem:a', 'resource'), false);
  assert.equal(may(policy, 'dev', 'files/mem:a', 'prompt'), true);
});

test('`hide` hides by patterns with and without the backend, and a URI stands there as it is', () => {
  const [names] = compileNames(accepted(stdio('hide = ["files/write", "rm_*", "a/b", "prompt:debug", "resource:file:///srv/private/**"]')).settings);
  assert.ok(names !== undefined);
  const hidden = (kind: TargetKind, name: string): boolean => names.hide.some((pattern) => matches(pattern, { kind, backend: 'files', name }));
  for (const name of ['write', 'rm_all', 'a/b']) assert.equal(hidden('tool', name), true, name);
  assert.equal(hidden('prompt', 'debug'), true);
  assert.equal(hidden('resource', 'file:///srv/private/x/y'), true);
  assert.equal(hidden('tool', 'debug'), false);
  assert.equal(hidden('prompt', 'write'), false);
  assert.equal(hidden('resource', 'file:///srv/x'), false);
});

test('A8: a deny by bare name holds on every backend, and one with the prefix on the backend it names', () => {
  const policy = policyOf('[rbac.roles.dev]\nallow = ["*"]\ndeny = ["write_query", "sqlite__drop"]\n');
  for (const target of ['sqlite/write_query', 'other/write_query', 'sqlite/drop']) assert.equal(may(policy, 'dev', target), false, target);
  assert.equal(may(policy, 'dev', 'other/drop'), true);
});

test('kills of the file and of operators are rules with their origin', () => {
  const { settings } = accepted('[kill_switch]\nall = true\ndisabled_tools = ["rm"]\ndisabled_backends = ["b"]\ndisabled_roles = ["r"]\ndisabled_subjects = ["s"]\n');
  const base = { id: 'x', by: 'op', reason: 'why', at: timestamp(1) };
  const kill: KillOverride = { ...base, kind: 'kill', scope: { kind: 'tool', pattern: 'fs/*' }, until: timestamp(9) };
  const revoke: RevokeOverride = { ...base, kind: 'revoke', what: 'token', value: 'jti', until: undefined };
  const compiled = compilePolicy(settings, [kill, revoke]);
  assert.ok(compiled.ok);
  assert.deepEqual(compiled.value.kills.map((rule) => [rule.scope.kind, rule.origin, rule.pattern?.text, rule.until]), [
    ['all', 'config', undefined, undefined], ['tool', 'config', 'rm', undefined], ['backend', 'config', undefined, undefined], ['role', 'config', undefined, undefined],
    ['subject', 'config', undefined, undefined], ['tool', 'operator', 'fs/*', 9],
  ]);
});

test('a kill that cannot be compiled is a fault, never a kill that is dropped', () => {
  const kill: KillOverride = { kind: 'kill', id: 'x', by: 'op', reason: 'why', at: timestamp(1), until: undefined, scope: { kind: 'tool', pattern: '/x' } };
  const compiled = compilePolicy(accepted('').settings, [kill]);
  assert.deepEqual(compiled, { ok: false, error: [{ rule: 'kill tool /x', code: 'empty_backend' }] });
});

test('per-tool limits keep the order of the file', () => {
  assert.deepEqual(policyOf('[rate_limits.per_tool]\n"z/*" = 1\na = 2\n"*" = 3\n').toolLimits.map((rule) => [rule.pattern.text, rule.limit]), [['z/*', 1], ['a', 2], ['*', 3]]);
});

function catalogOf(tools: Readonly<Record<string, readonly string[]>>): Catalog {
  const entries = Object.entries(tools).flatMap(([backend, names]) => names.map((name): ToolEntry => {
    const raw = { text: '{}', start: 0, end: 2 } as unknown as ToolEntry['definition'];
    return { target: { kind: 'tool', backend: backendId(backend), name }, exposed: `${backend}__${name}`, definition: raw, exposedDefinition: raw, inputSchema: undefined, mirrors: [], digest: '', hints: { readOnly: false, idempotent: false }, taskSupport: 'forbidden' };
  }));
  const byBackend = new Map(Object.keys(tools).map((name) => [backendId(name), { backend: backendId(name), uriPrefix: name, tools: new Map(), prompts: new Map(), resources: new Map(), templates: new Map(), hide: [], offers: NO_OFFERS, version: '2025-11-25', era: 'legacy' as const, instructions: undefined }]));
  return { ...EMPTY_CATALOG, tools: entries, byExposed: new Map(entries.map((entry) => [entry.exposed, entry])), byBackend };
}

test('patterns that hit no tool are told, but only when all tools they could hit are known', () => {
  const policy = policyOf(`${stdio('')}[rbac.roles.dev]\nallow = ["files/raed_*", "files/read_*"]\ndeny = ["wirte"]\n[kill_switch]\ndisabled_tools = ["other/x"]\n[rate_limits.per_tool]\nread_a = 1\nfiles__read_a = 2\n`);
  const full = unmatchedPatterns(policy, catalogOf({ files: ['read_a'], other: ['y'] }), ['files', 'other']);
  assert.deepEqual(full, [{ rule: 'allow of role dev', pattern: 'files/raed_*' }, { rule: 'deny of role dev', pattern: 'wirte' }, { rule: 'kill', pattern: 'other/x' }]);
  const kinds = unmatchedPatterns(policyOf('[kill_switch]\ndisabled_tools = ["tool:files/read_a", "prompt:files/read_a", "resource:files/x:y"]\n'), catalogOf({ files: ['read_a'] }), ['files']);
  assert.deepEqual(kinds, [{ rule: 'kill', pattern: 'prompt:files/read_a' }], 'resources have more URIs than are listed, so their patterns are not judged');
  const partial = unmatchedPatterns(policy, catalogOf({ files: ['read_a'] }), ['files', 'other']);
  assert.deepEqual(partial, [{ rule: 'allow of role dev', pattern: 'files/raed_*' }]);
});
