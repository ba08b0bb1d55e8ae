// Tasks through the whole gateway with the peers that others publish: the official requester in both forms, the first SDK's own stream of a task,
// the published server with a task, and agents on stdio.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CallToolResultSchema } from 'mcp-sdk-v1/types.js';
import { startLines } from '../support/e2e/lines.ts';
import { MAIN, until } from '../support/e2e/processes.ts';
import { legacyAgent, modernEnvelope, record, RELATED, textOf, type Body } from '../support/e2e/task-agents.ts';
import { taskSession } from '../support/e2e/task-sessions.ts';
import { AGENTS, BACKENDS, came, consent, saying, startTaskWorld, type TaskWorld } from '../support/e2e/task-world.ts';

const PREFERRED = { task: { preference: 'prefer' } } as const;

let world: TaskWorld;
before(async () => {
  world = await startTaskWorld();
});
after(async () => world[Symbol.asyncDispose]());

describe('the official requester', () => {
  for (const backend of BACKENDS) {
    for (const era of ['modern', 'legacy'] as const) {
      test(`${era}, ${backend.name}: gets what it would get directly`, async () => {
        await using official = await taskSession(era, { url: world.url(backend), token: world.token });
        const worked = await official.session.callTool('slow_compute', { seconds: 0.2 }, PREFERRED);
        const { outcome } = await worked.settle();
        assert.equal(outcome.status, 'completed');
        assert.equal(textOf(record(outcome.status === 'completed' ? outcome.result : {})), 'Computed it in 0.2 s');
        const failed = await (await official.session.callTool('failing_job', {}, PREFERRED)).settle();
        assert.equal(failed.outcome.status, era === 'modern' ? 'completed' : 'failed');
        // In the older form it waits for questions without asking for the result, on whose stream they come: directly too.
        if (era === 'modern') {
          const asked = await (await official.session.callTool('confirm_delete', { filename: 'a.txt' })).settle();
          assert.equal(textOf(record(asked.outcome.status === 'completed' ? asked.outcome.result : {})), 'Deleted a.txt');
          assert.equal(official.asked.length, 1);
        }
        const endless = await official.session.callTool('slow_compute', { seconds: 60 }, PREFERRED);
        await endless.cancel();
        assert.equal((await endless.settle()).outcome.status, 'cancelled');
      });
    }
  }
});

describe('servers and clients as they are published', () => {
  for (const who of AGENTS) {
    test(`${saying(who)}: the research of the published server is done, and asks in between`, async () => {
      await using agent = await world.agent(who.era, who.tasks, `${world.gateway.endpoint}/everything`, { user: () => ({ action: 'accept', content: { interpretation: 'snake' } }) });
      const found = await came(agent, 'simulate-research-query', { topic: 'python', ambiguous: true });
      assert.match(found.text, /Research Report: python/, JSON.stringify(found));
      assert.equal(found.isError, false);
    });
  }

  for (const backend of BACKENDS) {
    test(`the first SDK's own stream of a task, ${backend.name}: asks and ends`, async () => {
      await using agent = await legacyAgent({ url: world.url(backend), token: world.token, tasks: true, user: ({ params }) => consent(params) });
      const messages: string[] = [];
      let result = '';
      for await (const message of agent.client.experimental.tasks.callToolStream({ name: 'confirm_delete', arguments: { filename: 'a.txt' } }, CallToolResultSchema, { task: { ttl: 60_000 } })) {
        messages.push(message.type);
        if (message.type === 'result') result = textOf(record(message.result));
      }
      assert.equal(result, 'Deleted a.txt', messages.join());
      assert.equal(messages[0], 'taskCreated');
    });
  }
});

describe('an agent on stdio', () => {
  for (const backend of BACKENDS) {
    for (const era of ['modern', 'legacy'] as const) {
      test(`${era}, ${backend.name}: has the same tasks`, async () => {
        const { gateway, token } = world;
        using lines = startLines([process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config], { env: { ...gateway.env, SENTINEL_TOKEN: token }, cwd: gateway.folder });
        const meta = era === 'modern' ? { _meta: modernEnvelope(true, true) } : {};
        if (era === 'legacy') await lines.ask(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo: { name: 'by hand', version: '1' } });
        if (era === 'legacy') lines.say({ method: 'notifications/initialized' });
        const created = await lines.ask(1, 'tools/call', { name: `${backend.name}__confirm_delete`, arguments: { filename: 'a.txt' }, ...meta, ...(era === 'modern' ? {} : { task: {} }) });
        const { taskId } = era === 'modern' ? record(created.result) : record(created.result?.['task']);
        assert.equal(typeof taskId, 'string', JSON.stringify(created));
        const answer = consent({ message: 'Delete' });
        if (era === 'modern') {
          let last = 1;
          const now = async (status: string): Promise<Body> => until(async () => {
            const { result = {} } = await lines.ask((last += 1), 'tasks/get', { taskId, ...meta });
            return result['status'] === status ? result : undefined;
          }, `it is ${status}`);
          const [key = ''] = Object.keys(record((await now('input_required'))['inputRequests']));
          await lines.ask('update', 'tasks/update', { taskId, inputResponses: { [key]: answer }, ...meta });
          assert.equal(textOf(record((await now('completed'))['result'])), 'Deleted a.txt');
        } else {
          lines.say({ id: 2, method: 'tasks/result', params: { taskId } });
          const question = await until(() => lines.lines().find((line) => line.method === 'elicitation/create'), 'the task asks');
          assert.deepEqual(record(question.params?.['_meta'])[RELATED], { taskId });
          lines.say({ id: question.id, result: answer });
          assert.equal(textOf((await lines.answer(2)).result ?? {}), 'Deleted a.txt');
        }
      });
    }
  }
});
