// Who an agent is: from a verified token and nothing else, judged anew at each request. At the authenticator, and at the real gateway.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bench, eddsa, goodClaims, verdict } from '../identity/kit.ts';
import { launch, prepare, type Gateway } from '../support/e2e/gateway.ts';
import type { Line } from '../support/e2e/lines.ts';
import { ROOT } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, modern, session } from '../surfaces/speak.ts';
import { ask, type Asking } from '../surfaces/wire.ts';

test('B25 a token bound to a key is refused, whatever it is bound by: no proof is taken, so it must not pass as a bearer token', async () => {
  const { ask: asked, clock, key } = await bench();
  const token = (claims: object): string => eddsa({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }, { ...goodClaims(clock), ...claims }, key);
  assert.equal(verdict(await asked(token({}))), 'ok');
  for (const cnf of [{ jkt: 'thumbprint' }, { 'x5t#S256': 'thumbprint' }, { jwk: {} }, { kid: 'k' }, {}, null, 'text']) {
    const refused = await asked(token({ cnf }));
    assert.equal(verdict(refused), 'type', JSON.stringify(cnf));
  }
});

const bin = new AsyncDisposableStack();
const SECRETS = { HEALTH_TOKEN: randomBytes(24).toString('hex'), WEB_BEARER: randomBytes(24).toString('hex'), BACKEND_SHARED_SECRET: randomBytes(24).toString('hex') };
const SPY = stdioBackend('alpha', [process.execPath, join(ROOT, 'test/fixtures/backends/spy.ts')]);
const ROLES = (reader: string): string => `[rbac.roles.developer]\npermissions = ["*"]\n[rbac.roles.reader]\nallow = ["${reader}"]\n`;
let gateway: Gateway;
let port = 0;
let rita = '';

before(async () => {
  const web = httpBackend('web', 'http://127.0.0.1:1/mcp', ['bearer = { env = "WEB_BEARER" }', 'shared_secret = true']);
  const setup = await prepare({ toml: `${SPY}\n${web}\n${ROLES('alpha/look')}`, gateway: ['allowed_hosts = ["other.example"]'], env: SECRETS });
  gateway = bin.use(await launch(setup));
  port = Number(new URL(gateway.endpoint).port);
  rita = await gateway.token('rita', 'reader');
});
after(() => bin.disposeAsync());

const bearer = (token: string): { readonly Authorization: string } => ({ Authorization: `Bearer ${token}` });
const LIST = { method: 'tools/list' };
async function names(asking: Asking): Promise<readonly string[]> {
  const reply = await ask(asking);
  assert.equal(reply.status, 200, reply.text);
  const { result }: Line = JSON.parse(reply.text);
  return ((result?.['tools'] ?? []) as readonly { readonly name: string }[]).map((tool) => tool.name);
}

/** Headers by which proxies, frameworks and other gateways are told who somebody is. */
const CLAIMING = [
  'X-Tenant', 'X-Tenant-Id', 'X-Org-Id', 'X-User', 'X-User-Id', 'X-Username', 'X-Remote-User', 'Remote-User', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Preferred-Username',
  'X-Forwarded-Access-Token', 'X-Forwarded-Groups', 'X-Auth-Request-User', 'X-Auth-Request-Groups', 'X-Authenticated-User', 'X-Role', 'X-Roles', 'X-Scope', 'X-Scopes', 'X-Subject', 'X-Principal',
  'X-Sentinel-User', 'X-Sentinel-Role', 'X-Sentinel-Tenant', 'X-Sentinel-Auth', 'X-Api-Key', 'X-Client-Cert', 'X-Forwarded-Client-Cert', 'X-SSL-Client-S-DN', 'X-Amzn-Oidc-Data', 'X-Goog-Authenticated-User-Email',
  'Proxy-Authorization', 'X-Authorization', 'X-Original-Authorization', 'Cookie', 'Forwarded', 'Via', 'X-Forwarded-Host', 'X-Original-URL', 'X-Rewrite-URL', 'X-HTTP-Method-Override',
  'Mcp-Param-Tenant', 'Mcp-Param-Role', 'Mcp-Tenant', 'DPoP',
] as const;

