import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import { accepted, stdio } from '../config/source.ts';
import { backendSettings, principal, read, settings, world } from '../support/world.ts';

test('I16 by default no agent can fill a backend: whoever has all its calls hanging leaves room for as many of another', async () => {
  const { settings: { concurrency, backends: [backend] } } = accepted(stdio(''));
  assert.ok(backend !== undefined);
  const w = world({ settings: settings({ concurrency, backends: [backendSettings('alpha', { concurrency: backend.concurrency })] }), respond: async () => new Promise(() => {}) });
  for (let i = 0; i < 10_000; i += 1) void w.callTool('alpha__echo', {}, { principal: principal({ subject: 'mallory' }) });
  await new Promise((resolve) => { setImmediate(resolve); });
  const reached = (): number => w.backends.get(backendId('alpha'))?.calls.length ?? 0;
  assert.equal(reached(), concurrency.perPrincipal);
  assert.match(JSON.stringify(read(await w.callTool('alpha__echo', {}, { principal: principal({ subject: 'mallory' }) }))), /SEN-0304/);
  for (let i = 0; i < concurrency.perPrincipal; i += 1) void w.callTool('alpha__echo', {}, { principal: principal({ subject: 'alice' }) });
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.equal(reached(), 2 * concurrency.perPrincipal);
});
