// The gateway as an OAuth 2.1 resource server, at the listener: R1–R9, T140–T150 as far as they exist, and B01's answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALICE, principalOf } from '../surfaces/fake-ingress.ts';
import { listener, modern, session } from '../surfaces/speak.ts';
import { testSettings } from '../surfaces/settings.ts';
import { ask, eventually, openStream } from '../surfaces/wire.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const CALL = { method: 'tools/call', params: { name: 'echo' } };
const PUBLIC = testSettings({ gateway: { publicUrl: 'https://gw.example' }, issuers: ['https://idp.example/t1'] });

test('T140 B01 no token is 401 with the place of the metadata and no error code; the body says nothing [SH3, R2, R7, SEC27]', async (t) => {
  const { port, ingress } = await listener(t, { settings: PUBLIC });
  const reply = await ask(modern(port, { ...CALL, headers: { Authorization: undefined } }));
  assert.equal(reply.status, 401);
  assert.equal(reply.headers['www-authenticate'], `Bearer resource_metadata="https://gw.example${WELL_KNOWN}/mcp"`);
  assert.deepEqual(JSON.parse(reply.text), { jsonrpc: '2.0', error: { code: -32600, message: 'Unauthorized' } });
  assert.equal(ingress.seen.length, 0);
  assert.deepEqual(ingress.refused.map(({ reason }) => reason), [{ code: 'unauthenticated', failure: 'missing' }]);
});

test('T142 a wrong token is 401 invalid_token, the same for every cause, and nothing is dispatched [R5]', async (t) => {
  const { port, ingress } = await listener(t, { settings: PUBLIC });
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  const texts = new Set<string>();
  for (const authorization of ['Bearer rubbish', `Bearer ${ALICE}`, 'Bearer a.b.c', 'Basic YTpi', `Bearer ${'x'.repeat(9000)}`]) {
    const reply = await ask(modern(port, { ...CALL, headers: { Authorization: authorization } }));
    assert.equal(reply.status, 401);
    assert.match(String(reply.headers['www-authenticate']), /^Bearer error="invalid_token".*resource_metadata=/);
    texts.add(`${reply.headers['www-authenticate']} ${reply.text}`);
  }
  assert.equal(texts.size, 1);
  assert.equal(ingress.seen.length, 0);
});

test('B02 a token beyond the header limit is refused before anybody looks at it', async (t) => {
  const { port, ingress } = await listener(t);
  assert.equal((await ask(modern(port, { ...CALL, headers: { Authorization: `Bearer ${'x'.repeat(100_000)}` } }))).status, 431);
  assert.equal(ingress.authentications, 0);
});

test('the challenge of /mcp/<backend> names the metadata of that resource', async (t) => {
  const { port } = await listener(t, { settings: PUBLIC });
  const reply = await ask(modern(port, { ...CALL, path: '/mcp/gh', headers: { Authorization: undefined } }));
  assert.match(String(reply.headers['www-authenticate']), /resource_metadata="https:\/\/gw\.example\/\.well-known\/oauth-protected-resource\/mcp\/gh"/);
  const unknown = await ask(modern(port, { ...CALL, path: '/mcp/unknown', headers: { Authorization: undefined } }));
  assert.equal(unknown.status, 401, 'strangers do not learn which backends exist');
});

test('T141 the metadata is public JSON in path form, backend form and root form; resource is the public URL of the endpoint [R1, R2, R3, R14]', async (t) => {
  const { port } = await listener(t, { settings: PUBLIC });
  const of = async (path: string): Promise<unknown> => {
    const reply = await ask({ port, method: 'GET', path, headers: { Authorization: undefined, Accept: undefined, Origin: 'https://any.example' } });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    return JSON.parse(reply.text);
  };
  const merged = { resource: 'https://gw.example/mcp', authorization_servers: ['https://idp.example/t1'], bearer_methods_supported: ['header'], resource_name: 'Sentinel MCP gateway' };
  assert.deepEqual(await of(`${WELL_KNOWN}/mcp`), merged);
  assert.deepEqual(await of(WELL_KNOWN), merged);
  assert.deepEqual(await of(`${WELL_KNOWN}/mcp/gh`), { ...merged, resource: 'https://gw.example/mcp/gh' });
});

test('T141 without a public URL the resource is the URL the client used', async (t) => {
  const { port } = await listener(t);
  const reply = await ask({ port, method: 'GET', path: WELL_KNOWN, headers: { Host: `localhost:${port}` } });
  assert.match(reply.text, new RegExp(`"resource":"http://localhost:${port}/mcp"`));
});

