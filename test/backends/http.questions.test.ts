import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import { NO_CAPABILITIES, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import { roleName } from '../../src/core/ids.ts';
import type { Backend, CallIo } from '../../src/core/ports.ts';
import type { HttpBackendSettings } from '../../src/core/settings.ts';
import { type Json, type Script, ScriptedHttp } from '../fixtures/backends/scripted-http.ts';
import { httpSettings, io, json, permit, recorded, type Recorded, textOf, toolCall, until } from './support.ts';

/** Declared to every legacy server, whose one session serves agents with pages and without. */
const APPS = { extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } } };

interface Running extends Recorded {
  readonly backend: Backend;
  readonly peer: ScriptedHttp;
}

async function running(script: Script, settings: Partial<HttpBackendSettings>, body: (run: Running) => Promise<void>): Promise<void> {
  const peer = await new ScriptedHttp(script).start();
  const recording = recorded();
  const backend = createBackend(httpSettings(peer.url, settings), recording.deps);
  backend.start();
  try {
    await until(() => backend.status().state === 'ready', 'ready');
    await body({ ...recording, backend, peer });
  } finally {
    await backend.stop();
    await peer.stop();
    recording.watchdog.close();
  }
}

const ELICIT = { jsonrpc: '2.0', id: 'q1', method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } } } as const;
const text = (value: string): Json => ({ content: [{ type: 'text', text: value }] });

/** Answers each question with the next reply, and keeps what was asked. */
function agent(...replies: QuestionReply[]): { readonly asked: Question[]; readonly ask: NonNullable<CallIo['ask']> } {
  const asked: Question[] = [];
  const ask: NonNullable<CallIo['ask']> = async (question) => {
    asked.push(question);
    return Promise.resolve(replies[asked.length - 1] ?? { kind: 'error', code: -32603, message: 'nothing left to say' });
  };
  return { asked, ask };
}
const accept: QuestionReply = { kind: 'result', raw: json({ action: 'accept', content: { ok: true } }) };

/** Asks on the stream of the call, and answers when the reply has come. */
const asksOnce: Script = {
  asked: (asked, peer) => {
    if (asked.method !== 'tools/call') return false;
    // An id of its own: each stream has its own question.
    const id = `q${String(asked.id)}`;
    asked.say({ ...ELICIT, id });
    void until(() => peer.reply(id) !== undefined || asked.response.closed, 'a reply').then(() => asked.answer(text(JSON.stringify(peer.reply(id)?.message['result'] ?? peer.reply(id)?.message))));
    return true;
  },
};

describe('the end of a visit to a page over HTTP', { timeout: 60_000, concurrency: true }, () => {
  const COMPLETE = (elicitationId: Json): Json => ({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } });
  const tells: Script['asked'] = (asked) => {
    if (asked.method !== 'tools/call') return false;
    for (const id of ['theirs', 'unknown', 7]) asked.say(COMPLETE(id));
    asked.answer({ resultType: 'complete', ...Object(text('told')) });
    return true;
  };

  test('is told with the backend\'s own id, on the stream of a call or of the session; what is unknown is noise [C16]', async () => running({ asked: tells }, {}, async (run) => {
    assert.ok((await run.backend.call(permit('do'), io())).ok);
    assert.deepEqual([run.completed, run.backend.status().noise], [['theirs', 'unknown'], 1]);
    await until(() => run.peer.streams.size > 0, 'the stream of the session');
    run.peer.announce(COMPLETE('later'));
    await until(() => run.completed.includes('later'), 'told without a call');
  }));

  test('a modern backend has no such word', async () => running({ era: 'modern', asked: tells }, {}, async (run) => {
    assert.ok((await run.backend.call(permit('do'), io())).ok);
    assert.deepEqual([run.completed, run.backend.status().noise], [[], 0]);
  }));
});

