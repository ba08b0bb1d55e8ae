// Who may still reach a task, what ends it, what is counted and what is on record.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Era } from '../../../src/core/call.ts';
import { roleName } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { statusOf, type Outcome } from '../../../src/core/outcome.ts';
import { isPermit } from '../../../src/core/permit.ts';
import { admittedStep } from '../../../src/backends/admitted.ts';
import { backendId } from '../../../src/core/ids.ts';
import { endTasks } from '../../../src/pipeline/tasks/end.ts';
import { allowAll, backendSettings, principal, read, settings } from '../../support/world.ts';
import { settle } from '../waiting.ts';
import { agentOf, ask, asks, begin, call, FORM, idOf, LEGACY, MODERN, taskWorld, verbsOf, type TaskWorld } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];
const UNKNOWN = { code: -32602, message: 'Unknown task' };
const BACKENDS = [backendSettings('alpha', { asks })];

function reload({ w }: TaskWorld, over: Partial<ReturnType<typeof settings>>): void {
  w.cell.configure({ settings: settings({ backends: BACKENDS, ...over }), configHash: 'next' });
}

for (const era of ERAS) describe(`tasks of a ${era} backend`, () => {
  const who = agentOf(era);

  test('C01 of a tool that is denied, hidden or gone, list and looks say the same: nothing [SEC49]', async () => {
    const cases: readonly Partial<ReturnType<typeof settings>>[] = [
      { roles: [{ ...allowAll, deny: ['alpha/job'] }] },
      { backends: [backendSettings('alpha', { asks, hide: ['job'] })] },
      { kills: { tools: ['alpha/job'], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true } },
    ];
    for (const over of cases) {
      const at = taskWorld(era);
      const id = await begin(at, LEGACY);
      const steps = at.backend.steps.length;
      assert.partialDeepStrictEqual((await ask(at, 'list', LEGACY)).result, { tasks: [{ taskId: id }] });
      reload(at, over);
      const listed = await ask(at, 'list', LEGACY);
      const looked = await ask(at, 'get', LEGACY, id);
      const shown = listed.result?.['tasks'];
      assert.ok(listed.error !== undefined || (Array.isArray(shown) && shown.length === 0), JSON.stringify(listed));
      assert.ok(looked.error !== undefined, JSON.stringify(looked));
      if (over.kills === undefined && listed.error === undefined) assert.deepEqual(looked.error, UNKNOWN);
      assert.equal(at.backend.steps.length, steps);
    }
  });

  test('`tasks/list` has those that `tasks/get` answers for, of its own principal alone', async () => {
    const at = taskWorld(era);
    const bob = { ...LEGACY, principal: principal({ subject: 'bob' }) };
    const ids = [await begin(at, LEGACY), await begin(at, LEGACY), await begin(at, bob)];
    const listed = async (over: typeof LEGACY): Promise<readonly unknown[]> => Object((await ask(at, 'list', over)).result)['tasks'].map((task: { taskId: string }) => task.taskId);
    assert.deepEqual(await listed(LEGACY), ids.slice(0, 2));
    assert.deepEqual(await listed(bob), ids.slice(2));
    for (const over of [LEGACY, bob]) for (const id of ids) assert.equal((await ask(at, 'get', over, id)).error === undefined, (await listed(over)).includes(id));
    at.jobs.all.splice(0, 1);
    assert.deepEqual((await ask(at, 'get', LEGACY, ids[0])).error, UNKNOWN);
    assert.deepEqual(await listed(LEGACY), [ids[1]]);
  });

  test('a kill ends them at the backend, whoever began them, and only those it hits; what waits for their questions ends too', async () => {
    const at = taskWorld(era);
    await begin(at, who);
    const asking = await begin(at, MODERN);
    at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
    const pending = ask(at, 'get', MODERN, asking);
    await settle(at.w, 1000);
    await pending;
    const done = await begin(at, { ...who, principal: principal({ subject: 'bob' }) });
    assert.equal(endTasks(({ principal: { subject } }) => subject === 'alice', at.w.deps), 2);
    await settle(at.w);
    assert.deepEqual(at.jobs.all.map(({ status }) => status), ['cancelled', 'cancelled', 'working']);
    assert.deepEqual(at.w.deps.tasks.list().map(({ id }) => id), [done]);
    assert.equal(endTasks(() => true, at.w.deps), 1);
  });

  test('what is over, or only kept here, is not ended again', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await ask(at, 'get', who, id);
    at.jobs.atOnce = toRaw({ content: [] });
    await begin(at, LEGACY);
    assert.equal(at.w.deps.tasks.size, 2);
    assert.equal(endTasks(() => true, at.w.deps), 0);
    assert.ok(!verbsOf(at.backend).includes('cancel job-1'));
  });

  test('looks, answers and cancellations are limited for each principal, and charged to no tool [SEC48]', async () => {
    const at = taskWorld(era, { limits: { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 3, probes: 1000, mode: 'enforce' } });
    const id = await begin(at, who);
    for (let turn = 0; turn < 3; turn += 1) assert.equal((await ask(at, 'get', who, id)).error, undefined);
    const limited = await ask(at, 'get', who, id);
    assert.ok(limited.error !== undefined && limited.error.code !== UNKNOWN.code, JSON.stringify(limited));
    assert.equal(statusOf(at.w.outcomes.at(-1) ?? assert.fail()), 'rate_limited');
    const tool = read(await call(at, { ...who, principal: principal({ subject: 'bob' }) }));
    assert.ok(tool.error === undefined && tool.result?.isError !== true);
  });

  test('each request about a task is on record as what it was: method, task, answers, end [SEC52]', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    await ask(at, 'get', who, id);
    if (era === 'modern') await ask(at, 'update', who, id, { inputResponses: { k: { action: 'accept', content: { ok: 'yes' } } } });
    await ask(at, 'cancel', who, id);
    const calls = at.w.outcomes.flatMap((one: Outcome) => (one.kind === 'call' && one.call.kind === 'task' ? [{ verb: one.call.verb, task: one.call.task, exposed: one.call.exposed, target: one.call.target.name, responses: one.call.responses, end: one.end.kind }] : []));
    const base = { task: 'job-1', exposed: id, target: 'job', end: 'answered' };
    assert.deepEqual(calls, [
      { ...base, verb: 'get', responses: undefined },
      ...(era === 'modern' ? [{ ...base, verb: 'update', responses: '{"k":{"action":"accept","content":{"ok":"yes"}}}' }] : []),
      { ...base, verb: 'cancel', responses: undefined },
    ]);
    assert.deepEqual(at.w.outcomes.map(statusOf), at.w.outcomes.map(() => 'success'));
    assert.equal(at.w.intents.length, at.w.outcomes.length);
  });

  test('many calls at once are no way past the bound: who can do without gets a result, who cannot is told', async () => {
    const base = settings();
    const at = taskWorld(era, { bounds: { ...base.bounds, tasksPerPrincipal: 2 } });
    const answers = await Promise.all([1, 2, 3, 4].map(() => call(at, who)));
    await settle(at.w);
    const made = answers.map(read);
    if (era === 'legacy') assert.deepEqual(made.map(({ error }) => error?.message), [undefined, undefined, 'Too many tasks: wait until some are over', 'Too many tasks: wait until some are over']);
    else assert.deepEqual(made.map(({ result }) => result?.['resultType']), ['task', 'task', 'complete', 'complete']);
    assert.deepEqual([at.jobs.all.length, at.w.deps.tasks.size, at.w.deps.tasks.hits.tasks_per_principal], [2, 2, 2]);
  });

  test('a call that became no task gives its place back', async () => {
    const at = taskWorld(era, { bounds: { ...settings().bounds, tasksPerPrincipal: 1 } });
    at.jobs.atOnce = toRaw({ content: [] });
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = read(await call(at, MODERN));
      assert.equal(answer.result?.['resultType'], 'complete');
    }
    at.jobs.atOnce = undefined;
    assert.ok(await begin(at, MODERN));
  });
});

