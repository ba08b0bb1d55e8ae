// What passes between a backend and an agent, and what never does: references are not followed, credentials are not handed on in either direction.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, prepare, type Gateway } from '../support/e2e/gateway.ts';
import { INITIALIZE, modern as modernParams, startLines } from '../support/e2e/lines.ts';
import { MAIN, ROOT } from '../support/e2e/processes.ts';
import { startRecorder, type Recorder } from '../support/e2e/recorder.ts';
import { httpBackend, startEverything, stdioBackend } from '../support/e2e/servers.ts';
import { modern, session } from '../surfaces/speak.ts';
import { ask, type Reply } from '../surfaces/wire.ts';

const bin = new AsyncDisposableStack();
const OF_BACKEND = randomBytes(24).toString('hex');
let gateway: Gateway;
let recorder: Recorder;
let port = 0;
let record = '';
let token = '';

before(async () => {
  const setup = await prepare({ toml: '', env: { WEB_BEARER: OF_BACKEND } });
  record = join(setup.folder, 'alpha.stdin');
  const web = bin.use(await startEverything(join(setup.folder, 'web')));
  recorder = bin.use(await startRecorder(web.url));
  setup.write([
    stdioBackend('alpha', [process.execPath, join(ROOT, 'test/fixtures/backends/spy.ts'), `--record=${record}`]),
    httpBackend('web', recorder.url, ['bearer = { env = "WEB_BEARER" }', 'circuit_breaker_threshold = 0']),
    '[rbac.roles.developer]', 'permissions = ["*"]', '',
  ].join('\n'));
  gateway = bin.use(await launch(setup));
  port = Number(new URL(gateway.endpoint).port);
  token = await gateway.token('alice', 'developer');
});
after(() => bin.disposeAsync());

const headers = (): { readonly Authorization: string } => ({ Authorization: `Bearer ${token}` });
const errorCode = (text: string): unknown => JSON.parse(text).error?.code;

/** The same call in both eras. */
async function call(name: string, args: object): Promise<readonly Reply[]> {
  const own = await session(port, '2025-11-25', headers());
  return [await ask(modern(port, { method: 'tools/call', params: { name, arguments: args }, headers: headers() })), await ask(own.request('tools/call', { name, arguments: args }))];
}

