import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Evidence, Trail } from '../../src/core/decision.ts';
import { trailText } from '../../src/stores/record-text.ts';

const pass = (stage: Evidence['stage'], note?: string): Evidence => ({ stage, rule: `${stage}:none`, decision: 'pass', mode: 'enforce', severity: 'info', note });
const deny = (stage: Evidence['stage'], mode: Evidence['mode'], note?: string): Evidence => ({ stage, rule: `${stage}:x`, decision: 'deny', mode, severity: 'medium', note });
const stages = (trail: Trail): readonly string[] => {
  const rows: readonly { readonly stage: string; readonly decision: string }[] = JSON.parse(trailText(trail));
  return rows.map(({ stage, decision }) => `${stage}:${decision}`);
};

test('a note as long as an agent likes pushes out nothing that another stage said', () => {
  const long = '\u6f22'.repeat(20_000);
  const trail = [pass('kill'), pass('role'), pass('limit'), deny('arguments', 'monitor', long), deny('guards', 'monitor', 'hidden-text')];
  assert.deepEqual(stages(trail), ['kill:pass', 'role:pass', 'limit:pass', 'arguments:deny', 'guards:deny']);
  assert.ok(Buffer.byteLength(trailText(trail)) <= 8192);
});
