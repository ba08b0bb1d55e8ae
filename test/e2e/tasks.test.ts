// Tasks through the whole gateway, between real peers: agents of both eras, with tasks and without, before servers with the extension of
// 2026-07-28 and with the experimental tasks of 2025-11-25, over HTTP and stdio.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../support/e2e/processes.ts';
import { record, RELATED, TASKS, textOf, type TaskAgent } from '../support/e2e/task-agents.ts';
import { AGENTS, BACKENDS, came, saying, seen, startTaskWorld, taskOf, type Came, type TaskWorld } from '../support/e2e/task-world.ts';

/** What is said of a tool that runs as a task only to an agent that could take one, and did not say so. */
const LACKING: Came = { text: '', isError: false, code: -32021, status: undefined };

let world: TaskWorld;
before(async () => {
  world = await startTaskWorld();
});
after(async () => world[Symbol.asyncDispose]());

describe('a call of a tool that may be a task', () => {
  for (const who of AGENTS) {
    for (const backend of BACKENDS) {
      test(`${saying(who)}, ${backend.name}: works, fails and asks, each begun once`, async () => {
        await using agent = await world.agent(who.era, who.tasks, world.url(backend));
        const before = await seen(agent);
        const worked = await came(agent, 'slow_compute', { seconds: 0.2, label: 'x' });
        assert.deepEqual({ text: worked.text, isError: worked.isError }, { text: 'Computed x in 0.2 s', isError: false });
        const asked = await came(agent, 'confirm_delete', { filename: 'a.txt' });
        assert.deepEqual({ ...asked, status: undefined }, { text: 'Deleted a.txt', isError: false, code: undefined, status: undefined });
        const twice = await came(agent, 'multi_input');
        assert.deepEqual({ ...twice, status: undefined }, { text: 'Alice and Alice', isError: false, code: undefined, status: undefined });
        assert.equal(agent.asked.length, 3);
        const failed = await came(agent, 'failing_job');
        // A server of 2026-07-28 says what its client lacks. Where the client cannot say it, or the server asks for a task, the gateway takes it.
        if (!who.tasks && who.era === 'modern' && backend.era === 'modern') assert.deepEqual(failed, LACKING);
        else assert.deepEqual({ ...failed, status: undefined }, { text: 'The job failed', isError: true, code: undefined, status: undefined });
        // A result that says it is an error is a completed task in 2026-07-28, and a failed one in 2025-11-25.
        if (who.tasks) assert.equal(failed.status, who.era === 'modern' ? 'completed' : 'failed');
        const { started } = await seen(agent);
        assert.ok(started - before.started <= 4, `${started - before.started} jobs for four calls`);
      });
    }
  }
});

