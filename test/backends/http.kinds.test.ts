import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import type { Permit } from '../../src/core/permit.ts';
import type { Backend } from '../../src/core/ports.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { HttpBackendSettings } from '../../src/core/settings.ts';
import { type Asked, type Json, type Posted, type Script, ScriptedHttp } from '../fixtures/backends/scripted-http.ts';
import { completionPermit, listenPermit, promptPermit, resourcePermit } from './calls.ts';
import { httpSettings, io, permit, recorded, type Recorded, until } from './support.ts';

interface Running extends Recorded {
  readonly backend: Backend;
  readonly peer: ScriptedHttp;
  result(permit: Permit): Promise<RawJson>;
}

async function running(script: Script, settings: Partial<HttpBackendSettings>, body: (run: Running) => Promise<void>): Promise<void> {
  const peer = await new ScriptedHttp(script).start();
  const recording = recorded();
  const backend = createBackend(httpSettings(peer.url, settings), recording.deps);
  backend.start();
  try {
    await until(() => backend.status().state === 'ready', 'ready');
    await body({
      ...recording, backend, peer,
      result: async (asked) => {
        const answered = await backend.call(asked, io());
        assert.ok(answered.ok && answered.value.kind === 'result', JSON.stringify(answered));
        return answered.value.raw;
      },
    });
  } finally {
    await backend.stop();
    await peer.stop();
    recording.watchdog.close();
  }
}

const CAPABILITIES = { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true, subscribe: true }, completions: {} };
const URI = 'file:///srv/a b.txt';

/** Lists one thing of each kind, in two pages where there is a cursor; repeats everything else as its result. */
function library(era: 'legacy' | 'modern', names: { prompt: string; resource: string } = { prompt: 'summary', resource: URI }): Script {
  const listed = (asked: Asked): Json | undefined => {
    switch (asked.method) {
      case 'prompts/list': return asked.params['cursor'] === undefined ? { prompts: [{ name: names.prompt }], nextCursor: '' } : { prompts: [{ name: 'second', 'x-vendor': 1 }, { title: 'nameless' }] };
      case 'resources/list': return { resources: [{ uri: names.resource, name: 'a' }] };
      case 'resources/templates/list': return { resourceTemplates: [{ uriTemplate: 'file:///srv/{path}', name: 'any' }] };
      default: return undefined;
    }
  };
  return { era, capabilities: CAPABILITIES, asked: (asked) => asked.answer({ resultType: 'complete', ...Object(listed(asked) ?? { echo: { method: asked.method, params: asked.params } }) }) };
}

const params = (posted: Posted | undefined): { [key: string]: Json } => Object(posted?.message['params']);

for (const era of ['legacy', 'modern'] as const) {
  describe(`all kinds of calls to a ${era} HTTP backend`, { timeout: 60_000, concurrency: true }, () => {
    test('its four lists are read, malformed entries cost themselves', async () => running(library(era), {}, async (run) => {
      const listing = run.backend.listing();
      assert.deepEqual(listing?.prompts, ['{"name":"summary"}', '{"name":"second","x-vendor":1}']);
      assert.deepEqual([listing.resources.length, listing.templates.length, listing.tools.length], [1, 1, 1]);
      assert.deepEqual(listing.offers, { tools: true, prompts: true, resources: true, subscribe: true, completions: true, logging: false, tasks: false, apps: false });
      assert.ok(run.log.some(({ text }) => text?.includes('a prompt without a name') === true));
      await Promise.resolve();
    }));

    test('prompt, resource and completion go out under their own names', async () => running(library(era), {}, async (run) => {
      const echoes = [
        await run.result(promptPermit('summary', { n: '1' })),
        await run.result(resourcePermit(URI)),
        await run.result(completionPermit({ type: 'ref/prompt', name: 'summary' }, { name: 'n', value: '' }, { arguments: { a: 'b' } })),
      ].map((raw) => Object(JSON.parse(raw)).echo);
      assert.deepEqual(echoes.map(({ method }) => method), ['prompts/get', 'resources/read', 'completion/complete']);
      for (const echo of echoes) delete echo.params._meta;
      assert.deepEqual(echoes.map((echo) => echo.params), [
        { name: 'summary', arguments: { n: '1' } },
        { uri: URI },
        { ref: { type: 'ref/prompt', name: 'summary' }, argument: { name: 'n', value: '' }, context: { arguments: { a: 'b' } } },
      ]);
    }));
  });
}

