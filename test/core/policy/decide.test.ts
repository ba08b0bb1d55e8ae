// Several roles at once: what one of them watches must not open what another one closes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../../src/core/call.ts';
import { backendId, roleName, timestamp } from '../../../src/core/ids.ts';
import { decide, isVisible } from '../../../src/core/policy/decide.ts';
import type { RoleRules } from '../../../src/core/snapshot.ts';
import { pattern, principal } from '../../support/world.ts';

const target: Target = { kind: 'tool', backend: backendId('alpha'), name: 'delete_all' };
const now = timestamp(0);
const role = (name: string, over: Partial<RoleRules>): RoleRules => ({ name: roleName(name), mode: 'enforce', allow: [], deny: [], ...over });

function visible(...roles: readonly RoleRules[]): boolean {
  const policy = { roles: new Map(roles.map((one) => [one.name, one])), kills: [], toolLimits: [], scopes: [] };
  return isVisible(policy, principal({ roles: roles.map((one) => one.name) }), target, now);
}

const watched = role('watched', { mode: 'monitor', allow: [pattern('*')], deny: [pattern('delete_*')] });
const strict = role('strict', { allow: [pattern('*')], deny: [pattern('delete_*')] });

test('a deny that is enforced wins over one that is only watched, in whatever order the token names the roles', () => {
  assert.equal(visible(watched, strict), false);
  assert.equal(visible(strict, watched), false);
});

test('a deny that is only watched closes nothing by itself, and is the decision that is recorded', () => {
  assert.equal(visible(watched, role('other', { allow: [pattern('*')] })), true);
  const policy = { roles: new Map([[watched.name, watched]]), kills: [], toolLimits: [], scopes: [] };
  const { role: decision } = decide(policy, principal({ roles: [watched.name] }), target, now);
  assert.ok(decision.kind === 'deny' && decision.mode === 'monitor' && decision.rule === 'role:watched:deny');
});
