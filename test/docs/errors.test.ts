import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { DENIAL_CODES, FAULT_CODES, UNKNOWN_NAME_CODE } from '../../src/core/wire/denials.ts';
import { WIRE_EXAMPLES } from './wire-examples.ts';

const root = join(import.meta.dirname, '../..');
const HEADINGS = ['What happened', 'Why', 'How to fix', 'What keeps working'];
/** Pages of configuration problems are made from the table of codes, whose meaning says why. */
const CONFIG_HEADINGS = HEADINGS.filter((heading) => heading !== 'Why');

const pages: ReadonlyMap<string, string> = new Map(
  globSync('docs/errors/SEN-*.md', { cwd: root }).toSorted().map((path) => [basename(path, '.md'), readFileSync(join(root, path), 'utf8')]),
);
const source = globSync('src/**/*.ts', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8')).join('\n');
const codes = new Set(source.match(/\bSEN-\d{4}\b/g));

function titleOf(code: string): string {
  return /^# (SEN-\d{4}: .+)\n/.exec(pages.get(code) ?? '')?.[1] ?? '';
}

/** JSON blocks of a page, in order. */
function jsonBlocks(text: string): readonly unknown[] {
  return [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match): unknown => JSON.parse(match[1] ?? ''));
}

test('the codes were found', () => {
  assert.ok(codes.size > 40 && pages.size > 40, `${codes.size} codes, ${pages.size} pages`);
  for (const code of [...Object.values(DENIAL_CODES), ...Object.values(FAULT_CODES), UNKNOWN_NAME_CODE]) assert.ok(codes.has(code), code);
});

test('no two reasons share a code', () => {
  const all = [...Object.values(DENIAL_CODES), ...Object.values(FAULT_CODES), UNKNOWN_NAME_CODE];
  assert.equal(new Set(all).size, all.length);
});

test('every code has a page, and every page a code', () => {
  assert.deepEqual([...pages.keys()], [...codes].toSorted());
});

for (const [code, text] of pages) {
  const headings = code.startsWith('SEN-01') ? CONFIG_HEADINGS : HEADINGS;
  test(`${code} says under ${headings.length} headings what it is and how to fix it`, () => {
    assert.ok(titleOf(code).startsWith(`${code}: `), 'the first line names the code and says it in a few words');
    assert.deepEqual(text.match(/^## .+$/gm)?.map((line) => line.slice(3)), headings);
    const parts = text.split(/^## .+\n/m).slice(1);
    for (const [at, part] of parts.entries()) assert.ok(part.trim().length > 0, `${headings[at] ?? ''} is empty`);
  });
}

for (const { code, make } of WIRE_EXAMPLES) {
  test(`${code} shows what an agent really reads`, async () => {
    assert.deepEqual(jsonBlocks(pages.get(code) ?? ''), [await make()]);
  });
}

test('every code that agents can meet has an example, and no other page claims one', () => {
  const shown = [...pages].filter(([, text]) => jsonBlocks(text).length > 0).map(([code]) => code);
  assert.deepEqual(shown.toSorted(), WIRE_EXAMPLES.map(({ code }) => code).toSorted());
  const met = [...Object.values(DENIAL_CODES), ...Object.values(FAULT_CODES), UNKNOWN_NAME_CODE].filter((code) => code !== DENIAL_CODES.guarded);
  assert.deepEqual(shown.toSorted(), met.toSorted());
});

test('the index names every page by its title', () => {
  const index = readFileSync(join(root, 'docs/errors/README.md'), 'utf8');
  const rows = [...index.matchAll(/^\| \[(SEN-\d{4})\]\(\1\.md\) \| ([^|]+) \|/gm)].map((row) => `${row[1] ?? ''}: ${row[2] ?? ''}`);
  assert.deepEqual(rows, [...pages.keys()].map(titleOf));
});