/** As a leak would carry it: as it stands, in another coding, or backwards. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64').replaceAll('=', ''), bytes.toString('base64url'), bytes.toString('hex'), encodeURIComponent(secret), [...secret].toReversed().join('')];
}

function holdsNone(where: string, text: string, secrets: readonly string[]): void {
  assert.ok(text.length > 0, `${where} was looked into`);
  for (const form of secrets.flatMap(formsOf)) assert.ok(!text.includes(form), `${where} holds ${form}`);
}

test('C09 references of one backend to another lead back to who wrote them, nobody follows them, and reading one is no way to the other [C18]', async () => {
  const uri = 'demo://resource/static/document/architecture.md';
  const at = new URL(recorder.url);
  const content = [
    { type: 'resource_link', uri, name: 'of the other backend' },
    { type: 'resource_link', uri: `${at.origin}/resource`, name: 'its address', icons: [{ src: `${at.origin}/icon.png` }] },
    { type: 'resource', resource: { uri: `${at.origin}/embedded`, mimeType: 'text/plain', text: `see ${recorder.url}` } },
    { type: 'text', text: `${recorder.url} file:///etc/passwd` },
  ];
  const result = { content, structuredContent: { next: recorder.url, $ref: `${at.origin}/schema.json` } };
  // As agents of the merged endpoint name what alpha speaks of; an icon that a host would fetch without TLS is taken away (SEC46).
  const relayed = [
    { ...content[0], uri: `alpha+${uri}` }, { ...content[1], uri: `alpha+${at.origin}/resource`, icons: [] },
    { type: 'resource', resource: { uri: `alpha+${at.origin}/embedded`, mimeType: 'text/plain', text: `see ${recorder.url}` } }, content[3],
  ];
  const before = recorder.text();
  assert.match(before, /tools\/list/, 'the other backend is there, and its requests are seen');
  for (const reply of await call('alpha__say', { result })) {
    assert.equal(reply.status, 200);
    assert.deepEqual(JSON.parse(reply.text).result.content, relayed);
    assert.ok(reply.text.includes(JSON.stringify(result.structuredContent)), reply.text);
  }
  const own = await session(port, '2025-11-25', headers());
  for (const named of [uri, `alpha+${uri}`, `alpha+${at.origin}/resource`]) {
    for (const [method, params, legacy] of [['resources/read', { uri: named }, -32002], ['completion/complete', { ref: { type: 'ref/resource', uri: named }, argument: { name: 'a', value: 'b' } }, -32602]] as const) {
      const mirrored = method === 'resources/read' ? { 'Mcp-Name': named } : {};
      assert.equal(errorCode((await ask(modern(port, { method, params, headers: { ...headers(), ...mirrored } }))).text), -32602, method);
      assert.equal(errorCode((await ask(own.request(method, params))).text), legacy, method);
    }
    assert.equal(errorCode((await ask(own.request('resources/subscribe', { uri: named }))).text), -32002);
  }
  assert.equal(recorder.text(), before, 'not one request to the other backend');
});

describe('credentials', () => {
  test('C13 whatever the way in and the way out, nothing of the agent\'s token is in what a backend is sent [R6, SEC3]', async () => {
    const web = { message: 'over http' };
    const say = { result: { content: [] } };
    const [seenBefore, recordedBefore] = [recorder.text().length, readFileSync(record, 'utf8').length];
    for (const reply of [...await call('alpha__say', say), ...await call('web__echo', web)]) assert.equal(reply.status, 200, reply.text);
    for (const way of ['--attach', '--alone']) {
      using agent = startLines([process.execPath, MAIN, 'stdio', way, '--config', gateway.config], { env: { ...gateway.env, SENTINEL_TOKEN: token }, cwd: gateway.folder });
      await agent.ask('i', 'initialize', INITIALIZE);
      agent.say({ method: 'notifications/initialized' });
      for (const [id, name, args] of [['a', 'alpha__say', say], ['w', 'web__echo', web]] as const) {
        const legacy = await agent.ask(`l${id}`, 'tools/call', { name, arguments: args });
        const modernAnswer = await agent.ask(`m${id}`, 'tools/call', modernParams({ name, arguments: args }));
        assert.ok(legacy.result !== undefined && modernAnswer.result !== undefined, JSON.stringify([way, legacy, modernAnswer]));
      }
    }
    const parts = [token, ...token.split('.')];
    const sent = recorder.text();
    assert.ok(sent.slice(seenBefore).split('over http').length >= 7, 'six calls reached the HTTP backend');
    assert.ok(readFileSync(record, 'utf8').slice(recordedBefore).split('"tools/call"').length >= 7, 'six calls reached the stdio backend');
    holdsNone('requests to the HTTP backend', sent, parts);
    holdsNone('stdin of the stdio backend', readFileSync(record, 'utf8'), parts);
    assert.ok(sent.includes(OF_BACKEND), 'the credential of the backend itself does travel');
    holdsNone('stdin of the other backend', readFileSync(record, 'utf8'), [OF_BACKEND]);
  });

  test('C14 a backend that refuses the gateway\'s credential says so to the operator: no challenge, no status and no word of it reaches the agent [R19]', async () => {
    for (const status of [401, 403]) {
      const challenge = `Bearer realm="canary-realm", error="invalid_token", resource_metadata="https://evil.example/${OF_BACKEND}"`;
      recorder.refuseWith({ status, headers: { 'www-authenticate': challenge, 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32001, message: `canary-body ${OF_BACKEND}` } }) });
      for (const reply of await call('web__echo', { message: 'refused' })) {
        assert.equal(reply.status, 200, 'the agent\'s own credential is good');
        assert.deepEqual(Object.keys(reply.headers).filter((name) => name.includes('auth')), []);
        const said = `${JSON.stringify(reply.headers)} ${reply.text}`;
        holdsNone('the answer', said, [OF_BACKEND]);
        assert.doesNotMatch(said, /canary|evil\.example|realm/);
        assert.equal(errorCode(reply.text), -32603);
      }
    }
    recorder.refuseWith(undefined);
    for (const reply of await call('web__echo', { message: 'again' })) assert.match(reply.text, /again/);
  });
});
