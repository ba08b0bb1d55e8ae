// Every method × who may not: no token, a role that does not exist, a role that may do less, another principal. On the real gateway,
// over HTTP in both eras and over stdio; what reached the backend is read from the backend's own stdin.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { methodOf } from '../../src/relay/methods.ts';
import { launch, prepare, type Gateway } from '../support/e2e/gateway.ts';
import { INITIALIZE, modern as modernParams, startLines, type Line } from '../support/e2e/lines.ts';
import { MAIN, ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { initialize, type LegacySession, modern, session } from '../surfaces/speak.ts';
import { ask, type Asking, openStream, type Reply } from '../surfaces/wire.ts';
import { ASKED_OF_AGENTS, NOTIFICATIONS, OF_EXTENSIONS, REQUESTS } from './methods.ts';

type Era = 'legacy' | 'modern';

/** What is answered at all, in each era. Written down here a second time: a method that starts to be answered belongs into this matrix first. */
const ANSWERED: Readonly<Record<Era, readonly string[]>> = {
  legacy: [
    'initialize', 'ping', 'logging/setLevel', 'tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'completion/complete',
    'resources/list', 'resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe',
  ],
  modern: [
    'server/discover', 'subscriptions/listen', 'tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'completion/complete',
    'resources/list', 'resources/templates/list', 'resources/read',
  ],
};
const EVERY = [...new Set([...REQUESTS, ...ASKED_OF_AGENTS, ...NOTIFICATIONS, ...OF_EXTENSIONS, 'tasks/update', 'tools/callx', 'TOOLS/CALL', '__proto__', 'constructor', 'toString'])];

/** Every member that any method reads, each naming something of the backend that these agents must not reach. */
const URI = 'alpha+file:///etc/hostname';
const PARAMS = {
  name: 'alpha__say', uri: URI, taskId: 'task-1', arguments: {}, ref: { type: 'ref/prompt', name: 'alpha__say' }, argument: { name: 'a', value: 'b' },
  level: 'debug', notifications: { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [URI] }, requestId: 'held', result: {}, ...INITIALIZE,
};

const bin = new AsyncDisposableStack();
const tokens: Record<'alice' | 'bob' | 'reader' | 'ghost', string> = { alice: '', bob: '', reader: '', ghost: '' };
let gateway: Gateway;
let port = 0;
let record = '';
let alices: LegacySession;

const bearer = (token: string | undefined): { readonly Authorization: string | undefined } => ({ Authorization: token === undefined ? undefined : `Bearer ${token}` });
/** What was asked of the backend but its lists: tools by name, all else by method, in order. */
const executed = (): readonly string[] => readFileSync(record, 'utf8').split('\n').flatMap((line) => {
  const method = /"method":"((?:tools|prompts|resources|completion)\/\w+)"/.exec(line)?.[1];
  if (method === undefined || method.endsWith('/list')) return [];
  return [method === 'tools/call' ? (/"name":"(\w+)"/.exec(line)?.[1] ?? line) : method];
});

/** A modern request with the mirror header that its method asks for. */
function asModern(method: string, token: string | undefined, headers: Asking['headers'] = {}): Asking {
  const named = methodOf(method)?.nameMember;
  return modern(port, { method, params: PARAMS, headers: { ...bearer(token), 'Mcp-Name': named === undefined ? undefined : PARAMS[named], ...headers } });
}

const textOf = (reply: Pick<Reply, 'text'>): string => (reply.text.includes('\ndata: ') || reply.text.startsWith('data: ') ? reply.text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n') : reply.text);
const messageOf = (reply: Reply): Line => JSON.parse(textOf(reply).split('\n').at(-1) ?? '');

before(async () => {
  const setup = await prepare({ toml: '' });
  record = join(setup.folder, 'alpha.stdin');
  const spy = stdioBackend('alpha', [process.execPath, join(ROOT, 'test/fixtures/backends/spy.ts'), `--record=${record}`, '--everything']);
  setup.write([spy, '[rbac.roles.developer]', 'permissions = ["*"]', '[rbac.roles.reader]', 'allow = ["alpha/look"]', '[bounds]', 'page = 2', ''].join('\n'));
  gateway = bin.use(await launch(setup));
  port = Number(new URL(gateway.endpoint).port);
  for (const name of ['alice', 'bob'] as const) tokens[name] = await gateway.token(name, 'developer');
  tokens.reader = await gateway.token('rita', 'reader');
  tokens.ghost = await gateway.token('gustav', 'ghost');
  alices = await session(port, '2025-11-25', bearer(tokens.alice));
});
after(() => bin.disposeAsync());

test('C04 every request that the SDKs know has its row in the protocol table, so that a new one must be decided on', () => {
  assert.ok(REQUESTS.length >= 19 && ASKED_OF_AGENTS.length >= 3 && NOTIFICATIONS.length >= 12 && OF_EXTENSIONS.length >= 3, 'the schemas were read');
  assert.deepEqual(REQUESTS.filter((method) => methodOf(method) === undefined), []);
  assert.deepEqual([...ASKED_OF_AGENTS, ...NOTIFICATIONS].filter((method) => methodOf(method) !== undefined), [], 'nothing that is not a request to a server is answered');
  assert.deepEqual([...ANSWERED.legacy, ...ANSWERED.modern].filter((method) => !REQUESTS.includes(method)), []);
});

describe('C04 the matrix of what is denied', () => {
  test('C04 without a token, or with a broken one, every method of both eras is 401 with a challenge and tells nothing', async () => {
    const texts = new Set<string>();
    for (const method of EVERY) {
      for (const asking of [asModern(method, undefined), { ...alices.request(method, PARAMS), headers: { ...alices.request(method).headers, ...bearer(undefined) } }]) {
        const reply = await ask(asking);
        assert.equal(reply.status, 401, method);
        assert.match(String(reply.headers['www-authenticate']), /^Bearer resource_metadata=/);
        texts.add(reply.text);
      }
    }
    assert.equal(texts.size, 1, 'one answer to all of them');
    const bent = `${tokens.alice.slice(0, -6)}AAAAAA`;
    assert.equal((await ask(asModern('tools/call', bent))).status, 401);
    assert.deepEqual(executed(), []);
  });

  for (const [who, seen] of [['ghost', []], ['reader', ['alpha__look']]] as const) {
    test(`C04 ${who}, modern: what is not offered is 404 -32601, what it may not reach does not exist, and nothing is executed [S23, SEC49]`, async () => {
      for (const method of EVERY) {
        if (method === 'subscriptions/listen') continue;
        // A legacy session of somebody else in a header means nothing here (A14).
        for (const headers of [{}, { 'Mcp-Session-Id': alices.id }]) {
          const reply = await ask(asModern(method, tokens[who], headers));
          checkDenied('modern', method, reply.status, messageOf(reply), seen);
        }
      }
      assert.deepEqual(executed(), []);
    });

    test(`C04 ${who}, legacy: the same in a session of its own`, async () => {
      const own = await session(port, '2025-11-25', bearer(tokens[who]));
      assert.equal(own.initialized.text.includes('spy'), seen.length > 0, 'instructions only of backends it sees');
      for (const method of EVERY) {
        const reply = await ask(own.request(method, PARAMS));
        checkDenied('legacy', method, reply.status, messageOf(reply), seen);
      }
      for (const method of NOTIFICATIONS) assert.equal((await own.notify(method, PARAMS)).status, 202, method);
      assert.deepEqual(executed(), []);
    });

    test(`C04 ${who}, stdio: the same in both eras on one stream [S23, SEC49]`, async () => {
      using agent = startLines([process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config], { env: { ...gateway.env, SENTINEL_TOKEN: tokens[who] }, cwd: gateway.folder });
      assert.equal(JSON.stringify(await agent.ask('init', 'initialize', INITIALIZE)).includes('spy'), seen.length > 0);
      agent.say({ method: 'notifications/initialized' });
      for (const [at, method] of EVERY.entries()) {
        checkDenied('legacy', method, undefined, await agent.ask(`l${at}`, method, PARAMS), seen);
        if (method !== 'subscriptions/listen') checkDenied('modern', method, undefined, await agent.ask(`m${at}`, method, modernParams(PARAMS)), seen);
      }
      for (const method of NOTIFICATIONS) agent.say({ method, params: PARAMS });
      await agent.ask('after', 'ping');
      assert.ok(agent.lines().every((line) => line.id !== undefined), 'nothing but answers');
      assert.deepEqual(executed(), []);
    });

    test(`C04 ${who}: a subscription grants no more than changes of its own list`, async () => {
      const stream = await openStream(asModern('subscriptions/listen', tokens[who]));
      await stream.until('acknowledged');
      const [acknowledged] = stream.events() as readonly Line[];
      assert.deepEqual(acknowledged?.params?.['notifications'], { toolsListChanged: true });
      stream.cut();
    });
  }

  test('C04 another principal\'s session is not found for any method, any notification, GET and DELETE; its call goes on [SEC15]', async () => {
    const held = ask(alices.request('tools/call', { name: 'alpha__hold', arguments: {} }, 'held'));
    await until(() => executed().length === 1, 'alice\'s call is at the backend');
    const asBob = (asking: Asking): Asking => ({ ...asking, headers: { ...asking.headers, ...bearer(tokens.bob) } });
    for (const method of EVERY) {
      for (const id of [1, 'held']) {
        const reply = await ask(asBob(alices.request(method, PARAMS, id)));
        assert.equal(reply.status, 404, method);
        assert.equal(messageOf(reply).error?.message, 'Session not found');
      }
    }
    for (const method of NOTIFICATIONS) assert.equal((await ask(asBob({ ...alices.request(method), body: JSON.stringify({ jsonrpc: '2.0', method, params: PARAMS }) }))).status, 404, method);
    for (const method of ['GET', 'DELETE']) assert.equal((await ask({ ...asBob(alices.with({ Accept: 'text/event-stream' })), method })).status, 404, method);
    assert.deepEqual(executed(), ['hold'], 'nothing of bob\'s was executed');
    assert.equal((await ask(alices.request('tools/call', { name: 'alpha__release', arguments: {} }, 'r'))).status, 200);
    assert.match((await held).text, /held/, 'and alice gets her answer');
  });

  test('C04 another principal\'s cursor is refused in both eras, and so is one of the other endpoint', async () => {
    const list = async (cursor: string | undefined, token: string, path = '/mcp'): Promise<Line> => messageOf(await ask(modern(port, { method: 'tools/list', params: cursor === undefined ? {} : { cursor }, headers: bearer(token), path })));
    const mine = (await list(undefined, tokens.alice)).result?.['nextCursor'];
    assert.ok(typeof mine === 'string');
    assert.equal((await list(mine, tokens.alice)).error, undefined);
    for (const who of ['bob', 'reader', 'ghost'] as const) assert.equal((await list(mine, tokens[who])).error?.code, -32602, who);
    assert.equal((await list(mine, tokens.alice, '/mcp/alpha')).error?.code, -32602);
    const own = await session(port, '2025-11-25', bearer(tokens.bob));
    assert.equal(messageOf(await ask(own.request('tools/list', { cursor: mine }))).error?.code, -32602);
  });

  test('C04 the control: alice, who may, is answered by each method that there is', async () => {
    const called = await ask(modern(port, { method: 'tools/call', params: { name: 'alpha__say', arguments: { result: { content: [] } } }, headers: bearer(tokens.alice) }));
    assert.equal(messageOf(called).error, undefined, called.text);
    assert.equal(executed().at(-1), 'say');
    for (const method of ANSWERED.modern.filter((one) => one !== 'tools/call' && one !== 'subscriptions/listen')) assert.notEqual(messageOf(await ask(asModern(method, tokens.alice))).result, undefined, method);
    for (const method of ANSWERED.legacy.filter((one) => one !== 'tools/call' && one !== 'initialize')) assert.notEqual(messageOf(await ask(alices.request(method, PARAMS))).result, undefined, method);
    const told = await Promise.all(['prompts/get', 'resources/read', 'completion/complete'].map(async (method) => (await ask(asModern(method, tokens.alice))).text));
    for (const [at, secret] of ['prompt', 'resource', 'completion'].entries()) assert.match(told[at] ?? '', new RegExp(`secret of the ${secret}`));
    assert.equal((await initialize(port, '2025-11-25', bearer(tokens.alice))).status, 200);
  });
});

/** `status` undefined: a transport without one. `seen`: the tools of this agent. */
function checkDenied(era: Era, method: string, status: number | undefined, { result, error }: Line, seen: readonly string[]): void {
  const where = `${era} ${method}`;
  if (!ANSWERED[era].includes(method)) {
    assert.equal(error?.code, -32601, `${where}: ${JSON.stringify(error ?? result)}`);
    assert.ok(status === undefined || status === (era === 'modern' ? 404 : 200), `${where}: ${status}`);
    return;
  }
  if (method === 'initialize') return assert.equal(error?.code, -32600, 'nobody initializes twice');
  if (method === 'tools/call') return assert.deepEqual(error, { code: -32602, message: 'Unknown tool: alpha__say' }, where);
  if (method === 'prompts/get' || method === 'completion/complete') return assert.deepEqual(error, { code: -32602, message: 'Unknown prompt: alpha__say' }, where);
  if (method === 'resources/read' || method === 'resources/subscribe') return assert.deepEqual(error, { code: era === 'modern' ? -32602 : -32002, message: 'Resource not found', data: { uri: URI } }, where);
  assert.equal(error, undefined, where);
  for (const list of ['prompts', 'resources', 'resourceTemplates']) if (method.endsWith('/list') && result?.[list] !== undefined) assert.deepEqual(result[list], [], where);
  if (method === 'tools/list') assert.deepEqual(((result?.['tools'] ?? []) as readonly { readonly name: string }[]).map((tool) => tool.name), seen, where);
  if (method === 'server/discover') assert.equal(JSON.stringify(result).includes('spy'), seen.length > 0, where);
  if (method === 'ping') assert.deepEqual(result, {}, where);
}