test('what is known of a task holds nothing of what its call said, and is good for that task alone', async () => {
  const at = taskWorld('modern');
  await begin(at, MODERN, { secret: 'x'.repeat(10_000) });
  const [known] = at.w.deps.tasks.list();
  assert.ok(known !== undefined && isPermit(known.permit));
  assert.ok(!JSON.stringify(known).includes('xxxx'));
  const own = backendId('alpha');
  assert.equal(admittedStep(known.permit, { verb: 'cancel', task: 'job-1' }, own).ok, true);
  assert.equal(admittedStep(known.permit, { verb: 'cancel', task: 'job-2' }, own).ok, false);
  assert.equal(admittedStep(known.permit, { verb: 'cancel', task: 'job-1' }, backendId('beta')).ok, false);
});

test('a modern agent before a legacy backend: without room to listen in it is told so, and nothing is held open', async () => {
  const at = taskWorld('legacy', { bounds: { ...settings().bounds, tasksPerPrincipal: 1 } });
  const first = await begin(at, MODERN);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  at.w.deps.tasks.forget(first);
  await begin(at, MODERN);
  const { error } = await ask(at, 'get', MODERN, first);
  assert.match(error?.message ?? '', /^Too many tasks/);
  assert.deepEqual(verbsOf(at.backend), ['get job-1']);
});

