import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, GENERATIONS, type Answer } from '../support/e2e/clients.ts';
import { prepare, startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { descendants, MAIN, start, until } from '../support/e2e/processes.ts';
import { startRecorder, type Recorder } from '../support/e2e/recorder.ts';
import { fixture, httpBackend, startEverything } from '../support/e2e/servers.ts';

const canary = (name: string): string => `${name}-${randomBytes(24).toString('hex')}`;

/** What belongs to the gateway, and to nobody it talks to. */
const OWN = { JWT_SECRET_KEY: canary('jwt'), HEALTH_TOKEN: canary('health'), OTHER_SECRET: canary('unrelated') } as const;
/** What belongs to backends, each to one. */
const THEIRS = { WEB_BEARER: canary('bearer'), WEB_KEY: canary('header'), STDIO_KEY: canary('env'), BACKEND_SHARED_SECRET: canary('shared') } as const;

const TOML = (web: string): string => [
  httpBackend('web', web, ['bearer = { env = "WEB_BEARER" }', 'headers = { X-Api-Key = "${env:WEB_KEY}" }', 'shared_secret = true', 'circuit_breaker_threshold = 0']),
  fixture('local', [], ['env = { API_KEY = { env = "STDIO_KEY" } }']),
  '[rbac.roles.developer]', 'permissions = ["*"]', '',
].join('\n');

/** In a child's environment without being declared (backends/stdio/environment.ts), and what the system's own wrapper adds. */
const PASSED = /^(PATH|HOME|LANG|TZ|TMPDIR|LC_[A-Z]+|TERM|SENTINEL_BACKEND_RUN|API_KEY)$/;

describe('canaries: each secret stays with whom it belongs to', () => {
  const bin = new AsyncDisposableStack();
  const tokens: string[] = [];
  let gateway: Gateway;
  let recorder: Recorder;
  /** Every byte that reached an agent over HTTP. */
  let agents = '';

  before(async () => {
    const scratch = bin.use(await prepare({ toml: '' }));
    const web = bin.use(await startEverything(join(scratch.folder, 'web')));
    recorder = bin.use(await startRecorder(web.url));
    gateway = bin.use(await startGateway({ toml: TOML(recorder.url), gateway: ['log_level = "trace"'], env: { ...OWN, ...THEIRS } }));
    for (const generation of GENERATIONS) {
      const token = (await gateway.cli(['token', 'issue', '--subject', `agent-${generation}`, '--role', 'developer'])).stdout.trim();
      tokens.push(token);
      const peer = bin.use(await connect(generation, { via: 'http', url: gateway.endpoint, token, onBytes: (text) => (agents += text) }));
      for (const tool of ['web__echo', 'local__echo', 'local__fail', 'local__refuse', 'local__no-such']) await peer.call(tool, tool === 'web__echo' ? { message: 'hi' } : {});
    }
    const [token = ''] = tokens;
    const attached = bin.use(await connect('v1', { via: 'stdio', argv: [process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config], env: { ...gateway.env, SENTINEL_TOKEN: token }, cwd: gateway.folder }));
    await attached.call('local__echo', {});
    // Refused ones leave their traces too.
    for (const bearer of [`${token}x`, token.split('.').slice(0, 2).join('.')]) await fetch(gateway.endpoint, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } });
    await fetch(`${gateway.endpoint}?access_token=${token}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  });
  after(async () => bin.disposeAsync());

  /** Whole tokens, and the parts that would be enough. */
  const agentSecrets = (): readonly string[] => tokens.flatMap((token) => [token, token.split('.')[2] ?? '']);
  const holdsNone = (where: string, text: string, secrets: readonly string[]): void => {
    assert.ok(text.length > 0, `${where} was looked into`);
    for (const secret of secrets) {
      assert.ok(secret.length > 20);
      assert.ok(!text.includes(secret), `${where} holds ${secret}`);
      assert.ok(!text.includes(Buffer.from(secret).toString('base64').slice(0, 40)), `${where} holds ${secret} in base64`);
    }
  };

  test('T82: a child gets the allow-listed variables and its own secret; no token and no secret of the gateway in environment or arguments [SEC3, SEC5]', () => {
    const children = descendants(gateway.pid);
    assert.ok(children.length >= 2, 'backend and watchdog');
    for (const child of children) {
      holdsNone(`process ${child.argv.join(' ')}`, `${child.argv.join(' ')} ${child.env}`, [...agentSecrets(), ...Object.values(OWN), THEIRS.WEB_BEARER, THEIRS.WEB_KEY, THEIRS.BACKEND_SHARED_SECRET]);
      const names = child.env.split('\0').filter((entry) => entry !== '').map((entry) => entry.split('=')[0] ?? '');
      assert.deepEqual(names.filter((name) => !PASSED.test(name)), []);
    }
    assert.ok(children.some((child) => child.env.includes(`API_KEY=${THEIRS.STDIO_KEY}`)), 'its own secret does reach it');
    assert.ok(children.every((child) => !child.argv.join(' ').includes(THEIRS.STDIO_KEY)), 'but not as an argument');
  });

  test('C13 T148: no request to a backend carries an agent\'s token; each carries the backend\'s own credentials [SEC3, SEC5]', () => {
    const sent = recorder.text();
    holdsNone('requests to the backend', sent, [...agentSecrets(), ...Object.values(OWN), THEIRS.STDIO_KEY]);
    for (const own of [`Bearer ${THEIRS.WEB_BEARER}`, THEIRS.WEB_KEY, THEIRS.BACKEND_SHARED_SECRET]) assert.ok(sent.includes(own), own);
    assert.match(sent, /x-sentinel-auth/i);
  });

  test('what a stdio backend is sent holds neither token nor claim of it [SEC3]', async () => {
    const peer = bin.use(await connect('v2-modern', { via: 'http', url: gateway.endpoint, token: tokens[0] ?? '' }));
    const answer = await peer.call('local__echo', { n: 1 });
    assert.equal(answer.kind, 'result');
    const { line } = (answer.kind === 'result' ? answer.whole['structuredContent'] : {}) as { readonly line: string };
    assert.match(line, /"tools\/call"/);
    holdsNone('the line', line, agentSecrets());
    assert.ok(!line.includes('agent-v1'), 'nor who is asking');
  });

  test('T148: no token and no secret in the log at its most talkative [R16]', () => {
    holdsNone('the log', gateway.process.stderr() + gateway.process.stdout(), [...agentSecrets(), ...Object.values(OWN), ...Object.values(THEIRS)]);
  });

  test('T148: nor in metrics, status, audit, and what is on the disk [R16]', async () => {
    const secrets = [...agentSecrets(), ...Object.values(OWN), ...Object.values(THEIRS)];
    holdsNone('metrics', (await gateway.page('/metrics', { authorization: `Bearer ${OWN.HEALTH_TOKEN}` })).body, secrets);
    for (const args of [['status', '--json'], ['tools', '--json'], ['audit', 'query', '--json', '--limit', '1000'], ['keys', 'list', '--json'], ['doctor', '--json'], ['check', '--json']]) {
      const said = await gateway.cli(args);
      holdsNone(args.join(' '), said.stdout + said.stderr, secrets);
    }
    for (const file of readdirSync(gateway.state, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      const text = readFileSync(path, 'latin1');
      if (text !== '') holdsNone(path, text, secrets);
    }
  });

  test('no secret of a backend reaches an agent, not even when the backend tells it in an error [SEC4]', async () => {
    const answers: Answer[] = [];
    const peer = bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: tokens[0] ?? '', onBytes: (text) => (agents += text) }));
    for (const status of [401, 403, 500, 302]) {
      recorder.refuseWith({
        status, body: JSON.stringify({ error: `bad credential ${THEIRS.WEB_BEARER}` }),
        headers: { 'content-type': 'application/json', 'www-authenticate': `Bearer error="${THEIRS.WEB_KEY}"`, location: `http://127.0.0.1:1/${THEIRS.WEB_KEY}` },
      });
      answers.push(await peer.call('web__echo', { message: 'hi' }));
    }
    recorder.refuseWith(undefined);
    assert.ok(answers.every((answer) => answer.kind === 'error' || answer.isError), JSON.stringify(answers));
    const rows = await gateway.jsonLines(['audit', 'query', '--tool', 'web/echo']);
    assert.ok(rows.some((row) => row['status'] === 'error'), 'the calls did reach the backend');
    holdsNone('what agents read', agents, [...Object.values(THEIRS), ...Object.values(OWN)]);
    holdsNone('the log', gateway.process.stderr(), [...Object.values(THEIRS), ...Object.values(OWN)]);
    const { backends } = await gateway.when((report) => report.backends.some((one) => one.id === 'web' && one.state === 'ready'), 'it is ready again');
    holdsNone('the status', JSON.stringify(backends), Object.values(THEIRS));
    const again = await peer.call('web__echo', { message: 'again' });
    assert.ok(again.kind === 'result' && !again.isError, JSON.stringify(again));
  });

  test('alone over stdio, neither SENTINEL_TOKEN nor the secret that verifies it reaches a child [SEC3]', async () => {
    const setup = bin.use(await prepare({ toml: fixture('local') + '\n[rbac.roles.developer]\npermissions = ["*"]\n', env: OWN }));
    const token = (await setup.cli(['token', 'issue', '--subject', 'alone', '--role', 'developer'])).stdout.trim();
    const alone = start([process.execPath, MAIN, 'stdio', '--alone', '--config', setup.config], { env: { ...setup.env, SENTINEL_TOKEN: token }, cwd: setup.folder });
    bin.defer(() => alone.signal('SIGKILL'));
    const children = await until(() => {
      const seen = descendants(alone.pid).filter((child) => child.argv.some((word) => word.includes('misbehaving')));
      return seen.length > 0 ? descendants(alone.pid) : undefined;
    }, 'its backend runs');
    for (const child of children) holdsNone('a child', `${child.argv.join(' ')} ${child.env}`, [token, ...Object.values(OWN)]);
    alone.child.stdin?.end();
    const said = await alone.ended;
    assert.equal(said.code, 0);
    holdsNone('its log', said.stderr, [token, ...Object.values(OWN)]);
  });
});
