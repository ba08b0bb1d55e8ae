// OAuth scopes through the whole gateway: the challenge, the step-up, what is above what; by hand in each era, with the official clients,
// over stdio, and as an operator sees it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, InsufficientScopeError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { connect } from '../support/e2e/clients.ts';
import { hmacToken, startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { INITIALIZE, startLines } from '../support/e2e/lines.ts';
import { MAIN, ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { modern, session } from '../surfaces/speak.ts';
import { ask, type Reply } from '../surfaces/wire.ts';

const CURIOUS = [process.execPath, join(ROOT, 'test/fixtures/backends/curious.ts')];
const TOML = [
  stdioBackend('docs', CURIOUS), stdioBackend('ops', CURIOUS), stdioBackend('free', CURIOUS),
  '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.reader]', 'allow = ["docs/*"]', '',
  '[scopes]', 'baseline = ["docs:read"]', '',
  '[scopes.grants."docs:read"]', 'allow = ["docs/*"]', '',
  '[scopes.grants."ops:write"]', 'allow = ["ops/*"]', 'includes = ["docs:read"]', '',
  '[scopes.grants."ops:admin"]', 'includes = ["ops:write"]', '',
].join('\n');
const DOCS = { name: 'docs__do', arguments: { what: 'seen' } };
const OPS = { name: 'ops__do', arguments: { what: 'seen' } };
const FREE = { name: 'free__do', arguments: { what: 'seen' } };
const STREAM_FIRST = 'text/event-stream, application/json';

let gateway: Gateway;
let port = 0;
let place = '';
before(async () => {
  gateway = await startGateway({ toml: TOML });
  await gateway.when(({ backends }) => backends.every(({ state }) => state === 'ready'), 'all are ready');
  port = Number(new URL(gateway.endpoint).port);
  place = `http://localhost/.well-known/oauth-protected-resource/mcp`;
});
after(async () => gateway[Symbol.asyncDispose]());

const tokenOf = (scope: string | undefined, more: object = {}): string => hmacToken(gateway.secret, { sub: 'alice', role: 'all', ...(scope === undefined ? {} : { scope }), ...more });
const bearer = (token: string): { readonly Authorization: string } => ({ Authorization: `Bearer ${token}` });
const call = async (params: object, token: string): Promise<Reply> => ask(modern(port, { method: 'tools/call', params: { ...params }, headers: bearer(token) }));
const challengeFor = (scope: string): string => `Bearer error="insufficient_scope", scope="${scope}", resource_metadata="${place}"`;
const list = async (token: string): Promise<readonly string[]> => {
  const { result } = JSON.parse((await ask(modern(port, { method: 'tools/list', headers: bearer(token) }))).text);
  return result.tools.map(({ name }: { readonly name: string }) => name);
};

test('T144 C02 a good token without the scope of a tool is 403 with exactly the scope it needs, in each era, and lists go on [R8, SEC38, SEC50]', async () => {
  const token = tokenOf('docs:read openid');
  const now = await call(OPS, token);
  assert.deepEqual([now.status, now.headers['www-authenticate'], now.headers['content-type']], [403, challengeFor('ops:write'), 'application/json']);
  assert.equal(JSON.parse(now.text).error.data.sentinel.code, 'SEN-0313');
  const talk = await session(port, '2025-11-25', bearer(token));
  for (const Accept of ['application/json, text/event-stream', STREAM_FIRST]) {
    const then = await ask({ ...talk.request('tools/call', OPS), headers: { ...talk.request('tools/call', OPS).headers, ...bearer(token), Accept } });
    assert.deepEqual([then.status, then.headers['www-authenticate']], [403, challengeFor('ops:write')], 'decided before a stream is begun');
  }
  assert.deepEqual((await list(token)).toSorted(), ['docs__do', 'free__do', 'ops__do'], 'what needs more scope is seen');
  for (const params of [DOCS, FREE]) assert.equal((await call(params, token)).status, 200, params.name);
  assert.doesNotMatch(now.text + String(now.headers['www-authenticate']), /ops:admin|docs:read/, 'neither the whole catalogue nor what it has');
});

test('T145 a scope above another grants it, by however many steps, and not the reverse [R10, SEC39]', async () => {
  for (const scope of ['docs:read', 'ops:write', 'ops:admin']) assert.equal((await call(DOCS, tokenOf(scope))).status, 200, scope);
  for (const scope of ['ops:write', 'ops:admin', 'docs:read ops:admin']) assert.equal((await call(OPS, tokenOf(scope))).status, 200, scope);
  assert.equal((await call(OPS, tokenOf('docs:read'))).status, 403);
});

test('without a token the challenge and the document name the baseline and nothing else; with a wrong one too [R7, R11, SEC38]', async () => {
  const none = await ask(modern(port, { method: 'tools/list', headers: { Authorization: undefined } }));
  assert.deepEqual([none.status, none.headers['www-authenticate']], [401, `Bearer resource_metadata="${place}", scope="docs:read"`]);
  assert.match(String((await call(DOCS, 'rubbish')).headers['www-authenticate']), /^Bearer error="invalid_token".*scope="docs:read"$/);
  const document = JSON.parse((await ask({ port, method: 'GET', path: '/.well-known/oauth-protected-resource/mcp' })).text);
  assert.deepEqual(document.scopes_supported, ['docs:read']);
});

test('scopes come by `scope` or by `scp`, as a text or a list; what cannot be read grants nothing, and the token stays good', async () => {
  for (const claims of [{ scope: 'a ops:write b' }, { scp: ['ops:write'] }, { scp: 'a ops:write' }, { scope: ['ops:write'] }]) assert.equal((await call(OPS, tokenOf(undefined, claims))).status, 200, JSON.stringify(claims));
  for (const claims of [{}, { scope: '' }, { scope: 7 }, { scope: { 'ops:write': true } }, { scope: ['ops:write', 7] }, { scope: 'ops:write "' }, { scope: 'ops:writer' }, { scope: 'OPS:WRITE' }, { scope: '*' }, { scope: 'ops:*' },
    { scope: 'docs:read', scp: ['ops:write'] }, { scp: Array.from({ length: 101 }, (_, at) => (at === 0 ? 'ops:write' : `s${at}`)) }]) {
    assert.equal((await call(OPS, tokenOf(undefined, claims))).status, 403, JSON.stringify(claims));
    assert.equal((await call(FREE, tokenOf(undefined, claims))).status, 200, JSON.stringify(claims));
  }
});

test('a scope is no right: what the roles do not allow is unknown, with whatever scope [R13]', async () => {
  for (const scope of ['ops:admin', undefined]) {
    const reply = await call(OPS, tokenOf(scope, { role: 'reader' }));
    assert.deepEqual([reply.status, reply.headers['www-authenticate'], JSON.parse(reply.text).error.message], [200, undefined, 'Unknown tool: ops__do']);
  }
});

test('prompts, resources, completion and listening are held to it alike', async () => {
  const asked: readonly (readonly [method: string, params: Readonly<Record<string, unknown>>])[] = [
    ['prompts/get', { name: 'ops__p' }], ['resources/read', { uri: 'ops+mem://a' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'ops__p' }, argument: { name: 'a', value: 'b' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['ops+mem://a'] } }],
  ];
  for (const [method, params] of asked) {
    const reply = await ask(modern(port, { method, params, headers: bearer(tokenOf('docs:read')) }));
    assert.deepEqual([reply.status, reply.headers['www-authenticate']], [403, challengeFor('ops:write')], method);
  }
  const talk = await session(port, '2025-11-25', bearer(tokenOf('docs:read')));
  const followed = talk.request('resources/subscribe', { uri: 'ops+mem://a' });
  assert.equal((await ask({ ...followed, headers: { ...followed.headers, ...bearer(tokenOf('docs:read')) } })).status, 403);
});

test('a batch of 2025-03-26 is answered whole: one part is an error, the others were carried out', async () => {
  const token = tokenOf('docs:read');
  const talk = await session(port, '2025-03-26', bearer(token));
  const one = talk.request('tools/call', DOCS);
  const reply = await ask({ ...one, headers: { ...one.headers, ...bearer(token) }, body: JSON.stringify([DOCS, OPS].map((params, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params }))) });
  assert.equal(reply.status, 200);
  const parts: readonly { readonly id: number; readonly error?: { readonly code: number } }[] = JSON.parse(reply.text);
  assert.deepEqual(parts.map(({ id, error }) => [id, error?.code]), [[0, undefined], [1, -32600]]);
});

