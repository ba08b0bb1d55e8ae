import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cut, printable, storable } from '../../src/core/text.ts';

test('what a database refuses becomes a visible escape, and nothing else changes', () => {
  assert.equal(storable('a\u0000b'), 'a\\u0000b');
  assert.equal(storable('\ud800x\udc00'), '\\ud800x\\udc00');
  assert.equal(storable('\u{1f600} line\nnext\u0001'), '\u{1f600} line\nnext\u0001');
});

test('what steers a terminal or hides becomes a visible escape', () => {
  assert.equal(printable('a\u001b[2Jb\u009b\r\n\t'), 'a\\u001b[2Jb\\u009b\\r\\n\\t');
  assert.equal(printable('\u202e\u2066\u200b\ufeff\u180e\u2028\u{e0041}'), '\\u202e\\u2066\\u200b\\ufeff\\u180e\\u2028\\u{e0041}');
  assert.equal(printable('naïve 日本語 \u{1f600}'), 'naïve 日本語 \u{1f600}');
});

test('a cut text says how much is missing and never ends in half a character', () => {
  assert.equal(cut('abcdef', 6), 'abcdef');
  assert.equal(cut('abcdef', 3), 'abc…[+3]');
  assert.equal(cut('a\u{1f600}b', 2), 'a…[+3]');
});

test('property: the result is well formed, and escaping twice changes nothing more', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    assert.ok(storable(text).isWellFormed() && !storable(text).includes('\u0000'));
    assert.equal(storable(storable(text)), storable(text));
    assert.equal(printable(printable(text)), printable(text));
    assert.doesNotMatch(printable(text), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\p{Surrogate}]/u);
    if (text.isWellFormed() && !text.includes('\u0000')) assert.equal(storable(text), text);
  }));
});
