// What is asked of the gateway as a server of agents of each 2025 revision, over both transports, through the whole gateway.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { INITIALIZE, type Line } from '../support/e2e/lines.ts';
import { until } from '../support/e2e/processes.ts';
import { session } from '../surfaces/speak.ts';
import { ask, openStream } from '../surfaces/wire.ts';
import { LEGACY } from './requirement.ts';
import { verifies } from './verifies.ts';
import { requirementsWorld, type RequirementsWorld } from './world.ts';

/** An agent that was greeted in its revision. */
interface Greeted {
  readonly name: string;
  readonly revision: string;
  readonly hello: Readonly<Record<string, unknown>>;
  /** The answer, and whatever was told before it, in order. */
  say(method: string, params?: object): Promise<{ readonly answer: Line; readonly told: readonly Line[]; readonly text: string }>;
  /** Begins a request and says that it is cancelled; undefined when nothing answers it. */
  cancels(method: string, params: object): Promise<Line | undefined>;
}

let world: RequirementsWorld;
let agents: readonly Greeted[] = [];
before(async () => {
  world = await requirementsWorld('[bounds]\npage = 3\n');
  agents = (await Promise.all(LEGACY.map(async (revision) => [await overHttp(revision), await overStdio(revision)]))).flat();
});
after(async () => world[Symbol.asyncDispose]());

async function overHttp(revision: string): Promise<Greeted> {
  const talk = await session(world.port, revision, { Authorization: `Bearer ${await world.gateway.token('alice', 'all')}` });
  let id = 0;
  return {
    name: `http ${revision}`, revision, hello: JSON.parse(talk.initialized.text).result,
    say: async (method, params) => {
      id += 1;
      const own = id;
      const stream = await openStream(talk.request(method, { ...params }, own));
      await stream.ended;
      const lines: readonly Line[] = stream.events().length > 0 ? stream.events().map((line): Line => Object(line)) : [JSON.parse(stream.text())];
      return { answer: lines.find((line) => line.id === own && line.method === undefined) ?? assert.fail(stream.text()), told: lines.filter((line) => line.method !== undefined), text: stream.text() };
    },
    cancels: async (method, params) => {
      id += 1;
      const own = id;
      const pending = ask(talk.request(method, { ...params }, own));
      await until(() => world.gateway.status().then(({ backends }) => (backends.some(({ inflight }) => inflight > 0) ? true : undefined)), 'it is at its backend');
      await talk.notify('notifications/cancelled', { requestId: own });
      const { text } = await pending;
      return text.includes('"result"') || text.includes('"error"') ? JSON.parse(text) : undefined;
    },
  };
}

async function overStdio(revision: string): Promise<Greeted> {
  const agent = await world.lines('all');
  const { result } = await agent.ask('hello', 'initialize', { ...INITIALIZE, protocolVersion: revision });
  agent.say({ method: 'notifications/initialized' });
  let id = 0;
  return {
    name: `stdio ${revision}`, revision, hello: result ?? {},
    say: async (method, params) => {
      id += 1;
      const before = agent.lines().length;
      const answer = await agent.ask(id, method, params);
      return { answer, told: agent.lines().slice(before).filter((line) => line.method !== undefined), text: agent.raw(id) };
    },
    cancels: async (method, params) => {
      id += 1;
      const own = id;
      agent.say({ id: own, method, params });
      await until(() => world.gateway.status().then(({ backends }) => (backends.some(({ inflight }) => inflight > 0) ? true : undefined)), 'it is at its backend');
      agent.say({ method: 'notifications/cancelled', params: { requestId: own } });
      await until(() => world.gateway.status().then(({ backends }) => (backends.every(({ inflight }) => inflight === 0) ? true : undefined)), 'it is over');
      await agent.ask(`after-${own}`, 'ping');
      return agent.lines().find((line) => line.id === own);
    },
  };
}

const LISTS = [['tools/list', 'tools'], ['prompts/list', 'prompts'], ['resources/list', 'resources'], ['resources/templates/list', 'resourceTemplates']] as const;

async function whole(agent: Greeted, method: string, member: string): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  let cursor: unknown;
  do {
    const { answer } = await agent.say(method, cursor === undefined ? {} : { cursor });
    assert.ok(answer.result !== undefined, JSON.stringify(answer));
    all.push(...(answer.result[member] as readonly unknown[]));
    cursor = answer.result['nextCursor'];
  } while (cursor !== undefined);
  return all;
}

