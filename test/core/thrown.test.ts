import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeIn, messageIn, storyIn } from '../../src/core/thrown.ts';

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

test('the story of what was thrown begins with its causes, ends with its place, and has an end', () => {
  const story = storyIn(new Error('backend a could not be made', { cause: new Error('EACCES', { cause: 'a text' }) }));
  assert.match(story, /^Error: backend a could not be made; caused by Error: EACCES; caused by a text\n {4}at .*thrown\.test/);
  const circle = new Error('round');
  circle.cause = circle;
  assert.equal(storyIn(circle).split('caused by').length, 5);
  const bare = new Error('bare');
  delete bare.stack;
  assert.deepEqual([storyIn(bare), storyIn('text'), storyIn(undefined)], ['Error: bare', 'text', 'undefined']);
});
