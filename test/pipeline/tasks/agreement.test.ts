import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backendId, roleName, timestamp } from '../../../src/core/ids.ts';
import type { KillScope } from '../../../src/core/override.ts';
import { isVisible } from '../../../src/core/policy/decide.ts';
import { backendSettings, principal, settings } from '../../support/world.ts';
import { agentOf, ask, asks, begin, taskWorld } from './jobs.ts';

const patternArb = fc.constantFrom('*', 'alpha/*', 'alpha/job', 'alpha/other', 'tool:alpha/*', 'prompt:alpha/*', 'job');
const scopeArb: fc.Arbitrary<KillScope> = fc.oneof(
  patternArb.map((pattern) => ({ kind: 'tool' as const, pattern })),
  fc.constant({ kind: 'backend' as const, backend: backendId('alpha') }),
  fc.constantFrom('alice', 'bob').map((subject) => ({ kind: 'subject' as const, subject })),
);
const roleArb = fc.record({ name: fc.constantFrom('developer', 'other').map(roleName), permissions: fc.constantFrom([], ['*']), allow: fc.array(patternArb, { maxLength: 3 }), deny: fc.array(patternArb, { maxLength: 2 }), mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'monitor' as const), owner: fc.constant(undefined) });

for (const era of ['legacy', 'modern'] as const) {
  test(`C03 whatever the policy that comes while a task works (a ${era} backend): it is in the list of its agent exactly when looks at it are answered, and its tool is visible`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(roleArb, { maxLength: 2 }), fc.array(scopeArb, { maxLength: 1 }), fc.subarray(['developer', 'other', 'ghost']), async (roles, scopes, held) => {
      const at = taskWorld(era);
      const id = await begin(at, agentOf('legacy'));
      at.w.cell.configure({ settings: settings({ backends: [backendSettings('alpha', { asks })], roles: roles.filter((role, n) => roles.findIndex((one) => one.name === role.name) === n) }), configHash: 'next' });
      at.w.cell.override(scopes.map((scope, n) => ({ kind: 'kill', id: String(n), scope, by: 'op', reason: 'r', at: timestamp(0), until: undefined })));
      const who = { ...agentOf('legacy'), principal: principal({ roles: held.map(roleName) }) };
      const visible = isVisible(at.w.cell.current().policy, who.principal, { kind: 'tool', backend: backendId('alpha'), name: 'job' }, at.w.clock.wall());
      const listed: unknown = (await ask(at, 'list', who)).result?.['tasks'];
      assert.equal(JSON.stringify(listed ?? []).includes(id), visible, 'in the list');
      assert.equal((await ask(at, 'get', who, id)).error === undefined, visible, 'looked at');
    }), { numRuns: 100 });
  });
}
