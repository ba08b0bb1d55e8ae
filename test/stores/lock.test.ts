import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { takeLock } from '../../src/stores/lock.ts';
import { createDatabase, testServer } from '../support/postgres.ts';
import { compared, drained, Journal, shipping, temporary, until } from './ship/synthetic.ts';

const server = testServer();

function taken(path: string): boolean {
  const lock = takeLock(path);
  if (!lock.ok) throw new Error(lock.error.detail);
  lock.value?.release();
  return lock.value === undefined;
}

test('the lock has one holder, and asking for it does not take it away', (t) => {
  const path = join(temporary(t), 'ship.lock');
  const lock = takeLock(path);
  assert.ok(lock.ok && lock.value !== undefined);
  assert.deepEqual([taken(path), taken(path), taken(path)], [true, true, true]);
  lock.value.release();
  assert.deepEqual([taken(path), statSync(path).mode & 0o777], [false, 0o600]);
});

test('a file that cannot be made or is no lock is a fault', (t) => {
  const folder = temporary(t);
  for (const path of [join(folder, 'none', 'ship.lock'), folder]) {
    const lock = takeLock(path);
    assert.ok(!lock.ok && lock.error.code === 'unavailable', JSON.stringify(lock));
  }
});

test('the death of the process that holds it frees it', async (t) => {
  const path = join(temporary(t), 'ship.lock');
  const program = `import { takeLock } from ${JSON.stringify(new URL('../../src/stores/lock.ts', import.meta.url).href)};
    const lock = takeLock(${JSON.stringify(path)}); process.stdout.write(lock.ok && lock.value ? 'held' : 'not'); setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  assert.equal(String(said), 'held');
  assert.equal(taken(path), true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until(() => !taken(path));
});

test('a shipper in a thread ships, and when the thread is ended another one goes on', { skip: 'skip' in server ? server.skip : false }, async (t) => {
  if ('skip' in server) return;
  const [url, folder] = [await createDatabase(server.url), temporary(t)];
  const worker = new Worker(new URL('./ship/in-worker.ts', import.meta.url), { workerData: { url, folder } });
  const [health] = await once(worker, 'message');
  assert.deepEqual([health.shipped, health.fault], [700, undefined]);
  const journal = new Journal();
  const other = shipping(t, url, journal, { folder });
  await until(() => other.shipper.health().state === 'standby');
  await until(() => readFileSync(join(folder, 'cursor'), 'utf8').trim() === String(health.cursor));
  await worker.terminate();
  await until(() => other.shipper.health().state === 'shipping');
  await drained(other);
  assert.deepEqual(await compared(url, journal), { missing: -700, rows: 700 });
});
