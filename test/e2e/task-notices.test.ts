// Notices about tasks through the whole gateway: on a stream of 2026-07-28 that names them, and in the session of the first SDK's client.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TaskStatusNotificationSchema } from 'mcp-sdk-v1/types.js';
import { legacyAgent, modernEnvelope, record, type Body } from '../support/e2e/task-agents.ts';
import { BACKENDS, startTaskWorld, taskOf, type TaskWorld } from '../support/e2e/task-world.ts';

describe('notices about tasks', { timeout: 180_000 }, () => {
  let world: TaskWorld;
  before(async () => {
    world = await startTaskWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  for (const backend of BACKENDS) {
    test(`2026-07-28, ${backend.name}: a stream that names a task hears of its end, with the result, and nobody else's`, async () => {
      const url = world.url(backend);
      const [agent, other] = [await world.agent('modern', true, url), await world.agent('modern', true, url, { token: world.stranger })];
      const [mine, theirs] = [taskOf(await agent.begin('slow_compute', { seconds: 1 })), taskOf(await other.begin('slow_compute', { seconds: 1 }))];
      const stream = listened(url, world.token, [mine, theirs]);
      const heard: Body[] = [];
      for await (const message of stream) {
        heard.push(message);
        if (record(message['params'])['status'] === 'completed') break;
      }
      assert.deepEqual(record(record(heard[0]?.['params'])['notifications']), { taskIds: [mine] });
      const [last] = heard.slice(-1);
      assert.equal(last?.['method'], 'notifications/tasks');
      assert.partialDeepStrictEqual(last['params'], { taskId: mine, status: 'completed', _meta: { 'io.modelcontextprotocol/subscriptionId': 'L1' } });
      assert.ok(Array.isArray(record(record(last['params'])['result'])['content']));
      assert.ok(!JSON.stringify(heard).includes(theirs));
    });

    test(`2025-11-25, ${backend.name}: the session that began a task hears of its end`, async () => {
      const { promise, resolve } = Promise.withResolvers<Body>();
      await using agent = await legacyAgent({ url: world.url(backend), tasks: true, token: world.token });
      agent.client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => {
        if (params.status === 'completed') resolve({ ...params });
      });
      const id = taskOf(await agent.begin('slow_compute', { seconds: 1 }));
      assert.partialDeepStrictEqual(await promise, { taskId: id, status: 'completed' });
    });
  }
});

async function* listened(url: string, token: string, taskIds: readonly string[]): AsyncGenerator<Body> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'subscriptions/listen' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'L1', method: 'subscriptions/listen', params: { notifications: { taskIds }, _meta: modernEnvelope(true, false) } }),
  });
  assert.equal(response.status, 200);
  assert.ok(response.body);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text.slice(0, end).split('\n').find((line) => line.startsWith('data: '));
      text = text.slice(end + 2);
      if (data !== undefined) yield record(JSON.parse(data.slice(6)));
    }
  }
}
