// What the gateway does about tasks by itself: it keeps to the places and limits of those for whom it does it, and is charged to none.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_CAPABILITIES, type QuestionReply } from '../../../src/core/capabilities.ts';
import type { Era } from '../../../src/core/call.ts';
import { err, ok } from '../../../src/core/result.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { backendSettings, origin, principal, read, settings, type Message } from '../../support/world.ts';
import { listen, session } from '../following.ts';
import { settle } from '../waiting.ts';
import { ACCEPT, ask, asks, begin, call, FORM, LEGACY, MODERN, PLAIN, raw, taskWorld, verbsOf, type TaskWorld } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];
const BACKENDS = [backendSettings('alpha', { asks })];
const KILLED: Settings['kills'] = { tools: ['alpha/job'], backends: [], roles: [], subjects: [], all: false, cancelInFlight: false };
const FEW = { ...settings().limits, probes: 30 };

async function pass({ w }: TaskWorld, seconds: number, stepMs: number = 1000): Promise<void> {
  for (let second = 0; second < seconds; second += 1) await settle(w, stepMs);
}

function configure({ w }: TaskWorld, over: Partial<Settings>): void {
  w.cell.configure({ settings: settings({ backends: BACKENDS, ...over }), configHash: 'next' });
}

async function several(at: TaskWorld, count: number): Promise<readonly string[]> {
  at.jobs.ttl = 600_000;
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) ids.push(await begin(at, MODERN));
  return ids;
}

describe('looks for those who listen', () => {
  test('keep to the places of their principal, and leave it half, however many streams name however many tasks', async () => {
    const at = taskWorld('modern', { bounds: { ...settings().bounds, tasksPerPrincipal: 64 }, concurrency: { perPrincipal: 2, global: 1000 } });
    const ids = await several(at, 20);
    for (let made = 0; made < 5; made += 1) await listen(at.w, { taskIds: ids }, MODERN);
    let open = 0;
    let most = 0;
    at.jobs.instead = ({ verb }) => {
      if (verb !== 'get') return undefined;
      open += 1;
      most = Math.max(most, open);
      return new Promise(() => {});
    };
    await pass(at, 3);
    assert.equal(most, 1);
    assert.match(JSON.stringify(read(await call(at, PLAIN))), /plain/);
  });

  test('one for a task, whoever else listens for it; and everybody who listens is told', async () => {
    const at = taskWorld('modern');
    const ids = await several(at, 1);
    const streams = [];
    for (let made = 0; made < 4; made += 1) streams.push(await listen(at.w, { taskIds: ids }, MODERN));
    await pass(at, 3);
    const before = verbsOf(at.backend).length;
    await pass(at, 20);
    const looks = verbsOf(at.backend).length - before;
    assert.ok(looks > 0 && looks <= 20, String(looks));
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await pass(at, 12);
    for (const { heard } of streams) assert.deepEqual(heard.map(({ method }) => method), ['notifications/subscriptions/acknowledged', 'notifications/tasks']);
    assert.deepEqual([at.w.deps.subscriptions.open, at.w.deps.subscriptions.tasks.byTask.size, at.w.faults], [0, 0, []]);
    const late = await listen(at.w, { taskIds: await several(at, 1) }, MODERN);
    await pass(at, 2);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await pass(at, 12);
    assert.equal(late.heard.length, 2);
  });

  test('one who leaves takes nothing from those who stay, and one who comes at once after is served', async () => {
    const at = taskWorld('modern');
    const ids = await several(at, 1);
    const first = await listen(at.w, { taskIds: ids }, MODERN);
    const second = await listen(at.w, { taskIds: ids }, MODERN);
    await pass(at, 2);
    first.stop.abort('agent');
    await first.pending;
    second.stop.abort('agent');
    const third = await listen(at.w, { taskIds: ids }, MODERN);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await pass(at, 12);
    assert.deepEqual([first.heard.length, second.heard.length, third.heard.length], [1, 1, 2]);
  });

  test('after a kill nothing is asked in the name of the agent: no refusal on record, none charged, and the stream ends', async () => {
    const at = taskWorld('modern', { limits: FEW });
    const ids = await several(at, 8);
    const stream = await listen(at.w, { taskIds: ids }, MODERN);
    await pass(at, 3);
    const rows = at.w.outcomes.length;
    configure(at, { limits: FEW, kills: KILLED });
    await pass(at, 30);
    assert.equal(read(await stream.pending).result?.['resultType'], 'complete');
    assert.equal(at.w.outcomes.length, rows);
    configure(at, { limits: FEW });
    assert.match(JSON.stringify(read(await call(at, PLAIN))), /plain/);
  });

  test('nor in a session that began them and where nobody listens', async () => {
    const at = taskWorld('modern', { limits: FEW });
    at.jobs.ttl = 600_000;
    const { io } = session();
    for (let made = 0; made < 8; made += 1) await call(at, { ...LEGACY, io: { session: io } });
    const rows = at.w.outcomes.length;
    configure(at, { limits: FEW, kills: KILLED });
    await pass(at, 30);
    assert.equal(at.w.outcomes.length, rows);
    assert.equal(at.w.deps.subscriptions.open, 0);
  });

  test('what is told is charged to no limit of the agent, and has one of its own', async () => {
    const at = taskWorld('modern', { limits: { ...settings().limits, tasks: 3 } });
    const ids = await several(at, 1);
    const stream = await listen(at.w, { taskIds: ids }, MODERN);
    let said = 0;
    at.jobs.instead = ({ verb, task }) => {
      said += 1;
      return verb === 'get' ? ok({ kind: 'result', raw: raw(`{"resultType":"complete","taskId":"${task}","status":"working","createdAt":"2026-11-21T00:00:00Z","lastUpdatedAt":"2026-11-21T00:00:01Z","statusMessage":"${said}","ttlMs":600000}`) }) : undefined;
    };
    await pass(at, 20);
    assert.equal(stream.heard.filter(({ method }) => method === 'notifications/tasks').length, 3);
    assert.equal((await ask(at, 'get', MODERN, ids[0])).error, undefined);
  });
});