describe('what a legacy HTTP backend asks during a call', { timeout: 60_000, concurrency: true }, () => {
  test('on the stream of a call it is asked of that call\'s agent, and the reply goes back with its id and the session', async () => running(asksOnce, {}, async (run) => {
    const [mine, others] = [1, 2].map((n) => agent({ kind: 'result', raw: json({ action: 'accept', content: { n } }) }));
    assert.ok(mine !== undefined && others !== undefined);
    const results = await Promise.all([
      run.backend.call(permit('do', {}), io({ ask: mine.ask })),
      // Another call in flight does not matter: the stream says whose question it is.
      run.backend.call(permit('do', { n: 2 }), io({ ask: others.ask })),
    ]);
    const told = results.map((result) => (result.ok && result.value.kind === 'result' ? textOf(result.value.raw) : ''));
    assert.deepEqual(told, ['{"action":"accept","content":{"n":1}}', '{"action":"accept","content":{"n":2}}']);
    assert.deepEqual(mine.asked, [{ method: 'elicitation/create', params: json(ELICIT.params) }]);
    const headers = run.peer.posted.find(({ message }) => message['result'] !== undefined)?.headers;
    assert.deepEqual([headers?.['mcp-session-id'], headers?.['mcp-protocol-version']], ['session-1', '2025-11-25']);
    assert.equal(run.peer.got('tools/call').length, 2, 'no call was made twice to carry a question');
  }));

  test('the questions of one call cost no other call its own', async () => running(asksOnce, {}, async (run) => {
    let open = 0;
    const all = Promise.withResolvers<QuestionReply>();
    const results = await Promise.all(Array.from({ length: 20 }, async () => run.backend.call(permit('do'), io({
      ask: async () => {
        open += 1;
        if (open === 20) all.resolve(accept);
        return all.promise;
      },
    }))));
    for (const result of results) assert.ok(result.ok && result.value.kind === 'result' && /accept/.test(textOf(result.value.raw)), JSON.stringify(result));
  }));

  test('what may be asked is declared at initialize, and nothing else [CH12]', async () => {
    await running(asksOnce, {}, async (run) => {
      assert.deepEqual(Object(run.peer.got('initialize')[0]?.message['params'])['capabilities'], { elicitation: { form: {}, url: {} }, ...APPS });
      await Promise.resolve();
    });
    await running(asksOnce, { asks: { elicitation: false, sampling: false, roots: false } }, async (run) => {
      assert.deepEqual(Object(run.peer.got('initialize')[0]?.message['params'])['capabilities'], APPS);
      const mine = agent(accept);
      const result = await run.backend.call(permit('do'), io({ ask: mine.ask }));
      assert.ok(result.ok && result.value.kind === 'result');
      assert.match(textOf(result.value.raw), /"error":\{"code":-32601/);
      assert.deepEqual(mine.asked, []);
    });
  });

  test('T84: an agent that cannot be asked costs the question, not the call', async () => running(asksOnce, {}, async (run) => {
    const result = await run.backend.call(permit('do'), io());
    assert.ok(result.ok && result.value.kind === 'result');
    assert.match(textOf(result.value.raw), /"action":"decline"/);
  }));

  test('C10: while somebody is asked the time of the call stands still', async () => running(asksOnce, { timeoutMs: 300, maxTimeoutMs: 300 }, async (run) => {
    const slow: CallIo['ask'] = async () => new Promise((resolve) => setTimeout(resolve, 900, accept));
    const result = await run.backend.call(permit('do'), io({ ask: slow }));
    assert.ok(result.ok && result.value.kind === 'result', JSON.stringify(result));
    assert.match(textOf(result.value.raw), /accept/);
  }));

  test('a call that is cancelled takes its question with it', async () => running(asksOnce, {}, async (run) => {
    const stop = new AbortController();
    let withdrawn = false;
    const ask: CallIo['ask'] = async (_question, signal) => new Promise(() => {
      signal.addEventListener('abort', () => { withdrawn = true; });
      setTimeout(() => stop.abort(), 20);
    });
    assert.deepEqual(await run.backend.call(permit('do'), io({ signal: stop.signal, ask })), { ok: false, error: { code: 'cancelled' } });
    await until(() => withdrawn, 'withdrawn');
    await until(() => run.peer.got('notifications/cancelled').length === 1, 'the backend is told');
    const replies = (): readonly unknown[] => run.peer.posted.flatMap(({ message }) => (message['method'] === undefined ? [message['result']] : []));
    await until(() => replies().length === 1, 'and does not wait for an answer');
    assert.deepEqual(replies(), [{ action: 'cancel' }]);
  }));

  test('a question the backend takes back is taken back from the agent', async () => {
    const script: Script = {
      asked: (asked) => {
        if (asked.method !== 'tools/call') return false;
        asked.say(ELICIT);
        asked.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'q1' } });
        return true;
      },
    };
    await running(script, {}, async (run) => {
      const withdrawn = Promise.withResolvers<void>();
      const ask: CallIo['ask'] = async (_question, signal) => new Promise(() => signal.addEventListener('abort', () => withdrawn.resolve()));
      const stop = new AbortController();
      const call = run.backend.call(permit('do'), io({ ask, signal: stop.signal }));
      await withdrawn.promise;
      stop.abort();
      await call;
      assert.equal(run.peer.reply('q1'), undefined);
    });
  });

  test('a batch of question, log, progress and answer in one array is all of it read [CH11]', async () => {
    const script: Script = {
      version: '2025-03-26',
      asked: (asked) => {
        if (asked.method !== 'tools/call') return false;
        const token = Object(asked.params['_meta'])['progressToken'];
        asked.say([
          { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 1 } },
          { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'error', data: 'loud' } },
          { jsonrpc: '2.0', id: 'p', method: 'ping' },
          { jsonrpc: '2.0', id: asked.id, ...{ result: text('done') } },
        ]);
        asked.response.end();
        return true;
      },
    };
    await running(script, {}, async (run) => {
      const { origin } = toolCall('do');
      const logs: string[] = [];
      const steps: string[] = [];
      const result = await run.backend.call(
        permit('do', {}, { wantsProgress: true, origin: { ...origin, logLevel: 'warning' } }),
        io({ onLog: (params) => logs.push(params), onProgress: (params) => steps.push(params) }),
      );
      assert.ok(result.ok && result.value.kind === 'result');
      assert.equal(textOf(result.value.raw), 'done');
      assert.deepEqual([logs, steps], [['{"level":"error","data":"loud"}'], ['{"progress":1}']]);
      await until(() => run.peer.reply('p') !== undefined, 'pong');
    });
  });

  test('the same in a JSON body [CH2, CH11]', async () => {
    const script: Script = {
      version: '2025-03-26',
      asked: (asked) => {
        if (asked.method !== 'tools/call') return false;
        asked.response.writeHead(200, { 'content-type': 'application/json' });
        asked.response.end(JSON.stringify([{ jsonrpc: '2.0', id: 'p', method: 'ping' }, { jsonrpc: '2.0', id: asked.id, result: text('done') }, { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }]));
        return true;
      },
    };
    await running(script, {}, async (run) => {
      const result = await run.backend.call(permit('do'), io());
      assert.ok(result.ok);
      await until(() => run.peer.reply('p') !== undefined && run.peer.got('tools/list').length === 2, 'pong, and the list again');
    });
  });
});

