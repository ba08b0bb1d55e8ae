import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { members } from '../../src/core/json/slice.ts';
import type { Backend, BackendAnswer, BackendFault } from '../../src/core/ports.ts';
import type { HttpBackendSettings } from '../../src/core/settings.ts';
import type { BackendLimits } from '../../src/backends/deps.ts';
import { createBackend } from '../../src/backends/create.ts';
import { HttpPeer, type Knobs, type Seen } from '../fixtures/backends/http-peer.ts';
import { httpSettings, io, permit, rawOf, recorded, type Recorded, secret, toolCall, until } from './support.ts';

interface Running extends Recorded {
  readonly backend: Backend;
  readonly peer: HttpPeer;
  ready(): Promise<void>;
  call(tool: string, args?: unknown, over?: Parameters<typeof toolCall>[2]): Promise<BackendAnswer>;
  fails(tool: string, args?: unknown): Promise<BackendFault>;
}

async function running(knobs: Partial<Knobs>, settings: Partial<HttpBackendSettings>, body: (running: Running) => Promise<void>, limits: Partial<BackendLimits> = {}): Promise<void> {
  const peer = await new HttpPeer(knobs).start();
  const recording = recorded(limits);
  const backend = createBackend(httpSettings(peer.url, settings), recording.deps);
  backend.start();
  try {
    await body({
      ...recording,
      backend,
      peer,
      ready: async () => until(() => backend.status().state === 'ready', 'ready'),
      call: async (tool, args, over) => {
        const result = await backend.call(permit(tool, args, over), io());
        assert.ok(result.ok, JSON.stringify(result));
        return result.value;
      },
      fails: async (tool, args) => {
        const result = await backend.call(permit(tool, args), io());
        assert.ok(!result.ok, JSON.stringify(result));
        return result.error;
      },
    });
  } finally {
    await backend.stop();
    await peer.down();
    recording.watchdog.close();
  }
}

const SILENT = { asks: { elicitation: false, sampling: false, roots: false } } as const;

const last = (seen: readonly Seen[]): Seen => {
  const found = seen.at(-1);
  assert.ok(found !== undefined);
  return found;
};
const fault = (run: Running): BackendFault | undefined => run.backend.status().lastFault;

