// The listener as a thing in time: binding, reloading, draining, closing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHttp } from '../../src/surfaces/mcp/http.ts';
import { fakeIngress } from './fake-ingress.ts';
import { listener, modern, session, textOf } from './speak.ts';
import { testSettings } from './settings.ts';
import { ask, eventually, openStream } from './wire.ts';

const wait = (ms: number, id = 1): Parameters<typeof modern>[1] => ({ method: 'tools/call', params: { name: 'wait', arguments: { ms } }, id });

test('a port that is taken, and an address that is not ours, are faults the caller sees', async (t) => {
  const { port } = await listener(t);
  const taken = await startHttp(fakeIngress(), testSettings({ gateway: { listen: { host: '127.0.0.1', port } } }));
  assert.equal(taken.ok ? 'bound' : taken.error.code, 'address_in_use');
  const foreign = await startHttp(fakeIngress(), testSettings({ gateway: { listen: { host: '192.0.2.1', port: 0 } } }));
  assert.equal(foreign.ok ? 'bound' : foreign.error.code, 'address_unavailable');
});

test('settings are read anew for each request', async (t) => {
  const { port, ingress } = await listener(t);
  const evil = { Origin: 'https://new.example' };
  assert.equal((await ask(modern(port, { ...wait(0), headers: evil }))).status, 403);
  ingress.change({ gateway: { allowedOrigins: ['https://new.example'] }, bounds: { bodyBytes: 10 } });
  assert.equal((await ask(modern(port, { ...wait(0), headers: evil }))).status, 413);
  ingress.change({ bounds: { bodyBytes: 100_000 } });
  assert.equal((await ask(modern(port, { ...wait(0), headers: evil }))).status, 200);
});

test('close answers what is in flight, ends streams, and refuses what comes', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const get = await openStream({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' });
  const listen = await openStream(modern(port, { method: 'subscriptions/listen', params: { notifications: {} }, id: 'L' }));
  await listen.until('acknowledged');
  const flying = ask(modern(port, wait(150, 9)));
  await eventually(() => ingress.seen.at(-1)?.id === '9', 'the call began');
  const closed = surface.close(2000);
  await Promise.all([get.ended, listen.ended]);
  assert.match(JSON.stringify(listen.events().at(-1)), /"id":"L","result"/);
  await assert.rejects(ask(modern(port, wait(0))), { code: 'ECONNREFUSED' });
  assert.match(textOf((await flying).text), /150/);
  await closed;
  assert.deepEqual(ingress.cancelled, ['shutdown']);
  // The last socket's own end may be told a turn after the server's.
  await eventually(() => surface.stats().connections === 0, 'no connection is left');
  assert.equal(surface.stats().sessions, 0);
  assert.equal(ingress.watchers.size, 0);
});

test('when the grace is over the rest is cancelled, answered where it can be, and cut', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const polite = ask(modern(port, wait(60_000, 1)));
  const stubborn = assert.rejects(ask(modern(port, { method: 'tools/call', params: { name: 'hang' }, id: 2, headers: {} })).then(({ status }) => {
    if (status === 202) throw new Error('ended without an answer');
  }));
  await eventually(() => ingress.seen.length === 2, 'both began');
  await surface.close(30);
  assert.equal((await polite).status, 200);
  await stubborn;
  assert.deepEqual(ingress.cancelled, ['shutdown', 'shutdown']);
  assert.equal(surface.stats().exchanges, 0);
});

test('a request on a kept-alive connection during the drain is 503 and the connection is closed', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const { Agent, request } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const { headers, body } = modern(port, wait(150, 7));
  const send = (): Promise<number | undefined> => new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', agent, headers: { ...headers, 'Authorization': 'Bearer alice.token.1', 'Content-Type': 'application/json', 'Accept': '*/*' } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(body);
  });
  const [first, second] = [send(), send()];
  await eventually(() => ingress.seen.length === 1, 'the first began');
  const closed = surface.close(2000);
  assert.equal(await first, 200);
  const outcome = await second.catch((error: NodeJS.ErrnoException) => error.code);
  assert.ok(outcome === 503 || outcome === 'ECONNREFUSED' || outcome === 'ECONNRESET', String(outcome));
  assert.equal(ingress.seen.length, 1);
  await closed;
});

test('a client that leaves while its token is verified or its body read costs nothing', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const { connect } = await import('node:net');
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer late.alice.token\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 1000\r\n\r\n{');
  await eventually(() => ingress.authentications === 1, 'it is being verified');
  socket.destroy();
  await eventually(() => surface.stats().connections === 0, 'gone');
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask(modern(port, wait(0)))).status, 200);
});
