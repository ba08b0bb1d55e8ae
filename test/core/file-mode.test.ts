import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFolder, openToOthers, showMode, writableByOthers, writableByStrangers } from '../../src/core/file-mode.ts';

test('the private group of umask 002 counts as its owner, and no other group does', () => {
  const file = (mode: number, uid: number, gid: number): boolean => writableByStrangers({ mode: 0o100_000 | mode, uid, gid });
  assert.equal(file(0o664, 1000, 1000), false);
  assert.equal(file(0o664, 0, 0), false);
  assert.equal(file(0o664, 1000, 100), true);
  assert.equal(file(0o664, 0, 1000), true);
  assert.equal(file(0o646, 1000, 1000), true);
  assert.equal(file(0o644, 1000, 100), false);
});

test('what keeps a secret is open to its owner alone, and a folder for everybody needs the sticky bit', () => {
  assert.deepEqual([0o600, 0o400, 0o700, 0o640, 0o604, 0o601].map(openToOthers), [false, false, false, true, true, true]);
  assert.deepEqual([0o755, 0o700, 0o770, 0o707].map(writableByOthers), [false, false, true, true]);
  assert.deepEqual([0o755, 0o775, 0o777, 0o1777].map(openFolder), [false, false, true, false]);
  assert.equal(showMode(0o100_604), '0604');
  assert.equal(showMode(0o41_777), '1777');
});