describe('the principal', () => {
  test('B31 comes from the token alone: no header, no cookie, no host name and nothing in the body changes subject, issuer or role [S6]', async () => {
    const developer = await gateway.token('dora', 'developer');
    for (const header of CLAIMING) {
      for (const value of ['developer', 'dora', `Bearer ${developer}`, developer]) {
        const asking = modern(port, { ...LIST, headers: { ...bearer(rita), [header]: value } });
        assert.deepEqual(await names(asking), ['alpha__look'], `${header}: ${value.slice(0, 20)}`);
      }
    }
    for (const host of ['localhost', '127.0.0.1', 'other.example']) assert.deepEqual(await names(modern(port, { ...LIST, headers: { ...bearer(rita), Host: host } })), ['alpha__look'], host);
    const claims = { role: 'developer', roles: ['developer'], sub: 'dora', tenant: 'other', principal: { subject: 'dora', roles: ['developer'] } };
    const meta = { ...envelope(), ...claims, 'sentinel/principal': claims, 'io.modelcontextprotocol/principal': claims };
    assert.deepEqual(await names(modern(port, { ...LIST, params: claims, meta, headers: bearer(rita) })), ['alpha__look']);
    const called = await ask(modern(port, { method: 'tools/call', params: { name: 'alpha__say', arguments: claims }, meta, headers: { ...bearer(rita), 'X-Forwarded-User': 'dora', 'X-Role': 'developer' } }));
    assert.match(called.text, /Unknown tool/);
    const rows = await gateway.jsonLines(['audit', 'query', '--limit', '1000']);
    const subjects = new Set(rows.flatMap((row) => (typeof row['subject'] === 'string' ? [row['subject']] : [])));
    assert.deepEqual([...subjects], ['rita'], 'and the record names nobody else');
  });

  test('B27 no other secret opens the endpoint: not an API key, not the secret that signs, not what belongs to operators or backends [R6]', async () => {
    const basic = Buffer.from(`rita:${gateway.secret}`).toString('base64');
    const keys = [gateway.secret, ...Object.values(SECRETS), 'sk-live-0123456789abcdef', `${rita}.`, rita.split('.').slice(0, 2).join('.')];
    const statuses = new Set<number>();
    const tried: (readonly [string, string])[] = [
      ...keys.map((key) => ['Authorization', `Bearer ${key}`] as const),
      ['Authorization', `Basic ${basic}`], ['Authorization', `ApiKey ${SECRETS.HEALTH_TOKEN}`], ['Authorization', `DPoP ${rita}`], ['Authorization', rita],
      ['X-Api-Key', SECRETS.HEALTH_TOKEN], ['X-Sentinel-Auth', SECRETS.BACKEND_SHARED_SECRET], ['Cookie', `token=${rita}; access_token=${rita}`], ['Proxy-Authorization', `Bearer ${rita}`],
    ];
    for (const [name, value] of tried) {
      const reply = await ask(modern(port, { ...LIST, headers: { Authorization: undefined, [name]: value } }));
      statuses.add(reply.status);
      assert.equal(reply.status, 401, name);
      assert.doesNotMatch(reply.text, /tools/);
    }
    assert.deepEqual([...statuses], [401]);
  });

  test('B15 rights are those of now: a role narrowed after the token was issued holds at the next call, in a session that is open [R13]', async () => {
    const own = await session(port, '2025-11-25', bearer(rita));
    const look = async (): Promise<string> => (await ask(own.request('tools/call', { name: 'alpha__look', arguments: {} }))).text;
    assert.match(await look(), /"result"/);
    gateway.write(`${SPY}\n${ROLES('alpha/leave')}`);
    const reloaded = await gateway.control.reload('test');
    assert.ok(reloaded.ok && reloaded.value.ok, JSON.stringify(reloaded));
    assert.match(await look(), /Unknown tool: alpha__look/);
    assert.deepEqual(await names(modern(port, { ...LIST, headers: bearer(rita) })), ['alpha__leave']);
    gateway.write(SPY);
    assert.ok((await gateway.control.reload('test')).ok);
    assert.deepEqual(await names(modern(port, { ...LIST, headers: bearer(rita) })), [], 'and a role that is gone may do nothing');
  });
});
