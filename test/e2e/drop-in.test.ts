import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type Answer, type Peer } from '../support/e2e/clients.ts';
import { prepare, startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { MAIN, ROOT, until } from '../support/e2e/processes.ts';
import { everything, fixture, startEverything, type HttpServer } from '../support/e2e/servers.ts';

/** Every key is one the original had, with its names of environment variables; only the ports and the programs are this machine's. */
function originalFile(web: string, killed = '"everything__get-annotated-message"'): string {
  return [
    '[gateway]', 'listen = "127.0.0.1:0"', 'log_level = "info"', 'audit_enabled = true', 'health_listen = "127.0.0.1:0"', '',
    '[auth]', 'jwt_secret_env = "JWT_SECRET_KEY"', 'jwt_issuer = "sentinel-gateway"', 'jwt_audience = "sentinel-api"', '',
    '[postgres]', 'url_env = "DATABASE_URL"', 'max_connections = 10', '',
    '[[backends]]', 'name = "web"', 'type = "http"', `url = "${web.replace(/\/mcp$/, '')}"`, 'timeout_secs = 30', 'retries = 3', 'health_interval_secs = 300', '',
    everything('everything', ['restart_on_exit = true', 'max_restarts = 3', 'circuit_breaker_threshold = 5', 'circuit_breaker_recovery_secs = 30']),
    '[rbac.roles.admin]', 'permissions = ["*"]', '',
    '[rbac.roles.developer]', 'permissions = ["tools.read", "tools.execute"]', 'denied_tools = ["everything__get-env", "get-tiny-image"]', '',
    '[rbac.roles.viewer]', 'permissions = ["tools.read"]', '',
    '[rate_limits]', 'default_rpm = 1000', '', '[rate_limits.per_tool]', 'everything__get-sum = 2', '',
    '[kill_switch]', `disabled_tools = [${killed}]`, 'disabled_backends = []', '',
  ].join('\n');
}

const HEALTH_TOKEN = 'the-token-of-the-health-page';

describe('a sentinel.toml of the original', () => {
  const bin = new AsyncDisposableStack();
  let web: HttpServer;
  let gateway: Gateway;
  before(async () => {
    const scratch = bin.use(await prepare({ toml: '' }));
    web = bin.use(await startEverything(join(scratch.folder, 'web')));
    gateway = bin.use(await startGateway({ toml: originalFile(web.url), whole: true, env: { HEALTH_TOKEN, BACKEND_SHARED_SECRET: 'shared-with-backends', LOG_LEVEL: 'warn' } }));
  });
  after(async () => bin.disposeAsync());

  const as = async (role: string): Promise<Peer> => bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token(`the-${role}`, role) }));
  const names = async (peer: Peer): Promise<readonly string[]> => (await peer.list()).map((tool) => tool.name);

  test('starts, and tells each difference that matters to it', () => {
    const said = gateway.process.stderr();
    for (const words of ['gateway.listen', 'tools are named', 'roles are asked before limits', 'shared_secret = true']) assert.ok(said.includes(words), `${words}:\n${said}`);
    assert.ok(!said.includes('"level":"info"'), 'LOG_LEVEL wins over the file');
  });

  test('the agent of the original, which gets its token by SENTINEL_TOKEN, is served over stdio [SI6]', async () => {
    const peer = bin.use(await connect('v1', { via: 'stdio', argv: [process.execPath, MAIN, 'stdio', '--config', gateway.config], env: { ...gateway.env, SENTINEL_TOKEN: await gateway.token('old-agent', 'admin') }, cwd: gateway.folder }));
    const answer = await peer.call('web__echo', { message: 'as ever' });
    assert.ok(answer.kind === 'result' && answer.text.includes('as ever'), JSON.stringify(answer));
    const [row] = await gateway.jsonLines(['audit', 'query', '--subject', 'old-agent']);
    assert.equal(row?.['surface'], 'socket', 'attached to the running gateway');
  });

  test('its roles: deny beats everything, a viewer and a stranger may nothing, an admin all that is not killed', async () => {
    const admin = await names(await as('admin'));
    const developer = await as('developer');
    const seen = await names(developer);
    for (const tool of ['everything__get-env', 'everything__get-tiny-image', 'web__get-tiny-image']) {
      assert.ok(admin.includes(tool) && !seen.includes(tool), tool);
      assert.equal(errorOf(await developer.call(tool, {})), `-32602 Unknown tool: ${tool}`);
    }
    assert.ok(seen.includes('web__get-env'), 'the prefixed name denies one backend only');
    for (const role of ['viewer', 'stranger']) {
      const peer = await as(role);
      assert.deepEqual(await names(peer), [], 'what it may not call it does not see');
      assert.equal(errorOf(await peer.call('everything__echo', { message: 'x' })), '-32602 Unknown tool: everything__echo');
    }
  });

  test('its limit per tool: the third call is refused and told when to come back; other subjects and tools are free', async () => {
    const [developer, admin] = [await as('developer'), await as('admin')];
    const sum = async (peer: Peer): Promise<Answer> => peer.call('everything__get-sum', { a: 1, b: 2 });
    assert.ok(ok(await sum(developer)) && ok(await sum(developer)));
    const third = await sum(developer);
    assert.ok(third.kind === 'result' && third.isError && third.text.includes('SEN-0303'), JSON.stringify(third));
    const { retryAfterMs } = (third.whole['_meta'] as { 'sentinel/denial': { retryAfterMs: number } })['sentinel/denial'];
    assert.ok(Number.isInteger(retryAfterMs) && retryAfterMs > 0 && retryAfterMs <= 61_000, String(retryAfterMs));
    assert.ok(ok(await sum(admin)) && ok(await developer.call('everything__echo', { message: 'x' })));
  });

  test('its kill switch: hidden and refused for everybody; kill -HUP moves it', async () => {
    const admin = await as('admin');
    const before = await names(admin);
    assert.ok(!before.includes('everything__get-annotated-message') && before.includes('web__get-annotated-message'));
    assert.ok(!ok(await admin.call('everything__get-annotated-message', { messageType: 'success' })));
    gateway.write(originalFile(web.url, '"everything__echo"'));
    gateway.process.signal('SIGHUP');
    await until(async () => (await names(admin)).includes('everything__get-annotated-message'), 'the file was read again');
    assert.ok(!ok(await admin.call('everything__echo', { message: 'x' })));
    assert.ok(ok(await admin.call('everything__get-annotated-message', { messageType: 'success' })));
    gateway.write(originalFile(web.url));
    gateway.process.signal('SIGHUP');
    await until(async () => ok(await admin.call('everything__echo', { message: 'x' })), 'and again');
  });

  test('/health, /ready and /metrics have the words, the token and the five families of the original', async () => {
    for (const [path, body] of [['/health', { status: 'ok' }], ['/ready', { status: 'ready' }]] as const) {
      const page = await gateway.page(path);
      assert.deepEqual([page.status, JSON.parse(page.body)], [200, body]);
    }
    const refused = await gateway.page('/metrics');
    assert.deepEqual([refused.status, refused.body, refused.headers.get('www-authenticate')], [401, 'Unauthorized', 'Bearer']);
    assert.equal((await gateway.page('/metrics', { authorization: 'Bearer something-else' })).status, 401);
    const metrics = await gateway.page('/metrics', { authorization: `Bearer ${HEALTH_TOKEN}` });
    assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const admin = await as('admin');
    await admin.call('everything__echo', { message: 'counted' });
    const { body } = await gateway.page('/metrics', { authorization: `Bearer ${HEALTH_TOKEN}` });
    for (const line of [
      /^sentinel_requests_total\{tool="everything__echo",status="success"\} \d+$/m, /^sentinel_request_duration_seconds_count\{tool="everything__echo"\} \d+$/m,
      /^sentinel_errors_total\{tool="everything__get-env",error_type="denied"\} \d+$/m, /^sentinel_backend_healthy\{backend="web"\} 1$/m, /^sentinel_rate_limit_hits_total\{tool="everything__get-sum"\} 1$/m,
    ]) assert.match(body, line);
  });

  test('without its secret in the environment it does not start, where the original let everybody in as admin', async () => {
    const setup = bin.use(await prepare({ toml: originalFile(web.url), whole: true }));
    const said = await setup.cli(['serve'], { env: { JWT_SECRET_KEY: '' } });
    assert.equal(said.code, 12, said.stderr);
    assert.match(said.stderr, /JWT_SECRET_KEY/);
  });

  for (const name of ['original-workstation', 'original-compose']) {
    test(`${name}.toml passes \`sentinel check\``, async () => {
      const setup = bin.use(await prepare({ toml: '', whole: true }));
      copyFileSync(join(ROOT, `test/fixtures/config/${name}.toml`), setup.config);
      const said = await setup.cli(['check'], { env: { LANG: 'C.UTF-8' } });
      assert.ok(said.code === 0 || said.code === 3, `${said.code}: ${said.stderr}`);
      assert.match(said.stdout + said.stderr, /warning/);
      assert.ok(!(said.stdout + said.stderr).includes('error['), said.stderr);
    });
  }
});

