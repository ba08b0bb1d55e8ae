// Which counters a call is charged to, and that nobody can make up counters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_CAPABILITIES } from '../../../src/core/capabilities.ts';
import type { Call, TargetKind } from '../../../src/core/call.ts';
import { backendId, callId, instant, roleName, timestamp } from '../../../src/core/ids.ts';
import { EMPTY_CATALOG } from '../../../src/core/policy/catalog.ts';
import { limitClaims } from '../../../src/core/policy/limits.ts';
import { canonicalUri } from '../../../src/core/policy/uris.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { compilePolicy } from '../../../src/config/compile.ts';
import { accepted } from '../../config/source.ts';

function snapshotOf(text: string): Snapshot {
  const { settings } = accepted(text);
  const policy = compilePolicy(settings, []);
  assert.ok(policy.ok);
  return { revision: 1, settings, configHash: '', policy: policy.value, catalog: EMPTY_CATALOG, down: new Set() };
}

function call(kind: TargetKind, backend: string, name: string, subject = 'alice'): Call {
  const origin = { surface: 'http', endpoint: { kind: 'merged' }, era: 'modern', version: '2026-07-28', session: undefined, client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined, peer: 'local', trace: undefined } as const;
  const principal = { subject, roles: [roleName('dev')], scopes: [], issuer: 'i', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(1), credential: 'c' } as const;
  const base = { id: callId('x'), principal, origin, target: { kind, backend: backendId(backend), name }, at: instant(0), wall: timestamp(0), exposed: name, meta: undefined, wantsProgress: false, continuation: undefined, task: undefined };
  if (kind === 'resource') return { ...base, kind, uri: name };
  return { ...base, kind, args: undefined };
}

const first = (snapshot: Snapshot, one: Call): { readonly key: string; readonly limit: number } => {
  const [claim] = limitClaims(snapshot, one);
  assert.ok(claim !== undefined);
  return claim;
};

test('each tool and each prompt has its own counter for each subject, also where their names are equal', () => {
  const snapshot = snapshotOf('');
  const keys = [call('tool', 'fs', 'a'), call('tool', 'fs', 'b'), call('prompt', 'fs', 'a'), call('tool', 'gh', 'a'), call('tool', 'fs', 'a', 'bob'), call('resource', 'fs', 'a:b')].map((one) => first(snapshot, one).key);
  assert.equal(new Set(keys).size, keys.length);
});

test('an agent that makes up URIs makes no counters: a backend has one, and each pattern that limits it one more', () => {
  const patterns = ['resource:fs/file:///srv/**', 'resource:fs/mem:*', 'prompt:fs/*', 'fs/x'];
  const snapshot = snapshotOf(`[rate_limits.per_tool]\n${patterns.map((text, index) => `"${text}" = ${index + 1}`).join('\n')}\n`);
  const keys = new Set<string>();
  fc.assert(fc.property(fc.oneof(fc.constantFrom('https://h/a', 'x:y'), fc.string().map((text) => `file:///srv/${encodeURIComponent(text)}`), fc.string().map((text) => `mem:${encodeURIComponent(text)}`)), (uri) => {
    const name = canonicalUri(uri);
    if (name !== undefined) keys.add(first(snapshot, call('resource', 'fs', name)).key);
  }), { numRuns: 500 });
  assert.equal(keys.size, 3);
});

test('resources take the limit of the first pattern that names them, else the default; patterns without a kind do not name them', () => {
  const snapshot = snapshotOf('[rate_limits]\ndefault_rpm = 7\n[rate_limits.per_tool]\n"resource:fs/file:///srv/**" = 3\n"fs/a*" = 2\n"gh/*" = 5\n');
  assert.equal(first(snapshot, call('resource', 'fs', 'file:///srv/a')).limit, 3);
  assert.equal(first(snapshot, call('resource', 'fs', 'a:b')).limit, 7);
  assert.equal(first(snapshot, call('tool', 'fs', 'a:b')).limit, 2);
  assert.equal(first(snapshot, call('resource', 'gh', 'a:b')).limit, 5);
  assert.notEqual(first(snapshot, call('resource', 'fs', 'a:b')).key, first(snapshot, call('resource', 'gh', 'a:b')).key);
});

test('the same call has the same keys after a reload, so nobody gets a fresh window by one', () => {
  const kinds = fc.constantFrom<TargetKind>('tool', 'prompt', 'resource');
  fc.assert(fc.property(kinds, fc.constantFrom('a', 'mem:a'), fc.boolean(), (kind, name, limited) => {
    const text = limited ? '[rate_limits]\nper_role = { dev = 1 }\nper_tool = { "resource:fs/*" = 1 }\n[rbac.roles.dev]\nallow = ["*"]\n' : '';
    const [one, two] = [snapshotOf(text), { ...snapshotOf(text), revision: 9 }];
    assert.deepEqual(limitClaims(one, call(kind, 'fs', name)), limitClaims(two, call(kind, 'fs', name)));
  }), { numRuns: 30 });
});