test('what is held open for questions ends with its task, and at the shutdown; keys of before are never used again', async () => {
  const at = taskWorld('legacy');
  const id = await begin(at, MODERN);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  const keyOf = async (): Promise<string> => {
    const pending = ask(at, 'get', MODERN, id);
    await settle(at.w, 1000);
    return Object.keys(Object((await pending).result?.['inputRequests']))[0] ?? '';
  };
  const held = (): boolean | undefined => at.w.deps.tasks.get(id)?.collector?.ended;
  const first = await keyOf();
  assert.notEqual(first, '');
  assert.equal(await keyOf(), first, 'the same question until it is answered');
  const { collector } = at.w.deps.tasks.get(id) ?? {};
  at.w.deps.tasks.close();
  assert.equal(collector?.ended, true);
  assert.notEqual(await keyOf(), first);
  assert.equal(held(), false);
  const last = at.w.deps.tasks.get(id)?.collector;
  at.w.clock.advance(60_000);
  assert.equal(last?.ended, true);
});

test('an answer to a question that nobody asked, or of somebody else, goes nowhere', async () => {
  const at = taskWorld('legacy');
  const id = await begin(at, MODERN);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
  const pending = ask(at, 'get', MODERN, id);
  await settle(at.w, 1000);
  const [key = ''] = Object.keys(Object((await pending).result?.['inputRequests']));
  const other = { ...MODERN, principal: principal({ subject: 'mallory' }) };
  assert.deepEqual((await ask(at, 'update', other, id, { inputResponses: { [key]: { action: 'accept' } } })).error, UNKNOWN);
  assert.equal((await ask(at, 'update', MODERN, id, { inputResponses: { q1: { action: 'accept' }, [`x${key}`]: { action: 'accept' } } })).error, undefined);
  await settle(at.w);
  assert.deepEqual(at.jobs.last.answers, []);
  for (const malformed of [undefined, [], 'yes', { [key]: 'yes' }]) assert.equal((await ask(at, 'update', MODERN, id, { inputResponses: malformed })).error?.code, -32602);
  assert.equal((await ask(at, 'update', MODERN, id, { inputResponses: { [key]: { action: 'accept', content: { ok: true } } } })).error, undefined);
  await settle(at.w);
  assert.match(JSON.stringify(at.jobs.last.answers), /accept/);
});

test('a result in a task is within the bounds of all results, and is one', async () => {
  for (const [result, bounds] of [['{"content":[],"x":"' + 'y'.repeat(2000) + '"}', { ...settings().bounds, resultBytes: 1000 }], ['{"resultType":"input_required","inputRequests":{}}', settings().bounds]] as const) {
    for (const who of [MODERN, LEGACY]) {
      const at = taskWorld('modern', { bounds });
      const id = await begin(at, who);
      at.jobs.move(at.jobs.last, { status: 'completed', result });
      const { error } = await ask(at, who === MODERN ? 'get' : 'result', who, id);
      assert.equal(error?.code, -32603, JSON.stringify(error));
    }
  }
});

test('what a backend says of one task is kept short in lists, however much it says', async () => {
  const at = taskWorld('legacy');
  at.jobs.extra = `"statusMessage":"${'z'.repeat(100_000)}",`;
  const id = idOf(await call(at, LEGACY));
  const [known] = at.w.deps.tasks.list();
  assert.ok((known?.item?.length ?? Infinity) < 10_000);
  assert.partialDeepStrictEqual((await ask(at, 'list', LEGACY)).result, { tasks: [{ taskId: id, status: 'working', createdAt: '2026-11-21T00:00:00Z', ttl: 60_000 }] });
});

test('a role that was taken away takes the tasks with it, at the next request', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, MODERN);
  const demoted = { ...MODERN, principal: principal({ roles: [roleName('nobody')] }) };
  // Nothing of a backend with tasks is visible any more, so there is no such method.
  assert.equal((await ask(at, 'get', demoted, id)).error?.code, -32601);
  assert.deepEqual(at.backend.steps, []);
});
