// Notices about tasks: on the stream of an agent that names them, and in the session that began one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Era } from '../../../src/core/call.ts';
import { allowAll, backendSettings, principal, read, settings, type Message } from '../../support/world.ts';
import { backendOf, listen, session, tick, type Stream } from '../following.ts';
import { settle } from '../waiting.ts';
import { ACCEPT, ask, asks, begin, call, FORM, idOf, LEGACY, MODERN, PLAIN, raw, taskWorld, verbsOf, type Over, type TaskWorld } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];

async function pass({ w }: TaskWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) await settle(w, 1000);
}

const follow = ({ w }: TaskWorld, ids: readonly unknown[], over: Over = MODERN, more: object = {}): Promise<Stream> => listen(w, { ...more, taskIds: ids }, over);
const honoured = ({ heard }: Stream): unknown => heard[0]?.params?.['notifications'];
const notices = ({ heard }: Pick<Stream, 'heard'>): readonly (Record<string, unknown> | undefined)[] => heard.filter(({ method }) => method?.startsWith('notifications/tasks')).map(({ params }) => params);

for (const era of ERAS) describe(`tasks of a ${era} backend`, () => {
  test('T107 a stream that names them is told each change once, as tasks/get tells it, and nothing after the end', async () => {
    const at = taskWorld(era);
    at.jobs.ttl = 600_000;
    const id = await begin(at, MODERN);
    const stream = await follow(at, [id]);
    assert.deepEqual(honoured(stream), { taskIds: [id] });
    await pass(at, 20);
    assert.deepEqual(notices(stream), []);
    at.jobs.move(at.jobs.last, { status: 'input_required', questions: { k: FORM } });
    await pass(at, 15);
    assert.equal(notices(stream).length, 1, JSON.stringify(stream.heard));
    assert.partialDeepStrictEqual(notices(stream)[0], { taskId: id, status: 'input_required', ttlMs: 600_000, _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } });
    assert.equal(Object.hasOwn(notices(stream)[0] ?? {}, 'resultType'), false);
    const [key = ''] = Object.keys(Object(notices(stream)[0]?.['inputRequests']));
    await ask(at, 'update', MODERN, id, { inputResponses: { [key]: ACCEPT } });
    await pass(at, 15);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await pass(at, 15);
    const told = notices(stream).map((one) => one?.['status']);
    assert.deepEqual([told.at(-1), told.filter((status) => status === 'completed').length], ['completed', 1]);
    assert.partialDeepStrictEqual(notices(stream).at(-1), { result: { content: [{ text: 'done' }] } });
    const looks = at.backend.steps.length;
    await pass(at, 30);
    assert.deepEqual([at.backend.steps.length, at.w.deps.subscriptions.open], [looks, 0]);
    stream.stop.abort('agent');
    await stream.pending;
    assert.deepEqual(at.w.faults, []);
  });

  test('one that came to its end before anybody listened is told at once, after the acknowledgement', async () => {
    const at = taskWorld(era);
    const id = await begin(at, MODERN);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    const stream = await follow(at, [id]);
    assert.deepEqual(stream.heard.map(({ method }) => method), ['notifications/subscriptions/acknowledged', 'notifications/tasks']);
    assert.equal(at.w.deps.subscriptions.open, 0);
    stream.stop.abort('agent');
    await stream.pending;
  });

  test('only tasks of this agent are acknowledged, and looks of the gateway are on no record and charged to nobody', async () => {
    const at = taskWorld(era);
    at.jobs.ttl = 600_000;
    const id = await begin(at, MODERN);
    const theirs = await begin(at, { ...MODERN, principal: principal({ subject: 'bob' }) });
    const before = at.w.outcomes.length;
    const stream = await follow(at, ['job-1', id, theirs, id]);
    assert.deepEqual(honoured(stream), { taskIds: [id] });
    assert.equal(at.w.outcomes.length, before + 3);
    await pass(at, 50);
    assert.ok(at.backend.steps.length > 4);
    assert.ok(at.w.outcomes.length <= before + 4, `${at.w.outcomes.length - before}`);
    stream.stop.abort('agent');
    await stream.pending;
    const looks = (): number => at.backend.steps.filter(({ verb }) => verb === 'get').length;
    const then = looks();
    await pass(at, 30);
    assert.equal(looks(), then, 'nobody listens');
  });

  test('T113 of a tool that may be seen no more nothing is told, its backend is asked nothing, and the stream ends with its result', async () => {
    const at = taskWorld(era);
    const id = await begin(at, MODERN);
    const stream = await follow(at, [id], MODERN, { toolsListChanged: true });
    await pass(at, 2);
    at.w.cell.configure({ settings: settings({ backends: [backendSettings('alpha', { asks })], roles: [{ ...allowAll, deny: ['alpha/job'] }] }), configHash: 'next' });
    at.jobs.move(at.jobs.last, { status: 'completed' });
    const looks = at.backend.steps.length;
    await pass(at, 15);
    assert.equal(read(await stream.pending).result?.['resultType'], 'complete');
    assert.deepEqual([notices(stream), at.backend.steps.length, at.w.deps.subscriptions.open], [[], looks, 0]);
  });

  test('the session of 2025-11-25 that began one hears of its changes, until it ends', async () => {
    const at = taskWorld(era);
    const own = session();
    const id = idOf(await call(at, { ...LEGACY, io: { session: own.io } }, { large: 'x'.repeat(1000) }));
    await pass(at, 12);
    assert.equal(own.heard.length, 0);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await pass(at, 15);
    assert.deepEqual(own.heard.map(({ method }) => method), ['notifications/tasks/status']);
    assert.partialDeepStrictEqual(own.heard[0]?.params, { taskId: id, status: 'completed', ttl: 60_000 });
    const second = session();
    await call(at, { ...LEGACY, io: { session: second.io } });
    assert.equal(at.w.deps.subscriptions.open, 1);
    await pass(at, 3);
    second.end();
    await tick();
    assert.equal(at.w.deps.subscriptions.open, 0);
    const looks = at.backend.steps.length;
    await pass(at, 15);
    assert.deepEqual([at.backend.steps.length, second.heard], [looks, []]);
  });
});