for (const era of ERAS) describe(`waiting for the end of a task of a ${era} backend`, () => {
  const small = { concurrency: { perPrincipal: 2, global: 1000 }, backends: [backendSettings('alpha', { asks, concurrency: 4 })] };
  const victim = { ...PLAIN, principal: principal({ subject: 'victim' }) };

  test('takes no place from anybody while its backend is asked nothing', async () => {
    const at = taskWorld(era, small);
    at.jobs.ttl = null;
    const waiting: Promise<Message>[] = [];
    for (const subject of ['ann', 'bob']) for (let made = 0; made < 2; made += 1) {
      const who = { ...LEGACY, principal: principal({ subject }) };
      waiting.push(ask(at, 'result', who, await begin(at, who)));
    }
    await pass(at, 5);
    assert.match(JSON.stringify(read(await call(at, victim))), /plain/);
    for (const job of at.jobs.all) at.jobs.move(job, { status: 'completed' });
    await pass(at, 15);
    for (const { error } of await Promise.all(waiting)) assert.equal(error, undefined);
    assert.match(JSON.stringify(read(await call(at, victim))), /plain/);
  });

  test('and has one again before it is: without one it waits, and is ended by its agent all the same', async () => {
    const at = taskWorld(era, { concurrency: { perPrincipal: 1, global: 1000 }, backends: BACKENDS });
    at.jobs.ttl = null;
    const id = await begin(at, LEGACY);
    const stop = new AbortController();
    const waiting = at.w.ask('tasks/result', { taskId: id }, { ...LEGACY, io: { signal: stop.signal } });
    await settle(at.w, 0);
    const { permit } = at.w.deps.tasks.get(id) ?? assert.fail();
    const snapshot = at.w.cell.current();
    const busy = at.w.deps.leases.take(permit.call, snapshot, snapshot.settings.backends[0] ?? assert.fail(), at.w.clock.mono());
    assert.ok(busy.ok);
    const before = at.backend.steps.length;
    await pass(at, 5);
    assert.equal(at.backend.steps.length, before);
    busy.value.release();
    await pass(at, 2);
    assert.ok(at.backend.steps.length > before);
    stop.abort('agent');
    await waiting;
    assert.equal(at.w.deps.inflight.size, 0);
  });
});

test('an agent for which the gateway waits keeps no place of its own meanwhile', async () => {
  const at = taskWorld('legacy', { concurrency: { perPrincipal: 1, global: 1000 }, backends: BACKENDS }, 'required');
  const waiting = call(at, PLAIN);
  await pass(at, 3);
  assert.equal(at.jobs.all.length, 1);
  const second = call(at, PLAIN);
  await pass(at, 3);
  assert.equal(at.jobs.all.length, 2, 'the second call came to its backend');
  for (const job of at.jobs.all) at.jobs.move(job, { status: 'completed' });
  await pass(at, 3);
  for (const answer of await Promise.all([waiting, second])) assert.match(JSON.stringify(read(answer)), /done/);
});

