// What a task lives through, over the whole gateway: its agent's session ends, its agent waits no longer, others ask at the same time, answers come
// one by one, nobody can be asked, its agent is told of its changes, and the gateway is started again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../support/e2e/gateway.ts';
import { until } from '../support/e2e/processes.ts';
import { legacyAgent, modernEnvelope, record, textOf, type Body, type Question, type TaskAgent } from '../support/e2e/task-agents.ts';
import { BACKENDS, came, startTaskWorld, taskOf, type TaskWorld } from '../support/e2e/task-world.ts';
import { modern } from '../surfaces/speak.ts';
import { openStream } from '../surfaces/wire.ts';

const AGENTS = ['modern', 'legacy'] as const;

let world: TaskWorld;
before(async () => {
  world = await startTaskWorld();
});
after(async () => world[Symbol.asyncDispose]());

async function statusOf(agent: TaskAgent, taskId: string): Promise<unknown> {
  const said = await agent.ask('tasks/get', { taskId });
  return said.kind === 'result' ? said.body['status'] : said.code;
}

describe('a task', () => {
  for (const backend of BACKENDS) {
    test(`2025-11-25, ${backend.name}: outlives the session that began it, and the request that waited for it`, async () => {
      const [first, second] = [await world.agent('legacy', true, world.url(backend)), await world.agent('legacy', true, world.url(backend))];
      await using agent = second;
      const taskId = taskOf(await first.begin('endless_job'));
      await first[Symbol.asyncDispose]();
      assert.equal(await statusOf(agent, taskId), 'working');
      await using waiting = await legacyAgent({ url: world.url(backend), token: world.token, tasks: true });
      const stop = new AbortController();
      const waited = assert.rejects(waiting.client.experimental.tasks.getTaskResult(taskId, undefined, { signal: stop.signal }));
      stop.abort();
      await waited;
      assert.equal(await statusOf(agent, taskId), 'working');
      assert.equal((await agent.ask('tasks/cancel', { taskId })).kind, 'result');
      assert.equal(await statusOf(agent, taskId), 'cancelled');
    });

    test(`2026-07-28, ${backend.name}: answers come one by one, and each is asked for once`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      const taskId = taskOf(await agent.begin('multi_input'));
      const open = async (many: number): Promise<readonly string[]> => until(async () => {
        const said = await agent.ask('tasks/get', { taskId });
        const keys = Object.keys(record(said.kind === 'result' ? said.body['inputRequests'] : {}));
        return keys.length === many ? keys : undefined;
      }, `${many} questions`);
      const [one = '', two = ''] = await open(2);
      await agent.ask('tasks/update', { taskId, inputResponses: { [one]: { action: 'accept', content: { name: 'Ada' } } } });
      assert.deepEqual(await open(1), [two]);
      // Once more, and something nobody asked: both are nothing.
      await agent.ask('tasks/update', { taskId, inputResponses: { [one]: { action: 'accept', content: { name: 'Eve' } }, nobody: { action: 'accept' } } });
      await agent.ask('tasks/update', { taskId, inputResponses: { [two]: { action: 'accept', content: { name: 'Bob' } } } });
      const { said } = await agent.settle(taskId);
      assert.deepEqual(said?.kind === 'result' && textOf(said.body).split(' and ').toSorted(), ['Ada', 'Bob']);
    });

    for (const era of AGENTS) {
      test(`${era}, ${backend.name}: of several agents at once each is asked its own and gets its own`, async () => {
        const names = ['Ada', 'Bob', 'Cyd', 'Dan'];
        await Promise.all(names.map(async (name) => {
          const user = ({ params }: Question): Body => ({ action: 'accept', content: String(params['message']).startsWith('Delete') ? { confirm: true } : { name } });
          await using agent = await world.agent(era, true, world.url(backend), { user });
          const [both, deleted] = await Promise.all([came(agent, 'multi_input'), came(agent, 'confirm_delete', { filename: name })]);
          assert.deepEqual([both.text, deleted.text], [`${name} and ${name}`, `Deleted ${name}`]);
          assert.equal(agent.asked.length, 3);
        }));
      });

      test(`${era}, ${backend.name}: whose agent has nobody to ask comes to an end`, async () => {
        const { token } = world;
        await using agent = era === 'modern' ? await world.agent('modern', true, world.url(backend), { user: refuses }) : await legacyAgent({ url: world.url(backend), token, tasks: true });
        const ended = await came(agent, 'confirm_delete', { filename: 'a.txt' });
        assert.ok(ended.text === 'Kept a.txt' || ended.isError || ended.code !== undefined, JSON.stringify(ended));
      });
    }
  }
});

const refuses = (): Body => ({ action: 'decline' });

describe('an agent is told of its tasks', () => {
  for (const backend of BACKENDS) {
    test(`T107 2026-07-28, ${backend.name}: on a stream that names them, and of nobody else's`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      await using stranger = await world.agent('modern', true, world.url(backend), { token: world.stranger });
      const [own, foreign] = [taskOf(await agent.begin('confirm_delete', { filename: 'a.txt' })), taskOf(await stranger.begin('failing_job'))];
      const { port, pathname } = new URL(world.url(backend));
      const asked = { method: 'subscriptions/listen', params: { notifications: { taskIds: [own, foreign] } }, meta: modernEnvelope(true, true) };
      const stream = await openStream(modern(Number(port), { ...asked, path: pathname, headers: { Authorization: `Bearer ${world.token}` } }));
      assert.equal(stream.status, 200);
      await until(() => stream.text().includes('acknowledged'), 'the stream is acknowledged');
      await agent.settle(own);
      await until(() => stream.events().some((event) => record(record(event)['params'])['status'] === 'completed'), 'it is told');
      const told = stream.events().map(record).filter((event) => event['method'] === 'notifications/tasks').map((event) => record(event['params']));
      assert.deepEqual([...new Set(told.map((params) => params['taskId']))], [own]);
      assert.equal(textOf(record(told.at(-1)?.['result'])), 'Deleted a.txt');
      assert.ok(!stream.text().includes(foreign));
      stream.cut();
    });
  }
});

test('after a restart a task is asked for by the same id where its server still has it, and nobody else has it then', async () => {
  await using agent = await world.agent('modern', true, world.url());
  const kept = taskOf(await agent.begin('modern-http__endless_job'));
  const lost = taskOf(await agent.begin('modern-stdio__endless_job'));
  await world.gateway.stop();
  const again = await launch(world.gateway);
  try {
    await again.when(({ backends }) => backends.every(({ state }) => state === 'ready'), 'all backends are ready');
    await using later = await world.agent('modern', true, again.endpoint);
    await using stranger = await world.agent('modern', true, again.endpoint, { token: world.stranger });
    assert.equal(await statusOf(later, kept), 'working');
    assert.equal(await statusOf(later, lost), -32602);
    assert.equal(await statusOf(stranger, kept), -32602);
    await later.ask('tasks/cancel', { taskId: kept });
    assert.equal(await statusOf(later, kept), 'cancelled');
  } finally {
    await again.stop();
  }
});
