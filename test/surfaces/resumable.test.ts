import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { roleName } from '../../src/core/ids.ts';
import { rightsOf } from '../../src/surfaces/mcp/rights.ts';
import { Feed } from '../../src/surfaces/mcp/feed.ts';
import { KeptStreams } from '../../src/surfaces/mcp/kept-streams.ts';
import { FakeTime } from '../backends/time.ts';
import { json } from '../backends/support.ts';
import { fakeIngress } from './fake-ingress.ts';
import { principal } from '../support/world.ts';
import { broken, lastId, readPart, resumed, resuming } from './resume-client.ts';
import { listener, session } from './speak.ts';
import { openStream } from './wire.ts';

test('a stream that is read is not forgotten, however long ago it was lost before', async (t) => {
  const time = new FakeTime();
  const kept = new KeptStreams({ tag: 't', most: () => 1 << 20, shared: { take: () => true, give: () => {} }, dropped: () => {} });
  const stream = kept.open({ now: () => time.clock.mono(), rights: '', behind: () => {} });
  assert.ok(stream);
  const server = createServer((_, response) => stream.join({ response, after: 0, since: time.clock.mono(), bufferBytes: 1 << 20, headers: [], retryMs: 20 }));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const closed = new EventEmitter();
  server.on('request', (_, response) => response.once('close', () => closed.emit('close')));
  for (const ms of [0, 119_000]) {
    time.pass(ms);
    const reader = await openStream({ port: address.port, method: 'GET', path: '/' });
    kept.expire(time.clock.mono(), 120_000);
    time.pass(2_000);
    kept.expire(time.clock.mono(), 120_000);
    const gone = new Promise((resolve) => closed.once('close', resolve));
    reader.cut();
    await gone;
  }
  stream.send(json({ answer: 1 }));
  stream.end();
  assert.ok(kept.find({ stream: 1, after: 0 }), 'its reader has just gone');
});

const KILL = { scope: { kind: 'all' }, pattern: undefined, origin: 'operator', until: undefined } as const;

test('what was answered is not told again after a kill, and is forgotten; after a change that decides nothing it is', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const first = lastId((await broken(talk, { steps: 20 }, 200, 'one')).events);
  ingress.change({ bounds: { streamMs: 20_000 } });
  assert.match((await readPart(resuming(talk, first))).events.at(-1)?.data ?? '', /progressed/);
  ingress.change({ policy: { kills: [KILL] } });
  const refused = await resumed(talk, first);
  assert.equal(refused.status, 400);
  assert.doesNotMatch(refused.text, /progressed/);
  ingress.change({ policy: { kills: [] } });
  assert.equal((await resumed(talk, first)).status, 400, 'it is gone for good');
});

test('nor with a token of fewer roles or scopes, nor after a rule of its roles has changed', () => {
  const ingress = fakeIngress();
  const { current } = ingress.runtime;
  const who = principal({ roles: [roleName('developer')], scopes: ['read', 'write'] });
  const before = rightsOf(who, current());
  assert.equal(rightsOf({ ...who, credential: 'refreshed', tokenId: 'other' }, current()), before);
  for (const less of [{ ...who, roles: [] }, { ...who, scopes: ['read'] }]) assert.notEqual(rightsOf(less, current()), before);
  ingress.change({ policy: { roles: new Map([[roleName('developer'), { name: roleName('developer'), mode: 'enforce', allow: [], deny: [] }]]) } });
  assert.notEqual(rightsOf(who, current()), before);
});

test('a feed that nobody reads takes no room from answers, and no notice of any size', () => {
  let held = 0;
  const kept = new KeptStreams({ tag: 't', most: () => 1 << 20, shared: { take: (bytes) => (held += bytes) > 0, give: (bytes) => void (held -= bytes) }, dropped: () => {} });
  const feed = new Feed(kept.feedLog(), []);
  const streams = Array.from({ length: 4 }, () => kept.open({ now: () => new FakeTime().clock.mono(), rights: '', behind: () => {} }));
  for (const stream of streams) {
    // Written whole, and in doubt: what is given up first.
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    stream?.join({ response, after: 0, since: new FakeTime().clock.mono(), bufferBytes: 1 << 20, headers: [], retryMs: 20 });
    stream?.send(json('x'.repeat(200_000)));
    stream?.end();
  }
  for (let n = 0; n < 1000; n += 1) feed.tell(json({ n, pad: 'x'.repeat(10_000) }));
  assert.deepEqual([1, 2, 3, 4].map((stream) => kept.find({ stream, after: 0 }) !== undefined), [true, true, true, true]);
  const before = kept.bytes;
  assert.ok(before <= 800_000 + 4 * 2048 + (1 << 16), String(before));
  feed.tell(json('x'.repeat(20_000)));
  assert.deepEqual([kept.bytes, feed.has(1001)], [before, false]);
  feed.end();
  kept.end();
  assert.deepEqual([kept.bytes, held], [0, 0]);
});
