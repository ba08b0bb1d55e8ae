// A kill reaches the tasks that work at their backends: those that are told are counted, and those that are not are told again while it stands.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Era } from '../../../src/core/call.ts';
import { backendId } from '../../../src/core/ids.ts';
import { ok } from '../../../src/core/result.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { countTasks, endTasks, type TasksEnd } from '../../../src/pipeline/tasks/end.ts';
import { backendSettings, settings } from '../../support/world.ts';
import { settle } from '../waiting.ts';
import { asks, begin, Jobs, MODERN, taskWorld, verbsOf, type TaskWorld } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];
const KILLED: Settings['kills'] = { tools: ['alpha/job'], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true };

function configure({ w }: TaskWorld, over: Partial<Settings>): void {
  w.cell.configure({ settings: settings({ backends: [backendSettings('alpha', { asks })], ...over }), configHash: 'next' });
}

const cancels = ({ backend }: TaskWorld): number => verbsOf(backend).filter((verb) => verb.startsWith('cancel')).length;

function kill(at: TaskWorld): { readonly told: number; readonly ends: readonly TasksEnd[] } {
  configure(at, { kills: KILLED });
  const ends: TasksEnd[] = [];
  return { told: endTasks(() => true, { ...at.w.deps, ended: (end) => ends.push(end) }), ends };
}

for (const era of ERAS) describe(`tasks of a ${era} backend`, () => {
  test('are counted when they are told, known until that is taken, and named when it is', async () => {
    const at = taskWorld(era);
    const id = await begin(at, MODERN);
    assert.equal(countTasks(() => true, at.w.deps), 1);
    const { told, ends } = kill(at);
    assert.equal(told, 1);
    assert.ok(at.w.deps.tasks.get(id) !== undefined);
    await settle(at.w);
    assert.deepEqual(at.w.deps.tasks.get(id), undefined);
    assert.deepEqual([at.jobs.last.status, ends.map(({ why, ended, left }) => [why, ended.map(({ task }) => task), left.length])], ['cancelled', [['kill', ['job-1'], 0]]]);
  });

  test('of a backend that is away are not counted, and told once it is back', async () => {
    const at = taskWorld(era);
    await begin(at, MODERN);
    at.w.backends.delete(backendId('alpha'));
    const { told, ends } = kill(at);
    assert.equal(told, 0);
    await settle(at.w, 500);
    at.w.backends.set(backendId('alpha'), at.backend);
    await settle(at.w, 1000);
    assert.equal(at.jobs.last.status, 'cancelled');
    assert.equal(ends.length, 1);
  });

  test('that are not ended by the first word are told again, a few times, and are known and named after', async () => {
    const at = taskWorld(era);
    at.jobs.ttl = 600_000;
    const id = await begin(at, MODERN);
    at.jobs.instead = ({ verb }) => (verb === 'cancel' ? ok({ kind: 'error', code: -32603, message: 'busy', data: undefined }) : undefined);
    const { ends } = kill(at);
    for (let second = 0; second < 60; second += 1) await settle(at.w, 1000);
    assert.equal(cancels(at), 4);
    assert.deepEqual(ends.map(({ ended, left }) => [ended.length, left.map((one) => one.id)]), [[0, [id]]]);
    assert.ok(at.w.deps.tasks.list().some((one) => one.id === id));
    at.jobs.instead = undefined;
    assert.equal(endTasks(() => true, at.w.deps), 1);
    await settle(at.w);
    assert.equal(at.jobs.last.status, 'cancelled');
  });

  test('are let alone when the kill is undone meanwhile, and asked once by two kills', async () => {
    const at = taskWorld(era);
    await begin(at, MODERN);
    at.jobs.instead = ({ verb }) => (verb === 'get' ? ok({ kind: 'error', code: -32603, message: 'busy', data: undefined }) : undefined);
    kill(at);
    endTasks(() => true, at.w.deps);
    await settle(at.w);
    assert.equal(at.backend.steps.length, 1);
    configure(at, {});
    at.jobs.instead = undefined;
    await settle(at.w, 5000);
    await settle(at.w, 5000);
    assert.deepEqual([at.jobs.last.status, cancels(at)], ['working', 0]);
  });

  test('whose id their backend gave to another since are not ended in its place', async () => {
    const at = taskWorld(era);
    const id = await begin(at, MODERN);
    const fresh = new Jobs(era);
    fresh.born = '2026-11-21T09:00:00Z';
    const successor = fresh.backend();
    at.w.backends.set(backendId('alpha'), successor);
    await begin(at, MODERN);
    endTasks((task) => task.id === id, at.w.deps);
    await settle(at.w);
    assert.deepEqual([fresh.last.status, verbsOf(successor)], ['working', ['get job-1']]);
  });
});

test('many are ended a few at a time at each backend', async () => {
  const at = taskWorld('modern', { bounds: { ...settings().bounds, tasksPerPrincipal: 64 } });
  for (let made = 0; made < 30; made += 1) await begin(at, MODERN);
  let open = 0;
  let most = 0;
  at.jobs.instead = ({ verb }) => {
    if (verb !== 'get') return undefined;
    open += 1;
    most = Math.max(most, open);
    return new Promise((resolve) => setImmediate(() => {
      open -= 1;
      resolve(ok({ kind: 'error', code: -32602, message: 'no such task', data: undefined }));
    }));
  };
  assert.equal(endTasks(() => true, at.w.deps), 30);
  await settle(at.w);
  assert.deepEqual([most, at.w.deps.tasks.size], [8, 0]);
});