describe('compat.error_codes = "original"', () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let peer: Peer;
  before(async () => {
    const toml = [
      everything(), fixture('failing', [], ['timeout_secs = 1', 'circuit_breaker_threshold = 1', 'circuit_breaker_recovery_secs = 600']), fixture('stopped'),
      '[rbac.roles.developer]', 'permissions = ["*"]', 'denied_tools = ["everything__get-env"]', '',
      '[rate_limits.per_tool]', 'everything__get-sum = 1', '',
      '[kill_switch]', 'disabled_tools = ["everything__get-tiny-image"]', 'disabled_backends = ["stopped"]', '',
      '[compat]', 'error_codes = "original"', '',
    ].join('\n');
    gateway = bin.use(await startGateway({ toml }));
    peer = bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }));
  });
  after(async () => bin.disposeAsync());

  const CASES = [
    ['denied by role', 'everything__get-env', {}, '-32003 Permission denied for tool: everything__get-env'],
    ['killed tool', 'everything__get-tiny-image', {}, '-32005 Tool is disabled: everything__get-tiny-image'],
    ['killed backend', 'stopped__echo', {}, '-32005 Backend is disabled: stopped'],
    ['unknown tool', 'everything__nothing', {}, '-32602 Unknown tool: everything__nothing'],
  ] as const;
  for (const [what, tool, args, wanted] of CASES) {
    test(`${what} is ${wanted}`, async () => assert.equal(errorOf(await peer.call(tool, args)), wanted));
  }

  test('arguments that do not fit are -32602 with where and why', async () => {
    assert.match(errorOf(await peer.call('everything__echo', { message: 7 })), /^-32602 Invalid arguments for tool everything__echo: .*string.* at \/message/);
  });

  test('over the limit is -32004 with whole seconds in data.retryAfter', async () => {
    await peer.call('everything__get-sum', { a: 1, b: 2 });
    const answer = await peer.call('everything__get-sum', { a: 1, b: 2 });
    assert.equal(errorOf(answer), '-32004 Rate limit exceeded for tool: everything__get-sum');
    const { retryAfter } = (answer.kind === 'error' ? answer.data : {}) as { readonly retryAfter?: unknown };
    assert.ok(typeof retryAfter === 'number' && Number.isInteger(retryAfter) && retryAfter > 0 && retryAfter <= 61, String(retryAfter));
  });

  test('an open breaker is -32007', async () => {
    assert.match(errorOf(await peer.call('failing__never', {})), /^-32603 Backend error: /);
    assert.equal(errorOf(await peer.call('failing__echo', {})), '-32007 Backend circuit open: failing');
  });
});

function ok(answer: Answer): boolean {
  return answer.kind === 'result' && !answer.isError;
}

function errorOf(answer: Answer): string {
  return answer.kind === 'error' ? `${answer.code} ${answer.message}` : `a result: ${answer.text}`;
}
