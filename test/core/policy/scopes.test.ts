// Scopes of tokens: what a target needs, what gives it, and that they add to roles and never replace them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy } from '../../../src/config/compile.ts';
import type { Target } from '../../../src/core/call.ts';
import type { Decision } from '../../../src/core/decision.ts';
import { backendId, roleName, timestamp } from '../../../src/core/ids.ts';
import { decide, decideAccess, isVisible, mayUse } from '../../../src/core/policy/decide.ts';
import { challengedScopes, decideScope, isOmnibus, isScopeName } from '../../../src/core/policy/scopes.ts';
import type { Principal } from '../../../src/core/principal.ts';
import type { RoleSettings, ScopeGrant } from '../../../src/core/settings.ts';
import type { Policy } from '../../../src/core/snapshot.ts';
import { allowAll, principal, settings } from '../../support/world.ts';

const NOW = timestamp(0);
const tool = (name: string): Target => ({ kind: 'tool', backend: backendId('files'), name });
const grant = (name: string, allow: readonly string[], includes: readonly string[] = []): ScopeGrant => ({ name, allow, includes });
const READ = grant('files:read', ['files/read_*']);
const WRITE = grant('files:write', ['files/write_*'], ['files:read']);
const ADMIN = grant('files:admin', ['files/*'], ['files:write']);

function policyOf(grants: readonly ScopeGrant[], roles: readonly RoleSettings[] = [allowAll]): Policy {
  const compiled = compilePolicy({ ...settings(), roles, scopes: { baseline: [], grants } }, []);
  assert.ok(compiled.ok);
  return compiled.value;
}

const who = (...scopes: readonly string[]): Principal => principal({ scopes });
const neededIn = (decision: Decision): readonly string[] | undefined => (decision.kind === 'deny' && decision.reason.code === 'insufficient_scope' ? decision.reason.scopes : undefined);

test('without [scopes] no token needs any, and what no scope names needs none', () => {
  assert.equal(decideScope(policyOf([]), who(), tool('read_a')).kind, 'pass');
  assert.equal(decideScope(policyOf([READ]), who(), tool('list')).kind, 'pass');
  assert.deepEqual(neededIn(decideScope(policyOf([READ]), who(), tool('read_a'))), ['files:read']);
});

test('a scope above another grants it, by however many steps, and not the reverse [SEC39]', () => {
  const policy = policyOf([READ, WRITE, ADMIN]);
  for (const scope of ['files:read', 'files:write', 'files:admin']) assert.equal(mayUse(policy, who(scope), tool('read_a'), NOW), true, scope);
  assert.deepEqual(neededIn(decideAccess(policy, who('files:read'), tool('write_a'))), ['files:write']);
  assert.equal(mayUse(policy, who('files:write'), tool('write_a'), NOW), true);
  assert.deepEqual(neededIn(decideAccess(policy, who('files:read', 'files:write'), tool('delete'))), ['files:admin']);
});

test('the least scope that would do is asked for, and no more of them [SEC38]', () => {
  for (const order of [[READ, WRITE, ADMIN], [ADMIN, WRITE, READ]]) {
    const policy = policyOf(order);
    assert.deepEqual(neededIn(decideAccess(policy, who('other'), tool('read_a'))), ['files:read']);
    assert.deepEqual(neededIn(decideAccess(policy, who(), tool('write_a'))), ['files:write']);
  }
});

test('a scope allows nothing that roles forbid, and says nothing of it [R13]', () => {
  const reader: RoleSettings = { ...allowAll, permissions: [], allow: ['files/read_*'] };
  const decision = decideAccess(policyOf([READ, WRITE], [reader]), who('files:write'), tool('write_a'));
  assert.ok(decision.kind === 'deny' && decision.reason.code === 'forbidden');
  assert.equal(neededIn(decideAccess(policyOf([READ, WRITE], [reader]), who(), tool('write_a'))), undefined, 'what is hidden is not challenged');
});

test('a role that is only watched does not switch scopes off', () => {
  const watched: RoleSettings = { ...allowAll, permissions: [], allow: ['files/read_*'], mode: 'monitor' };
  const policy = policyOf([WRITE, READ], [watched]);
  assert.deepEqual(neededIn(decideAccess(policy, who(), tool('write_a'))), ['files:write']);
  const passed = decideAccess(policy, who('files:write'), tool('write_a'));
  assert.ok(passed.kind === 'deny' && passed.mode === 'monitor', 'the watched refusal is what is recorded');
});

test('lists show what needs more scope; deliveries do not', () => {
  const policy = policyOf([WRITE, READ]);
  assert.equal(isVisible(policy, who(), tool('write_a'), NOW), true);
  assert.equal(mayUse(policy, who(), tool('write_a'), NOW), false);
});

