import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const docs = join(import.meta.dirname, '../../docs');
const text = readFileSync(join(docs, 'glossary.md'), 'utf8');
const rows = [...text.matchAll(/^\| \*\*(.+)\*\* \| (.+) \| \[`(\w+)`\]\((.+)\) \|$/gm)].map(([, word = '', sentence = '', name = '', path = '']) => ({ word, sentence, name, path }));

/** design: the nouns that every part of the project uses. */
const NOUNS = [
  'Principal', 'Call', 'Target', 'Catalog', 'Settings', 'Override', 'Snapshot', 'Stage', 'Decision', 'Evidence', 'Trail', 'Permit', 'Lease', 'Finding',
  'Outcome', 'Surface', 'Backend', 'Store',
];

test('every noun of the design is explained once, in one sentence', () => {
  const words = rows.map(({ word }) => word);
  assert.equal(new Set(words).size, words.length);
  assert.deepEqual(NOUNS.filter((noun) => !words.includes(noun)), []);
  for (const { word, sentence } of rows) assert.match(sentence, /^[A-Z][^.]*\.(?: [A-Z][^.]*\.)?$/, word);
});

for (const { word, name, path } of rows) {
  test(`${word} lives where the glossary says`, () => {
    const source = readFileSync(join(docs, path), 'utf8');
    assert.match(source, new RegExp(`^export (?:interface|type|class|function|const) ${name}\\b`, 'm'));
  });
}
