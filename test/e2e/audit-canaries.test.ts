// Secrets in every place where somebody can put one, calls that end in every way, and then a look into everything that is written down or told.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { canary, filesBelow, type Flock, flockOf, plainCanary } from '../support/e2e/canaries.ts';
import { type Gateway, hmacToken, launch, prepare, type Setup } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { httpBackend, quoted, stdioBackend } from '../support/e2e/servers.ts';
import { createDatabase, testServer } from '../support/postgres.ts';
import { ScriptedHttp } from '../fixtures/backends/scripted-http.ts';
import { httpServer, type Request } from '../stores/export/servers.ts';
import { rawRecordsIn } from '../stores/sample.ts';
import { ask } from '../stores/ship/synthetic.ts';

const LEAKY = join(ROOT, 'test/fixtures/backends/leaky.ts');
const server = testServer();

/** What the backend says. */
const SAID = Object.fromEntries(['progress', 'logger', 'log', 'stderr', 'text', 'structured', 'resultMeta', 'failure', 'error', 'errorData', 'garbage', 'prompt', 'resource', 'completion'].map((name) => [name, canary(name)]));
/** What the agent sends. */
const SENT = Object.fromEntries(['argument', 'nested', 'listed', 'misfit', 'denied', 'unknown', 'meta', 'promptArgument', 'completed', 'late', 'crashed', 'captured', 'forgotten'].map((name) => [name, canary(name)]));
/** What stands in headers, tokens and URIs of agents. */
const SHOWN = { apiKey: plainCanary('apikey'), cookie: plainCanary('cookie'), garbageToken: plainCanary('garbagetoken'), claim: canary('claim'), expiredClaim: canary('expiredclaim'), forgedClaim: canary('forgedclaim'), inUri: plainCanary('inuri'), uriPassword: plainCanary('uripassword'), inQuery: plainCanary('inquery') };
/** What the gateway and its backends have of their own. */
const OWN = { jwt: plainCanary('jwt'), health: plainCanary('health'), env: plainCanary('env'), bearer: plainCanary('bearer'), header: plainCanary('header'), shared: plainCanary('shared'), hook: plainCanary('hook'), hookHeader: plainCanary('hookheader'), collector: plainCanary('collector'), broken: plainCanary('broken'), brokenLine: plainCanary('brokenline'), inFault: plainCanary('infault') };
/** Few of their kind exist, and yet they are nobody's business. */
const WEAK = { birth: '1987-03-14', pin: '047193' };
/** A name of an argument is kept; what has the shape of a secret is not, there either. */
const KEY = ['gh', 'p_', randomBytes(18).toString('hex')].join('');

const FORMATS = ['jsonl', 'ocsf', 'cef', 'syslog', 'otlp', 'checkpoints'] as const;

/** What a backend says on stderr is in the log, and its last words in the status, for whoever is to find out why it died; its own secrets are not. */
const LAST_WORDS = ['stderr'];

interface Scene {
  readonly folder: string;
  readonly web: ScriptedHttp;
  readonly hook: string;
  readonly requests: Request[];
}

function tomlOf({ folder, web, hook }: Scene, more: readonly string[] = []): string {
  return [
    stdioBackend('leaky', [process.execPath, LEAKY, join(folder, 'words.json')], ['env = { API_KEY = { env = "LEAKY_KEY" } }', 'timeout_secs = 2', 'circuit_breaker_threshold = 0']),
    httpBackend('web', web.url, ['bearer = { env = "WEB_BEARER" }', 'headers = { X-Api-Key = "${env:WEB_KEY}" }', 'shared_secret = true', 'circuit_breaker_threshold = 0']),
    '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.few]', 'allow = ["leaky/kept"]', '',
    ...FORMATS.flatMap((format) => ['[[audit.exports]]', `name = "f-${format}"`, 'kind = "file"', `format = "${format}"`, `path = ${quoted(join(folder, 'exports', format))}`, '']),
    '[[audit.exports]]', 'name = "hook"', 'kind = "webhook"', `url = ${quoted(`${hook}/hook`)}`, 'secret = { env = "HOOK_SECRET" }', 'headers = { X-Tenant = "${env:HOOK_HEADER}" }', '',
    '[[audit.exports]]', 'name = "collector"', 'kind = "otlp"', `url = ${quoted(hook)}`, 'headers = { Authorization = "Bearer ${env:COLLECTOR_TOKEN}" }', '',
    ...more, '',
  ].join('\n');
}

