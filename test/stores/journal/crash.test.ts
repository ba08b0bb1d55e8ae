import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { processLife } from '../../../src/stores/life.ts';
import { journalIn, recordsIn, sampleNode, sessionIn, temporaryFolder } from '../sample.ts';

const FIXTURE = new URL('../../fixtures/intends-and-waits.ts', import.meta.url).pathname;

/** Starts a writer, waits until its intent is durable, and gives the way to kill it. */
async function writer(t: TestContext, folder: string): Promise<{ readonly pid: number; readonly kill: () => Promise<void> }> {
  const child = spawn(process.execPath, [FIXTURE, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said]: unknown[] = await once(child.stdout, 'data');
  assert.equal(String(said), 'durable\n');
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

test('an intent survives SIGKILL and the next start closes it as indeterminate, once (J07)', async (t) => {
  const folder = temporaryFolder(t);
  const [dead, living] = [await writer(t, folder), await writer(t, folder)];
  await dead.kill();
  const node = sampleNode(folder);
  const journal = journalIn(folder, { node, session: sessionIn(folder, node, processLife()) });
  assert.deepEqual(await journal.start(), { ok: true, value: { epoch: 3, indeterminate: 1 } });
  const rows = recordsIn(folder);
  const of = (call: string) => rows.filter((row) => row.call_id === call).map((row) => [row.kind, row.code, row.status, row.subject]);
  assert.deepEqual(of(`${dead.pid}-open`), [['intent', undefined, undefined, 'alice'], ['outcome', 'indeterminate', 'error', 'alice']]);
  assert.deepEqual(of(`${dead.pid}-finished`), [['intent', undefined, undefined, 'alice'], ['outcome', 'ok', 'success', 'alice']]);
  assert.deepEqual(of(`${living.pid}-open`), [['intent', undefined, undefined, 'alice']], 'a process that lives may still conclude its call');
  await journal.close();

  const again = journalIn(folder, { node, session: sessionIn(folder, node, processLife()) });
  await again.start();
  assert.equal(recordsIn(folder).filter((row) => row.kind === 'outcome').length, 3, 'closed once, not at every start');
  await again.close();
  await living.kill();
});
