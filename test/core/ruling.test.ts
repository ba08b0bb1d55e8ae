import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Evidence } from '../../src/core/decision.ts';
import { rulingOf } from '../../src/core/ruling.ts';

const step = (rule: string, decision: Evidence['decision'], mode: Evidence['mode'] = 'enforce'): Evidence => ({ stage: 's', rule, decision, mode, severity: 'info', note: undefined });

test('the enforced denial rules, else the one that only watched, else the last word', () => {
  assert.equal(rulingOf([step('a', 'pass'), step('b', 'deny', 'monitor'), step('c', 'deny')])?.rule, 'c');
  assert.equal(rulingOf([step('a', 'deny', 'shadow'), step('b', 'pass')])?.rule, 'a');
  assert.equal(rulingOf([step('a', 'pass'), step('b', 'pass')])?.rule, 'b');
  assert.equal(rulingOf([step('a', 'pass'), { ...step('dev', 'pass'), stage: 'role' }, step('guards', 'pass')])?.rule, 'dev', 'what was allowed was allowed by a role');
  assert.equal(rulingOf([]), undefined);
});
