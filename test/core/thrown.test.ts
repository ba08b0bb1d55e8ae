import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeIn, messageIn } from '../../src/core/thrown.ts';

test('whatever is thrown, its code is a text or undefined, and its message is a text', () => {
  const gone = Object.assign(new Error('gone'), { code: 'ENOENT' });
  assert.deepEqual([codeIn(gone), messageIn(gone)], ['ENOENT', 'gone']);
  for (const odd of [Object.assign(new Error('odd'), { code: 7 }), new Error('odd'), { code: 'ENOENT', message: 'no error' }, 'text', undefined, null]) {
    assert.equal(codeIn(odd), undefined);
    assert.equal(typeof messageIn(odd), 'string');
  }
});
