// Holds the manifest to the tests: a requirement that no test names, a test that names none that exists, one that was put off and has come,
// and an expected failure of a test that is not there are failures.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../support/e2e/processes.ts';
import { citedIn, LISTS, MANIFEST } from './manifest.ts';
import type { Requirement } from './requirement.ts';
import { expectedFailures, outcome, verifies, type ExpectedFailure } from './verifies.ts';

interface Named {
  readonly file: string;
  readonly name: string;
}

const LITERAL = String.raw`(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|${'`'}((?:\\.|[^${'`'}\\])*)${'`'})`;
/** A skipped test verifies nothing. */
const TEST = new RegExp(String.raw`\b(?:test|it|verifies)\(\s*${LITERAL}`, 'g');
/** The first cell of a table from which names are made, where it ends with ids. */
const ROW = new RegExp(String.raw`\[\s*${LITERAL}`, 'g');
/** As in the reference that numbers them: a row more or less is no oversight. */
const SIZES = { S: 32, SH: 16, SL: 13, SI: 8, C: 18, CH: 12, CI: 9, R: 20, O: 12, P: 7, SEC: 52 };
const WHERE = /^(?:20\d\d-\d\d-\d\d [a-z][a-z/ -]+|RFC \d+(?: §[\d.]+)?|SEP-\d+|ext-auth|ours)$/;

const FOLDER = 'test/requirements/';
const HERE = `${FOLDER}manifest.test.ts`;

const nameOf = (found: RegExpMatchArray): string => found[1] ?? found[2] ?? found[3] ?? '';

function namesIn(file: string, text: string): readonly Named[] {
  const rows = [...text.matchAll(ROW)].map(nameOf).filter((name) => name.endsWith(']'));
  return [...[...text.matchAll(TEST)].map(nameOf), ...rows].filter((name) => citedIn(name).length > 0).map((name) => ({ file, name }));
}

function problems(manifest: readonly Requirement[], tests: readonly Named[], expected: readonly ExpectedFailure[]): readonly string[] {
  const files = new Map<string, Set<string>>();
  for (const { file, name } of tests) for (const id of citedIn(name)) files.set(id, (files.get(id) ?? new Set()).add(file));
  const known = new Set(manifest.map(({ id }) => id));
  const off = (row: Requirement): boolean => 'later' in row || 'apart' in row;
  return [
    ...manifest.flatMap((row) => (!off(row) && !files.has(row.id) ? [`${row.id} is verified by no test: ${row.asked}`] : [])),
    ...manifest.flatMap((row) => (off(row) && files.has(row.id) ? [`${row.id} was put off, and ${[...(files.get(row.id) ?? [])].join()} verifies it`] : [])),
    ...[...files].flatMap(([id, where]) => (known.has(id) ? [] : [`${id} has no row: ${[...where].join()}`])),
    // Only `verifies` knows what is expected to fail, and it is used here alone.
    ...expected.flatMap((row) => (tests.some(({ file, name }) => name === row.test && file.startsWith(FOLDER)) ? [] : [`expected-failures.json: there is no test "${row.test}" in ${FOLDER}`])),
  ];
}

/** Suites of several test files are in files of other names. */
const FILES = globSync('test/**/*.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/')).filter((file) => !file.startsWith('test/fixtures/') && file !== HERE);
const TESTS = FILES.flatMap((file) => namesIn(file, readFileSync(join(ROOT, file), 'utf8')));

test('every requirement is verified by a test that names it, or says why it is not', () => {
  assert.ok(TESTS.length > 100, `only ${TESTS.length} tests that name requirements were seen`);
  assert.deepEqual(problems(MANIFEST, TESTS, expectedFailures()), []);
});

test('each list has all its rows, in order, and each row says where it stands and what is asked', () => {
  for (const [letters, size] of Object.entries(SIZES)) {
    assert.deepEqual(LISTS[letters]?.map((row) => row.id), Array.from({ length: size }, (_, at) => `${letters}${at + 1}`));
  }
  assert.deepEqual(Object.keys(LISTS), Object.keys(SIZES));
  for (const row of MANIFEST) {
    assert.match(row.where, WHERE, row.id);
    assert.ok(row.asked.length > 15 && row.revisions.length > 0, row.id);
    const reason = 'later' in row ? row.later : 'apart' in row ? row.apart : 'lacks' in row ? row.lacks : undefined;
    assert.ok(reason === undefined || reason.length > 10, row.id);
  }
});

describe('the manifest test fails', () => {
  const row: Requirement = { id: 'S1', where: 'ours', asked: 'something to be done', on: 'both', revisions: ['2026-07-28'] };
  const named = (name: string): Named => ({ file: 'x.test.ts', name });

  test('when no test names a requirement, or only without its brackets', () => {
    assert.deepEqual(problems([row], [], []), ['S1 is verified by no test: something to be done']);
    for (const name of ['S1 x', 'x (S1)', 'x [S11]', 'x [xS1]', 'x [S1 ]', 'x [T1, S1]']) assert.equal(problems([row], namesIn('f', `test('${name}', () => 1)`), [])[0]?.slice(0, 5), 'S1 is', name);
  });

  test('when what was put off has come, or a test names what does not exist', () => {
    for (const off of [{ ...row, later: 'no such thing yet' }, { ...row, apart: 'not this gateway' }]) assert.deepEqual(problems([off], [named('x [S1]')], []), ['S1 was put off, and x.test.ts verifies it']);
    assert.deepEqual(problems([row], [named('x [S1, S99]')], []), ['S99 has no row: x.test.ts']);
    assert.throws(() => verifies('x [S99]', () => undefined), /S99/);
    assert.throws(() => verifies('x', () => undefined), /no requirement/);
  });

  test('when a failure is expected of a test that is not there, or that passes', async () => {
    const expected = [{ test: 'gone [S1]', why: 'once' }];
    for (const other of [named('x [S1]'), named('gone [S1]')]) assert.match(problems([row], [other], expected).join(), /there is no test "gone \[S1\]"/);
    assert.deepEqual(problems([row], [{ ...named('gone [S1]'), file: `${FOLDER}x.test.ts` }], expected), []);
    await assert.rejects(outcome('gone [S1]', expected, () => undefined), /take it out/);
    await assert.rejects(outcome('other [S1]', expected, () => assert.fail('as it is')), /as it is/);
    await outcome('gone [S1]', expected, () => assert.fail('as expected'));
  });

  test('when only a skipped test names it', () => {
    assert.deepEqual(namesIn('f', 'test.skip(\'x [S1]\', () => 1); it.todo("y [S1]")'), []);
  });

  test('and not when all is in place, however the test is written', () => {
    const text = 'test(\'a [S1]\', () => 1);\n  verifies(`b ${what} [SH2, S1]`, () => 1);\nfor (const [name] of [[\'T5: c [CI3]\', 1], [\'other\', 2]]) f(); // [S9]\n';
    assert.deepEqual(namesIn('f', text).map(({ name }) => name), ['a [S1]', 'b ${what} [SH2, S1]', 'T5: c [CI3]']);
    assert.deepEqual(problems([row], [named('x [S1]')], []), []);
  });
});