test('the second SDK reads the challenge as what it is, and goes on with a larger token; the first sees the 403', async () => {
  let token = tokenOf('docs:read');
  const client = new Client({ name: 'step-up', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const url = new URL(gateway.endpoint);
  await client.connect(new StreamableHTTPClientTransport(url, { onInsufficientScope: 'throw', fetch: async (input, init) => fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), Authorization: `Bearer ${token}` } }) }));
  assert.equal((await client.listTools()).tools.length, 3);
  await assert.rejects(client.callTool(OPS), (error: unknown) => {
    assert.ok(error instanceof InsufficientScopeError);
    assert.equal(error.requiredScope, 'ops:write');
    assert.equal(error.resourceMetadataUrl?.pathname, '/.well-known/oauth-protected-resource/mcp');
    return true;
  });
  token = tokenOf('docs:read ops:write');
  assert.equal((await client.callTool(OPS)).isError, undefined);
  await client.close();
  const first = await connect('v1', { via: 'http', url: gateway.endpoint, token: tokenOf('docs:read') });
  await assert.rejects(first.call(OPS.name, OPS.arguments), /insufficient_scope|SEN-0313|403/);
  const fine = await first.call(DOCS.name, DOCS.arguments);
  assert.ok(fine.kind === 'result' && !fine.isError, 'and its session goes on');
  await first.close();
});