test('what is held open to hear the questions of a legacy backend takes half of the places at most, and gives them back', async () => {
  const at = taskWorld('legacy', { bounds: { ...settings().bounds, tasksPerPrincipal: 64 }, concurrency: { perPrincipal: 4, global: 1000 }, backends: BACKENDS });
  at.jobs.ttl = 600_000;
  let open = 0;
  at.jobs.instead = ({ verb }, _permit, { signal }) => {
    if (verb !== 'result') return undefined;
    open += 1;
    return new Promise((resolve) => signal.addEventListener('abort', () => {
      open -= 1;
      resolve(err({ code: 'cancelled' }));
    }));
  };
  const messages: (string | undefined)[] = [];
  for (let made = 0; made < 5; made += 1) {
    const id = await begin(at, MODERN);
    at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
    const pending = ask(at, 'get', MODERN, id);
    await settle(at.w, 1100);
    messages.push((await pending).error?.message.slice(0, 14));
  }
  assert.deepEqual([open, messages], [2, [undefined, undefined, 'Too many tasks', 'Too many tasks', 'Too many tasks']]);
  const [first] = at.w.deps.tasks.list();
  at.w.deps.tasks.forget(first?.id ?? '');
  await settle(at.w);
  assert.equal(open, 1);
  const pending = ask(at, 'get', MODERN, at.w.deps.tasks.list().at(-1)?.id);
  await settle(at.w, 1100);
  assert.deepEqual([(await pending).error, open], [undefined, 2]);
});

test('a person who thinks about a question of a task keeps no place', async () => {
  const at = taskWorld('modern', { concurrency: { perPrincipal: 1, global: 1000 }, backends: BACKENDS });
  const answer = Promise.withResolvers<QuestionReply>();
  const id = await begin(at, LEGACY);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  const waiting = ask(at, 'result', { ...LEGACY, io: { ask: () => answer.promise } }, id);
  await pass(at, 3);
  assert.match(JSON.stringify(read(await call(at, PLAIN))), /plain/);
  answer.resolve({ kind: 'result', raw: raw(JSON.stringify(ACCEPT)) });
  await pass(at, 3);
  assert.match(JSON.stringify(at.jobs.last.answers), /accept/);
  at.jobs.move(at.jobs.last, { status: 'completed' });
  await pass(at, 3);
  assert.equal((await waiting).error, undefined);
});

test('a task that asks without end is ended at its backend, and the call says why', async () => {
  const at = taskWorld('modern');
  at.jobs.ttl = null;
  let put = 0;
  let round = 0;
  const who = { ...LEGACY, io: { ask: () => { put += 1; return Promise.resolve({ kind: 'result', raw: raw(JSON.stringify(ACCEPT)) } as const); } } };
  const id = await begin(at, LEGACY);
  at.jobs.instead = ({ verb, task }) => {
    if (verb !== 'get') return undefined;
    round += 1;
    return ok({ kind: 'result', raw: raw(`{"resultType":"complete","taskId":"${task}","status":"input_required","createdAt":"2026-11-21T00:00:00Z","lastUpdatedAt":"2026-11-21T00:00:01Z","ttlMs":null,"inputRequests":{"q${round}":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}`) });
  };
  const waiting = ask(at, 'result', who, id);
  await pass(at, 80);
  assert.match((await waiting).error?.message ?? '', /too many questions/);
  assert.equal(put, 64);
  assert.equal(verbsOf(at.backend).at(-1), 'cancel job-1');
});

test('a legacy backend that is held open to the end of its time is looked at again: the task lives on', async () => {
  const at = taskWorld('legacy');
  at.jobs.ttl = null;
  const id = await begin(at, LEGACY);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  let held = 0;
  at.jobs.instead = ({ verb }) => {
    if (verb !== 'result' || at.jobs.last.status === 'completed') return undefined;
    held += 1;
    return err({ code: 'timeout', afterMs: 600_000 });
  };
  const waiting = ask(at, 'result', LEGACY, id);
  await pass(at, 4);
  assert.ok(held >= 2, String(held));
  at.jobs.move(at.jobs.last, { status: 'completed' });
  await pass(at, 3);
  assert.equal((await waiting).error, undefined);
  assert.ok(!verbsOf(at.backend).includes('cancel job-1'));
});

test('requests about tasks never go unrecorded, whatever the operator lets through without a record', async () => {
  const at = taskWorld('modern', { audit: { ...settings().audit, onFailure: 'continue' } });
  const id = await begin(at, MODERN);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  at.w.auditDown = true;
  const steps = at.backend.steps.length;
  for (const who of [MODERN, { origin: origin({ capabilities: { ...NO_CAPABILITIES, tasks: true } }) }, LEGACY]) assert.ok((await ask(at, 'get', who, id)).error !== undefined);
  await ask(at, 'result', LEGACY, id);
  assert.equal(at.backend.steps.length, steps);
});
