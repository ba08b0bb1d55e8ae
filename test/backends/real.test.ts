import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { members } from '../../src/core/json/slice.ts';
import type { Backend, BackendAnswer } from '../../src/core/ports.ts';
import type { BackendSettings } from '../../src/core/settings.ts';
import { createBackend } from '../../src/backends/create.ts';
import { httpSettings, io, isAlive, permit, recorded, type Recorded, secret, stdioSettings, textOf, until } from './support.ts';

const ROOT = join(import.meta.dirname, '../..');
const bin = (name: string): string => join(ROOT, 'node_modules/@modelcontextprotocol', name, 'dist/index.js');
const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/backends', name);

interface Running extends Recorded {
  readonly backend: Backend;
  names(): readonly string[];
  call(tool: string, args?: unknown): Promise<BackendAnswer>;
  text(tool: string, args?: unknown): Promise<string>;
}

async function running(settings: BackendSettings, body: (run: Running) => Promise<void>): Promise<void> {
  const recording = recorded();
  const backend = createBackend(settings, recording.deps);
  const call = async (tool: string, args: unknown = {}): Promise<BackendAnswer> => {
    const result = await backend.call(permit(tool, args), io());
    assert.ok(result.ok, JSON.stringify(result));
    return result.value;
  };
  backend.start();
  try {
    await until(() => backend.status().state === 'ready', `ready: ${JSON.stringify(recording.log)}`, 45_000);
    await body({
      ...recording,
      backend,
      call,
      names: () => (backend.listing()?.tools ?? []).map((tool) => String(JSON.parse(members(tool)?.get('name') ?? '""'))),
      text: async (tool, args) => {
        const answer = await call(tool, args);
        return answer.kind === 'error' ? answer.message : textOf(answer.raw);
      },
    });
    const { pid } = backend.status();
    await backend.stop();
    assert.ok(pid === undefined || !isAlive(pid));
  } finally {
    await backend.stop();
    recording.watchdog.close();
  }
}

const stdio = (args: readonly string[], over: Partial<Parameters<typeof stdioSettings>[1]> = {}): BackendSettings => stdioSettings([], { args, handshakeMs: 45_000, ...over });

describe('published servers over stdio', { timeout: 120_000 }, () => {
  test('everything: list, call, structured result, progress', async () => running(stdio([bin('server-everything')]), async (run) => {
    assert.equal(run.backend.listing()?.era, 'legacy');
    assert.ok(run.names().includes('echo') && run.names().length > 5, run.names().join());
    assert.match(run.backend.listing()?.instructions ?? '', /\w/);
    assert.equal(await run.text('echo', { message: 'héllo' }), 'Echo: héllo');
    assert.match(await run.text('get-sum', { a: 2, b: 3 }), /5/);
    const seen: string[] = [];
    const result = await run.backend.call(permit('trigger-long-running-operation', { duration: 0.3, steps: 3 }, { wantsProgress: true }), io({ onProgress: (params) => seen.push(params) }));
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual(seen.map((params) => JSON.parse(params).progress), [1, 2, 3]);
    assert.ok(seen.every((params) => !params.includes('progressToken')));
  }));

  test('memory: writes, reads back, keeps its store where it is told', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'sentinel-memory-')), 'memory.jsonl');
    await running(stdioSettings([], { args: [bin('server-memory')], env: { MEMORY_FILE_PATH: secret(file) }, handshakeMs: 45_000 }), async (run) => {
      await run.call('create_entities', { entities: [{ name: 'Ada', entityType: 'person', observations: ['counts'] }] });
      assert.match(await run.text('read_graph'), /Ada/);
    });
  });

  test('filesystem: reads inside its root, refuses outside', async () => {
    const root = mkdtempSync(join(tmpdir(), 'sentinel-files-'));
    writeFileSync(join(root, 'note.txt'), 'the note');
    await running(stdio([bin('server-filesystem'), root]), async (run) => {
      assert.equal(await run.text('read_text_file', { path: join(root, 'note.txt') }), 'the note');
      const outside = await run.call('read_text_file', { path: '/etc/passwd' });
      assert.ok(outside.kind === 'result' && members(outside.raw)?.get('isError') === 'true');
    });
  });

  test('sequential-thinking', async () => running(stdio([bin('server-sequential-thinking')]), async (run) => {
    assert.deepEqual(run.names(), ['sequentialthinking']);
    assert.match(await run.text('sequentialthinking', { thought: 'one', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }), /thoughtNumber/);
  }));

  test('through npx, which starts a process of its own', async () => running(
    stdioSettings([], { command: 'npx', args: ['--no-install', 'mcp-server-memory'], cwd: ROOT, handshakeMs: 60_000 }),
    async (run) => assert.ok(run.names().includes('read_graph')),
  ));
});

