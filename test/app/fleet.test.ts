import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, fingerprintOf } from '../../src/app/fleet.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Backend } from '../../src/core/ports.ts';
import { backendSettings, fakeBackend, okText, sha } from '../support/world.ts';

function fleetOf(): { readonly fleet: Fleet; readonly log: string[] } {
  const log: string[] = [];
  const fleet = new Fleet({
    digest: sha,
    onFault: (id, error) => log.push(`fault ${id} ${String(error)}`),
    create: (settings): Backend => ({ ...fakeBackend(settings.id, () => okText('ok')), start: () => log.push(`start ${settings.id}`), stop: () => { log.push(`stop ${settings.id}`); return Promise.resolve(); } }),
  });
  return { fleet, log };
}
const atOnce = (): Promise<void> => Promise.resolve();

test('a reload starts what is new, replaces what changed, ends what is gone, and does not touch the rest', async () => {
  const { fleet, log } = fleetOf();
  fleet.apply([backendSettings('a'), backendSettings('b'), backendSettings('c')], atOnce);
  log.length = 0;
  fleet.apply([backendSettings('a'), backendSettings('b', { args: ['new'] }), backendSettings('d')], atOnce);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log.toSorted(), ['start b', 'start d', 'stop b', 'stop c']);
  assert.deepEqual(fleet.statuses().map((status) => String(status.id)).toSorted(), ['a', 'b', 'd']);
});

test('what only the pipeline reads does not restart a backend', () => {
  const base = backendSettings('a');
  assert.equal(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { retries: 9, concurrency: 1, idempotent: ['x'], breaker: { ...base.breaker, threshold: 9 } }), sha));
  assert.notEqual(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { timeoutMs: 5 }), sha));
});

test('a changed secret replaces the backend, and the secret is not in the fingerprint', () => {
  const one = fingerprintOf(backendSettings('a', { env: { K: new Secret('one') } }), (text) => text);
  const two = fingerprintOf(backendSettings('a', { env: { K: new Secret('two') } }), (text) => text);
  assert.notEqual(one, two);
  assert.doesNotMatch(fingerprintOf(backendSettings('a', { env: { K: new Secret('hunter2') } }), sha), /hunter2/);
});

test('a replaced backend is ended only when its calls have been given their time', async () => {
  const { fleet, log } = fleetOf();
  const drained = Promise.withResolvers<undefined>();
  fleet.apply([backendSettings('a')], atOnce);
  fleet.apply([], () => drained.promise);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!log.includes('stop a'));
  drained.resolve(undefined);
  await fleet.stop();
  assert.ok(log.includes('stop a'));
});

test('what a replaced backend still says while its calls drain does not become the list of the one that replaced it', async () => {
  const made: Backend[] = [];
  const fleet = new Fleet({ digest: sha, onFault: () => {}, create: (settings) => { const one = fakeBackend(settings.id, () => okText('ok')); made.push(one); return one; } });
  fleet.apply([backendSettings('a')], atOnce);
  fleet.apply([backendSettings('a', { args: ['new'] })], () => new Promise(() => {}));
  const [old, next] = made;
  assert.ok(old !== undefined && next !== undefined);
  assert.equal(fleet.runs(old), false);
  assert.equal(fleet.runs(next), true);
});

test('one backend that cannot be made is told of and keeps no other from starting', () => {
  const log: string[] = [];
  const fleet = new Fleet({
    digest: sha, onFault: (id) => log.push(`fault ${id}`),
    create: (settings) => { if (settings.id === 'b') throw new Error('bug'); return { ...fakeBackend(settings.id, () => okText('ok')), start: () => log.push(`start ${settings.id}`) }; },
  });
  fleet.apply([backendSettings('a'), backendSettings('b'), backendSettings('c')], atOnce);
  assert.deepEqual(log, ['start a', 'fault b', 'start c']);
});

test('a reload that was under way when the gateway ended starts nothing that nobody would end', async () => {
  const { fleet, log } = fleetOf();
  await fleet.stop();
  fleet.apply([backendSettings('a')], atOnce);
  assert.deepEqual(log, []);
});
