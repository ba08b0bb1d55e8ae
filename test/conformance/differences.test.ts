import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { differencesOf, directFailures, judge, render, type Expected, type Row } from './differences.ts';
import type { Check } from './suite.ts';
import type { TargetName } from './targets.ts';

const check = (id: string, status: string, message = ''): Check => ({ id, status, message });
const rowOf = (checks: Partial<Record<TargetName, readonly Check[]>>, more: Partial<Row> = {}): Row => ({
  suite: '1.0.0', revision: '2025-11-25', scenario: 'ping', extension: false,
  checks: new Map(Object.entries(checks).map(([name, some]) => [name as TargetName, some])), ...more,
});
const known: Expected = { suites: ['1.0.0'], revision: '2025-11-25', scenario: 'ping', checks: ['a'], through: ['http'], why: 'because of a reason that is told' };

describe('what counts as a difference', () => {
  test('a check that fails, is skipped, is made less often or not at all, or passes where it did not', () => {
    const rows = (direct: readonly Check[], http: readonly Check[]): readonly string[] => differencesOf([rowOf({ direct, http })]).map((one) => `${one.direct} -> ${one.scored}`);
    const passed = check('a', 'SUCCESS');
    assert.deepEqual(rows([passed], [passed]), []);
    assert.deepEqual(rows([passed], [check('a', 'FAILURE')]), ['SUCCESS -> FAILURE']);
    assert.deepEqual(rows([passed], [check('a', 'SKIPPED')]), ['SUCCESS -> SKIPPED']);
    assert.deepEqual(rows([passed, passed], [passed]), ['SUCCESS, SUCCESS -> SUCCESS']);
    assert.deepEqual(rows([passed], []), ['SUCCESS -> not made']);
    assert.deepEqual(rows([check('a', 'WARNING')], [passed]), ['WARNING -> SUCCESS']);
    assert.deepEqual(rows([], [check('b', 'FAILURE')]), ['not made -> FAILURE']);
  });

  test('a target that was not asked differs in nothing', () => {
    assert.deepEqual(differencesOf([rowOf({ direct: [check('a', 'SUCCESS')] })]), []);
  });

  test('the order of checks does not matter, and failures of extensions are not held against the fixture', () => {
    const [good, bad] = [check('a', 'SUCCESS'), check('a', 'FAILURE', 'why')];
    assert.deepEqual(differencesOf([rowOf({ direct: [good, bad], http: [bad, good] })]), []);
    assert.deepEqual(directFailures([rowOf({ direct: [bad] }, { extension: true })]), []);
    assert.deepEqual(directFailures([rowOf({ direct: [bad] })]), ['1.0.0 2025-11-25 ping a: why']);
  });
});

describe('the file of expected differences', () => {
  const differing = differencesOf([rowOf({ direct: [check('a', 'SUCCESS'), check('b', 'SUCCESS')], http: [check('a', 'FAILURE'), check('b', 'FAILURE')] })]);

  test('excuses the check it names, and no other', () => {
    assert.deepEqual(judge(differing, [known]).unexpected.map((one) => one.check), ['b']);
    assert.deepEqual(judge(differing, [known]).stale, []);
  });

  test('is stale for each place where nothing differs any more', () => {
    assert.deepEqual(judge(differing, [{ ...known, through: ['http', 'stdio'] }]).stale, ['1.0.0 2025-11-25 ping a stdio']);
    assert.deepEqual(judge([], [known]).stale, ['1.0.0 2025-11-25 ping a http']);
  });
});

test('the table puts the scores side by side and marks the scenario that differs', () => {
  const lines = render([
    rowOf({ direct: [check('a', 'SUCCESS')], http: [check('a', 'SUCCESS')] }),
    rowOf({ direct: [check('a', 'SUCCESS'), check('b', 'WARNING')], http: [check('a', 'FAILURE'), check('b', 'SKIPPED')] }, { scenario: 'tools-list' }),
  ]).split('\n');
  assert.match(lines.find((line) => line.includes('passed/failed')) ?? '', /direct +\/mcp\/http$/);
  assert.match(lines.find((line) => line.includes('ping')) ?? '', /1\/0 +1\/0$/);
  assert.match(lines.find((line) => line.includes('tools-list')) ?? '', /1\/0 1w +0\/1 1s +<- differs$/);
  assert.match(lines.at(-1) ?? '', /total +2\/0 1w +1\/1 1s$/);
});