test('taskIds count with what else one stream may follow, and malformed ones are -32602', async () => {
  const at = taskWorld('modern', { bounds: { ...settings().bounds, follows: 2 } });
  const ids = [await begin(at, MODERN), await begin(at, MODERN), await begin(at, MODERN)];
  const stream = await follow(at, ids);
  assert.deepEqual(honoured(stream), { taskIds: ids.slice(0, 2) });
  assert.equal(at.w.deps.subscriptions.hits, 1);
  stream.stop.abort('agent');
  await stream.pending;
  for (const taskIds of ['x', [1], {}]) assert.equal(read(await at.w.ask('subscriptions/listen', { notifications: { taskIds } }, MODERN)).error?.code, -32602);
});

test('who did not declare the extension has no taskIds honoured; what waits for nothing else is still a stream', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, MODERN);
  const stream = await follow(at, [id], PLAIN);
  assert.deepEqual(honoured(stream), {});
  assert.deepEqual(verbsOf(backendOf(at.w)), []);
  stream.stop.abort('agent');
  await stream.pending;
});

test('a backend that cannot be asked for a while ends nothing; one that stays away ends the stream', async () => {
  const at = taskWorld('modern');
  at.jobs.ttl = 600_000;
  const id = await begin(at, MODERN);
  const stream = await follow(at, [id]);
  at.jobs.instead = () => ({ ok: true, value: { kind: 'error', code: -32603, message: 'busy', data: undefined } });
  await pass(at, 12);
  at.jobs.instead = undefined;
  at.jobs.move(at.jobs.last, { status: 'completed', result: '{"content":[]}' });
  await pass(at, 25);
  assert.equal(notices(stream).length, 1);
  stream.stop.abort('agent');
  await stream.pending;
  const other = await follow(at, [await begin(at, MODERN)]);
  at.jobs.instead = () => ({ ok: true, value: { kind: 'error', code: -32603, message: 'busy', data: undefined } });
  await pass(at, 90);
  const ended: Message = read(await other.pending);
  assert.equal(ended.result?.['resultType'], 'complete');
});

test('a task of which only the time changes is no news; a word of its backend is', async () => {
  const at = taskWorld('modern');
  at.jobs.ttl = 600_000;
  const id = await begin(at, MODERN);
  const stream = await follow(at, [id]);
  await pass(at, 5);
  let clock = 10;
  at.jobs.instead = ({ task }) => {
    clock += 1;
    return { ok: true, value: { kind: 'result', raw: raw(`{"resultType":"complete","taskId":"${task}","status":"working","createdAt":"2026-11-21T00:00:00Z","lastUpdatedAt":"2026-11-21T00:00:${clock}Z","statusMessage":"${clock < 14 ? 'half' : 'most'}","ttlMs":60000,"pollIntervalMs":500}`) } };
  };
  await pass(at, 60);
  assert.deepEqual(notices(stream).map((one) => one?.['statusMessage']), ['half', 'most']);
  stream.stop.abort('agent');
  await stream.pending;
});
