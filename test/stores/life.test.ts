import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { processLife } from '../../src/stores/life.ts';

test('a process lives until it ends, and its number alone does not bring it back', async (t) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const { mark, alive } = processLife(child.pid);
  assert.equal(alive(mark), true);
  assert.equal(alive(processLife().mark), true);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  assert.equal(alive(mark), false);
  for (const nonsense of ['', '0', '-1', 'x', `${process.pid}:another-boot:1`]) assert.equal(alive(nonsense), false, nonsense);
});