describe('which era an HTTP backend speaks', { timeout: 60_000, concurrency: true }, () => {
  for (const [name, status, body] of [
    ['T67: 400 with an empty body [CH3]', 400, ''], ['404 with a page', 404, '<html>'], ['405', 405, ''],
    ['400 with a legacy error', 400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Server not initialized"}}'],
    ['200 with method not found', 200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'],
    ['200 with a page', 200, '<html>'],
  ] as const) {
    test(`${name} leads to initialize`, async () => running({ probe: { status, body, type: body.startsWith('<') ? 'text/html' : 'application/json' } }, {}, async (run) => {
      await run.ready();
      assert.equal(run.backend.listing()?.era, 'legacy');
    }));
  }

  for (const [name, status, expected] of [
    ['T65: 401 [CH3]', 401, { code: 'unauthorized', status: 401 }], ['403', 403, { code: 'unauthorized', status: 403 }],
    ['T66: 503 [CH3]', 503, { code: 'http_status', status: 503 }], ['429', 429, { code: 'http_status', status: 429 }],
    ['T78: a redirect', 302, { code: 'http_status', status: 302 }],
  ] as const) {
    test(`${name} is no evidence of an era: an error, then another try`, async () => running({ probe: { status, body: '', headers: { location: 'http://169.254.169.254/latest' } } }, {}, async (run) => {
      await until(() => run.backend.status().restarts >= 2, 'tried again');
      assert.deepEqual(fault(run), expected);
      assert.deepEqual(new Set(run.peer.seen.map(({ rpc }) => rpc)), new Set(['server/discover']));
      run.peer.knobs.probe = undefined;
      await run.ready();
    }));
  }

  test('T64: -32022 that names our revision is asked once more; then it is a fault [C4]', async () => {
    const refusal = '{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"v","data":{"supported":["2026-07-28"]}}}';
    await running({ era: 'modern', once: [{ status: 400, body: refusal, headers: { 'content-type': 'application/json' } }] }, {}, async (run) => {
      await run.ready();
      assert.equal(run.backend.listing()?.era, 'modern');
      assert.equal(run.peer.calls('initialize').length, 0);
    });
    await running({ probe: { status: 400, body: refusal } }, {}, async (run) => {
      await until(() => fault(run)?.code === 'protocol', 'a fault');
      assert.equal(run.peer.calls('initialize').length, 0);
    });
  });

  test('T69: a legacy verdict is asked for again when it is old, also of a backend that never went away [CH3]', async () => running({}, { healthIntervalMs: 30 }, async (run) => {
    await run.ready();
    assert.equal(run.backend.listing()?.era, 'legacy');
    run.peer.knobs.era = 'modern';
    await until(() => run.backend.listing()?.era === 'modern', 'modern');
    await run.call('echo');
  }, { eraHorizonMs: 100 }));

  test('a young legacy verdict is believed at the next connection', async () => running({}, {}, async (run) => {
    await run.ready();
    run.peer.sessions.clear();
    await run.fails('echo');
    await run.ready();
    assert.equal(run.peer.calls('server/discover').length, 1);
    assert.equal(run.peer.calls('initialize').length, 2);
  }));

  test('a pinned era is never probed, nor left', async () => {
    await running({}, { era: 'legacy' }, async (run) => {
      await run.ready();
      assert.equal(run.peer.calls('server/discover').length, 0);
    });
    await running({}, { era: 'modern' }, async (run) => {
      await until(() => fault(run) !== undefined, 'a fault');
      assert.equal(run.peer.calls('initialize').length, 0);
    });
  });
});

describe('sessions', { timeout: 60_000, concurrency: true }, () => {
  test('session and revision go with every later request, DELETE ends it [CH5]', async () => running({}, {}, async (run) => {
    await run.ready();
    await run.call('echo');
    const [session] = run.peer.sessions;
    assert.equal(last(run.peer.calls('initialize')).headers['mcp-session-id'], undefined);
    for (const rpc of ['notifications/initialized', 'tools/list', 'tools/call']) {
      const { headers } = last(run.peer.calls(rpc));
      assert.deepEqual([headers['mcp-session-id'], headers['mcp-protocol-version']], [session, '2025-11-25']);
    }
    await run.backend.stop();
    assert.equal(run.peer.sessions.size, 0);
  }));

  test('T76: a lost session is opened again once for many calls, and none of them is sent twice [CH5]', async () => running({}, {}, async (run) => {
    await run.ready();
    run.peer.sessions.clear();
    const before = run.peer.calls('tools/call').length;
    const faults = await Promise.all(Array.from({ length: 8 }, async () => run.fails('echo')));
    assert.ok(faults.every(({ code }) => code === 'not_ready'));
    assert.equal(run.peer.calls('tools/call').length, before + 8);
    await run.ready();
    await run.call('echo');
    assert.equal(run.peer.calls('initialize').length, 2);
  }));

  test('T76: a tool the operator calls idempotent is sent again in the new session', async () => running({}, { idempotent: ['peer/ec*'] }, async (run) => {
    await run.ready();
    run.peer.sessions.clear();
    await run.call('echo');
    assert.equal(run.peer.calls('tools/call').length, 2);
  }));

  test('a server that answers 400 to a session it forgot is found out by a ping', async () => running({}, {}, async (run) => {
    await run.ready();
    run.peer.knobs.once.push({ status: 400, body: '', method: 'tools/call' }, { status: 400, body: '', method: 'ping' });
    assert.deepEqual(await run.fails('echo'), { code: 'http_status', status: 400 });
    await until(() => run.peer.calls('initialize').length === 2 && run.backend.status().state === 'ready', 'a new session');
    await run.call('echo');
  }));

  test('GET: a server with nothing to say unasked is not held a stream, one with something is', async () => {
    await running({ listChanged: false }, SILENT, async (run) => {
      await run.ready();
      await run.call('echo');
      assert.equal(run.peer.seen.filter(({ method }) => method === 'GET').length, 0);
    });
    await running({}, {}, async (run) => {
      await run.ready();
      await until(() => run.peer.openStreams === 1, 'a stream');
      run.peer.extraTools = 1;
      run.peer.announce();
      await until(() => run.backend.listing()?.tools.length === 15, 'the new list');
    });
  });
});

describe('what an HTTP backend answers', { timeout: 60_000, concurrency: true }, () => {
  test('F3: comments, other events, notifications, foreign answers and data over several lines are no obstacle [CH2]', async () => running({}, {}, async (run) => {
    await run.ready();
    const answer = await run.call('noise');
    assert.ok(answer.kind === 'result' && answer.raw.includes('late'));
    assert.equal(run.backend.status().noise, 1);
  }));

  test('C8: requests on the stream of a legacy call are answered, and are not its answer', async () => running({}, {}, async (run) => {
    await run.ready();
    await run.call('ask');
    await until(() => run.peer.answers.length === 2, 'two answers');
    assert.match(run.peer.answers.join(), /-32601.*"id":"p","result":\{\}/s);
  }));

  test('T80: a request on a modern stream is a fault, and is not answered', async () => running({ era: 'modern' }, {}, async (run) => {
    await run.ready();
    assert.equal((await run.fails('ask')).code, 'protocol');
    assert.deepEqual(run.peer.answers, []);
  }));

  test('an answer that is promised in another stream is fetched there; the call is not sent again [CH5]', async () => running({}, {}, async (run) => {
    await run.ready();
    const answer = await run.call('resume');
    assert.ok(answer.kind === 'result' && answer.raw.includes('late'));
    assert.equal(run.peer.calls('tools/call').length, 1);
    assert.equal(last(run.peer.seen.filter(({ headers }) => headers['last-event-id'] !== undefined)).headers['last-event-id'], 'event-1');
  }));

  test('a stream left open after its answer is closed by us', async () => running({ listChanged: false }, SILENT, async (run) => {
    await run.ready();
    await run.call('linger');
    assert.equal(run.peer.openStreams, 1);
    await until(() => run.peer.openStreams === 0, 'closed');
  }));

  test('batches are read [CH11]', async () => running({ batches: true, version: '2025-03-26', probe: { status: 400, body: '' } }, {}, async (run) => {
    await run.ready();
    await run.call('echo');
    assert.equal(run.backend.listing()?.version, '2025-03-26');
  }));

  test('T73, T74: unknown result types are refused, absent ones are complete [C5]', async () => running({ era: 'modern' }, {}, async (run) => {
    await run.ready();
    assert.match(JSON.stringify(await run.fails('type', { n: 0 })), /unknown resultType zzz/);
    assert.match(JSON.stringify(await run.fails('type', { n: 1 })), /input_required with nothing to do/);
    await run.call('type', { n: 2 });
    await run.call('echo');
  }));

  for (const [name, entry, expected] of [
    ['500 with its secrets in the body', { status: 500, body: 'stack trace with canary-secret' }, { code: 'http_status', status: 500 }],
    ['T78: a redirect to elsewhere [CH9, SEC19, SEC22]', { status: 307, body: '', headers: { location: 'http://127.0.0.1:1/steal' } }, { code: 'http_status', status: 307 }],
    ['401', { status: 401, body: 'canary-secret', headers: { 'www-authenticate': 'Bearer' } }, { code: 'unauthorized', status: 401 }],
    ['a compressed body nobody asked for', { status: 200, body: gzipSync('{}').toString('latin1'), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }, { code: 'protocol', detail: 'a compressed answer that was not asked for' }],
    ['garbage', { status: 200, body: 'canary-secret', headers: { 'content-type': 'application/json' } }, { code: 'protocol', detail: 'not JSON (syntax at 0)' }],
    ['an answer that is torn', { status: 200, body: '{"jsonrpc":"2.0","id":3,"result":{"canary":}}', headers: { 'content-type': 'application/json' } }, { code: 'protocol', detail: 'not JSON (syntax at 43)' }],
    ['an answer nested beyond the bound', { status: 200, body: `{"jsonrpc":"2.0","id":3,"result":${'['.repeat(2_000)}${']'.repeat(2_000)}}`, headers: { 'content-type': 'application/json' } }, { code: 'protocol', detail: 'not JSON (depth at 96)' }],
    ['an event that is torn', { status: 200, body: 'data: {"jsonrpc":"2.0","id":3,"result":{"canary":}}\n\n', headers: { 'content-type': 'text/event-stream' } }, { code: 'protocol', detail: 'not JSON (syntax at 43)' }],
    ['C18: an answer with another id [C11]', { status: 200, body: '{"jsonrpc":"2.0","id":424242,"result":{}}', headers: { 'content-type': 'application/json' } }, { code: 'protocol', detail: 'the stream ended without an answer' }],
    ['202 to a request', { status: 202, body: '' }, { code: 'protocol', detail: 'accepted without an answer' }],
    ['F6: an error body without end', { status: 400, body: 'x'.repeat(1_000_000) }, { code: 'http_status', status: 400 }],
  ] as const) {
    test(`${name} is a fault without its body, and the call is not repeated`, async () => running({ sessions: false }, {}, async (run) => {
      await run.ready();
      run.peer.knobs.once.push({ ...entry, method: 'tools/call' });
      assert.deepEqual(await run.fails('echo'), expected);
      assert.equal(run.peer.calls('tools/call').length, 1);
      await run.call('echo');
      assert.doesNotMatch(JSON.stringify([run.log, run.changes, run.backend.status()]), /canary/);
    }));
  }

  test('F1: an idempotent tool is not repeated here either: that is the caller\'s to decide', async () => running({ sessions: false }, { idempotent: ['*'], retries: 3 }, async (run) => {
    await run.ready();
    run.peer.knobs.once.push({ status: 503, body: '', method: 'tools/call' });
    await run.fails('echo');
    assert.equal(run.peer.calls('tools/call').length, 1);
  }));
});

describe('headers', { timeout: 60_000, concurrency: true }, () => {
  test('T70: a modern call mirrors the original name and the arguments its own schema names [CH1]', async () => {
    const schema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, where: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'Count' } } }, on: { type: 'boolean', 'x-mcp-header': 'On' }, gone: { type: 'string', 'x-mcp-header': 'Gone' } } };
    await running({ era: 'modern', schemas: { echo: schema } }, {}, async (run) => {
      await run.ready();
      await run.call('echo', undefined, { args: rawOf('{"region":"e\u00fc\\r\\nX: 1","where":{"n":42},"on":true,"gone":null}'), exposed: 'peer__echo' });
      const { headers } = last(run.peer.calls('tools/call'));
      assert.equal(headers['mcp-method'], 'tools/call');
      assert.equal(headers['mcp-name'], 'echo');
      assert.equal(headers['mcp-protocol-version'], '2026-07-28');
      assert.equal(headers['mcp-param-region'], `=?base64?${Buffer.from('eü\r\nX: 1').toString('base64')}?=`);
      assert.equal(headers['mcp-param-count'], '42');
      assert.equal(headers['mcp-param-on'], 'true');
      assert.equal(headers['mcp-param-gone'], undefined);
      assert.equal(headers['mcp-session-id'], undefined);
      assert.equal(headers['x'], undefined);
    });
  });

  test('T71: a tool whose annotations break the rules is left out with a note, the others stay [C14]', async () => {
    const bad = { type: 'object', properties: { n: { type: 'number', 'x-mcp-header': 'N' } } };
    await running({ era: 'modern', schemas: { echo: bad } }, {}, async (run) => {
      await run.ready();
      const names = run.backend.listing()?.tools.map((tool) => members(tool)?.get('name'));
      assert.ok(names !== undefined && !names.includes(rawOf('"echo"')) && names.includes(rawOf('"fail"')));
      assert.ok(run.log.some((line) => line.level === 'warn' && /echo is left out/.test(line.text ?? '')));
    });
    // Only modern HTTP has such headers.
    await running({ schemas: { echo: bad } }, {}, async (run) => {
      await run.ready();
      assert.ok(run.backend.listing()?.tools.some((tool) => members(tool)?.get('name') === '"echo"'));
    });
  });

  test('T72: -32020 is answered by a new list and one more try; a second one stays here [CH8]', async () => running({ era: 'modern' }, {}, async (run) => {
    await run.ready();
    const mismatch = { status: 400, body: '{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"mismatch"}}', headers: { 'content-type': 'application/json' }, method: 'tools/call' };
    run.peer.knobs.schemas['echo'] = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
    run.peer.knobs.once.push(mismatch);
    await run.call('echo', { region: 'eu' });
    assert.equal(last(run.peer.calls('tools/call')).headers['mcp-param-region'], 'eu');
    run.peer.knobs.once.push(mismatch, mismatch);
    assert.equal((await run.fails('echo')).code, 'protocol');
    assert.equal(run.peer.calls('tools/call').length, 4);
  }));

  test('F4: the operator\'s headers and secrets go to this backend; nothing of the agent does [CH10]', async () => {
    await running({}, { headers: { 'X-Team': secret('red'), 'Mcp-Method': secret('evil'), 'content-length': secret('1') }, bearer: secret('backend-token'), sharedSecret: secret('shared') }, async (run) => {
      await run.ready();
      await run.call('echo');
      for (const { headers, body } of run.peer.seen) {
        assert.equal(headers.authorization, 'Bearer backend-token');
        assert.equal(headers['x-sentinel-auth'], 'shared');
        assert.equal(headers['x-team'], 'red');
        assert.equal(headers['mcp-method'] === 'evil', false);
        for (const name of ['cookie', 'origin', 'x-forwarded-for', 'user-agent']) assert.equal(headers[name], undefined);
        assert.doesNotMatch(`${JSON.stringify(headers)}${body}`, /agent-credential-canary/);
      }
    });
  });
});

