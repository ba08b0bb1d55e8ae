import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import type { Question } from '../../src/core/capabilities.ts';
import type { Permit } from '../../src/core/permit.ts';
import type { Backend, CallIo } from '../../src/core/ports.ts';
import { SdkV1Http } from '../fixtures/backends/sdk-v1-http.ts';
import { completionPermit, listenPermit, promptPermit, resourcePermit } from './calls.ts';
import { httpSettings, io, json, permit, recorded, textOf, toolCall, until } from './support.ts';

interface Running {
  readonly backend: Backend;
  result(permit: Permit, over?: Partial<CallIo>): Promise<string>;
}

async function running(transport: 'streamable' | 'sse', body: (run: Running) => Promise<void>): Promise<void> {
  const server = await new SdkV1Http(transport).start();
  const recording = recorded();
  const backend = createBackend(httpSettings(server.url, { sse: true, asks: { elicitation: true, sampling: true, roots: false } }), recording.deps);
  backend.start();
  try {
    await until(() => backend.status().state === 'ready', 'ready');
    await body({
      backend,
      result: async (asked, over) => {
        const answered = await backend.call(asked, io(over));
        assert.ok(answered.ok && answered.value.kind === 'result', JSON.stringify(answered));
        return answered.value.raw;
      },
    });
  } finally {
    await backend.stop();
    await server.stop();
    recording.watchdog.close();
  }
}

for (const transport of ['streamable', 'sse'] as const) {
  describe(`the first SDK over ${transport === 'sse' ? 'HTTP+SSE' : 'Streamable HTTP'}`, { timeout: 60_000, concurrency: true }, () => {
    test('prompts, resources, templates and completion', async () => running(transport, async (run) => {
      const listing = run.backend.listing();
      assert.deepEqual([listing?.era, listing?.version], ['legacy', '2025-11-25']);
      assert.deepEqual([listing?.prompts.length, listing?.resources.length, listing?.templates.length], [1, 1, 1]);
      assert.match(await run.result(promptPermit('summary', { topic: 'bees' })), /about bees/);
      assert.match(await run.result(resourcePermit('note://one')), /the note/);
      assert.match(await run.result(resourcePermit('note://x/page')), /page of note:\/\/x\/page/);
      const completed = await run.result(completionPermit({ type: 'ref/resource', uri: 'note://{name}/page' }, { name: 'name', value: 'al' }));
      assert.deepEqual(JSON.parse(completed).completion.values, ['alpha']);
      const unknown = await run.backend.call(resourcePermit('note://nowhere'), io());
      assert.ok(unknown.ok && unknown.value.kind === 'error', JSON.stringify(unknown));
    }));

    for (const tool of ['confirm', 'confirm-aside']) {
      test(`what it asks by ${tool} reaches the agent, and the same call goes on`, async () => running(transport, async (run) => {
        const asked: Question[] = [];
        const raw = await run.result(permit(tool, {}), {
          ask: async (question) => {
            asked.push(question);
            return Promise.resolve({ kind: 'result', raw: json({ action: 'accept', content: { ok: true } }) });
          },
        });
        assert.equal(textOf(json(JSON.parse(raw))), '{"action":"accept","content":{"ok":true}}');
        assert.deepEqual(asked.map(({ method }) => method), ['elicitation/create']);
      }));
    }

    test('sampling, where the operator allows it', async () => running(transport, async (run) => {
      const raw = await run.result(permit('think', {}), {
        ask: async ({ method }) => Promise.resolve({ kind: 'result', raw: json({ role: 'assistant', model: 'm', content: { type: 'text', text: method } }) }),
      });
      assert.match(raw, /sampling\/createMessage/);
    }));

    test('resources that are followed', async () => running(transport, async (run) => {
      const told: string[] = [];
      const followed = await run.backend.follow(listenPermit('note://one'), (uri) => told.push(uri));
      assert.ok(followed.ok, JSON.stringify(followed));
      await run.result(permit('touch', { uri: 'note://one' }));
      await until(() => told.length > 0, 'told');
      assert.deepEqual(told, ['note://one']);
    }));
  });
}

describe('log messages of the first SDK', { timeout: 60_000 }, () => {
  test('T100: reach the call on whose stream they came', async () => running('streamable', async (run) => {
    const { origin } = toolCall('shout');
    const heard: string[] = [];
    const onLog = (params: string): void => void heard.push(params);
    await run.result(permit('shout', {}, { origin: { ...origin, logLevel: 'info' } }), { onLog });
    assert.deepEqual(heard, ['{"level":"warning","data":"loud"}']);
  }));
});