describe('a task', () => {
  for (const who of AGENTS.filter(({ tasks }) => tasks)) {
    for (const backend of BACKENDS) {
      const method = who.era === 'modern' ? 'tasks/update' : 'tasks/result';

      test(`${saying(who)}, ${backend.name}: is looked at, cancelled, and then is over`, async () => {
        await using agent = await world.agent(who.era, true, world.url(backend));
        const before = await seen(agent);
        const taskId = taskOf(await agent.begin('endless_job'));
        assert.match(taskId, /^[\x21-\x7e]+$/);
        const now = await agent.ask('tasks/get', { taskId });
        assert.ok(now.kind === 'result' && now.body['status'] === 'working' && now.body['taskId'] === taskId, JSON.stringify(now));
        assert.equal((await agent.ask('tasks/cancel', { taskId })).kind, 'result');
        await until(async () => {
          const then = await agent.ask('tasks/get', { taskId });
          return then.kind === 'result' && then.body['status'] === 'cancelled';
        }, 'it is cancelled');
        await until(async () => (await seen(agent)).cancelled === before.cancelled + 1, 'the server heard of it');
        const again = await agent.ask('tasks/cancel', { taskId });
        assert.equal(again.kind === 'error' ? again.code : again.kind, who.era === 'modern' ? 'result' : -32602);
      });

      test(`${saying(who)}, ${backend.name}: an unknown one, and another's, are one answer`, async () => {
        await using agent = await world.agent(who.era, true, world.url(backend));
        await using stranger = await world.agent(who.era, true, world.url(backend), { token: world.stranger });
        const taskId = taskOf(await agent.begin('failing_job'));
        for (const asked of ['tasks/get', method, 'tasks/cancel']) {
          const [unknown, foreign] = [await stranger.ask(asked, { taskId: 'nothing', inputResponses: {} }), await stranger.ask(asked, { taskId, inputResponses: {} })];
          assert.equal(unknown.kind === 'error' && unknown.code, -32602, `${asked}: ${JSON.stringify(unknown)}`);
          assert.deepEqual({ ...foreign, message: '' }, { ...unknown, message: '' }, asked);
        }
        const ended = await agent.settle(taskId);
        assert.equal(ended.status, who.era === 'modern' ? 'completed' : 'failed');
      });

      test(`T134 ${saying(who)}, ${backend.name}: what it names can be read by that name`, async () => {
        await using agent = await world.agent(who.era, true, world.url());
        const begun = await agent.begin(`${backend.name}__linking_job`);
        const said = begun.kind === 'task' ? (await agent.settle(begun.id)).said : begun;
        assert.ok(said?.kind === 'result', JSON.stringify(said));
        const [link, embedded] = Array.isArray(said.body['content']) ? said.body['content'].map(record) : [];
        const uri = String(link?.['uri']);
        assert.notEqual(uri, 'test://static-text');
        assert.notEqual(record(embedded?.['resource'])['uri'], 'test://static-binary');
        const read = await agent.ask('resources/read', { uri });
        assert.ok(read.kind === 'result', JSON.stringify(read));
        assert.match(JSON.stringify(read.body), /This is the content of the static text resource/);
      });
    }
  }

  for (const backend of BACKENDS) {
    test(`2025-11-25, ${backend.name}: the list has one's own and no others, by the names one knows`, async () => {
      await using agent = await world.agent('legacy', true, world.url(backend));
      await using stranger = await world.agent('legacy', true, world.url(backend), { token: world.stranger });
      const own = taskOf(await agent.begin('endless_job'));
      const foreign = taskOf(await stranger.begin('endless_job'));
      const idsOf = async (who: TaskAgent): Promise<readonly unknown[]> => {
        const said = await who.ask('tasks/list');
        assert.ok(said.kind === 'result' && Array.isArray(said.body['tasks']), JSON.stringify(said));
        return said.body['tasks'].map((task) => record(task)['taskId']);
      };
      const [mine, theirs] = [await idsOf(agent), await idsOf(stranger)];
      assert.ok(mine.includes(own) && !mine.includes(foreign));
      assert.ok(theirs.includes(foreign) && !theirs.includes(own));
      for (const [who, taskId] of [[agent, own], [stranger, foreign]] as const) await who.ask('tasks/cancel', { taskId });
    });

    test(`2025-11-25, ${backend.name}: what belongs to a task says so by the name the agent knows`, async () => {
      await using agent = await world.agent('legacy', true, world.url(backend));
      const taskId = taskOf(await agent.begin('confirm_delete', { filename: 'a.txt' }));
      const { said } = await agent.settle(taskId);
      assert.deepEqual(record(agent.asked[0]?.params['_meta'])[RELATED], { taskId });
      assert.deepEqual(said?.kind === 'result' && record(said.body['_meta'])[RELATED], { taskId });
    });

    test(`2026-07-28, ${backend.name}: nothing of the older form is in a task's result`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      const { said } = await agent.settle(taskOf(await agent.begin('failing_job')));
      assert.ok(said?.kind === 'result');
      assert.equal(said.body['resultType'], 'complete');
      assert.equal(record(said.body['_meta'])[RELATED], undefined);
    });

    for (const era of ['modern', 'legacy'] as const) {
      test(`${era}, ${backend.name}: of a tool that is killed neither shows nor gives anything`, async () => {
        await using agent = await world.agent(era, true, world.url(backend));
        const before = await seen(agent);
        const taskId = taskOf(await agent.begin('endless_job'));
        const done = await world.gateway.control.kill({ scope: { kind: 'tool', pattern: `${backend.name}/endless_job` }, reason: 'test', by: 'test', until: undefined, dryRun: false });
        assert.ok(done.ok, JSON.stringify(done));
        const now = await agent.ask('tasks/get', { taskId });
        assert.ok(now.kind === 'error' || ['cancelled', 'failed'].includes(String(now.body['status'])), JSON.stringify(now));
        await until(async () => (await seen(agent)).cancelled === before.cancelled + 1, 'the server was told to stop');
        await world.gateway.control.unkill({ target: done.value.id, reason: 'test', by: 'test' });
      });
    }
  }
});

