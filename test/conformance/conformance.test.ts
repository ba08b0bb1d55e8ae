// The official conformance suite, every server scenario of every revision: through /mcp/<backend> each check scores what it scores directly.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { suite } from '../support/e2e/suite.ts';
import { SHOWN } from '../support/reporter.ts';
import { compare } from './compare.ts';
import { differencesOf, directFailures, judge, render, sayDifference, type Expected, type Row } from './differences.ts';
import { installedSuites } from './suite.ts';

const suites = installedSuites();
// Where everything is required the run goes on, and fails with the reason.
const skip = 'skip' in suites && process.env['CI'] !== 'true' ? suites.skip : false;

suite('the official conformance suite', skip, () => {
  let rows: readonly Row[] = [];
  const expected: readonly Expected[] = JSON.parse(readFileSync(join(import.meta.dirname, 'expected-differences.json'), 'utf8'));

  before(async () => {
    assert.ok(!('skip' in suites), 'skip' in suites ? suites.skip : '');
    rows = await compare(suites);
  });

  test('the fixture passes every scored scenario when it is asked directly', (context) => {
    context.diagnostic(`${SHOWN}${render(rows)}`);
    assert.ok(rows.some((row) => !row.extension));
    assert.deepEqual(directFailures(rows), []);
  });

  test('through /mcp/<backend> every check scores what it scores directly', () => {
    assert.deepEqual(judge(differencesOf(rows), expected).unexpected.map(sayDifference), []);
  });

  test('every difference that is expected is still there, and says why', () => {
    assert.deepEqual(judge(differencesOf(rows), expected).stale, []);
    assert.ok(expected.every((one) => one.why.length > 20));
  });
});