test('who has no token is held to none; an agent without the claim is held to all', () => {
  const policy = policyOf([READ]);
  assert.equal(decideScope(policy, principal({ via: 'local' }), tool('read_a')).kind, 'pass');
  assert.equal(decideScope(policy, principal({ via: 'jwt' }), tool('read_a')).kind, 'deny');
});

test('the record says which scope let a call through and what the token had, in a bounded line [R12]', () => {
  const policy = policyOf([READ, WRITE]);
  const passed = decideAccess(policy, who('files:write'), tool('read_a'));
  assert.deepEqual([passed.rule, passed.kind === 'pass' && passed.note], ['role:developer:allow', 'scope files:read: the token has files:write']);
  const many = decideAccess(policy, who(...Array.from({ length: 100 }, (_, at) => `scope-${at}`)), tool('read_a'));
  assert.ok(many.kind === 'deny' && many.note?.endsWith('scope-19 and 80 more'));
});

test('a challenge names the scopes of the operation; agents of 2025, who ask for no more than they are told, are told theirs as well', () => {
  const policy = policyOf([READ, WRITE, grant('mail:send', ['mail/*'])]);
  const agent = who('mail:send', 'files:read', 'openid');
  assert.deepEqual(challengedScopes(policy, agent, ['files:write'], 'modern'), ['files:write']);
  assert.deepEqual(challengedScopes(policy, agent, ['files:write'], 'legacy'), ['mail:send', 'files:write'], 'not what is included, not what is somebody else\'s');
});

test('a name is a scope-token of RFC 6749, and none stands for everything [SEC40]', () => {
  for (const name of ['files:read', 'https://gw.example/scope', 'a', '!#[]~']) assert.ok(isScopeName(name) && !isOmnibus(name), name);
  for (const name of ['', 'a b', 'a"b', 'a\\b', 'ä', 'a\n', 'a'.repeat(129)]) assert.equal(isScopeName(name), false, name);
  for (const name of ['*', 'files:*', '*/*', 'all', 'full-access', 'Full_Access', 'offline_access']) assert.equal(isOmnibus(name), true, name);
});

const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** Includes only what comes later: no cycles. */
const GRANTS = fc.tuple(...NAMES.map((name, at) => fc.record({
  name: fc.constant(name),
  allow: fc.subarray(['files/x', 'files/y', 'files/z']),
  includes: fc.subarray(NAMES.slice(at + 1)),
})));
const HELD = fc.subarray(NAMES);
const ASKED = fc.constantFrom('x', 'y', 'z', 'w');

test('property: a call is made when roles and scopes both allow it, and in no other case', () => {
  fc.assert(fc.property(GRANTS, HELD, ASKED, fc.subarray(['files/x', 'files/y', 'files/z', 'files/w']), (grants, held, name, allow) => {
    const policy = policyOf(grants, [{ ...allowAll, permissions: [], allow }]);
    const agent = principal({ scopes: held, roles: [roleName('developer')] });
    const role = decide(policy, agent, tool(name), NOW).role.kind === 'pass';
    const scope = decideScope(policy, agent, tool(name)).kind === 'pass';
    assert.equal(decideAccess(policy, agent, tool(name)).kind === 'pass', role && scope);
    assert.equal(mayUse(policy, agent, tool(name), NOW), role && scope);
    assert.equal(isVisible(policy, agent, tool(name), NOW), role, 'scopes hide nothing');
  }));
});

test('property: includes are transitive and never widen the reverse; more scopes never take anything away; what is asked for is enough', () => {
  const reach = (grants: readonly ScopeGrant[], from: readonly string[]): ReadonlySet<string> => {
    const reached = new Set(from);
    for (let size = -1; size !== reached.size;) {
      size = reached.size;
      for (const one of grants) if (reached.has(one.name)) for (const other of one.includes) reached.add(other);
    }
    return reached;
  };
  fc.assert(fc.property(GRANTS, HELD, ASKED, fc.constantFrom(...NAMES), (grants, held, name, more) => {
    const policy = policyOf(grants);
    const has = reach(grants, held);
    const naming = grants.filter(({ allow }) => allow.includes(`files/${name}`));
    const decision = decideScope(policy, who(...held), tool(name));
    assert.equal(decision.kind === 'pass', naming.length === 0 || naming.some((one) => has.has(one.name)));
    if (decision.kind === 'pass') assert.equal(decideScope(policy, who(...held, more), tool(name)).kind, 'pass');
    else assert.equal(decideScope(policy, who(...held, ...(neededIn(decision) ?? [])), tool(name)).kind, 'pass');
  }));
});
