// The official clients of 2025 resume by themselves: connections that break or that the gateway ends cost them nothing, and they stop asking.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from 'mcp-sdk-v1/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from 'mcp-sdk-v1/client/streamableHttp.js';
import { errorMessage } from '../../src/relay/rpc.ts';
import { ALICE, answerTools } from './fake-ingress.ts';
import { listener } from './speak.ts';
import { testSettings } from './settings.ts';
import { eventually } from './wire.ts';

interface Agent {
  call(name: string, args: Record<string, unknown>, onprogress?: (step: number) => void): Promise<unknown>;
}

type Fetch = typeof fetch;

const WHO = { name: 'resume', version: '1' };

async function agent(t: TestContext, generation: 'v1' | 'v2', port: number, fetching: Fetch): Promise<Agent> {
  const url = new URL(`http://127.0.0.1:${port}/mcp`);
  const options = { requestInit: { headers: { Authorization: `Bearer ${ALICE}` } }, fetch: fetching };
  if (generation === 'v1') {
    const client = new ClientV1(WHO, { capabilities: {} });
    await client.connect(new HttpV1(url, options));
    t.after(() => client.close());
    return { call: async (name, args, onprogress) => client.callTool({ name, arguments: args }, undefined, onprogress === undefined ? {} : { onprogress: ({ progress }) => onprogress(progress) }) };
  }
  const client = new ClientV2(WHO);
  await client.connect(new HttpV2(url, options));
  t.after(() => client.close());
  return { call: async (name, args, onprogress) => client.callTool({ name, arguments: args }, onprogress === undefined ? {} : { onprogress: ({ progress }) => onprogress(progress) }) };
}

/** Breaks every stream of events after some of its bytes, `times` times. */
function breaking(times: number, bytes: number): { readonly fetch: Fetch; readonly broken: () => number } {
  let broken = 0;
  return {
    broken: () => broken,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (response.body === null || response.headers.get('content-type') !== 'text/event-stream' || broken >= times || (init?.method === 'GET' && new Headers(init.headers).get('last-event-id') === null)) return response;
      const reader = response.body.getReader();
      let left = bytes;
      const cut = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { value, done } = await reader.read();
          if (done) return controller.close();
          controller.enqueue(value.subarray(0, left));
          left -= value.length;
          if (left > 0) return undefined;
          broken += 1;
          void reader.cancel();
          return controller.error(new Error('the connection broke'));
        },
      });
      return new Response(cut, response);
    },
  };
}

/** Counts what was asked with Last-Event-ID, by the status of the answer. */
function counting(): { readonly fetch: Fetch; readonly resumed: Map<number, number> } {
  const resumed = new Map<number, number>();
  return {
    resumed,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (new Headers(init?.headers).get('last-event-id') !== null) resumed.set(response.status, (resumed.get(response.status) ?? 0) + 1);
      return response;
    },
  };
}

for (const generation of ['v1', 'v2'] as const) {
  test(`${generation}: a stream that breaks again and again brings every step once, and the answer`, async (t) => {
    const { port, ingress } = await listener(t);
    const { fetch: fetching, broken } = breaking(4, 300);
    const { call } = await agent(t, generation, port, fetching);
    const steps: number[] = [];
    const answer = await call('progress', { steps: 30 }, (step) => steps.push(step));
    assert.match(JSON.stringify(answer), /progressed/);
    assert.deepEqual(steps, Array.from({ length: 30 }, (_, at) => at + 1));
    assert.equal(broken(), 4);
    assert.equal(ingress.seen.filter(({ method }) => method === 'tools/call').length, 1);
  });

  test(`${generation}: a call that is silent for many times stream_time is answered, by polling`, async (t) => {
    const { port, ingress } = await listener(t, { settings: testSettings({ bounds: { streamMs: 1 } }) });
    const { fetch: fetching, resumed } = counting();
    const { call } = await agent(t, generation, port, fetching);
    const answers = await Promise.all([1, 2, 3].map(async (nonce) => call('wait', { ms: 900, nonce })));
    answers.forEach((answer, at) => assert.match(JSON.stringify(answer), new RegExp(`nonce\\W+${at + 1}\\W`)));
    assert.ok((resumed.get(200) ?? 0) >= 6, 'each came back more than once');
    assert.deepEqual(ingress.cancelled, []);
  });

  test(`${generation}: an answer that is an error ends the polling too`, async (t) => {
    const { port, surface } = await listener(t, {
      settings: testSettings({ bounds: { streamMs: 1 } }),
      handle: async (inbound, io) => {
        if (inbound.method !== 'tools/call') return answerTools(inbound, io);
        await setTimeout(400);
        return { message: errorMessage(inbound.id, -32_050, 'no such luck'), status: 200 };
      },
    });
    const { fetch: fetching, resumed } = counting();
    const { call } = await agent(t, generation, port, fetching);
    await assert.rejects(call('any', {}), /no such luck/);
    await eventually(() => surface.stats().exchanges === 0, 'the call is over');
    // The first SDK takes only a result for the end of its stream, and asks once more.
    const more = generation === 'v1' ? 1 : 0;
    await eventually(() => (resumed.get(204) ?? 0) === more, 'it was told that there is nothing more');
    await setTimeout(300);
    assert.deepEqual([resumed.get(204) ?? 0, resumed.get(400) ?? 0], [more, 0]);
  });
}