describe('the words of each era', () => {
  for (const backend of BACKENDS) {
    test(`T107 ${backend.name}: a task is named in the header too, and by nobody else`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      const taskId = taskOf(await agent.begin('failing_job'));
      const [fitting, misnamed] = [await agent.ask('tasks/get', { taskId }), await agent.ask('tasks/get', { taskId }, { 'Mcp-Name': 'another' })];
      assert.deepEqual([fitting.kind, fitting.status], ['result', 200]);
      assert.deepEqual([misnamed.kind === 'error' && misnamed.code, misnamed.status], [-32020, 400]);
    });

    test(`T108 ${backend.name}: who did not declare tasks sees none, and may ask after none`, async () => {
      await using agent = await world.agent('modern', false, world.url(backend));
      const said = await agent.ask('tools/call', { name: 'slow_compute', arguments: { seconds: 0.1 } });
      assert.ok(said.kind === 'result' && said.body['resultType'] === 'complete' && said.body['taskId'] === undefined, JSON.stringify(said));
      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
        const refused = await agent.ask(method, { taskId: 'nothing', inputResponses: {} });
        assert.equal(refused.kind === 'error' && refused.code, -32021, method);
      }
    });

    test(`T109 ${backend.name}: a tool that runs as a task only gives a handle, and the result is in it when it has ended`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      const begun = await agent.begin('failing_job');
      assert.ok(begun.kind === 'task' && begun.task['resultType'] === 'task' && Number.isInteger(begun.task['ttlMs']) && Number.isInteger(begun.task['pollIntervalMs']), JSON.stringify(begun));
      assert.deepEqual(Object.keys(begun.task).filter((key) => ['ttl', 'pollInterval', 'task', 'result', 'requestState'].includes(key)), []);
      const { status, said } = await agent.settle(taskOf(begun));
      assert.deepEqual([status, said?.kind === 'result' && said.body['isError']], ['completed', true]);
    });

    test(`T110 ${backend.name}: the older words are none`, async () => {
      await using agent = await world.agent('modern', true, world.url(backend));
      for (const method of ['tasks/result', 'tasks/list']) {
        const said = await agent.ask(method, { taskId: 'nothing' });
        assert.equal(said.kind === 'error' && said.code, -32601, method);
      }
      const said = await agent.ask('tools/call', { name: 'greet', arguments: { name: 'x' }, task: { ttl: 60_000 } });
      assert.equal(said.kind === 'result' && textOf(said.body), 'Hello, x!');
      assert.equal(said.kind === 'result' && said.body['resultType'], 'complete');
    });

    test(`${backend.name}: each era is offered tasks in its own words`, async () => {
      await using modern = await world.agent('modern', true, world.url(backend));
      await using legacy = await world.agent('legacy', true, world.url(backend));
      const discovered = await modern.ask('server/discover');
      assert.deepEqual(discovered.kind === 'result' && record(record(discovered.body['capabilities'])['extensions'])[TASKS], {});
      assert.equal(discovered.kind === 'result' && record(discovered.body['capabilities'])['tasks'], undefined);
      const offered = await supports(legacy);
      // A server of 2026-07-28 does not say which of its tools may be tasks; whoever asks for one is given one.
      const [always, never] = backend.era === 'modern' ? ['optional', 'optional'] : ['required', 'forbidden'];
      assert.deepEqual([offered.get('failing_job'), offered.get('slow_compute'), offered.get('greet') ?? 'forbidden'], [always, 'optional', never]);
      assert.ok([...(await supports(modern)).values()].every((one) => one === undefined));
    });
  }
});

async function supports(agent: TaskAgent): Promise<ReadonlyMap<string, string | undefined>> {
  const said = await agent.ask('tools/list');
  assert.ok(said.kind === 'result' && Array.isArray(said.body['tools']));
  return new Map(said.body['tools'].map(record).map((tool) => {
    const support = record(tool['execution'])['taskSupport'];
    return [String(tool['name']), support === undefined ? undefined : String(support)];
  }));
}
