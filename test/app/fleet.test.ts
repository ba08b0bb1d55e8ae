import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, fingerprintOf } from '../../src/app/fleet.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Backend } from '../../src/core/ports.ts';
import { createHandle } from '../../src/pipeline/handle.ts';
import { backendSettings, fakeBackend, okText, origin, passSchemas, principal, read, settings, sha, world, type World } from '../support/world.ts';

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
  assert.equal(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { aliases: { a: 'b' }, hide: ['x'] }), sha), 'names are of the catalogue');
  assert.notEqual(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { timeoutMs: 5 }), sha));
  assert.notEqual(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { asks: { elicitation: true, sampling: true, roots: false } }), sha), 'what may be asked is declared at initialize');
  assert.notEqual(fingerprintOf(base, sha), fingerprintOf(backendSettings('a', { roots: [{ uri: 'file:///x', name: undefined }] }), sha));
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
    digest: sha, onFault: (id, _error, part) => log.push(`fault ${id} ${part}`),
    create: (settings) => { if (settings.id === 'b') throw new Error('bug'); return { ...fakeBackend(settings.id, () => okText('ok')), start: () => log.push(`start ${settings.id}`) }; },
  });
  fleet.apply([backendSettings('a'), backendSettings('b'), backendSettings('c')], atOnce);
  assert.deepEqual(log, ['start a', 'fault b start', 'start c']);
});

test('one that does not stop cleanly is told apart from one that is not there: its successor may be well', async () => {
  const log: string[] = [];
  const fleet = new Fleet({
    digest: sha, onFault: (id, _error, part) => log.push(`fault ${id} ${part}`),
    create: (settings) => ({ ...fakeBackend(settings.id, () => okText('ok')), stop: () => Promise.reject(new Error('stuck')) }),
  });
  fleet.apply([backendSettings('a')], atOnce);
  fleet.apply([backendSettings('a', { timeoutMs: 5 })], atOnce);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ['fault a stop']);
});

test('a reload that was under way when the gateway ended starts nothing that nobody would end', async () => {
  const { fleet, log } = fleetOf();
  await fleet.stop();
  fleet.apply([backendSettings('a')], atOnce);
  assert.deepEqual(log, []);
});

test('a call finds the backend of its own revision: the one that runs, the one that drains, or none', async () => {
  const made: Backend[] = [];
  const fleet = new Fleet({ digest: sha, onFault: () => {}, create: (row) => { const one = fakeBackend(row.id, () => okText('ok')); made.push(one); return one; } });
  const old = backendSettings('a');
  const next = backendSettings('a', { args: ['new'] });
  const gone = Promise.withResolvers<undefined>();
  fleet.apply([old, backendSettings('b')], atOnce);
  fleet.apply([next], () => gone.promise);
  assert.equal(fleet.find(old), made[0]);
  assert.equal(fleet.find(backendSettings('b')), made[1], 'removed, and draining');
  assert.equal(fleet.find(next), made[2]);
  assert.equal(fleet.find(backendSettings('a', { args: ['new'], retries: 9 })), made[2], 'what only the pipeline reads makes no other backend');
  assert.equal(fleet.find(backendSettings('a', { args: ['other'] })), undefined);
  gone.resolve(undefined);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(fleet.find(old), undefined, 'nor does it lead to its successor');
});

/** A gateway of one backend whose definition is replaced while the arguments of a call are being checked. */
function reloading(drain: () => Promise<void>): { readonly w: World; readonly reached: string[]; readonly call: () => ReturnType<World['callTool']> } {
  const reached: string[] = [];
  const fleet = new Fleet({ digest: sha, onFault: () => {}, create: (row) => fakeBackend(row.id, () => { reached.push(row.type === 'stdio' ? row.args.join() : ''); return okText('ok'); }) });
  const w = world({ settings: settings({ backends: [backendSettings('alpha', { args: ['old'] })] }) });
  fleet.apply(w.cell.current().settings.backends, atOnce);
  let reload = (): void => {
    const next = settings({ backends: [backendSettings('alpha', { args: ['new'] })] });
    reload = () => {};
    w.cell.configure({ settings: next, configHash: 'hash-2' });
    fleet.apply(next.backends, drain);
  };
  const schemas: typeof passSchemas = { check: async () => { reload(); await new Promise((resolve) => setImmediate(resolve)); return { kind: 'valid' }; } };
  const handle = createHandle({ ...w.deps, schemas, backend: (row) => fleet.find(row) });
  return { w, reached, call: async () => handle({ principal: principal(), origin: origin(), id: toRaw(1), method: 'tools/call', params: toRaw({ name: 'alpha__echo' }), paramHeaders: undefined }, { signal: new AbortController().signal, notify: () => {}, ask: undefined, session: undefined }) };
}

test('a call that was decided before a reload runs on the backend it was decided for, one after it on the new one', async () => {
  const { w, reached, call } = reloading(() => new Promise(() => {}));
  const before = read(await call());
  assert.equal(before.result?.isError, undefined);
  await call();
  assert.deepEqual(reached, ['old', 'new']);
  assert.deepEqual(w.outcomes.map((outcome) => outcome.revision), [2, 3]);
});

test('and is refused when that backend has gone: it never runs on a definition that nobody decided about', async () => {
  const { reached, call } = reloading(atOnce);
  assert.match(JSON.stringify(read(await call())), /backend_down/);
  assert.deepEqual(reached, []);
});