async function sceneOf(t: TestContext): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'canaries-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'exports'));
  mkdirSync(join(folder, 'reports'));
  writeFileSync(join(folder, 'words.json'), JSON.stringify({ ...SAID, born: WEAK.birth }));
  // Tells whatever it was sent, and something of its own.
  const web = await new ScriptedHttp({ asked: ({ headers, response, params }) => {
    const status = Number(params['name'] === 'do' ? Object(params['arguments'])['status'] ?? 500 : 500);
    response.writeHead(status, { 'content-type': 'application/json', 'www-authenticate': `Bearer error="${OWN.header}"`, 'x-debug': String(headers.authorization) });
    response.end(JSON.stringify({ error: OWN.inFault, headers }));
  } }).start();
  t.after(() => web.stop());
  const requests: Request[] = [];
  const hook = await httpServer(t, requests, (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  return { folder, web, hook, requests };
}

/** An agent of 2025-11-25, in bytes: it sends which headers it likes. */
class Agent {
  #session = '';
  #id = 0;
  /** All that it was told. */
  heard = '';
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, token: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}`, ...headers };
  }

  async send(method: string, params: object, isRequest = true): Promise<string> {
    this.#id += 1;
    const response = await fetch(this.#url, {
      method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', ...(isRequest ? { id: this.#id } : {}), method, params }),
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25', ...(this.#session === '' ? {} : { 'mcp-session-id': this.#session }), ...this.#headers },
    });
    this.#session = response.headers.get('mcp-session-id') ?? this.#session;
    const told = `${[...response.headers].join('\n')}\n${await response.text()}`;
    this.heard += told;
    return told;
  }

  async open(): Promise<this> {
    await this.send('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'agent', version: '1' } });
    await this.send('notifications/initialized', {}, false);
    await this.send('logging/setLevel', { level: 'debug' });
    return this;
  }

  call(name: string, args: object, meta: object = {}): Promise<string> {
    return this.send('tools/call', { name, arguments: args, _meta: { progressToken: `p${this.#id}`, ...meta } });
  }
}

const told = (text: string, name: string): void => assert.ok(text.includes(JSON.stringify(SAID[name]).slice(1, -1)), `the agent is told the canary ${name}: ${text}`);

/** Each way in which a call can end, with secrets in all of its words. */
async function callEachWay(agent: Agent, few: Agent): Promise<void> {
  const args = { text: SENT['argument'], deep: { list: [{ value: SENT['nested'] }, SENT['listed'], WEAK.pin] }, born: WEAK.birth, password: SENT['argument'], [KEY]: 1 };
  const answer = await agent.call('leaky__say', args, { 'example.com/note': SENT['meta'] });
  for (const name of ['text', 'structured', 'resultMeta', 'progress', 'log']) told(answer, name);
  told(await agent.call('leaky__fail', args), 'failure');
  await agent.call('leaky__refuse', args);
  assert.match(await agent.call('leaky__strict', { n: SENT['misfit'], text: WEAK.pin, more: SENT['misfit'] }), /SEN-0305/);
  assert.match(await agent.call('leaky__slow', { text: SENT['late'], pin: WEAK.pin }), /error/i);
  assert.match(await agent.call('leaky__crash', { text: SENT['crashed'], born: WEAK.birth }), /error/i);
  await until(async () => (await agent.call('leaky__kept', {})).includes('"ok"') || undefined, 'the backend runs again');
  assert.match(await agent.call('leaky__garbage', args), /after it/);
  await agent.call('leaky__nothing', { text: SENT['unknown'] });
  assert.match(await few.call('leaky__say', { text: SENT['denied'], pin: WEAK.pin }), /Unknown tool|error/);
  for (const status of [401, 403, 500, 302]) await agent.call('web__do', { status, text: SENT['argument'] });
  told(await agent.send('prompts/get', { name: 'leaky__ask', arguments: { about: SENT['promptArgument'] } }), 'prompt');
  await agent.send('completion/complete', { ref: { type: 'ref/prompt', name: 'leaky__ask' }, argument: { name: 'about', value: SENT['completed'] }, context: { arguments: { other: SENT['completed'] } } });
  for (const uri of [`https://files.example/a?access_token=${SHOWN.inUri}`, `https://user:${SHOWN.uriPassword}@files.example/b`]) await agent.send('resources/read', { uri: `leaky+${uri}` });
  await agent.send('resources/read', { uri: `https://files.example/c?api_key=${SHOWN.inUri}` });
  await agent.send(`tools/${'x'.repeat(8)}`, { secret: SENT['unknown'] });
}

