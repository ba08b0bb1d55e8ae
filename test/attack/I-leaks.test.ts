// Agents that leave at the worst moment, crowd one connection, or read nothing: what they held is free again, and bounds hold in a race.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ok } from '../../src/core/result.ts';
import { Gather } from '../../src/core/gather.ts';
import { agentLimits, readEnvelope } from '../../src/surfaces/mcp/envelope.ts';
import { startHttp } from '../../src/surfaces/mcp/http.ts';
import { ALICE, answerTools, BOB, fakeIngress, principalOf } from '../surfaces/fake-ingress.ts';
import { testSettings } from '../surfaces/settings.ts';
import { initialize, listener, modern, MODERN, session } from '../surfaces/speak.ts';
import { ask, eventually, openStream, sendRaw } from '../surfaces/wire.ts';

function dial(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  return socket;
}

function raw(method: string, headers: Readonly<Record<string, string>>, body = ''): string {
  const all = { Host: 'localhost', Authorization: `Bearer ${ALICE}`, Accept: 'application/json, text/event-stream', ...(method === 'POST' ? { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) } : {}), ...headers };
  return `${method} /mcp HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

function rawCall(port: number, tool: string, args: object = {}, method = 'tools/call'): string {
  const asking = modern(port, { method, params: { name: tool, arguments: args } });
  return raw('POST', { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method, ...(method === 'tools/call' ? { 'Mcp-Name': tool } : {}) }, String(asking.body));
}

test('I20 streams asked for behind an unfinished answer on one connection are gone with the connection', async (t) => {
  const { port, surface, ingress } = await listener(t, { settings: testSettings({ bounds: { streamsPerPrincipal: 3 } }) });
  const talk = await session(port);
  const socket = dial(port);
  const get = raw('GET', { 'Mcp-Session-Id': talk.id, 'MCP-Protocol-Version': talk.version });
  socket.write(rawCall(port, 'hang') + get + get + rawCall(port, 'hang') + rawCall(port, '', {}, 'subscriptions/listen'));
  await eventually(() => ingress.seen.some((one) => one.method === 'tools/call'), 'the first call began');
  await delay(50);
  socket.destroy();
  await eventually(() => surface.stats().connections === 0, 'the connection is gone');
  await eventually(() => surface.stats().subscriptions === 0 && surface.stats().exchanges === 0, `nothing of it is left: ${JSON.stringify(surface.stats())}`);
  const again = dial(port);
  const status = new Promise<string>((resolve) => again.once('data', (bytes) => resolve(String(bytes))));
  again.write(get);
  assert.match(await status, /^HTTP\/1\.1 200 /);
  again.destroy();
});

test('an agent that leaves while its token is being checked holds no stream and starts no call', async (t) => {
  const ingress = fakeIngress({ settings: testSettings({ bounds: { streamsPerPrincipal: 2 } }) });
  const late = { ...ingress, authenticator: { ...ingress.authenticator, authenticate: async (token: string | undefined) => {
    if (token !== 'slow') return ingress.authenticator.authenticate(token);
    await delay(50);
    return ok(principalOf('slow', 'alice'));
  } } };
  const started = await startHttp(late, ingress.runtime.current().settings);
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  const { port } = started.value.address;
  const talk = await session(port);
  for (let n = 0; n < 4; n += 1) {
    const socket = dial(port);
    socket.write(raw('GET', { 'Mcp-Session-Id': talk.id, 'MCP-Protocol-Version': talk.version, 'Authorization': 'Bearer slow' }));
    await delay(10);
    socket.destroy();
  }
  await delay(120);
  assert.equal(started.value.stats().subscriptions, 0);
});

test('the bounds on sessions hold when many are opened at once', async (t) => {
  const { port, surface } = await listener(t, {
    settings: testSettings({ bounds: { sessionsPerPrincipal: 5, sessions: 100 } }),
    handle: async (inbound, io) => {
      await delay(30);
      return answerTools(inbound, io);
    },
  });
  await Promise.all(Array.from({ length: 30 }, () => initialize(port, '2025-11-25')));
  assert.ok(surface.stats().sessions <= 5, `${surface.stats().sessions} sessions`);
});

test('the total bound on sessions holds in a race too', async (t) => {
  const { port, surface } = await listener(t, {
    settings: testSettings({ bounds: { sessionsPerPrincipal: 50, sessions: 5 } }),
    handle: async (inbound, io) => {
      await delay(30);
      return answerTools(inbound, io);
    },
  });
  const replies = await Promise.all(Array.from({ length: 30 }, () => initialize(port, '2025-11-25')));
  assert.ok(surface.stats().sessions <= 5, `${surface.stats().sessions} sessions`);
  assert.ok(replies.some((reply) => reply.status === 503 && reply.headers['mcp-session-id'] === undefined));
});

test('I11 a message in one-byte pieces costs about its size, not hundreds of times it', () => {
  const gather = new Gather();
  const slab = Buffer.from('0123456789');
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 1_000_000; at += 1) gather.push(slab.subarray(at % 10, (at % 10) + 1));
  const grown = (process.memoryUsage().heapUsed - before) / 1_048_576;
  // A list of its pieces takes more than 90 MB of heap; garbage of the loop itself is well below this.
  assert.ok(grown < 60, `${Math.round(grown)} MB of heap for 1 MB`);
  assert.equal(Buffer.from(gather.take()).toString(), '0123456789'.repeat(100_000));
  assert.equal(gather.length, 0);
});

test('A24 a body in one-byte chunks arrives whole', async (t) => {
  const { port, ingress } = await listener(t);
  const { body } = modern(port, { method: 'tools/call', params: { name: 'echo', arguments: { text: 'ü'.repeat(2000) } } });
  const chunks = [...Buffer.from(String(body))].map((byte) => Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
  const head = raw('POST', { 'Transfer-Encoding': 'chunked', 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }).replace('Content-Length: 0\r\n', '');
  const reply = await sendRaw(port, Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]));
  assert.equal(reply.status, 200, reply.text.slice(0, 200));
  assert.equal(ingress.seen.length, 1);
});

test('I15 an answer that nobody reads does not hold its connection and its memory for ever', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { keepAliveMs: 100, headersMs: 200, requestMs: 200 } }) });
  const socket = dial(port);
  socket.pause();
  socket.write(rawCall(port, 'big', { bytes: 20_000_000 }));
  await eventually(() => surface.stats().connections === 1, 'connected');
  const until = performance.now() + 10_000;
  while (surface.stats().connections > 0 && performance.now() < until) await delay(20);
  assert.equal(surface.stats().connections, 0);
  socket.destroy();
});

test('a flood of sessions that do not exist is not a flood of records', async (t) => {
  const { port, ingress } = await listener(t);
  const asking = { port, headers: { 'Mcp-Session-Id': 'nobody', 'MCP-Protocol-Version': '2025-11-25' }, body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' };
  for (let n = 0; n < 100; n += 1) assert.equal((await ask(asking)).status, 404);
  assert.ok(ingress.refused.length < 40, `${ingress.refused.length} records`);
});

test('I01 a connection that says nothing at all is closed', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { headersMs: 200, requestMs: 300 } }) });
  const sockets = [dial(port), dial(port)];
  await eventually(() => surface.stats().connections === 2, 'both are connected');
  await eventually(() => surface.stats().connections === 0, 'both are closed');
  for (const socket of sockets) socket.destroy();
});

test('each bound that is run into is counted under its name', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { bodyBytes: 2000, headersMs: 100, requestMs: 100, sessionsPerPrincipal: 1, streamsPerPrincipal: 1, headerBytes: 8000, streamBufferBytes: 1000 } }) });
  const call = { method: 'tools/call', params: { name: 'echo', arguments: { text: 'x'.repeat(3000) } } };
  assert.equal((await ask(modern(port, call))).status, 413);
  assert.equal((await ask({ ...modern(port, { method: 'tools/list' }), lines: Array.from({ length: 120 }, (_, n) => [`X-${n}`, '1']).flat() })).status, 431);
  assert.equal((await sendRaw(port, `GET /mcp HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).status, 431);
  assert.equal((await sendRaw(port, 'nonsense\r\n\r\n')).status, 400);
  assert.equal((await sendRaw(port, 'POST /mcp HTTP/1.1\r\nHost: localhost\r\n')).status, 408);
  const talk = await session(port);
  const stream = await openStream({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' });
  assert.equal((await ask({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' })).status, 429);
  assert.equal((await initialize(port, '2025-11-25')).status, 429);
  for (let n = 0; n < 40; n += 1) await ask({ ...modern(port, { method: 'tools/list' }), headers: { Authorization: 'Bearer guess' } });
  stream.cut();
  const { hits, malformed, unrecorded } = surface.stats();
  assert.deepEqual({ ...hits, guesses: hits.guesses > 0 }, { connections: 0, headers: 2, time: 1, body: 1, guesses: true, sessions: 1, streams: 1, reader: 0, resume: 0 });
  assert.deepEqual([malformed, unrecorded > 0], [1, true]);
});

test('bodies that are still arriving are bounded together: one principal fills its quarter and no more', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { bodyBytes: 1000 } }) });
  const open = (): Socket => {
    const socket = dial(port);
    socket.write(raw('POST', { 'Content-Length': '1000' }) + 'x'.repeat(990));
    return socket;
  };
  const sockets = Array.from({ length: 16 }, open);
  await eventually(() => surface.stats().connections === 16, 'all are connected');
  await delay(50);
  assert.equal(surface.stats().hits.body, 0);
  const answer = new Promise<string>((resolve) => {
    const socket = open();
    sockets.push(socket);
    socket.once('data', (bytes) => resolve(String(bytes)));
  });
  assert.match(await answer, /^HTTP\/1\.1 503 [^]*Retry-After: 1/);
  assert.equal((await ask(modern(port, { method: 'tools/call', params: { name: 'echo' }, headers: { Authorization: `Bearer ${BOB}` } }))).status, 200);
  for (const socket of sockets) socket.destroy();
  await eventually(() => surface.stats().connections <= 1, 'gone');
  const again = open();
  await delay(50);
  assert.equal(surface.stats().hits.body, 1);
  again.destroy();
});