test('T150 the metadata offers no wildcard and no offline_access [R11]', async (t) => {
  const { port } = await listener(t, { settings: PUBLIC });
  assert.doesNotMatch((await ask({ port, method: 'GET', path: WELL_KNOWN })).text, /\*|offline_access/);
});

test('the metadata is GET only, with a preflight for browsers', async (t) => {
  const { port } = await listener(t);
  for (const method of ['POST', 'DELETE', 'PUT']) assert.equal((await ask({ port, method, path: WELL_KNOWN })).status, 405);
  const preflight = await ask({ port, method: 'OPTIONS', path: WELL_KNOWN, headers: { Origin: 'https://any.example' } });
  assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, '*']);
});

test('T143 a token in the query is 400, does not authenticate, and is not repeated anywhere [R4, R9]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const query of [`?access_token=${ALICE}`, `?token=${ALICE}`, `?${ALICE}`, '?']) {
    for (const path of ['/mcp', '/mcp/gh', WELL_KNOWN]) {
      const reply = await ask(modern(port, { ...CALL, path: path + query, headers: { Authorization: undefined } }));
      assert.equal(reply.status, 400);
      assert.equal(reply.text.includes(ALICE), false);
    }
  }
  assert.equal(ingress.authentications, 0);
  assert.equal(JSON.stringify(ingress.refused).includes(ALICE), false);
});

test('T149 B22 streams end when their token is revoked: a GET stream at once, a listen with its final result [R15]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const get = await openStream({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' });
  const listen = await openStream(modern(port, { method: 'subscriptions/listen', params: { notifications: {} }, id: 'L' }));
  await listen.until('acknowledged');
  const slow = ask(talk.request('tools/call', { name: 'wait', arguments: { ms: 600 } }, 5));
  await eventually(() => ingress.seen.at(-1)?.method === 'tools/call', 'a call in flight');
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  await Promise.all([get.ended, listen.ended]);
  assert.match(JSON.stringify(listen.events().at(-1)), /"id":"L","result"/);
  assert.deepEqual(ingress.cancelled, ['timeout']);
  assert.equal((await slow).status, 200, 'a call that was admitted is answered');
  assert.equal((await ask(modern(port, { method: 'subscriptions/listen', id: 'M' }))).status, 401);
});

test('a revocation that comes with a new snapshot ends streams without waiting for the clock', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const get = await openStream({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' });
  assert.equal(surface.stats().subscriptions, 1);
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  ingress.change({});
  await get.ended;
});

test('keys that cannot be had are 503: the token may be good', async (t) => {
  const { port, ingress } = await listener(t);
  Object.defineProperty(ingress, 'authenticator', { value: { authenticate: () => ({ ok: false, error: { code: 'keys_unavailable', detail: 'x' } }), recheck: () => undefined } });
  const reply = await ask(modern(port, CALL));
  assert.equal(reply.status, 503);
  assert.equal(reply.headers['www-authenticate'], undefined);
});

test('an authenticator that throws lets nobody in', async (t) => {
  const { port, ingress } = await listener(t);
  const broken = [(): never => { throw new Error(`secret ${ALICE}`); }, (): Promise<never> => Promise.reject(new Error(`secret ${ALICE}`))];
  for (const authenticate of broken) {
    Object.defineProperty(ingress, 'authenticator', { value: { authenticate, recheck: () => undefined }, configurable: true });
    const reply = await ask(modern(port, CALL));
    assert.ok(reply.status === 500 || reply.status === 503);
    assert.equal(reply.text.includes('secret'), false);
  }
  assert.equal(ingress.seen.length, 0);
});

test('failed authentications are limited per peer with 429 and Retry-After; a good token still passes, records stop', async (t) => {
  const { port, ingress, surface } = await listener(t);
  assert.equal((await ask(modern(port, CALL))).status, 200);
  const statuses: number[] = [];
  for (let at = 0; at < 40; at += 1) statuses.push((await ask(modern(port, { ...CALL, headers: { Authorization: `Bearer guess-${at}` } }))).status);
  assert.equal(statuses[0], 401);
  const limited = await ask(modern(port, { ...CALL, headers: { Authorization: 'Bearer guess' } }));
  assert.equal(limited.status, 429);
  assert.ok(Number(limited.headers['retry-after']) >= 1);
  const asked = ingress.authentications;
  assert.equal((await ask(modern(port, { ...CALL, headers: { Authorization: 'Bearer guess' } }))).status, 429);
  assert.equal(ingress.authentications, asked, 'nothing is verified for a peer over its limit');
  assert.equal((await ask(modern(port, CALL))).status, 200);
  assert.ok(ingress.refused.length < 40);
  assert.ok(surface.stats().unrecorded > 0);
});