describe('the SDKs', { timeout: 120_000 }, () => {
  test('v1 over stdio: call and cancellation', async () => running(stdio([fixture('sdk-v1.ts')]), async (run) => {
    assert.equal(run.backend.listing()?.version, '2025-11-25');
    assert.equal(await run.text('greet', { name: 'you' }), 'hello you');
    await cancels(run);
  }));

  test('v2 over stdio: modern, with progress, cancellation and changes of the list', async () => running(stdio([fixture('sdk-v2.ts'), 'stdio']), modernPeer));

  test('v2 over HTTP: modern, with mirrored headers checked by the SDK itself', async () => {
    const { child, port } = await startHttp(process.execPath, [fixture('sdk-v2.ts'), 'http'], /port (\d+)/);
    await running(httpSettings(`http://127.0.0.1:${port}/mcp`), async (run) => {
      // The SDK refuses the call with -32020 unless the header is there and right.
      assert.equal(await run.text('greet', { name: 'you', region: 'eü\u00df' }), 'hello you');
      await modernPeer(run);
    });
    child.kill('SIGKILL');
  });

  test('v2 over HTTP, pinned to the legacy era: stateless', async () => {
    const { child, port } = await startHttp(process.execPath, [fixture('sdk-v2.ts'), 'http'], /port (\d+)/);
    await running(httpSettings(`http://127.0.0.1:${port}/mcp`, { era: 'legacy' }), async (run) => {
      assert.equal(run.backend.listing()?.version, '2025-11-25');
      assert.equal(await run.text('greet', { name: 'you' }), 'hello you');
    });
    child.kill('SIGKILL');
  });

  test('everything over Streamable HTTP: sessions, streams, and a new session after it forgot ours', async () => {
    const port = await freePort();
    const start = async (): Promise<ChildProcess> => (await startHttp(process.execPath, [bin('server-everything'), 'streamableHttp'], /listening on port (\d+)/, { PORT: String(port) })).child;
    let child = await start();
    await running(httpSettings(`http://127.0.0.1:${port}/mcp`, { healthIntervalMs: 200 }), async (run) => {
      assert.equal(run.backend.listing()?.era, 'legacy');
      assert.equal(await run.text('echo', { message: 'over http' }), 'Echo: over http');
      const seen: string[] = [];
      const result = await run.backend.call(permit('trigger-long-running-operation', { duration: 0.3, steps: 3 }, { wantsProgress: true }), io({ onProgress: (params) => seen.push(params) }));
      assert.ok(result.ok, JSON.stringify(result));
      assert.equal(seen.length, 3);
      child.kill('SIGKILL');
      await until(() => run.backend.status().state === 'backing_off', 'noticed');
      child = await start();
      await until(() => run.backend.status().state === 'ready', 'ready again');
      assert.equal(await run.text('echo', { message: 'again' }), 'Echo: again');
    });
    child.kill('SIGKILL');
  });
});

async function modernPeer(run: Running): Promise<void> {
  const listing = run.backend.listing();
  assert.deepEqual([listing?.era, listing?.version, listing?.server, listing?.instructions], ['modern', '2026-07-28', 'sdk-v2 2.4.0', 'Made with the SDK.']);
  assert.equal(await run.text('greet', { name: 'you' }), 'hello you');
  const seen: string[] = [];
  const result = await run.backend.call(permit('steps', { n: 3 }, { wantsProgress: true }), io({ onProgress: (params) => seen.push(params) }));
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(seen.length, 3);
  const invalid = await run.backend.call(permit('greet', { name: 7 }), io());
  assert.ok(invalid.ok);
  await run.call('grow');
  await until(() => run.names().includes('extra1'), 'the new tool');
  await cancels(run);
}

async function cancels(run: Running): Promise<void> {
  const stop = new AbortController();
  const call = run.backend.call(permit('wait', {}), io({ signal: stop.signal }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  stop.abort();
  assert.deepEqual(await call, { ok: false, error: { code: 'cancelled' } });
  if (run.backend.status().transport === 'stdio') await until(() => run.log.some((line) => line.text === 'cancelled'), 'the server noticed');
}

async function startHttp(command: string, args: readonly string[], pattern: RegExp, env: Record<string, string> = {}): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', () => reject(new Error(`it ended: ${text}`)));
  });
  return { child, port };
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