test('over stdio a tool says in its result which scope is missing, and nothing asks for a login [SEC50, R17]', async () => {
  const agent = startLines([process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config], { env: { ...gateway.env, SENTINEL_TOKEN: tokenOf('docs:read') }, cwd: gateway.folder });
  try {
    await agent.ask(1, 'initialize', INITIALIZE);
    agent.say({ method: 'notifications/initialized' });
    const refused = await agent.ask(2, 'tools/call', OPS);
    assert.equal(refused.result?.['isError'], true);
    assert.match(JSON.stringify(refused.result), /needs: ops:write\..*"scopes":\["ops:write"\]/);
    assert.equal((await agent.ask(3, 'tools/call', DOCS)).result?.['isError'], undefined);
    assert.equal((await agent.ask(4, 'prompts/get', { name: 'ops__p' })).error?.code, -32600);
  } finally {
    agent[Symbol.dispose]();
  }
});

test('an elevation is on record: the refusal, what the token had, and the later call by which scope, under two tokens of one subject [R12]', async () => {
  const who = { sub: 'elena' };
  const small = tokenOf('docs:read', who);
  await call(OPS, small);
  await call(OPS, tokenOf('docs:read ops:admin', who));
  const rows = await until(async () => {
    const found = (await gateway.jsonLines(['audit', 'query', '--subject', 'elena', '--limit', '50'])).filter(({ kind }) => kind === 'outcome');
    return found.length === 2 ? found : undefined;
  }, 'both are on record');
  const [before, later] = ['deny', 'allow'].map((decision) => rows.find((row) => row['decision'] === decision));
  assert.deepEqual([before?.['reason'], before?.['code'], before?.['status'], before?.['rule']], ['insufficient_scope', 'insufficient_scope', 'denied', 'scope:ops:write']);
  assert.match(JSON.stringify(before), /needs scope ops:write: the token has docs:read/);
  assert.match(JSON.stringify(later), /scope ops:write: the token has docs:read ops:admin/);
  assert.notEqual(before?.['jti_hmac'], later?.['jti_hmac']);
  assert.notEqual(before?.['call_id'], later?.['call_id']);
  assert.equal(JSON.stringify(rows).includes(small), false);
});

test('explain says which scope is missing; a token of the gateway\'s own has the scopes it was issued with', async () => {
  const missing = await gateway.cli(['explain', 'ops/do', '--as', 'all', '--scope', 'docs:read']);
  assert.equal(missing.code, 21);
  assert.match(missing.stdout, /SEN-0313[\s\S]*needs scope ops:write: the token has docs:read/);
  assert.equal((await gateway.cli(['explain', 'ops/do', '--as', 'all', '--scope', 'ops:admin'])).code, 0);
  const issued = await gateway.cli(['token', 'issue', '--subject', 'bo', '--role', 'all', '--scope', 'docs:read ops:write', '--scope', 'elsewhere']);
  assert.equal(issued.code, 0);
  assert.match(issued.stderr, /no scope elsewhere/);
  assert.equal((await call(OPS, issued.stdout.trim())).status, 200);
  assert.equal((await gateway.cli(['token', 'issue', '--subject', 'bo', '--role', 'all', '--scope', 'a"b'])).code, 1);
});

test('no wildcard, omnibus or malformed name is a scope: the file is refused where it says so [SEC40]', async () => {
  for (const [name, baseline] of [['*', ''], ['docs:*', ''], ['all', ''], ['offline_access', ''], ['a b', ''], ['docs:read', '*']]) {
    gateway.write(TOML.replace('[scopes]\nbaseline = ["docs:read"]', `[scopes]\nbaseline = ["${baseline === '' ? 'docs:read' : baseline}"]`) + `\n[scopes.grants."${name === 'docs:read' ? 'more' : name}"]\nallow = ["docs/do"]\n`);
    const said = await gateway.cli(['check']);
    assert.equal(said.code, 11, said.stdout);
    assert.match(said.stdout + said.stderr, /SEN-0130/);
  }
  gateway.write(TOML);
  assert.equal((await gateway.cli(['check'])).code, 0);
});
