import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeIn, messageIn } from '../../src/core/thrown.ts';

class Coded extends Error {
  readonly code: unknown;

  constructor(message: string, code: unknown) {
    super(message);
    this.code = code;
  }
}

test('whatever is thrown, its code is a text or undefined, and its message is a text', () => {
  const gone = new Coded('gone', 'ENOENT');
  assert.deepEqual([codeIn(gone), messageIn(gone)], ['ENOENT', 'gone']);
  for (const odd of [new Coded('odd', 7), new Error('odd'), { code: 'ENOENT', message: 'no error' }, 'text', undefined, null]) {
    assert.equal(codeIn(odd), undefined);
    assert.equal(typeof messageIn(odd), 'string');
  }
});
