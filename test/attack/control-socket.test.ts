// The control socket under attack: a gateway that leaves next to one that comes, agents that go at the wrong moment or talk on with a
// dead token, a directory of somebody else's, a status that names a process that is not a gateway.
import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { controlOf } from '../../src/cli/control.ts';
import { mayBeSignalled } from '../../src/cli/verbs/stop.ts';
import { ok } from '../../src/core/result.ts';
import { startControl } from '../../src/surfaces/control.ts';
import { ALICE, fakeIngress, principalOf } from '../surfaces/fake-ingress.ts';
import { fakeOperations } from '../surfaces/fake-operations.ts';
import { envelope } from '../surfaces/speak.ts';
import { eventually } from '../surfaces/wire.ts';

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'control-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

function ready(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, path: '/readiness' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function attached(path: string): Promise<Duplex> {
  const stream = await controlOf(path).attach(ALICE);
  assert.ok(stream.ok);
  stream.value.on('error', () => undefined);
  return stream.value;
}

function line(id: number, method: string, params: object = {}): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: envelope() } })}\n`;
}

test('a gateway that drains does not take the socket of the one that has replaced it', async (t) => {
  const path = join(await directory(t), 'control.sock');
  const first = await startControl(fakeOperations(), fakeIngress(), { path, operator: 'owner' });
  assert.ok(first.ok);
  const agent = await attached(path);
  agent.write(line(1, 'tools/call', { name: 'wait', arguments: { ms: 400 } }));
  await delay(100);
  const closing = first.value.close(5000);
  await delay(50);
  const second = await startControl(fakeOperations(), fakeIngress(), { path, operator: 'owner' });
  assert.ok(second.ok, JSON.stringify(second));
  t.after(() => second.value.close(0));
  await closing;
  assert.equal((await stat(path)).isSocket(), true);
  assert.equal(await ready(path), 200);
  agent.destroy();
});

test('an agent that leaves while its token is being checked is not counted as attached', async (t) => {
  const path = join(await directory(t), 'control.sock');
  const ingress = fakeIngress();
  const slow = { ...ingress, authenticator: { ...ingress.authenticator, authenticate: async () => {
    await delay(60);
    return ok(principalOf(ALICE, 'alice'));
  } } };
  const started = await startControl(fakeOperations(), slow, { path, operator: 'owner' });
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  for (let n = 0; n < 3; n += 1) {
    const socket = connect(path);
    socket.on('error', () => undefined);
    socket.write(`GET /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: sentinel-stdio\r\nAuthorization: Bearer ${ALICE}\r\n\r\n`);
    await delay(20);
    socket.destroy();
  }
  await delay(250);
  assert.equal(started.value.stats().attached, 0);
});

test('an attached agent that talks on after its token is revoked fills no audit', async (t) => {
  const path = join(await directory(t), 'control.sock');
  const ingress = fakeIngress();
  const started = await startControl(fakeOperations(), ingress, { path, operator: 'owner' });
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  const agent = await attached(path);
  let answers = 0;
  agent.on('data', (bytes: Buffer) => {
    answers += String(bytes).split('\n').length - 1;
  });
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  for (let id = 1; id <= 200; id += 1) agent.write(line(id, 'tools/list'));
  await eventually(() => answers === 200, 'each request was answered');
  assert.ok(ingress.refused.length > 0 && ingress.refused.length <= 40, `${ingress.refused.length} records`);
  agent.destroy();
});

test('a directory that belongs to somebody else is refused, whatever its mode', { skip: process.getuid?.() === 0 ? false : 'only root can give a directory away' }, async (t) => {
  const base = await directory(t);
  const theirs = join(base, 'theirs');
  await mkdir(theirs, { mode: 0o700 });
  await chown(theirs, 12_345, 12_345);
  const started = await startControl(fakeOperations(), fakeIngress(), { path: join(theirs, 'control.sock'), operator: 'owner' });
  if (started.ok) await started.value.close(0);
  assert.deepEqual([started.ok, started.ok ? '' : started.error.code], [false, 'permission']);
});

test('stop signals one process of the socket\'s owner: no group, no init, nobody else\'s', async (t) => {
  const path = join(await directory(t), 'control.sock');
  const started = await startControl(fakeOperations(), fakeIngress(), { path, operator: 'owner' });
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  for (const pid of [-1, 0, 1, -process.pid, 1.5, Number.NaN]) assert.equal(mayBeSignalled(pid, path), false, String(pid));
  assert.equal(mayBeSignalled(process.pid, path), true);
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return;
  // Root is asked to stop what a user's socket names: only processes of that user.
  await chown(path, 12_345, 12_345);
  assert.equal(mayBeSignalled(process.pid, path), false);
});
