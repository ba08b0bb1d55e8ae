import assert from 'node:assert/strict';
import { chmod, mkdtemp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { controlOf } from '../../src/cli/control.ts';
import { backendId, callId, instant, timestamp } from '../../src/core/ids.ts';
import type { LiveEvent } from '../../src/core/operations.ts';
import { quote } from '../../src/core/json/compose.ts';
import { type ControlSurface, startControl } from '../../src/surfaces/control.ts';
import { ALICE, type FakeIngress, fakeIngress, principalOf } from './fake-ingress.ts';
import { type FakeOperations, fakeOperations } from './fake-operations.ts';
import { envelope } from './speak.ts';
import { eventually } from './wire.ts';

interface Running {
  readonly path: string;
  readonly operations: FakeOperations;
  readonly ingress: FakeIngress;
  readonly surface: ControlSurface;
}

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'control-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function running(t: TestContext): Promise<Running> {
  const path = join(await directory(t), 'run', 'control.sock');
  const operations = fakeOperations();
  const ingress = fakeIngress();
  const started = await startControl(operations, ingress, { path, operator: 'owner' });
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  return { path, operations, ingress, surface: started.value };
}

interface Told {
  readonly status: number;
  readonly body: unknown;
}

function send(socketPath: string, method: string, path: string, body?: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const parsed: unknown = response.headers['content-type'] === 'application/json' ? JSON.parse(text) : text;
        resolve({ status: response.statusCode ?? 0, body: parsed });
      });
    });
    sent.end(body);
  });
}