describe('what a legacy HTTP backend asks beside its calls', { timeout: 60_000, concurrency: true }, () => {
  /** Asks on the GET stream as soon as so many calls are in flight; answers them all when the reply has come. */
  const asksAside = (calls: number, question: Json): Script => {
    const waiting: { answer(result: Json): void }[] = [];
    return {
      asked: (asked, peer) => {
        if (asked.method !== 'tools/call') return false;
        waiting.push(asked);
        if (waiting.length < calls) return true;
        void until(() => peer.streams.size > 0, 'a stream').then(() => peer.announce(question));
        void until(() => peer.reply('q1') !== undefined, 'a reply').then(() => {
          for (const call of waiting.splice(0)) call.answer(text(JSON.stringify(peer.reply('q1')?.message)));
        });
        return true;
      },
    };
  };

  test('it belongs to the only call there is', async () => running(asksAside(1, ELICIT), {}, async (run) => {
    const mine = agent(accept);
    const result = await run.backend.call(permit('do'), io({ ask: mine.ask }));
    assert.ok(result.ok && result.value.kind === 'result');
    assert.match(textOf(result.value.raw), /accept/);
    assert.equal(mine.asked.length, 1);
  }));

  test('T91: with two calls in flight it is nobody\'s', async () => running(asksAside(2, ELICIT), {}, async (run) => {
    const agents = [agent(accept), agent(accept)];
    const results = await Promise.all(agents.map(async ({ ask }, n) => {
      const call = toolCall('do');
      return run.backend.call(permit('do', { n }, { principal: { ...call.principal, subject: `agent${n}`, roles: [roleName('role')] } }), io({ ask }));
    }));
    for (const result of results) assert.ok(result.ok && result.value.kind === 'result' && /decline/.test(textOf(result.value.raw)), JSON.stringify(result));
    assert.deepEqual(agents.map(({ asked }) => asked), [[], []]);
  }));

  test('T101: log lines there are nobody\'s either', async () => running({
    asked: (asked, peer) => {
      if (asked.method !== 'tools/call') return false;
      void until(() => peer.streams.size > 0, 'a stream').then(() => {
        peer.announce({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'error', data: 'whose?' } });
        peer.announce({ jsonrpc: '2.0', id: 'p', method: 'ping' });
      });
      void until(() => peer.reply('p') !== undefined, 'pong').then(() => asked.answer(text('done')));
      return true;
    },
  }, {}, async (run) => {
    const { origin } = toolCall('do');
    const logs: string[] = [];
    await run.backend.call(permit('do', {}, { origin: { ...origin, logLevel: 'debug' } }), io({ onLog: (params) => logs.push(params) }));
    assert.deepEqual(logs, []);
  }));

  test('T92: roots asked for right after the greeting come from the configuration, or do not exist', async () => {
    const roots = { jsonrpc: '2.0', id: 'q1', method: 'roots/list' };
    const script: Script = { asked: () => false };
    await running(script, { roots: [{ uri: 'file:///srv', name: 'srv' }] }, async (run) => {
      await until(() => run.peer.streams.size > 0, 'a stream');
      run.peer.announce(roots);
      await until(() => run.peer.reply('q1') !== undefined, 'a reply');
      assert.deepEqual(run.peer.reply('q1')?.message['result'], { roots: [{ uri: 'file:///srv', name: 'srv' }] });
    });
    await running(script, {}, async (run) => {
      await until(() => run.peer.streams.size > 0, 'a stream');
      run.peer.announce(roots);
      await until(() => run.peer.reply('q1') !== undefined, 'a reply');
      assert.equal(Object(run.peer.reply('q1')?.message['error'])['code'], -32601);
    });
  });
});