describe('headers of the kinds', { timeout: 60_000, concurrency: true }, () => {
  test('T17, T70: Mcp-Name is the own name of a prompt and the own URI of a resource; completion has none, nor any of them mirrors [CH1]', async () => running(library('modern'), {}, async (run) => {
    await run.result(promptPermit('summary', { region: 'eu' }, { exposed: 'peer__summary' }));
    await run.result(resourcePermit('file:///srv/ä'));
    await run.result(completionPermit({ type: 'ref/prompt', name: 'summary' }, { name: 'n', value: '' }));
    const of = (method: string): Posted['headers'] => run.peer.got(method)[0]?.headers ?? {};
    assert.equal(of('prompts/get')['mcp-name'], 'summary');
    assert.equal(of('resources/read')['mcp-name'], `=?base64?${Buffer.from('file:///srv/ä').toString('base64')}?=`);
    assert.equal(of('completion/complete')['mcp-name'], undefined);
    for (const method of ['prompts/get', 'resources/read', 'completion/complete']) {
      assert.equal(of(method)['mcp-method'], method);
      assert.deepEqual(Object.keys(of(method)).filter((name) => name.startsWith('mcp-param')), []);
    }
  }));

  test('context of a completion is left away where the revision has none', async () => running({ ...library('legacy'), version: '2025-03-26' }, {}, async (run) => {
    await run.result(completionPermit({ type: 'ref/prompt', name: 'summary' }, { name: 'n', value: '' }, { arguments: {} }));
    assert.deepEqual(Object.keys(params(run.peer.got('completion/complete')[0])), ['ref', 'argument']);
  }));

  test('only permits for requests are calls', async () => running(library('legacy'), {}, async (run) => {
    const result = await run.backend.call(listenPermit(URI), io());
    assert.ok(!result.ok && result.error.code === 'protocol');
    const followed = await run.backend.follow(permit('do'), () => undefined);
    assert.ok(!followed.ok && followed.error.code === 'protocol');
  }));
});

describe('changes of lists', { timeout: 60_000, concurrency: true }, () => {
  for (const list of ['tools', 'prompts', 'resources'] as const) {
    test(`that ${list} changed is heard on the GET stream, and all is read again [CI5]`, async () => {
      const names = { prompt: 'summary', resource: URI };
      await running(library('legacy', names), {}, async (run) => {
        await until(() => run.peer.streams.size === 1, 'a stream');
        names.prompt = 'other';
        run.peer.announce({ jsonrpc: '2.0', method: `notifications/${list}/list_changed` });
        await until(() => run.listings.length === 2, 'a new listing');
        assert.equal(run.backend.listing()?.prompts[0], '{"name":"other"}');
      });
    });
  }
});

