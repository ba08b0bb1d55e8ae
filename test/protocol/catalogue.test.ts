// Holds the catalogue to the tests: a promise whose file has no test of its id, a test of an id without a row, and a "later" that has come
// are failures.
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

const LITERAL = String.raw`(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|${'`'}((?:\\.|[^${'`'}\\])*)${'`'})`;
const TEST = new RegExp(String.raw`\b(?:test|it)(?:\.\w+)?\(\s*${LITERAL}`, 'g');
/** The first cell of a table from which names are made: it begins with its ids. */
const ROW = new RegExp(String.raw`\[\s*(?=['"${'`'}]T\d)${LITERAL}`, 'g');
const IDS = /\bT\d+\b/g;
const CASES = 152;

function namesIn(file: string, text: string): readonly Named[] {
  return [...text.matchAll(TEST), ...text.matchAll(ROW)].map((found) => ({ file, name: found[1] ?? found[2] ?? found[3] ?? '' }));
}

function problems(catalogue: readonly Case[], tests: readonly Named[]): readonly string[] {
  const tested = new Map<string, Set<string>>();
  for (const { file, name } of tests) {
    const ids: readonly string[] = name.match(IDS) ?? [];
    for (const id of ids) tested.set(id, (tested.get(id) ?? new Set()).add(file));
  }
  const known = new Set(catalogue.map((row) => row.id));
  return [
    ...catalogue.flatMap((row) => ('promise' in row && tested.get(row.id)?.has(row.file) !== true ? [`${row.id} has no test in ${row.file}`] : [])),
    ...catalogue.flatMap((row) => ('later' in row && tested.has(row.id) ? [`${row.id} is "later", and ${[...(tested.get(row.id) ?? [])].join()} tests it`] : [])),
    ...[...tested].flatMap(([id, files]) => (known.has(id) ? [] : [`${id} has no row: ${[...files].join()}`])),
  ];
}

/** Suites of several test files are in files of other names. */
const FILES = globSync('test/**/*.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/')).filter((file) => !file.startsWith('test/fixtures/') && file !== 'test/protocol/catalogue.test.ts');
const TESTS = FILES.flatMap((file) => namesIn(file.slice('test/'.length), readFileSync(join(ROOT, file), 'utf8')));

test('every case of the catalogue is tested in its file or says what it waits for, and every test with a case is in the catalogue', () => {
  assert.ok(TESTS.length > 800, `only ${TESTS.length} tests were seen`);
  assert.deepEqual(problems(CATALOGUE, TESTS), []);
});

test('each of the cases has one row, in order, and words', () => {
  assert.deepEqual(CATALOGUE.map((row) => row.id), Array.from({ length: CASES }, (_, at) => `T${at + 1}`));
  for (const row of CATALOGUE) assert.ok(('promise' in row ? row.promise : row.later).length > 10 && !('lacks' in row && row.lacks === ''), row.id);
});

describe('the catalogue test fails', () => {
  const row: Case = { id: 'T1', promise: 'something', file: 'x.test.ts' };
  const named = (name: string, file = 'x.test.ts'): Named => ({ file, name });

  test('when a promise has no test, or has it in another file only', () => {
    assert.deepEqual(problems([row], []), ['T1 has no test in x.test.ts']);
    assert.deepEqual(problems([row], [named('T1 elsewhere', 'y.test.ts')]), ['T1 has no test in x.test.ts']);
    assert.deepEqual(problems([row], [named('xT1')]), ['T1 has no test in x.test.ts']);
  });

  test('when a "later" has come', () => {
    assert.match(problems([{ id: 'T1', later: 'nothing yet' }], [named('T1 it came')]).join(), /is "later", and x\.test\.ts tests it/);
  });

  test('when a test names a case without a row', () => {
    assert.deepEqual(problems([row], [named('T1 T999: two')]), ['T999 has no row: x.test.ts']);
  });

  test('and not when all is in place, however the test is written', () => {
    const text = 'test(\'a1, T1: x\', () => 1);\n  test(`T2 ${what}`, { skip }, () => 1);\nit.skip("T3: it\'s", () => 1);\ntest(\n  \'T4 y\',\n  () => 1);\nfor (const [name] of [[\'T5: z\', 1], [\'other\', 2]]) T6(); // test T7\n';
    assert.deepEqual(namesIn('f', text).map(({ name }) => name), ['a1, T1: x', 'T2 ${what}', 'T3: it\'s', 'T4 y', 'T5: z']);
    assert.deepEqual(problems([row], [named('x (T1)')]), []);
  });
});