describe('how much a legacy HTTP session logs', { timeout: 60_000, concurrency: true }, () => {
  const script: Script = {
    capabilities: { tools: {}, logging: {} },
    asked: (asked) => {
      if (asked.method === 'tools/call') asked.say({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 1 } });
      asked.answer(asked.method === 'tools/call' ? text('done') : {});
      return true;
    },
  };

  const { origin } = toolCall('do');
  const levels = (run: Running): readonly unknown[] => run.peer.got('logging/setLevel').map(({ message }) => Object(message['params'])['level']);

  test('T100: it is told when a call wants more than it logs', async () => running(script, {}, async (run) => {
    let count = 0;
    const onLog = (): void => {
      count += 1;
    };
    for (const logLevel of ['warning', 'debug', 'info', 'warning'] as const) await run.backend.call(permit('do', {}, { origin: { ...origin, logLevel } }), io({ onLog }));
    assert.deepEqual(levels(run), ['warning', 'debug']);
    assert.equal(count, 4);
  }));

  test('T100: nothing is said of it for a call to which nobody listens', async () => running(script, {}, async (run) => {
    await run.backend.call(permit('do', {}, { origin: { ...origin, logLevel: 'debug' } }), io());
    assert.deepEqual(levels(run), []);
  }));
});

describe('what a modern HTTP backend asks', { timeout: 60_000, concurrency: true }, () => {
  const round = { resultType: 'input_required', requestState: 'bäckend-1', inputRequests: { k: { method: 'elicitation/create', params: { message: 'Sure?' } } } };
  const script: Script = {
    era: 'modern',
    asked: (asked) => {
      if (asked.method !== 'tools/call') return false;
      asked.answer(asked.params['requestState'] === undefined ? round : { ...Object(text('done')), resultType: 'complete' });
      return true;
    },
  };
  const capabilities = { ...NO_CAPABILITIES, elicitForm: true, sampling: true };

  test('it is told what this agent can be asked; its question comes back as a result, the answer goes with its own state [C2, C3, C6]', async () => running(script, {}, async (run) => {
    const { origin } = toolCall('do');
    const first = await run.backend.call(permit('do', {}, { origin: { ...origin, era: 'modern', capabilities } }), io());
    assert.ok(first.ok && first.value.kind === 'result');
    assert.deepEqual(JSON.parse(first.value.raw), round);
    const meta = Object(Object(run.peer.got('tools/call')[0]?.message['params'])['_meta']);
    assert.deepEqual(meta['io.modelcontextprotocol/clientCapabilities'], { elicitation: { form: {} } });
    const continuation = { responses: json({ k: { action: 'accept' } }), state: json('bäckend-1') };
    const second = await run.backend.call(permit('do', {}, { continuation }), io());
    assert.ok(second.ok && second.value.kind === 'result');
    const { params, id } = Object(run.peer.got('tools/call')[1]?.message);
    assert.deepEqual([params.requestState, params.inputResponses], ['bäckend-1', { k: { action: 'accept' } }]);
    assert.notEqual(id, run.peer.got('tools/call')[0]?.message['id']);
  }));

  test('-32042 and other errors of the backend are its answer', async () => running({
    asked: (asked) => {
      if (asked.method !== 'tools/call') return false;
      asked.say({ jsonrpc: '2.0', id: asked.id, error: { code: -32042, message: 'open this', data: { elicitations: [{ mode: 'url', url: 'https://x.example/' }] } } });
      asked.response.end();
      return true;
    },
  }, {}, async (run) => {
    assert.deepEqual(await run.backend.call(permit('do'), io()), {
      ok: true, value: { kind: 'error', code: -32042, message: 'open this', data: '{"elicitations":[{"mode":"url","url":"https://x.example/"}]}' },
    });
  }));
});