/** Logins that fail, each with a secret in it. */
async function knockWithout(gateway: Gateway, secret: string): Promise<readonly string[]> {
  const now = Math.floor(Date.now() / 1000);
  const expired = hmacToken(secret, { sub: 'late', role: 'all', exp: now - 3600, note: SHOWN.expiredClaim });
  const forged = hmacToken('another secret, of at least so many bytes', { sub: 'forger', role: 'all', note: SHOWN.forgedClaim });
  for (const token of [expired, forged, SHOWN.garbageToken, `${forged}.${SHOWN.garbageToken}`]) {
    const response = await fetch(gateway.endpoint, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', cookie: `session=${SHOWN.cookie}` } });
    assert.equal(response.status, 401);
  }
  await fetch(`${gateway.endpoint}?access_token=${SHOWN.inQuery}`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  return [expired, forged];
}

/** All that the commands say. */
async function lookByCommands(gateway: Setup, flock: Flock): Promise<void> {
  const calls = [...new Set(rawRecordsIn(gateway.state).flatMap(({ record }) => /"call_id":"([^"]+)"/.exec(record)?.[1] ?? []))];
  assert.ok(calls.length > 10);
  const some = calls.filter((_, at) => at % Math.ceil(calls.length / 3) === 0);
  for (const args of [
    ['status', '--json'], ['tools', '--json'], ['doctor', '--json'], ['audit', 'query', '--json', '--limit', '1000'], ['audit', 'stats', '--json'], ['audit', 'tail', '--no-follow', '-n', '1000'], ...FORMATS.slice(0, 5).map((format) => ['audit', 'export', '--format', format, '--after', '0']),
    ...some.flatMap((call) => [['audit', 'show', call, '--json'], ['why', call, '--json']]), ['audit', 'show', some[0] ?? ''], ['why', some[0] ?? ''],
  ]) {
    const { stdout, stderr } = await gateway.cli(args);
    flock.absent(`sentinel ${args.join(' ')}`, stdout + stderr, args[0] === 'status' ? LAST_WORDS : []);
    assert.ok(stdout.length > 0, `${args.join(' ')}: ${stderr}`);
  }
}

async function lookIntoPostgres(url: string, flock: Flock): Promise<void> {
  const tables = await ask(url, `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')`);
  assert.ok(tables.some(({ name }) => String(name).endsWith('.audit_record')), JSON.stringify(tables));
  for (const { name } of tables) flock.absent(`table ${String(name)}`, (await ask(url, `select t::text as line from ${String(name)} t`)).map(({ line }) => String(line)).join('\n'));
  assert.ok((flock.seen.get('table public.audit_record') ?? 0) > 10_000, JSON.stringify([...flock.seen]));
}

/** Wherever something may have been left. The configuration is where it was put, and is nobody's output. */
function lookIntoFiles(setup: Setup, scene: Scene, flock: Flock): void {
  const files = [...filesBelow(setup.folder), ...filesBelow(scene.folder)].filter(({ path }) => path !== setup.config && !path.endsWith('words.json'));
  for (const { path, bytes } of files) flock.absent(path, bytes);
  for (const name of ['00000001.db', 'audit-hmac.key', ...FORMATS]) assert.ok(files.some(({ path, bytes }) => path.endsWith(`/${name}`) && bytes.length > 0), `${name} was looked into`);
}

async function scenario(t: TestContext, database: string | undefined): Promise<void> {
  await using bin = new AsyncDisposableStack();
  const scene = await sceneOf(t);
  const env = {
    JWT_SECRET_KEY: OWN.jwt, HEALTH_TOKEN: OWN.health, LEAKY_KEY: OWN.env, WEB_BEARER: OWN.bearer, WEB_KEY: OWN.header, BACKEND_SHARED_SECRET: OWN.shared,
    HOOK_SECRET: OWN.hook, HOOK_HEADER: OWN.hookHeader, COLLECTOR_TOKEN: OWN.collector, ...(database === undefined ? {} : { DATABASE_URL: database }),
    // What an operator may ask of Node: a report of the whole process, by a signal and when it dies.
    NODE_OPTIONS: `--report-on-signal --report-uncaught-exception --report-on-fatalerror --report-directory=${join(scene.folder, 'reports')}`,
  };
  const setup = bin.use(await prepare({ toml: tomlOf(scene), gateway: ['log_level = "trace"'], env }));
  const gateway = await launch(setup);
  bin.defer(() => gateway.process.signal('SIGKILL'));
  const claims = { sub: 'agent', role: 'all', note: SHOWN.claim, birthdate: WEAK.birth };
  const token = hmacToken(OWN.jwt, claims);
  const fewToken = hmacToken(OWN.jwt, { sub: 'few', role: 'few', note: SHOWN.claim });
  const extra = { 'x-api-key': SHOWN.apiKey, cookie: `session=${SHOWN.cookie}`, 'x-note': SHOWN.apiKey };
  const agent = await new Agent(gateway.endpoint, token, extra).open();
  const [few, other] = [await new Agent(gateway.endpoint, fewToken, extra).open(), await new Agent(gateway.endpoint, hmacToken(OWN.jwt, { sub: 'other', role: 'all' })).open()];
  await callEachWay(agent, few);
  const bad = await knockWithout(gateway, OWN.jwt);
  for (const name of ['leaky__nothing', 'leaky__strict', 'web__do']) await other.call(name, { n: 'x' });

  // A configuration that is refused, with a secret in it: as no TOML, in a table that nobody knows, and in the clear where only a reference may stand.
  for (const line of [
    `bearer = "${OWN.brokenLine}\n[[[`, `[nobodys]\nsecret = "${OWN.broken}"`, `[postgres]\nurl = "postgres://user:${OWN.broken}@127.0.0.1/x"`, `[[audit.exports]]\nname = "x"\nkind = "webhook"\nurl = "https://x.example"\nsecret = "${OWN.broken}"`,
    `[audit]\ndurability = "${OWN.broken}"`,
  ]) {
    setup.write(tomlOf(scene, [line]));
    const said = await setup.cli(['reload']);
    assert.notEqual(said.code, 0);
    // Who reloads is told what stands where a word of a short list must stand; nobody else is.
    const heard = `${gateway.process.stderr()}${line.startsWith('[audit]\n') ? '' : said.stdout + said.stderr}`;
    for (const secret of [OWN.broken, OWN.brokenLine]) assert.ok(!heard.includes(secret), `${line}: ${said.stderr}`);
  }
  setup.write(tomlOf(scene, ['[[audit.capture]]', 'targets = ["leaky/kept"]', 'arguments = ["/captured", "/born"]', 'results = ["/content"]', 'reason = "to see that it is not in the clear"']));
  assert.equal((await setup.cli(['reload'])).code, 0);
  await agent.call('leaky__kept', { captured: SENT['captured'], born: WEAK.birth, other: SENT['forgotten'] });
  const kept = rawRecordsIn(gateway.state).map(({ record }) => record).findLast((record) => record.includes('"captured":{'));
  const revealed = await setup.cli(['audit', 'reveal', /"call_id":"([^"]+)"/.exec(kept ?? '')?.[1] ?? 'none']);
  assert.ok(revealed.stdout.includes(JSON.stringify(SENT['captured']).slice(1, -1)), revealed.stdout + revealed.stderr);

  const password = database === undefined ? {} : { database: decodeURIComponent(new URL(database).password) };
  const flock = flockOf({
    ...SAID, ...SENT, ...SHOWN, ...OWN, ...password, key: KEY, ...Object.fromEntries([token, fewToken, ...bad].flatMap((one, at) => one.split('.').slice(1).map((part, index) => [`token ${at}.${index}`, part]))),
  }, WEAK);
  const count = rawRecordsIn(gateway.state).length;
  for (const format of FORMATS.slice(0, 5)) await until(() => readFileSync(join(scene.folder, 'exports', format), 'utf8').split('\n').length > (format === 'otlp' ? 1 : count) || undefined, `${format} is written`);
  await until(() => existsSync(join(scene.folder, 'exports/checkpoints')) || undefined, 'checkpoints are written');
  await until(() => scene.requests.some(({ url, body }) => url === '/hook' && body.includes(kept ?? '')) || undefined, 'the receiver has it');
  assert.ok(scene.requests.some(({ headers }) => headers['x-tenant'] === OWN.hookHeader) && scene.web.posted.some(({ headers }) => headers.authorization === `Bearer ${OWN.bearer}`), 'each has what was meant for it');
  await until(async () => database === undefined || /^sentinel_audit_shipping_lag_records 0$/m.test((await gateway.page('/metrics', { authorization: `Bearer ${OWN.health}` })).body) || undefined, 'all of it is shipped');

  for (const path of ['/metrics', '/health', '/health/ready', '/health/live', '/status']) flock.absent(path, (await gateway.page(path, { authorization: `Bearer ${OWN.health}` })).body);
  assert.ok((flock.seen.get('/metrics') ?? 0) > 1000);
  await lookByCommands(setup, flock);
  flock.absent('what the receiver got', scene.requests.map(({ url, body }) => `${url}\n${body}`).join('\n'));
  flock.absent('what another agent was told', other.heard);
  for (const secret of Object.values(OWN)) assert.ok(!`${agent.heard}${few.heard}`.includes(secret) || secret === OWN.env, 'what is not an agent\'s');
  lookIntoFiles(setup, scene, flock);
  if (database !== undefined) await lookIntoPostgres(database, flock);

  // A report while it runs, and one death that nobody can catch.
  gateway.process.signal('SIGUSR2');
  const reports = (): ReturnType<typeof filesBelow> => filesBelow(join(scene.folder, 'reports')).filter(({ bytes }) => bytes.includes('"environmentVariables"') && bytes.toString('utf8').trimEnd().endsWith('}'));
  await until(() => reports().length > 0 || undefined, 'Node reports on the process');
  gateway.process.signal('SIGABRT');
  const ended = await gateway.process.ended;
  assert.equal(ended.signal, 'SIGABRT');
  lookIntoFiles(setup, scene, flock);
  flock.absent('stdout', ended.stdout);
  flock.absent('the log', ended.stderr, LAST_WORDS);
  assert.ok(ended.stderr.split('\n').length > 20 && Buffer.byteLength(ended.stderr) > 5000);
}

test('canaries in arguments, results, headers, tokens, environment and credentials are in nothing that a gateway on SQLite writes down or tells', async (t) => scenario(t, undefined));

test('nor in any table of PostgreSQL, or in what else one with PostgreSQL writes down', { skip: 'skip' in server ? server.skip : false }, async (t) => {
  if ('skip' in server) return;
  await scenario(t, await createDatabase(server.url));
});
