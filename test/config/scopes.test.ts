// [scopes]: what is read, and what is refused because it would leave something open.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePolicy } from '../../src/config/compile.ts';
import { accepted, refused, stdio } from './source.ts';

const BASE = `${stdio('')}[rbac.roles.dev]\nallow = ["files/*"]\n`;
const codes = (text: string): readonly string[] => refused(`${BASE}${text}`).map(({ code }) => code);

test('no [scopes] is none: nothing needs one, and nobody is told of any', () => {
  assert.deepEqual(accepted(BASE).settings.scopes, { baseline: [], grants: [] });
});

test('scopes are read in the order of the file, and what includes what is worked out over all steps', () => {
  const { settings } = accepted(`${BASE}[scopes]\nbaseline = ["read", "read"]\n[scopes.grants.admin]\nincludes = ["write"]\n[scopes.grants.write]\nallow = ["files/write_*"]\nincludes = ["read"]\n[scopes.grants.read]\nallow = ["files/read_*"]\n`);
  assert.deepEqual(settings.scopes.baseline, ['read']);
  const policy = compilePolicy(settings, []);
  assert.ok(policy.ok);
  assert.deepEqual(policy.value.scopes.map(({ name, by }) => [name, [...by].toSorted()]), [['admin', ['admin']], ['write', ['admin', 'write']], ['read', ['admin', 'read', 'write']]]);
});

test('SEC40 a wildcard, an omnibus name, a malformed one, an unknown one or a circle is an error [SEC40]', () => {
  for (const name of ['*', 'files:*', 'all', 'Full-Access', 'offline_access', 'a b', 'a\\"b', 'ä', '']) assert.deepEqual(codes(`[scopes.grants."${name}"]\nallow = ["files/x"]\n`).slice(0, 1), [name === '' ? 'SEN-0108' : 'SEN-0130'], name);
  assert.deepEqual(codes('[scopes]\nbaseline = ["*"]\n'), ['SEN-0130']);
  for (const [name, why] of [['files:*', 'has a `*` in it'], ['all', 'would stand for everything'], ['offline_access', 'authorization server'], ['a b', 'must be 1 to 128']] as const) assert.match(refused(`${BASE}[scopes.grants."${name}"]\nallow = ["files/x"]\n`)[0]?.message ?? '', new RegExp(RegExp.escape(why)), name);
  assert.deepEqual(codes('[scopes]\nbaseline = ["gone"]\n'), ['SEN-0130']);
  assert.deepEqual(codes('[scopes.grants.a]\nincludes = ["gone"]\n'), ['SEN-0130']);
  assert.deepEqual(codes('[scopes.grants.a]\nincludes = ["a"]\n'), ['SEN-0130']);
  assert.deepEqual(codes('[scopes.grants.a]\nincludes = ["b"]\n[scopes.grants.b]\nincludes = ["c"]\n[scopes.grants.c]\nincludes = ["a"]\n'), ['SEN-0130']);
});

test('a typo that would leave a target without its scope is an error: a pattern, a backend, a key', () => {
  assert.deepEqual(codes('[scopes.grants.a]\nallow = ["files/"]\n'), ['SEN-0117']);
  assert.deepEqual(codes('[scopes.grants.a]\nallow = ["flies/x"]\n'), ['SEN-0124']);
  assert.deepEqual(codes('[scopes.grants.a]\nallows = ["files/x"]\n'), ['SEN-0106']);
  assert.deepEqual(codes('[scopes.a]\nallow = ["files/x"]\n'), ['SEN-0106']);
});

test('told: a scope that nothing needs, and a baseline of every scope there is', () => {
  const warned = (text: string): readonly string[] => accepted(`${BASE}${text}`).warnings.map(({ code }) => code);
  assert.deepEqual(warned('[scopes.grants.a]\n'), ['SEN-0170']);
  assert.deepEqual(warned('[scopes.grants.a]\nallow = ["files*/nothing"]\n'), []);
  assert.deepEqual(warned('[scopes.grants.a]\nallow = ["other*/x"]\n'), ['SEN-0170']);
  assert.deepEqual(warned('[scopes]\nbaseline = ["a", "b"]\n[scopes.grants.a]\nallow = ["files/x"]\n[scopes.grants.b]\nallow = ["files/y"]\n'), ['SEN-0173']);
  assert.deepEqual(warned('[scopes]\nbaseline = ["a"]\n[scopes.grants.a]\nallow = ["files/x"]\n'), [], 'one is what there is');
});