verifies('an initialize is answered in its own revision, and neither it nor any result has a word of the modern era or of a backend\'s name [SL1, SL11, S29]', async () => {
  const asked: readonly (readonly [string, object])[] = [
    ...LISTS.map(([method]) => [method, {}] as const),
    ['tools/call', { name: 'curious__do', arguments: {} }], ['prompts/get', { name: 'inner__p' }],
    ['resources/read', { uri: 'inner+mem://note' }], ['completion/complete', { ref: { type: 'ref/prompt', name: 'inner__p' }, argument: { name: 'a', value: '1' } }],
  ];
  for (const agent of agents) {
    assert.equal(agent.hello['protocolVersion'], agent.revision, agent.name);
    assert.deepEqual(Object.keys(Object(agent.hello['capabilities'])).filter((key) => key === 'extensions' || key === 'experimental' || key === 'tasks'), [], agent.name);
    for (const [method, params] of asked) {
      const { answer, text } = await agent.say(method, params);
      assert.ok(answer.result !== undefined, `${agent.name} ${method}: ${text}`);
      for (const key of ['resultType', 'ttlMs', 'cacheScope']) assert.ok(!(key in answer.result), `${agent.name} ${method} ${key}`);
      assert.doesNotMatch(text, /io\.modelcontextprotocol|inner-canary/, `${agent.name} ${method}`);
    }
  }
});

verifies('lists have one order on every connection, of every revision and transport, and their names are unique and of the allowed characters [S15, S16, S18, S31]', async () => {
  for (const [method, member] of LISTS) {
    const named = (entry: unknown): string => String(Object(entry).uri ?? Object(entry).uriTemplate ?? Object(entry).name);
    const lists = await Promise.all(agents.map(async (agent) => (await whole(agent, method, member)).map(named)));
    const [first = []] = lists;
    assert.ok(first.length > 1 && new Set(first).size === first.length, method);
    for (const [at, list] of lists.entries()) assert.deepEqual(list, first, `${agents[at]?.name} ${method}`);
    if (member === 'tools' || member === 'prompts') for (const name of first) assert.match(name, /^[A-Za-z0-9_.-]{1,128}$/);
  }
});

verifies('unknown names and cursors are -32602, unknown methods -32601, a resource that is not there -32002 with its URI as the agent wrote it [S18, S25]', async () => {
  for (const agent of agents) {
    const code = async (method: string, params: object): Promise<number | undefined> => (await agent.say(method, params)).answer.error?.code;
    assert.equal(await code('tools/call', { name: 'curious__nothing', arguments: {} }), -32602, agent.name);
    assert.equal(await code('prompts/get', { name: 'curious__nothing' }), -32602, agent.name);
    for (const [method] of LISTS) assert.equal(await code(method, { cursor: 'bent' }), -32602, `${agent.name} ${method}`);
    for (const method of ['server/discover', 'subscriptions/listen', 'no/such', '__proto__']) assert.equal(await code(method, {}), -32601, `${agent.name} ${method}`);
    const { answer } = await agent.say('resources/read', { uri: 'nobody+mem://x' });
    assert.deepEqual([answer.error?.code, answer.error?.data], [-32002, { uri: 'nobody+mem://x' }], agent.name);
  }
});

verifies('progress rises under the agent\'s own token and comes before the answer; who did not ask for it hears none [S21]', async () => {
  for (const agent of agents) {
    const { told } = await agent.say('tools/call', { name: 'plain__progress', arguments: { n: 3, ms: 50 }, _meta: { progressToken: 'own' } });
    const values = told.filter((line) => line.method === 'notifications/progress').map((line) => [line.params?.['progressToken'], Number(line.params?.['progress'])] as const);
    assert.ok(values.length > 0 && values.every(([token, value], at) => token === 'own' && (at === 0 || value > (values[at - 1]?.[1] ?? 0))), `${agent.name} ${JSON.stringify(values)}`);
    assert.deepEqual((await agent.say('tools/call', { name: 'plain__progress', arguments: { n: 3, ms: 10 } })).told, [], agent.name);
  }
});

verifies('a call that its agent cancels is not answered, and its backend is told [S22]', async () => {
  const cancelled = async (): Promise<number> => Number(Object((await world.http('tools/call', { params: { name: 'plain__seen', arguments: {} } })).result?.['structuredContent']).cancelled.length);
  for (const agent of agents) {
    const before = await cancelled();
    assert.equal(await agent.cancels('tools/call', { name: 'plain__never', arguments: {} }), undefined, agent.name);
    await until(async () => ((await cancelled()) === before + 1 ? true : undefined), `${agent.name}: the backend is told`);
  }
});