test('the socket is 0600 in a 0700 directory, and is gone after closing [SEC27]', async (t) => {
  const { path, surface } = await running(t);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
  await surface.close(0);
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('a live socket is address in use, a stale one is replaced, a file is left alone', async (t) => {
  const { path, operations, ingress } = await running(t);
  const second = await startControl(operations, ingress, { path, operator: 'owner' });
  assert.equal(second.ok ? 'bound' : second.error.code, 'address_in_use');
  assert.equal((await send(path, 'GET', '/readiness')).status, 200, 'the first still answers');

  const stale = join(await directory(t), 'stale.sock');
  const left = createServer().listen(stale);
  await new Promise((resolve) => left.once('listening', resolve));
  // A crash leaves the file behind; closing the handle without node's unlink does the same.
  const { rename } = await import('node:fs/promises');
  await rename(stale, `${stale}.kept`);
  await new Promise((resolve) => left.close(resolve));
  await rename(`${stale}.kept`, stale);
  const third = await startControl(operations, ingress, { path: stale, operator: 'owner' });
  assert.ok(third.ok);
  await third.value.close(0);

  const file = join(await directory(t), 'file');
  await writeFile(file, 'precious');
  const fourth = await startControl(operations, ingress, { path: file, operator: 'owner' });
  assert.equal(fourth.ok ? 'bound' : fourth.error.code, 'address_in_use');
  assert.equal((await stat(file)).size, 8);
});

test('a directory that others may write to, and a path too long for a socket, are refused', async (t) => {
  const open = join(await directory(t), 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  const started = await startControl(fakeOperations(), fakeIngress(), { path: join(open, 's'), operator: 'owner' });
  assert.equal(started.ok ? 'bound' : started.error.code, 'permission');
  const long = await startControl(fakeOperations(), fakeIngress(), { path: join(await directory(t), 'x'.repeat(120)), operator: 'owner' });
  assert.equal(long.ok, false);
});

test('the command line\'s own client understands every verb', async (t) => {
  const { path, operations } = await running(t);
  const control = controlOf(path);
  for (const answered of [await control.status(), await control.readiness(), await control.kills(), await control.tools(['a b', 'c,d']), await control.objects(['a b', 'c,d']), await control.reload('eve')]) assert.ok(answered.ok);
  const request = { reason: 'r', until: timestamp(5), by: 'eve', dryRun: true };
  const scopes = [{ kind: 'all' }, { kind: 'tool', pattern: 'gh/*' }, { kind: 'subject', subject: 's' }] as const;
  for (const scope of scopes) assert.ok((await control.kill({ scope, ...request })).ok);
  assert.ok((await control.unkill({ target: 'k1', reason: 'r', by: 'eve' })).ok);
  assert.ok((await control.revoke({ what: 'key', value: 'v', reason: 'r', until: undefined, by: 'eve' })).ok);
  assert.ok((await control.explain({ tool: 't', roles: ['a'], scopes: [], subject: 's', args: '{}' })).ok);
  assert.deepEqual(operations.asked, [
    { tools: ['a b', 'c,d'] },
    { objects: ['a b', 'c,d'] },
    { reload: 'eve' },
    ...scopes.map((scope) => ({ kill: { scope, ...request } })),
    { unkill: { target: 'k1', reason: 'r', by: 'eve' } },
    { revoke: { what: 'key', value: 'v', reason: 'r', until: undefined, by: 'eve' } },
    { explain: { tool: 't', roles: ['a'], scopes: [], subject: 's', args: '{}' } },
  ]);
});

test('who asks is the socket\'s owner unless the request names the operator', async (t) => {
  const { path, operations } = await running(t);
  await send(path, 'POST', '/reload');
  await send(path, 'POST', '/reload', '{"by":null}');
  assert.deepEqual(operations.asked, [{ reload: 'owner' }, { reload: 'owner' }]);
});

test('bad requests are 4xx with an error that names every problem, and nothing is done', async (t) => {
  const { path, operations } = await running(t);
  const bad: readonly (readonly [string, string, number, RegExp])[] = [
    ['/kill', '{"scope":{"kind":"tool"},"reason":"","extra":1}', 400, /unknown member: extra; scope: pattern is needed; reason is needed/],
    ['/kill', '{"reason":"r"}', 400, /scope/],
    ['/kill', '{"scope":{"kind":"everything"},"reason":"r"}', 400, /scope.kind must be one of/],
    ['/kill', '{"scope":{"kind":"all","pattern":"x"},"reason":"r"}', 400, /scope: unknown member: pattern/],
    ['/kill', '{"scope":{"kind":"role","role":"x","subject":"y"},"reason":"r"}', 400, /scope: unknown member: subject/],
    ['/kill', '{"scope":{"kind":"all"},"reason":"r","until":"tomorrow"}', 400, /until/],
    ['/kill', '{"scope":{"kind":"all"},"reason":"r","dryRun":"yes"}', 400, /dryRun/],
    ['/kill', '{"reason":"r","reason":"s"}', 400, /not valid JSON/],
    ['/kill', '[]', 400, /must be a JSON object/],
    ['/revoke', '{"what":"user","value":"v","reason":"r"}', 400, /what must be token or key/],
    ['/explain', '{"tool":"t","roles":"a","subject":"s"}', 400, /roles/],
    ['/audit-read', '{"asked":"x"}', 400, /verb is needed/],
    ['/unkill', '{"target":"t","reason":"r","__proto__":{}}', 400, /not valid JSON/],
    ['/nope', '{}', 404, /no such verb/],
    ['/status', '{}', 404, /no such verb/],
    ['/reload', `{"by":"${'x'.repeat(3_000_000)}"}`, 413, /larger/],
  ];
  for (const [verb, body, status, message] of bad) {
    const told = await send(path, 'POST', verb, body);
    assert.equal(told.status, status, body.slice(0, 80));
    assert.match(JSON.stringify(told.body), message);
  }
  for (const [method, verb] of [['GET', '/kill'], ['GET', '/tools?role=x'], ['GET', '/tools?roles=%zz'], ['DELETE', '/status'], ['GET', '/attach'], ['GET', '/../status']] as const) {
    assert.equal((await send(path, method, verb)).status, 404, `${method} ${verb}`);
  }
  assert.deepEqual(operations.asked, []);
});

test('what an operation refuses, and what it throws, come as errors', async (t) => {
  const { path } = await running(t);
  assert.deepEqual(await send(path, 'POST', '/unkill', '{"target":"nothing","reason":"r"}'), { status: 404, body: { error: { code: 'not_found', message: 'no such kill' } } });
  assert.deepEqual(await send(path, 'POST', '/revoke', '{"what":"token","value":"down","reason":"r"}'), { status: 409, body: { error: { code: 'unavailable', message: 'the store is away' } } });
  assert.deepEqual(await send(path, 'POST', '/audit-read', '{"verb":"why","asked":"down","by":"ann"}'), { status: 409, body: { error: { code: 'unavailable', message: 'the audit is away' } } });
  const thrown = await send(path, 'POST', '/rekey');
  assert.equal(thrown.status, 500);
  assert.equal(JSON.stringify(thrown.body).includes('secret'), false);
});

test('no body whatever does anything but 200 or a 4xx', async (t) => {
  const { path } = await running(t);
  const member = fc.constantFrom('scope', 'reason', 'until', 'by', 'dryRun', 'target', 'what', 'value', 'tool', 'roles', 'subject', 'args');
  const body = fc.oneof(fc.dictionary(member, fc.jsonValue()).map((value) => JSON.stringify(value)), fc.json(), fc.string());
  await fc.assert(fc.asyncProperty(fc.constantFrom('/kill', '/unkill', '/explain', '/reload'), body, async (verb, text) => {
    const { status } = await send(path, 'POST', verb, text);
    assert.ok(status === 200 || (status >= 400 && status < 500), `${status}`);
  }), { numRuns: 60 });
});

function outcome(): LiveEvent {
  return {
    type: 'outcome',
    outcome: {
      kind: 'call',
      call: {
        id: callId('c1'), kind: 'tool', exposed: 'gh__x', args: quote('SECRET-ARGUMENT'), meta: quote('SECRET-META'), wantsProgress: false, continuation: undefined, task: undefined, principal: principalOf(ALICE, 'alice'),
        origin: { surface: 'http', endpoint: { kind: 'merged' }, era: 'modern', version: 'v', session: undefined, client: undefined, peer: 'p', capabilities: NO_CAPABILITIES, logLevel: undefined, trace: undefined },
        target: { kind: 'tool', backend: backendId('gh'), name: 'x' }, at: instant(0), wall: timestamp(0),
      },
      trail: [], revision: 1, configHash: 'h', end: { kind: 'cancelled', by: 'agent' }, took: { admitMs: 1, queueMs: undefined, dispatchMs: undefined, screenMs: undefined, attempts: 0 }, judged: { owner: undefined, changes: true, declared: new Set() },
    },
  };
}

test('the tail gives each event as a line, without arguments and credentials, and stops listening with its reader', async (t) => {
  const { path, operations } = await running(t);
  const lines: string[] = [];
  const stop = new AbortController();
  const followed = controlOf(path).tail((line) => void lines.push(line), stop.signal);
  await eventually(() => operations.listeners.size === 1, 'a listener');
  const killed: LiveEvent = { type: 'lifecycle', event: { id: 'e', wall: timestamp(0), by: 'x', revision: 1, kind: 'unkilled', scope: 'all', reason: 'r' } };
  for (const event of [outcome(), killed]) operations.listeners.forEach((listener) => listener(event));
  await eventually(() => lines.length === 2, 'two lines');
  assert.match(lines[0] ?? '', /"subject":"alice".*"name":"x"/);
  assert.doesNotMatch(lines[0] ?? '', /SECRET|credential/);
  assert.deepEqual(JSON.parse(lines[1] ?? ''), killed);
  stop.abort();
  assert.ok((await followed).ok);
  await eventually(() => operations.listeners.size === 0, 'nobody listens');
});

test('a tail reader that is too slow loses events and is told how many', async (t) => {
  const { path, operations } = await running(t);
  let text = '';
  const sent = request({ socketPath: path, path: '/tail' });
  const responded = new Promise<IncomingMessage>((resolve) => sent.on('response', resolve));
  sent.end();
  t.after(() => sent.destroy());
  const response = await responded;
  response.on('error', () => undefined);
  const long: LiveEvent = { type: 'lifecycle', event: { id: 'e', wall: timestamp(0), by: 'x', revision: 1, kind: 'unkilled', scope: 'all', reason: 'r'.repeat(100_000) } };
  for (let at = 0; at < 100; at += 1) operations.listeners.forEach((listener) => listener(long));
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
  });
  await eventually(() => {
    operations.listeners.forEach((listener) => listener(outcome()));
    return text.includes('"dropped"');
  }, 'it is told');
  const count = Number(/"type":"dropped","count":(\d+)/.exec(text)?.[1]);
  assert.ok(count > 0 && count < 1000, `${count}`);
});

test('attach: a token in a header, then newline-delimited JSON both ways, with answers after half-close', async (t) => {
  const { path, ingress, surface } = await running(t);
  const attached = await controlOf(path).attach(ALICE);
  assert.ok(attached.ok);
  let text = '';
  attached.value.setEncoding('utf8');
  attached.value.on('data', (chunk: string) => {
    text += chunk;
  });
  const closed = new Promise((resolve) => attached.value.once('close', resolve));
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: { ms: 30 }, _meta: envelope() } };
  assert.equal(surface.stats().attached, 1);
  attached.value.end(`${JSON.stringify(call)}\n`);
  await closed;
  assert.match(text, /"id":1,"result"/);
  assert.equal(ingress.seen[0]?.origin.surface, 'socket');
  assert.equal(surface.stats().attached, 0);
});

test('attach without a good token is refused before the switch and recorded; another upgrade is refused', async (t) => {
  const { path, ingress } = await running(t);
  const refused = await controlOf(path).attach('rubbish');
  assert.equal(refused.ok, false);
  assert.deepEqual(ingress.refused.map(({ surface, reason }) => [surface, reason.code]), [['socket', 'unauthenticated']]);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request({ socketPath: path, path: '/attach', headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    sent.on('response', (response) => resolve(response.statusCode));
    sent.on('error', reject);
    sent.end();
  });
  assert.equal(status, 400);
});

test('closing waits for the answers of attached agents', async (t) => {
  const { path, surface, ingress } = await running(t);
  const attached = await controlOf(path).attach(ALICE);
  assert.ok(attached.ok);
  let text = '';
  attached.value.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  attached.value.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: { ms: 80 }, _meta: envelope() } })}\n`);
  await eventually(() => ingress.seen.length === 1, 'the call began');
  await surface.close(2000);
  await eventually(() => text.includes('"id":1'), 'the answer came');
});
