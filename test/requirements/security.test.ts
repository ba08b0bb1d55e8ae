// What is asked for the sake of security, where no other test shows it through the whole gateway: tokens of every wrong kind, what a decision
// leaves on record, and what stands at the root for clients that look for an authorization server there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { hmacToken, type Row } from '../support/e2e/gateway.ts';
import { endOf, MAIN, ROOT, start, until } from '../support/e2e/processes.ts';
import { initialize, modern } from '../surfaces/speak.ts';
import { ask } from '../surfaces/wire.ts';
import { requirementsWorld, type RequirementsWorld } from './world.ts';
import { verifies } from './verifies.ts';

let world: RequirementsWorld;
before(async () => { world = await requirementsWorld(); });
after(async () => world[Symbol.asyncDispose]());

const CALL = { method: 'tools/call', params: { name: 'inner__do', arguments: {} } };
const now = (): number => Math.floor(Date.now() / 1000);

/** The same claims, with other words in the header and no signature, or with the good one. */
function reheaded(token: string, header: object, keepSignature: boolean): string {
  const [, claims = '', signature = ''] = token.split('.');
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.${keepSignature ? signature : ''}`;
}

function wrongTokens(secret: string): Readonly<Record<string, string>> {
  const who = { sub: 'alice', role: 'all' };
  const good = hmacToken(secret, who);
  return {
    'another audience': hmacToken(secret, { ...who, aud: 'other-api' }),
    'several audiences, none of them ours': hmacToken(secret, { ...who, aud: ['a', 'b'] }),
    'no audience': hmacToken(secret, { ...who, aud: undefined }),
    'another issuer': hmacToken(secret, { ...who, iss: 'https://evil.example' }),
    'expired': hmacToken(secret, { ...who, exp: now() - 3_600 }),
    'no end': hmacToken(secret, { ...who, exp: undefined }),
    'not yet good': hmacToken(secret, { ...who, nbf: now() + 3_600 }),
    'another secret': hmacToken(`${secret}x`, who),
    'alg none': reheaded(good, { alg: 'none', typ: 'JWT' }, false),
    'alg none with a signature': reheaded(good, { alg: 'none', typ: 'JWT' }, true),
    'another algorithm': reheaded(good, { alg: 'HS512', typ: 'JWT' }, true),
    'an ID token': hmacToken(secret, { ...who, nonce: 'n', at_hash: 'x' }),
  };
}

verifies('a token for another audience, of another issuer, out of its time, unsigned or of another type is 401 in each era, ends stdio, and reaches no backend [SEC1, SEC2, R5]', async () => {
  const { gateway, port, inner } = world;
  const before = inner.posted.length;
  for (const [what, token] of Object.entries(wrongTokens(gateway.secret))) {
    const headers = { Authorization: `Bearer ${token}` };
    for (const reply of [await ask(modern(port, { ...CALL, headers })), await initialize(port, '2025-11-25', headers)]) {
      assert.equal(reply.status, 401, what);
      assert.match(String(reply.headers['www-authenticate']), /error="invalid_token"/, what);
    }
  }
  const { 'another audience': foreign = '' } = wrongTokens(gateway.secret);
  const agent = start([process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config], { env: { ...gateway.env, SENTINEL_TOKEN: foreign }, cwd: gateway.folder });
  const said = await endOf(agent, 'sentinel stdio');
  assert.deepEqual([said.code, said.stdout], [20, '']);
  assert.equal(inner.posted.length, before, 'no backend heard of it');
  assert.equal((await ask(modern(port, { ...CALL, headers: { Authorization: `Bearer ${hmacToken(gateway.secret, { sub: 'alice', role: 'all' })}` } }))).status, 200, 'the control: a good one');
});

verifies('each decision is on record with who, what, by which name, why and how long, joined to its trace, and without a secret [SEC52]', async () => {
  const { gateway, http } = world;
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const secret = 'hunter2-canary-hunter2';
  await http('tools/call', { meta: { traceparent: `00-${trace}-b7ad6b7169203331-01` }, params: { name: 'inner__do', arguments: { password: secret, path: '/a' } } });
  await http('tools/call', { role: 'plain', params: { name: 'inner__do', arguments: { password: secret } } });
  const rows = await until(async () => {
    const found = await gateway.jsonLines(['audit', 'query', '--subject', 'alice', '--limit', '200']);
    const outcome = found.find((row) => row['kind'] === 'outcome' && row['trace_id'] === trace);
    const denied = found.find((row) => row['decision'] === 'deny' && row['exposed'] === 'inner__do');
    return outcome === undefined || denied === undefined ? undefined : { outcome, denied, all: found };
  }, 'both are on record');
  const of = (row: Row, names: readonly string[]): readonly unknown[] => names.map((name) => row[name]);
  const WHAT = ['subject', 'method', 'backend', 'object_type', 'object_name', 'exposed', 'decision', 'status'];
  assert.deepEqual(of(rows.outcome, WHAT), ['alice', 'tools/call', 'inner', 'tool', 'do', 'inner__do', 'allow', 'success']);
  for (const name of ['call_id', 'issuer', 'roles', 'client', 'rule', 'trail', 'revision']) assert.ok(rows.outcome[name] !== null && rows.outcome[name] !== undefined, name);
  const shown = JSON.stringify(await gateway.json(['audit', 'show', String(rows.outcome['call_id'])]));
  assert.match(shown, /"args_hmac":"[^"]{20,}"/);
  assert.ok(Object.entries(rows.outcome).some(([name, value]) => name.endsWith('_us') && typeof value === 'number'), 'how long it took');
  assert.deepEqual(of(rows.denied, ['subject', 'exposed', 'decision']), ['alice', 'inner__do', 'deny']);
  assert.equal(typeof rows.denied['reason'], 'string');
  assert.doesNotMatch(shown + JSON.stringify(rows.all), new RegExp(secret));
});

verifies('who looks for an authorization server at our root, as in 2025-03-26, hears that there is none, and the page on identity says so [R20]', async () => {
  for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/authorize', '/token', '/register']) {
    for (const method of ['GET', 'POST']) {
      const reply = await ask({ port: world.port, method, path, headers: { Authorization: undefined }, ...(method === 'POST' ? { body: '{}' } : {}) });
      assert.equal(reply.status, 404, `${method} ${path}`);
      assert.doesNotMatch(reply.text, /issuer|_endpoint/);
    }
  }
  assert.match(readFileSync(join(ROOT, 'docs/identity.md'), 'utf8'), /is no authorization server/);
});
