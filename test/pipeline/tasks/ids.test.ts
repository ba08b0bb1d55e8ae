// The ids by which agents know tasks: sealed, of one principal, for one time, in one spelling.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sealUnder } from '../../../src/app/system.ts';
import { backendId, timestamp } from '../../../src/core/ids.ts';
import { openTask, sealTask, type TaskIdDeps, type TaskPlace } from '../../../src/pipeline/tasks/ids.ts';
import { HandClock, principal, read, sha } from '../../support/world.ts';
import { ask, begin, LEGACY, MODERN, taskWorld } from './jobs.ts';

const KEY = new Uint8Array(32).fill(7);
const alice = principal();

function depsAt(clock: HandClock, key: Uint8Array = KEY): TaskIdDeps {
  return { taskSeal: sealUnder(key), digest: sha, clock };
}

function place(clock: HandClock, over: Partial<TaskPlace> = {}): TaskPlace {
  return { target: { kind: 'tool', backend: backendId('alpha'), name: 'job' }, task: 'inner-1', born: 't', hosted: false, until: timestamp(clock.wall() + 1000), ...over };
}

test('what is sealed is opened as it was, by a later process with the same key too, and says nothing on its face [SEC12]', () => {
  const clock = new HandClock();
  fc.assert(fc.property(fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed()), fc.boolean(), (task, hosted) => {
    const where = place(clock, { task, born: 't', hosted });
    const id = sealTask(where, alice, depsAt(clock));
    assert.match(id, /^[A-Za-z0-9_-]+$/);
    assert.deepEqual(openTask(id, alice, depsAt(clock)), { ok: true, value: where });
    assert.notEqual(sealTask(where, alice, depsAt(clock)), id);
  }), { numRuns: 30 });
});

test('no other text opens: neither a changed one, nor another spelling of the same bytes, nor one under another key [SEC12]', () => {
  const clock = new HandClock();
  const deps = depsAt(clock);
  const id = sealTask(place(clock), alice, deps);
  fc.assert(fc.property(fc.nat(id.length - 1), fc.constantFrom(...'ABCXYZabcxyz0189-_'), (at, letter) => {
    fc.pre(id[at] !== letter);
    assert.deepEqual(openTask(`${id.slice(0, at)}${letter}${id.slice(at + 1)}`, alice, deps), { ok: false, error: 'forged' });
  }), { numRuns: 500 });
  for (const other of [`${id}=`, `${id}A`, ` ${id}`, `${id}\n`, id.replaceAll('-', '+').replaceAll('_', '/').concat('='), id.slice(0, -1), '', 'constructor', 'job-1']) assert.deepEqual(openTask(other, alice, deps), { ok: false, error: 'forged' }, other);
  assert.deepEqual(openTask(id, alice, depsAt(clock, new Uint8Array(32).fill(8))), { ok: false, error: 'forged' });
  fc.assert(fc.property(fc.string(), (text) => {
    assert.deepEqual(openTask(text, alice, deps), { ok: false, error: 'forged' });
  }));
});

test('it is of one principal, and ends [SEC12, SEC13]', () => {
  const clock = new HandClock();
  const deps = depsAt(clock);
  const id = sealTask(place(clock), alice, deps);
  for (const other of [principal({ subject: 'bob' }), principal({ issuer: 'elsewhere' })]) assert.deepEqual(openTask(id, other, deps), { ok: false, error: 'foreign' });
  clock.advance(999);
  assert.equal(openTask(id, alice, deps).ok, true);
  clock.advance(1);
  assert.deepEqual(openTask(id, alice, deps), { ok: false, error: 'expired' });
});

for (const who of [MODERN, LEGACY]) test(`${who === MODERN ? '2026-07-28' : '2025-11-25'}: an id that leads nowhere is one answer, byte for byte, whatever is wrong with it; the backend hears nothing, and the record says what it was [SEC13, SEC49]`, async () => {
  const at = taskWorld('modern');
  const id = await begin(at, who);
  const verbs = who === MODERN ? ['get', 'update', 'cancel'] as const : ['get', 'result', 'cancel'] as const;
  const answers = new Set<string>();
  const asks = async (taskId: string, over: typeof who): Promise<void> => {
    for (const verb of verbs) answers.add((await at.w.ask(`tasks/${verb}`, { taskId, inputResponses: {} }, over)).message ?? '');
  };
  await asks('job-1', who);
  await asks(`${id.slice(0, -1)}${id.endsWith('A') ? 'Q' : 'A'}`, who);
  await asks(id, { ...who, principal: principal({ subject: 'mallory' }) });
  assert.deepEqual(at.backend.steps.filter(({ verb }) => verb !== 'cancel'), []);
  at.w.clock.advance(60_000);
  await asks(id, who);
  assert.deepEqual([...answers], ['{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown task"}}']);
  // At most looked at and ended by the gateway itself, for nobody can ask for it any more.
  assert.ok(['', 'get', 'get cancel'].includes(at.backend.steps.map(({ verb }) => verb).join(' ')), JSON.stringify(at.backend.steps));
  const faults = at.w.outcomes.flatMap((one) => (one.kind === 'refused' && one.reason.code === 'bad_handle' ? [one.reason.handle] : []));
  assert.deepEqual(faults.filter((_, index) => index % verbs.length === 0), ['forged', 'forged', 'foreign', 'expired']);
});

test('on the endpoint of another backend it is unknown, and on that of its own it is the same task', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, MODERN);
  const on = (backend: string): typeof MODERN => (MODERN.origin === undefined ? MODERN : { origin: { ...MODERN.origin, endpoint: { kind: 'single', backend: backendId(backend) } } });
  assert.equal((await ask(at, 'get', on('alpha'), id)).result?.['status'], 'working');
  // A backend that offers nothing has no tasks to speak of, like any method that is not there.
  assert.equal((await ask(at, 'get', on('beta'), id)).error?.code, -32601);
});

test('an id of before a restart leads to the task at its backend; a result that only the gateway had is gone with it', async () => {
  const [before, after] = [taskWorld('modern'), taskWorld('modern')];
  const id = await begin(before, MODERN);
  const sealed = sealTask({ target: { kind: 'tool', backend: backendId('alpha'), name: 'job' }, task: 'job-1', born: after.jobs.born, hosted: false, until: timestamp(after.w.clock.wall() + 1000) }, alice, after.w.deps);
  await begin(after, MODERN);
  for (const known of after.w.deps.tasks.list()) after.w.deps.tasks.forget(known.id);
  assert.equal((await ask(after, 'get', MODERN, sealed)).result?.['taskId'], sealed);
  assert.equal(after.w.deps.tasks.get(sealed)?.listed, true);
  const hosted = sealTask({ target: { kind: 'tool', backend: backendId('alpha'), name: 'job' }, task: 'own', born: 't', hosted: true, until: timestamp(after.w.clock.wall() + 1000) }, alice, after.w.deps);
  assert.equal((await ask(after, 'get', MODERN, hosted)).error?.message, 'Unknown task');
  // Under another key it is nobody's.
  assert.equal((await ask(after, 'get', MODERN, id)).error?.message, 'Unknown task');
});

test('an id that an agent made a megabyte long is no more work than a short one: it is refused as it is', async () => {
  const at = taskWorld('modern');
  const answer = await at.w.ask('tasks/get', { taskId: 'A'.repeat(1 << 20) }, MODERN);
  assert.deepEqual(read(answer).error, { code: -32602, message: 'Unknown task' });
  const [refused] = at.w.outcomes.filter(({ kind }) => kind === 'refused');
  assert.ok(refused?.kind === 'refused' && (refused.name?.length ?? 0) <= 128);
});