describe('whether an HTTP backend is there', { timeout: 60_000, concurrency: true }, () => {
  test('B6: one that is down at the start is found when it comes up', async () => {
    const peer = await new HttpPeer().start();
    await peer.down();
    const recording = recorded();
    const backend = createBackend(httpSettings(peer.url), recording.deps);
    backend.start();
    await until(() => backend.status().restarts >= 2, 'tried twice');
    assert.equal(backend.status().state, 'backing_off');
    assert.equal(backend.status().lastFault?.code, 'unreachable');
    let sent = 0;
    const result = await backend.call(permit('echo'), io({ sent: () => void (sent += 1) }));
    assert.ok(!result.ok && result.error.code === 'not_ready');
    assert.equal(sent, 0, 'nobody was there to send it to');
    assert.ok((result.error.starts?.failed ?? 0) >= 2, 'each failed start is told');
    await peer.start();
    await until(() => backend.status().state === 'ready', 'ready');
    await backend.stop();
    await peer.down();
    recording.watchdog.close();
  });

  test('an idle backend is pinged; one that does not answer is not ready', async () => running({}, { healthIntervalMs: 30, timeoutMs: 200, maxTimeoutMs: 200 }, async (run) => {
    await run.ready();
    await until(() => run.peer.calls('ping').length >= 2, 'pings');
    run.peer.knobs.silent = true;
    await until(() => run.backend.status().state === 'backing_off', 'noticed');
    run.peer.knobs.silent = false;
    await run.ready();
  }));

  test('a call to a server that went away leads to a check, not to a wait for the next one', async () => running({ sessions: false, listChanged: false }, {}, async (run) => {
    await run.ready();
    await run.peer.down();
    assert.equal((await run.fails('echo')).code, 'unreachable');
    await until(() => run.backend.status().state === 'backing_off', 'noticed');
    await run.peer.start();
    await run.ready();
  }));

  test('a name that leads to a private address is refused unless allowed [CH9]', async () => {
    const peer = await new HttpPeer().start();
    for (const host of ['127.0.0.1', 'localhost']) {
      const recording = recorded();
      const backend = createBackend(httpSettings(peer.url.replace('127.0.0.1', host), { allowPrivate: false }), recording.deps);
      backend.start();
      await until(() => backend.status().lastFault !== undefined, 'a fault');
      assert.match(JSON.stringify(backend.status().lastFault), /not allowed/);
      await backend.stop();
      recording.watchdog.close();
    }
    assert.equal(peer.seen.length, 0);
    await peer.down();
  });
});