describe('resources that are followed', { timeout: 60_000, concurrency: true }, () => {
  test('T116: a legacy backend is asked once for many followers, and once to stop', async () => running(library('legacy'), {}, async (run) => {
    await until(() => run.peer.streams.size === 1, 'a stream');
    const told: string[][] = [[], []];
    const undos = await Promise.all(told.map(async (own) => {
      const followed = await run.backend.follow(listenPermit('file:///srv'), (uri) => own.push(uri));
      assert.ok(followed.ok, JSON.stringify(followed));
      return followed.value;
    }));
    assert.deepEqual(run.peer.got('resources/subscribe').map((posted) => params(posted)), [{ uri: 'file:///srv' }]);
    run.peer.announce({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'file:///srv/part' } });
    run.peer.announce({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'file:///srvother' } });
    await until(() => told.every((own) => own.length > 0), 'told');
    assert.deepEqual(told, [['file:///srv/part'], ['file:///srv/part']]);
    undos[0]?.();
    undos[0]?.();
    assert.equal(run.peer.got('resources/unsubscribe').length, 0);
    undos[1]?.();
    await until(() => run.peer.got('resources/unsubscribe').length === 1, 'unsubscribed');
  }));

  test('T113: a modern backend gets one stream for all of them, opened before the old one is closed; what it does not agree to is refused', async () => {
    const open = new Map<Json, Asked>();
    let least = Infinity;
    const script: Script = {
      ...library('modern'),
      asked: (asked, peer) => {
        if (asked.method !== 'subscriptions/listen') return library('modern').asked(asked, peer);
        const filter: { resourceSubscriptions?: readonly string[] } = Object(asked.params['notifications']);
        const resourceSubscriptions = (filter.resourceSubscriptions ?? []).filter((uri) => !uri.includes('secret'));
        asked.say({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: { ...filter, resourceSubscriptions } } });
        open.set(asked.id, asked);
        asked.response.once('close', () => {
          open.delete(asked.id);
          least = Math.min(least, open.size);
        });
        return true;
      },
    };
    await running(script, {}, async (run) => {
      await until(() => open.size === 1, 'a stream for the lists');
      const told: string[] = [];
      const followed = await Promise.all(['file:///a', 'file:///b', 'file:///secret'].map(async (uri) => run.backend.follow(listenPermit(uri), (changed) => told.push(changed))));
      assert.deepEqual(followed.map(({ ok }) => ok), [true, true, false]);
      const expected = JSON.stringify({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['file:///a', 'file:///b'] });
      const stands = (): boolean => open.size === 1 && [...open.values()].every((asked) => JSON.stringify(asked.params['notifications']) === expected);
      await until(stands, 'one stream for what was agreed');
      assert.equal(least, 1, 'there was never no stream');
      const [stream] = open.values();
      stream?.say({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'file:///b' } });
      await until(() => told.length === 1, 'told');
      assert.deepEqual(told, ['file:///b']);
    });
  });

  test('T118: after a lost session what is followed is asked for again, and told once', async () => running(library('legacy'), {}, async (run) => {
    let told = 0;
    const followed = await run.backend.follow(listenPermit(URI), () => { told += 1; });
    assert.ok(followed.ok);
    run.peer.forget();
    const lost = await run.backend.call(permit('do'), io());
    assert.ok(!lost.ok && lost.error.code === 'not_ready', JSON.stringify(lost));
    await until(() => told === 1, 'told once');
    assert.equal(run.peer.got('resources/subscribe').length, 2);
    assert.notEqual(run.peer.got('resources/subscribe')[1]?.headers['mcp-session-id'], run.peer.got('resources/subscribe')[0]?.headers['mcp-session-id']);
  }));

  test('T118: also when nobody calls: a stream that is refused afterwards raises the question', async () => running(library('legacy'), {}, async (run) => {
    let told = 0;
    await until(() => run.peer.streams.size === 1, 'a stream');
    assert.ok((await run.backend.follow(listenPermit(URI), () => { told += 1; })).ok);
    run.peer.forget();
    await until(() => told === 1, 'told once');
    assert.equal(run.peer.got('initialize').length, 2);
    assert.equal(run.peer.got('resources/subscribe').length, 2);
  }));

  test('a backend without subscriptions is not asked', async () => running({ ...library('legacy'), capabilities: { tools: {}, resources: {} } }, {}, async (run) => {
    const followed = await run.backend.follow(listenPermit(URI), () => undefined);
    assert.deepEqual(followed, { ok: false, error: { code: 'protocol', detail: 'this backend has no subscriptions' } });
    assert.equal(run.peer.got('resources/subscribe').length, 0);
  }));
});
