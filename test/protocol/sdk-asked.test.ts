// The official clients of the 2025 revisions as agents that can be asked: their elicitation, sampling and roots handlers answer
// what a call behind the surface asks, over HTTP and over stdio.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from 'mcp-sdk-v1/client/index.js';
import { StdioClientTransport as StdioV1 } from 'mcp-sdk-v1/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from 'mcp-sdk-v1/client/streamableHttp.js';
import { ElicitRequestSchema } from 'mcp-sdk-v1/types.js';
import { ALICE } from '../surfaces/fake-ingress.ts';
import { listener } from '../surfaces/speak.ts';
import { eventually } from '../surfaces/wire.ts';

const WHO = { name: 'asked', version: '1.0.0' };
const CAPABLE = { capabilities: { elicitation: {} } };
const HEADERS = { requestInit: { headers: { Authorization: `Bearer ${ALICE}` } } };
const STDIO = { command: process.execPath, args: [fileURLToPath(new URL('../fixtures/asked-on-stdio.ts', import.meta.url))] };

interface Elicited {
  readonly message: string;
  readonly signal: AbortSignal;
}

type Reply = { readonly action: 'accept'; readonly content: { readonly ok: boolean } } | { readonly action: 'decline' };

interface Asked extends AsyncDisposable {
  readonly heard: readonly Elicited[];
  call(questions: number, signal?: AbortSignal): Promise<unknown>;
}

type Connect = (url: string | undefined, reply: (nth: number) => Reply | Promise<Reply>) => Promise<Asked>;

const connectV1: Connect = async (url, reply) => {
  const client = new ClientV1(WHO, CAPABLE);
  const heard: Elicited[] = [];
  client.setRequestHandler(ElicitRequestSchema, async ({ params }, { signal }) => reply(heard.push({ message: params.message, signal })));
  await client.connect(url === undefined ? new StdioV1(STDIO) : new HttpV1(new URL(url), HEADERS));
  return {
    heard,
    call: async (questions, signal) => client.callTool({ name: 'ask', arguments: { questions } }, undefined, signal === undefined ? {} : { signal }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
};

const connectV2: Connect = async (url, reply) => {
  const client = new ClientV2(WHO, CAPABLE);
  const heard: Elicited[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }, { mcpReq }) => reply(heard.push({ message: params.message, signal: mcpReq.signal })));
  await client.connect(url === undefined ? new StdioV2(STDIO) : new HttpV2(new URL(url), HEADERS));
  return {
    heard,
    call: async (questions, signal) => client.callTool({ name: 'ask', arguments: { questions } }, signal === undefined ? {} : { signal }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
};

/** What the call was told, as the fake tool writes it. */
function toldOf(result: unknown): readonly unknown[] {
  const { content } = result as { readonly content: readonly { readonly text: string }[] };
  const replies: readonly { readonly raw?: string }[] = JSON.parse(content[0]?.text ?? '[]');
  return replies.map(({ raw }): unknown => JSON.parse(raw ?? '"an error"'));
}

const GENERATIONS: readonly (readonly [string, Connect])[] = [['SDK v1', connectV1], ['SDK v2 in a 2025 revision', connectV2]];

for (const [generation, connect] of GENERATIONS) {
  for (const via of ['http', 'stdio'] as const) {
    const open = async (t: TestContext, reply: Parameters<Connect>[1]): Promise<Asked> => {
      const url = via === 'http' ? `http://127.0.0.1:${(await listener(t)).port}/mcp` : undefined;
      const client = await connect(url, reply);
      t.after(async () => client[Symbol.asyncDispose]());
      return client;
    };

    test(`${generation} over ${via}: its handler answers, accepts and declines, also two questions at once`, async (t) => {
      const client = await open(t, (nth) => (nth % 2 === 1 ? { action: 'accept', content: { ok: true } } : { action: 'decline' }));
      assert.deepEqual(toldOf(await client.call(1)), [{ action: 'accept', content: { ok: true } }]);
      assert.deepEqual(toldOf(await client.call(2)), [{ action: 'decline' }, { action: 'accept', content: { ok: true } }]);
      assert.deepEqual(client.heard.map(({ message }) => message), ['Merge?', 'Merge?', 'Merge?']);
    });

    test(`${generation} over ${via}: a call it cancels takes its question back, so that no person is left with it`, async (t) => {
      const client = await open(t, () => new Promise(() => undefined));
      const cancel = new AbortController();
      const calling = client.call(1, cancel.signal);
      await eventually(() => client.heard.length === 1, 'it was asked');
      cancel.abort();
      await assert.rejects(calling);
      await eventually(() => client.heard[0]?.signal.aborted === true, 'the question was withdrawn');
    });
  }
}
