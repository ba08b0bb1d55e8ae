// The suite speaks HTTP only. So that what it finds of the fixture holds over stdio too, everything the fixture offers is asked on both, in both eras.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { plainEnv, until } from '../support/e2e/processes.ts';
import { FIXTURE, startFixture } from './targets.ts';

type Era = 'legacy' | 'modern';

const ARGUMENTS: Readonly<Record<string, Record<string, unknown>>> = {
  test_sampling: { prompt: 'Say something' },
  test_elicitation: { message: 'Who are you?' },
  test_header_mirroring: { region: 'eu' },
  json_schema_2020_12_tool: { name: 'A', contactMethod: 'email', email: 'a@example.com' },
  greet: { name: 'Alice' },
  slow_compute: { seconds: 0 },
};
/** They change the lists, which has a test of its own. */
const CHANGING = /^test_trigger_|_comes_and_goes$/;
/** They end in an error without a task, and tasks have a test of their own (fixture-tasks.test.ts). */
const AS_TASKS = /^(endless_job|failing_job|protocol_error_job|test_tool_with_task)$/;
const FILLED = { username: 'u', email: 'e', name: 'Alice', color: 'blue', ok: true, context: 'c', go: true, confirm: true };

async function connected(era: Era, transport: 'http' | 'stdio', folder: string, stack: AsyncDisposableStack): Promise<Client> {
  const client = new Client({ name: 'fixture-test', version: '1.0.0' }, {
    capabilities: { elicitation: {}, sampling: {}, roots: {} },
    versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
  });
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: FILLED }));
  client.setRequestHandler('sampling/createMessage', () => ({ role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm', stopReason: 'endTurn' }));
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///srv', name: 'srv' }] }));
  const to = transport === 'stdio'
    ? new StdioClientTransport({ command: process.execPath, args: [FIXTURE, 'stdio'], env: { ...plainEnv(folder) }, cwd: folder })
    : new StreamableHTTPClientTransport(new URL(await startFixture(folder, stack)));
  await client.connect(to);
  stack.defer(() => client.close());
  return client;
}

/** Every list, every call, every reading, as the client got it. */
async function everything(client: Client, era: Era): Promise<Readonly<Record<string, unknown>>> {
  const { tools } = await client.listTools();
  const { prompts } = await client.listPrompts();
  const said: Record<string, unknown> = {
    capabilities: client.getServerCapabilities(), tools, prompts, resources: (await client.listResources()).resources, templates: (await client.listResourceTemplates()).resourceTemplates,
    completion: (await client.complete({ ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' } })).completion,
  };
  for (const { name } of tools.filter((tool) => !CHANGING.test(tool.name) && !AS_TASKS.test(tool.name))) {
    const progress: number[] = [];
    const answer = await client.callTool({ name, arguments: ARGUMENTS[name] ?? {} }, { onprogress: (one) => void progress.push(one.progress) });
    // The SDK's client may drop a notification that comes in one piece with the answer, so the last one is not looked at.
    said[`call ${name}`] = { content: answer.content, isError: answer.isError, progress: progress.slice(0, 2) };
  }
  for (const { name } of prompts) {
    said[`prompt ${name}`] = (await client.getPrompt({ name, arguments: { arg1: 'a', arg2: 'b', resourceUri: 'test://example' } })).messages;
  }
  for (const uri of ['test://static-text', 'test://static-binary', 'test://watched-resource', 'test://template/123/data']) {
    said[`read ${uri}`] = (await client.readResource({ uri })).contents;
  }
  said['read nothing'] = await client.readResource({ uri: 'test://nothing' }).then(() => 'found', (error: { code?: unknown; data?: unknown }) => ({ code: error.code, data: error.data }));
  if (era === 'legacy') said['subscribe'] = [await client.subscribeResource({ uri: 'test://watched-resource' }), await client.unsubscribeResource({ uri: 'test://watched-resource' })];
  return said;
}

describe('the conformance fixture', () => {
  for (const era of ['legacy', 'modern'] as const) {
    test(`${era}: over stdio it says what it says over HTTP, and answers everything`, async () => {
      await using stack = new AsyncDisposableStack();
      const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
      stack.defer(() => rmSync(folder, { recursive: true, force: true }));
      const [http, stdio] = [await connected(era, 'http', folder, stack), await connected(era, 'stdio', folder, stack)];
      const [overHttp, overStdio] = [await everything(http, era), await everything(stdio, era)];
      assert.deepEqual(overStdio, overHttp);
      const failing = Object.entries(overStdio).filter(([, answer]) => typeof answer === 'object' && answer !== null && 'isError' in answer && answer.isError === true).map(([name]) => name);
      assert.deepEqual(failing, ['call test_error_handling']);
      assert.deepEqual(overStdio['call test_tool_with_progress'], { content: [{ type: 'text', text: 'Tool with progress executed' }], isError: undefined, progress: [0, 50] });
    });

    test(`${era}: over both, a list that changed is told and has changed`, async () => {
      await using stack = new AsyncDisposableStack();
      const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
      stack.defer(() => rmSync(folder, { recursive: true, force: true }));
      for (const transport of ['http', 'stdio'] as const) {
        const client = await connected(era, transport, folder, stack);
        const told: string[] = [];
        for (const list of ['tools', 'prompts'] as const) client.setNotificationHandler(`notifications/${list}/list_changed`, () => void told.push(list));
        if (era === 'modern') await client.listen({ toolsListChanged: true, promptsListChanged: true });
        await client.callTool({ name: 'test_trigger_tool_change' });
        await client.callTool({ name: 'test_trigger_prompt_change' });
        await until(() => told.includes('tools') && told.includes('prompts'), `${transport}: both changes are told`);
        assert.ok((await client.listTools()).tools.some((tool) => tool.name === 'test_tool_that_comes_and_goes'));
        assert.ok((await client.listPrompts()).prompts.some((prompt) => prompt.name === 'test_prompt_that_comes_and_goes'));
      }
    });
  }
});
