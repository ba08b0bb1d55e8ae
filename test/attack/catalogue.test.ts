// Holds the catalogue to the tests: a promise without a test, a test without a row and a "later" that has come are failures.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../support/e2e/processes.ts';
import { CATALOGUE, type Case } from './catalogue.ts';

interface Named {
  readonly file: string;
  readonly name: string;
}

const IDS = /\b[ABCH]\d{2}\b/g;
/** In the tests of backends, B and C are rows of other lists: the fault matrix, and what the protocol asks of clients. */
const OTHER_LISTS = /^test\/backends\//;
/** What stands in brackets names requirements of the protocol (test/requirements), which have letters and numbers of their own. */
const REQUIREMENTS = /\[[^\]]*\]/g;

/** The names of the tests in a file; a name is the literal that follows, with whatever it interpolates. */
function namesIn(file: string, text: string): readonly Named[] {
  return [...text.matchAll(/\b(?:test|it)(?:\.\w+)?\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`)/g)].map((found) => ({ file, name: found[1] ?? found[2] ?? found[3] ?? '' }));
}

function idsOf({ file, name }: Named): readonly string[] {
  const ids: readonly string[] = name.replaceAll(REQUIREMENTS, '').match(IDS) ?? [];
  return ids.filter((id) => !OTHER_LISTS.test(file) || /^[AH]/.test(id));
}

function problems(catalogue: readonly Case[], tests: readonly Named[]): readonly string[] {
  const tested = new Map<string, Named>();
  for (const one of tests) for (const id of idsOf(one)) tested.set(id, one);
  const known = new Set(catalogue.map((row) => row.id));
  return [
    ...catalogue.flatMap((row) => ('promise' in row && !tested.has(row.id) ? [`${row.id} has no test`] : [])),
    ...catalogue.flatMap((row) => ('later' in row && tested.has(row.id) ? [`${row.id} is "later", and ${tested.get(row.id)?.file} tests it`] : [])),
    ...[...tested].flatMap(([id, { file, name }]) => (known.has(id) ? [] : [`${id} has no row: ${file} "${name}"`])),
  ];
}

/** Suites of several test files are in files of other names. */
const FILES = globSync('test/**/*.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/')).filter((file) => !file.startsWith('test/fixtures/') && file !== 'test/attack/catalogue.test.ts');
const TESTS = FILES.flatMap((file) => namesIn(file, readFileSync(join(ROOT, file), 'utf8')));

test('every case of the catalogue is tested or says what it waits for, and every test with a case is in the catalogue', () => {
  assert.ok(TESTS.length > 400, `only ${TESTS.length} tests were seen`);
  assert.deepEqual(problems(CATALOGUE, TESTS), []);
});

test('each case has one row, in order, and words', () => {
  const ids = CATALOGUE.map((row) => row.id);
  assert.deepEqual(ids, [...new Set(ids)].toSorted());
  assert.deepEqual(['A', 'B', 'C', 'H'].map((block) => ids.filter((id) => id.startsWith(block)).length), [24, 21, 13, 13]);
  for (const row of CATALOGUE) assert.ok(('promise' in row ? row.promise : row.later).length > 10 && !('lacks' in row && row.lacks === ''), row.id);
});

describe('the catalogue test fails', () => {
  const row: Case = { id: 'A01', promise: 'something' };
  const named = (name: string, file = 'test/x.test.ts'): Named => ({ file, name });

  test('when a promise has no test, also where only another list has the id', () => {
    assert.deepEqual(problems([row], []), ['A01 has no test']);
    assert.deepEqual(problems([row], [named('A011: longer'), named('xA01')]), ['A01 has no test']);
    assert.deepEqual(problems([{ ...row, id: 'B11' }], [named('B11: a signal', 'test/backends/watchdog.test.ts')]), ['B11 has no test']);
  });

  test('when a "later" has come', () => {
    assert.match(problems([{ id: 'A01', later: 'nothing yet' }], [named('A01 it came')]).join(), /is "later", and test\/x\.test\.ts tests it/);
  });

  test('when a test names a case without a row', () => {
    assert.match(problems([row], [named('A01 A99: two')]).join(), /^A99 has no row/);
  });

  test('and not when all is in place, however the test is written', () => {
    const text = 'test(\'H04, A01: x\', () => 1);\n  test(`A02 ${what}`, { skip }, () => 1);\nit.skip("A03: it\'s", () => 1);\ntest(\n  \'A04 y\',\n  () => 1);\nA05(); // test A06\n';
    assert.deepEqual(namesIn('f', text).map(({ name }) => name), ['H04, A01: x', 'A02 ${what}', 'A03: it\'s', 'A04 y']);
    assert.deepEqual(problems([row], [named('x (A01)')]), []);
  });
});
