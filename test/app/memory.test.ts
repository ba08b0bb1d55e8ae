import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openMemory } from '../../src/app/memory.ts';
import { processDeps } from '../../src/app/system.ts';
import { Secret } from '../../src/core/secret.ts';
import { settings } from '../support/world.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'sentinel-memory-'));

test('a PostgreSQL that is not there yet is asked again; one that stays away refuses the start and names no password', async () => {
  let asked = 0;
  const server = createServer((socket) => {
    asked += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const base = settings();
  const at = folder();
  const opened = await openMemory(
    { ...base, gateway: { ...base.gateway, stateDir: at }, store: { ...base.store, postgresUrl: new Secret(`postgres://u:hunter2@127.0.0.1:${port}/x`) } },
    processDeps({}), { audit: () => base.audit, onChange: () => {}, onAbandoned: () => {}, onShipping: () => {}, onCapture: () => {}, onLost: () => {} },
  );
  server.close();
  assert.ok(!opened.ok);
  assert.equal(opened.error.code, 'SEN-0601');
  assert.doesNotMatch(JSON.stringify(opened.error), /hunter2/);
  assert.ok(asked > 1, `asked ${asked} times`);
});

test('an embedded store that cannot be opened is told at once', async () => {
  const base = settings();
  const at = folder();
  const opened = await openMemory({ ...base, gateway: { ...base.gateway, stateDir: at }, store: { ...base.store, sqlitePath: join(at, 'nowhere\u0000', 'x.db') } }, processDeps({}), { audit: () => base.audit, onChange: () => {}, onAbandoned: () => {}, onShipping: () => {}, onCapture: () => {}, onLost: () => {} });
  assert.ok(!opened.ok);
  assert.equal(opened.error.exit, 1);
});
