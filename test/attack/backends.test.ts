// Hostile backends against the process they share with everybody else: what one sends costs itself time, not the others.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import { execaSpawn } from '../../src/backends/stdio/launch.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import type { Backend, Timers } from '../../src/core/ports.ts';
import type { Child } from '../../src/backends/stdio/launch.ts';
import { httpSettings, io, permit, recorded, type Recorded, stdioSettings, textOf, until } from '../backends/support.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/backends/hostile.ts');

interface Hostile extends Recorded {
  readonly backend: Backend;
  child(): Child;
}

async function child(t: TestContext, timeoutMs = 10_000): Promise<Hostile> {
  let latest: Child | undefined;
  const recording = recorded({}, { spawn: (plan) => {
    const spawned = execaSpawn(plan);
    if (spawned.ok) latest = spawned.value;
    return spawned;
  } });
  const backend = createStdioBackend(stdioSettings([], { era: 'legacy', args: [FIXTURE], timeoutMs, maxTimeoutMs: timeoutMs, stopMs: 200, resultBytes: 8_000_000 }), recording.deps);
  t.after(async () => {
    await backend.stop();
    recording.watchdog.close();
  });
  backend.start();
  await until(() => backend.status().state === 'ready', 'ready');
  return { ...recording, backend, child: () => {
    assert.ok(latest !== undefined);
    return latest;
  } };
}

describe('a stdio backend that means harm', { timeout: 60_000 }, () => {
  test('one line that is an array of two million things is one piece of noise', async (t) => {
    const run = await child(t);
    const answered = await run.backend.call(permit('array', { n: 1_000_000 }), io());
    assert.ok(answered.ok, JSON.stringify(answered));
    assert.ok(run.log.length < 10, `${run.log.length} log lines`);
  });

  test('I12 empty lines without end wait in the pipe, like any other flood', async (t) => {
    const run = await child(t);
    let paused = false;
    const { stdout } = run.child();
    stdout.on('pause', () => {
      paused = true;
    });
    const stop = new AbortController();
    const call = run.backend.call(permit('blank', { n: 1_000_000 }), io({ signal: stop.signal }));
    await until(() => paused, 'its stdout rests');
    stop.abort();
    assert.ok(!(await call).ok);
    assert.equal(run.backend.status().state, 'ready');
  });

  test('I13 a flood on stderr is read to its end, at a bounded rate', async (t) => {
    const run = await child(t);
    const { stderr } = run.child();
    let paused = 0;
    stderr.on('pause', () => {
      paused += 1;
    });
    const answered = await run.backend.call(permit('shout', { n: 5_000_000 }), io());
    assert.ok(answered.ok, JSON.stringify(answered));
    assert.ok(paused > 0, 'it had to wait');
  });
});

interface Served {
  readonly backend: Backend;
  readonly replies: () => number;
  readonly rests: () => number;
  release(): void;
}

type Answering = (id: unknown, response: ServerResponse) => void;

async function bodyOf(request: IncomingMessage): Promise<{ readonly id?: unknown; readonly method?: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : JSON.parse(text);
}

const reply = (id: unknown, result: object): string => JSON.stringify({ jsonrpc: '2.0', id, result });

/** A legacy server; `stream` is what its GET stream says, `call` how it answers tools/call. Replies to its own questions are held until `release`. */
async function served(t: TestContext, parts: { readonly stream?: (response: ServerResponse) => void; readonly call?: Answering }): Promise<Served> {
  let replies = 0;
  let held: ServerResponse[] | undefined = [];
  const onPost = (id: unknown, method: string | undefined, response: ServerResponse): void => {
    const answer = (result: object): void => void response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 's' }).end(reply(id, result));
    if (method === undefined) {
      replies += 1;
      if (held === undefined) response.writeHead(202).end();
      else held.push(response);
    } else if (id === undefined) response.writeHead(202).end();
    else if (method === 'initialize') answer({ protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'h', version: '1' } });
    else if (method === 'tools/list') answer({ tools: [{ name: 'it', inputSchema: { type: 'object' } }] });
    else parts.call?.(id, response);
  };
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    if (request.method === 'GET' && parts.stream !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return parts.stream(response);
    }
    if (request.method !== 'POST') return void response.writeHead(405).end();
    return void bodyOf(request).then(({ id, method }) => onPost(id, method, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let rests = 0;
  const timers: Timers = { after: (ms, fire) => {
    if (ms === 250) rests += 1;
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  } };
  const recording = recorded({}, { timers });
  const backend = createBackend(httpSettings(`http://127.0.0.1:${port}/mcp`, { era: 'legacy', concurrency: 8, resultBytes: 8_000_000 }), recording.deps);
  t.after(async () => {
    const stopped = backend.stop();
    server.closeAllConnections();
    await stopped;
    server.close();
    recording.watchdog.close();
  });
  backend.start();
  await until(() => backend.status().state === 'ready', 'ready');
  return { backend, replies: () => replies, rests: () => rests, release: () => {
    for (const response of held ?? []) response.writeHead(202).end();
    held = undefined;
  } };
}

describe('an HTTP backend that means harm', { timeout: 60_000 }, () => {
  test('questions without end to which it takes no answer are not kept: the queue of answers is bounded', async (t) => {
    let asked = false;
    const run = await served(t, { stream: (response) => {
      for (let n = 0; n < 1500; n += 1) response.write(`data: {"jsonrpc":"2.0","id":"q${n}","method":"ping"}\n\n`);
      asked = true;
    } });
    await until(() => asked && run.replies() >= 8, 'the first answers are on their way');
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.release();
    let before = -1;
    while (before !== run.replies()) {
      before = run.replies();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(run.replies() <= 64, `${run.replies()} answers to 1500 questions`);
  });

  test('comments without end are read at a bounded rate', async (t) => {
    const run = await served(t, { stream: (response) => {
      const page = ':\n\n'.repeat(100_000);
      const more = (): void => {
        while (!response.destroyed && response.write(page)) continue;
        response.once('drain', more);
      };
      more();
    } });
    await until(() => run.rests() > 0, 'it rests');
  });

  test('a batch of a million things is a fault, not a million pieces of noise', async (t) => {
    const run = await served(t, { call: (id, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: [${'1,'.repeat(1_000_000)}1]\n\ndata: ${reply(id, { content: [] })}\n\n`);
    } });
    const answered = await run.backend.call(permit('it'), io());
    assert.deepEqual(answered, { ok: false, error: { code: 'protocol', detail: 'a batch above the bound' } });
    assert.ok(run.rests() <= 2, `${run.rests()} timers`);
  });

  test('an answer in one-byte chunks arrives whole', async (t) => {
    const run = await served(t, { call: (id, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (const byte of Buffer.from(reply(id, { content: [{ type: 'text', text: 'ü'.repeat(1000) }] }))) response.write(Buffer.from([byte]));
      response.end();
    } });
    const answered = await run.backend.call(permit('it'), io());
    assert.ok(answered.ok && answered.value.kind === 'result', JSON.stringify(answered));
    assert.equal(textOf(answered.value.raw), 'ü'.repeat(1000));
  });
});
