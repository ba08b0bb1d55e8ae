import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EVERYTHING_ENTRY } from '../../src/cli/demo/plan.ts';
import { connects, freePort, startDemoServer } from '../../src/cli/demo/server.ts';
import { holderOf, listeners, portTrouble } from '../../src/cli/holder.ts';

const root = join(import.meta.dirname, '../..');
const parent = join(root, 'test/fixtures/cli/demo-parent.ts');

async function gone(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (!(await connects(port))) return;
    await delay(25);
  }
  assert.fail('the demo server outlives the process that started it');
}

describe('the demo server', () => {
  test('listens on loopback only, though it would listen everywhere', { skip: process.platform === 'linux' ? false : '/proc is Linux' }, async () => {
    const port = await freePort();
    const server = await startDemoServer({ entry: join(root, EVERYTHING_ENTRY), port, cwd: root, path: process.env['PATH'] ?? '', say: (text) => assert.fail(text) });
    try {
      assert.equal(listeners(readFileSync('/proc/net/tcp', 'utf8'), port).length, 1);
      assert.equal(listeners(readFileSync('/proc/net/tcp6', 'utf8'), port).length, 0);
      const hex = port.toString(16).toUpperCase().padStart(4, '0');
      assert.match(readFileSync('/proc/net/tcp', 'utf8'), new RegExp(` 0100007F:${hex} 00000000:0000 0A `));
      assert.equal(await portTrouble({ host: '127.0.0.1', port }), 'EADDRINUSE');
      assert.match(holderOf(port) ?? '', /^node \(pid \d+\)$/);
    } finally {
      await server.stop();
    }
    assert.equal(await connects(port), false);
    assert.equal(await portTrouble({ host: '127.0.0.1', port }), undefined);
  });

  test('ends with the process that started it, even when that is killed', async (t) => {
    const port = await freePort();
    const child = spawn(process.execPath, [parent, String(port), EVERYTHING_ENTRY], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    assert.equal(line, 'ready');
    assert.equal(await connects(port), true);
    child.kill('SIGKILL');
    await gone(port);
  });

  test('that cannot start is told, and the rest goes on', async (t) => {
    const port = await freePort();
    const said: string[] = [];
    const server = await startDemoServer({ entry: join(root, 'no-such-file.js'), port, cwd: root, path: '', say: (text) => said.push(text), startsMs: 300 });
    t.after(() => server.stop());
    assert.match(said.join('\n'), /does not answer/);
  });
});
