import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Evidence } from '../../src/core/decision.ts';
import { roleName } from '../../src/core/ids.ts';
import { judge } from '../../src/pipeline/judged.ts';
import { sampleCall, sampleOfKinds } from '../stores/sample.ts';
import { allowAll, auditSettings, settings, world } from '../support/world.ts';

const row = (stage: string, rule: string, decision: Evidence['decision'] = 'pass'): Evidence => ({ stage, rule, decision, mode: 'enforce', severity: 'info', note: undefined });

test('whoever answers for the role answers for what it allows and denies; for all else the owner of the file', () => {
  const roles = [{ ...allowAll, name: roleName('developer'), owner: 'team-dev' }, { ...allowAll, name: roleName('dev'), owner: undefined }];
  const snapshot = world({ settings: settings({ roles, audit: auditSettings({ owner: 'team-all' }) }) }).cell.current();
  const owner = (...trail: readonly Evidence[]): string | undefined => judge(sampleCall(), trail, snapshot).owner;
  assert.equal(owner(row('role', 'role:developer:allow'), row('guards', 'guards:none')), 'team-dev');
  assert.equal(owner(row('role', 'role:developer:deny', 'deny')), 'team-dev');
  assert.equal(owner(row('role', 'role:dev:allow')), 'team-all', 'a role that names nobody');
  assert.equal(owner(row('role', 'role:developer:allow'), row('limit', 'limit:principal', 'deny')), 'team-all');
  assert.equal(owner(), 'team-all');
});

test('what nobody says of a tool: that it may change something; what is no tool only reads, and a look at a task may change', () => {
  const snapshot = world({ settings: settings() }).cell.current();
  const { prompt, resource, completion, listen } = sampleOfKinds();
  assert.deepEqual([sampleCall(), prompt, resource, completion, listen].map((call) => judge(call, [], snapshot).changes), [true, false, false, false, false]);
});
