// The tasks of the fixture in both their forms, asked directly over HTTP and over stdio: what the suite's scenarios find over HTTP holds over
// stdio too, and 2025-11-25 has no scenarios.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { plainEnv, until } from '../support/e2e/processes.ts';
import { startLines } from '../support/e2e/lines.ts';
import { legacyAgent, modernAgent, modernEnvelope, record, RELATED, type Body, type Question, type TaskAgent, textOf } from '../support/e2e/task-agents.ts';
import { consent } from '../support/e2e/task-world.ts';
import { FIXTURE, startFixture } from './targets.ts';

const user = ({ params }: Question): Body => consent(params);
const ERAS = ['modern', 'legacy'] as const;

function inFolder(stack: AsyncDisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function agentOf(era: 'modern' | 'legacy', tasks: boolean, stack: AsyncDisposableStack): Promise<TaskAgent> {
  const reach = { url: await startFixture(inFolder(stack), stack), tasks, user };
  return stack.use(era === 'modern' ? modernAgent(reach) : await legacyAgent(reach));
}

async function ended(agent: TaskAgent, tool: string, args: Body = {}): Promise<{ readonly status: string; readonly text: string; readonly isError: unknown; readonly code: number | undefined }> {
  const begun = await agent.begin(tool, args);
  assert.equal(begun.kind, 'task', JSON.stringify(begun));
  const { status, said } = await agent.settle(begun.kind === 'task' ? begun.id : '');
  return { status, text: said?.kind === 'result' ? textOf(said.body) : '', isError: said?.kind === 'result' && said.body['isError'] === true, code: said?.kind === 'error' ? said.code : undefined };
}

describe('the tasks of the conformance fixture', () => {
  for (const era of ERAS) {
    test(`${era}: tasks work, fail, break and ask, and end in the words of their era`, async () => {
      await using stack = new AsyncDisposableStack();
      const agent = await agentOf(era, true, stack);
      assert.deepEqual(await ended(agent, 'slow_compute', { seconds: 0.1, label: 'x' }), { status: 'completed', text: 'Computed x in 0.1 s', isError: false, code: undefined });
      assert.deepEqual(await ended(agent, 'failing_job'), { status: era === 'modern' ? 'completed' : 'failed', text: 'The job failed', isError: true, code: undefined });
      assert.deepEqual(await ended(agent, 'protocol_error_job'), { status: 'failed', text: '', isError: false, code: -32603 });
      assert.deepEqual(await ended(agent, 'confirm_delete', { filename: 'a.txt' }), { status: 'completed', text: 'Deleted a.txt', isError: false, code: undefined });
      assert.deepEqual(await ended(agent, 'multi_input'), { status: 'completed', text: 'Alice and Alice', isError: false, code: undefined });
      assert.deepEqual(await ended(agent, 'test_tool_with_task'), { status: 'completed', text: 'Done for Alice', isError: false, code: undefined });
      assert.equal(agent.asked.length, 4);
      assert.ok(agent.asked.every(({ method, params }) => method === 'elicitation/create' && (era === 'modern' || record(params['_meta'])[RELATED] !== undefined)));
    });

    test(`${era}: a cancelled task ends so, and an unknown one is no task`, async () => {
      await using stack = new AsyncDisposableStack();
      const agent = await agentOf(era, true, stack);
      const begun = await agent.begin('slow_compute', { seconds: 60 });
      const taskId = begun.kind === 'task' ? begun.id : '';
      assert.equal((await agent.ask('tasks/cancel', { taskId })).kind, 'result');
      const now = await agent.ask('tasks/get', { taskId });
      assert.equal(now.kind === 'result' && now.body['status'], 'cancelled');
      const seen = await agent.ask('tools/call', { name: 'jobs_seen', arguments: {} });
      assert.deepEqual(seen.kind === 'result' && JSON.parse(textOf(seen.body)), { started: 1, cancelled: 1 });
      for (const method of ['tasks/get', 'tasks/cancel', ...(era === 'modern' ? ['tasks/update'] : ['tasks/result'])]) {
        const said = await agent.ask(method, { taskId: 'nothing', inputResponses: {} });
        assert.equal(said.kind === 'error' && said.code, -32602, method);
      }
    });

    test(`${era}: who knows no tasks is answered at once, or told that it needs them`, async () => {
      await using stack = new AsyncDisposableStack();
      const agent = await agentOf(era, false, stack);
      const begun = await agent.begin('confirm_delete', { filename: 'a.txt' });
      assert.equal(begun.kind === 'result' && textOf(begun.body), 'Deleted a.txt');
      const refused = await agent.begin('failing_job');
      assert.equal(refused.kind === 'error' && refused.code, era === 'modern' ? -32021 : -32601);
    });
  }

  test('over stdio a task of either era goes as it does over HTTP', async () => {
    for (const era of ERAS) {
      await using stack = new AsyncDisposableStack();
      const folder = inFolder(stack);
      const lines = stack.use(startLines([process.execPath, FIXTURE, 'stdio'], { env: plainEnv(folder), cwd: folder }));
      const meta = era === 'modern' ? { _meta: modernEnvelope(true, true) } : {};
      if (era === 'legacy') await lines.ask(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo: { name: 'by hand', version: '1' } });
      const created = await lines.ask(1, 'tools/call', { name: 'confirm_delete', arguments: { filename: 'a.txt' }, ...meta, ...(era === 'modern' ? {} : { task: {} }) });
      const { taskId } = era === 'modern' ? record(created.result) : record(created.result?.['task']);
      if (era === 'modern') {
        await lines.ask(2, 'tasks/update', { taskId, inputResponses: { confirm: { action: 'accept', content: { confirm: true } } }, ...meta });
        const got = await lines.ask(3, 'tasks/get', { taskId, ...meta });
        assert.equal(textOf(record(got.result?.['result'])), 'Deleted a.txt');
      } else {
        lines.say({ id: 2, method: 'tasks/result', params: { taskId } });
        const question = await until(() => lines.lines().find((line) => line.method === 'elicitation/create'), 'the task asks');
        assert.deepEqual(record(question.params?.['_meta'])[RELATED], { taskId });
        lines.say({ id: question.id, result: { action: 'accept', content: { confirm: true } } });
        assert.equal(textOf((await lines.answer(2)).result ?? {}), 'Deleted a.txt');
      }
    }
  });
});