test('A26 a batch of a million items is not taken apart before it is refused', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { bodyBytes: 4_000_000 } }) });
  const many = `[${'1,'.repeat(1_000_000)}1]`;
  const read = readEnvelope(many, agentLimits(testSettings({ bounds: { items: 2_000_000 } }).bounds));
  assert.ok(read.kind === 'batch' && read.items.length <= 65);
  const talk = await session(port, '2025-03-26');
  assert.equal((await ask({ ...talk.with({}), body: many })).status, 400);
});

test('J11 strangers with an address for each request write no record for each', async (t) => {
  const { port, ingress, surface } = await listener(t, { settings: testSettings({ gateway: { trustedProxies: ['127.0.0.0/8'] } }) });
  const from = (at: number): Promise<unknown> => ask({ port, headers: { 'Authorization': 'Bearer guess', 'X-Forwarded-For': `2001:db8:${at.toString(16)}::1` }, body: '{}' });
  for (let at = 0; at < 1500; at += 50) await Promise.all(Array.from({ length: 50 }, (_, n) => from(at + n)));
  assert.ok(ingress.refused.length < 1300, `${ingress.refused.length} records`);
  assert.ok(surface.stats().unrecorded > 0);
});

test('credentials that wait for their keys are bounded, however many requests one connection sends ahead', async (t) => {
  const ingress = fakeIngress();
  const waiting: (() => void)[] = [];
  const slow = { ...ingress, authenticator: { ...ingress.authenticator, authenticate: async (token: string | undefined) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    // Not a wrong one, which would count against this peer.
    return ingress.authenticator.authenticate(token === 'unknown' ? undefined : token);
  } } };
  const started = await startHttp(slow, ingress.runtime.current().settings);
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  const socket = dial(started.value.address.port);
  const one = raw('POST', { Authorization: 'Bearer unknown' }, '{}');
  for (let n = 0; n < 20; n += 1) socket.write(one.repeat(100));
  await eventually(() => started.value.stats().hits.guesses > 0, 'one beyond the bound was refused at once');
  await delay(100);
  assert.equal(waiting.length, 512);
  socket.destroy();
  for (const go of waiting.splice(0)) go();
  const freed = ask(modern(started.value.address.port, { method: 'tools/list' }));
  await eventually(() => waiting.length === 1, 'there is room again');
  for (const go of waiting.splice(0)) go();
  assert.equal((await freed).status, 200);
});
