import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVERY_CAPABILITY } from '../../src/relay/capabilities.ts';
import { members } from '../../src/core/json/slice.ts';
import type { Permit } from '../../src/core/permit.ts';
import { completionPermit, listenPermit, promptPermit, resourcePermit } from './calls.ts';
import { curious, type Curious, origin } from './curious.ts';
import { io, permit, rawOf, until } from './support.ts';

/** The line that the child was sent. */
async function line(run: Curious, what: Permit): Promise<string> {
  const result = await run.backend.call(what, io());
  assert.ok(result.ok && result.value.kind === 'result', JSON.stringify(result));
  return String(JSON.parse(members(result.value.raw)?.get('line') ?? '""'));
}

describe('calls that are no tool calls', { timeout: 60_000, concurrency: true }, () => {
  test('prompts, resources and completions arrive as they are', async () => curious([], {}, async (run) => {
    assert.match(await line(run, promptPermit('p', { a: '1' })), /"method":"prompts\/get","params":\{"name":"p","arguments":\{"a":"1"\}\}\}$/);
    assert.match(await line(run, resourcePermit('mem://A/%41')), /"method":"resources\/read","params":\{"uri":"mem:\/\/A\/%41"\}\}$/);
    assert.match(await line(run, completionPermit({ type: 'ref/prompt', name: 'p' }, { name: 'a', value: '' }, { arguments: {} })), /"params":\{"ref":\{"type":"ref\/prompt","name":"p"\},"argument":\{"name":"a","value":""\},"context":\{"arguments":\{\}\}\}\}$/);
  }));

  test('the context of a completion does not reach a child of 2025-03-26', async () => curious(['--version=2025-03-26'], {}, async (run) => {
    assert.doesNotMatch(await line(run, completionPermit({ type: 'ref/prompt', name: 'p' }, { name: 'a', value: '' }, { arguments: {} })), /context/);
  }));

  test('what is followed is not called, and what is called is not followed', async () => curious([], {}, async (run) => {
    const called = await run.backend.call(listenPermit('mem://a'), io());
    assert.ok(!called.ok && called.error.code === 'protocol' && called.error.detail.startsWith('refused'));
    const followed = await run.backend.follow(resourcePermit('mem://a'), () => undefined);
    assert.ok(!followed.ok && followed.error.code === 'protocol' && followed.error.detail.startsWith('refused'));
  }));

  test('a modern child hears what this agent can be asked, and gets its state back byte for byte', async () => curious(['--modern'], { asks: { elicitation: true, sampling: false, roots: true } }, async (run) => {
    const able = origin({ capabilities: EVERY_CAPABILITY, logLevel: 'info' });
    const asked = await run.backend.call(permit('do', { what: 'input' }, able), io());
    assert.ok(asked.ok && asked.value.kind === 'result');
    const state = members(asked.value.raw)?.get('requestState');
    assert.ok(state !== undefined);
    const again = await line(run, permit('do', {}, { ...able, continuation: { responses: rawOf('{"k":{"roots": []}}'), state } }));
    assert.ok(again.includes(`"inputResponses":{"k":{"roots": []}},"requestState":${state}`), again);
    assert.match(again, /"io\.modelcontextprotocol\/clientCapabilities":\{"elicitation":\{"form":\{\},"url":\{\}\},"roots":\{\}\},"io\.modelcontextprotocol\/logLevel":"info"/);
    assert.match(await line(run, permit('do', {})), /"io\.modelcontextprotocol\/clientCapabilities":\{\}/);
    const task = await run.backend.call(permit('do', { what: 'task' }), io());
    assert.ok(!task.ok && task.error.code === 'protocol');
  }));

  test('T63: a server that ends at an unknown first message is spoken to as it wishes', async () => curious(['--dies-unknown'], {}, async (run) => {
    assert.equal(run.backend.listing()?.era, 'legacy');
    assert.equal(run.backend.status().restarts, 0);
    assert.match((await run.seen())[0] ?? '', /^initialize/);
  }));
});

describe('all that a child lists', { timeout: 60_000, concurrency: true }, () => {
  for (const flags of [[], ['--modern']]) {
    test(`is told with what it can do ${flags.join()}`, async () => curious(flags, {}, async (run) => {
      const listing = run.backend.listing();
      assert.deepEqual([listing?.tools.length, listing?.prompts, listing?.resources.length, listing?.templates.length], [1, ['{"name":"p"}'], 1, 1]);
      assert.deepEqual(listing?.offers, { tools: true, prompts: true, resources: true, subscribe: true, completions: true, logging: true, tasks: false, apps: false });
      assert.ok(run.log.some(({ text }) => text === 'prompts/list: a prompt without a name is left out'));
    }));
  }

  test('a list that fails costs only itself', async () => curious(['--no-prompts'], {}, async (run) => {
    assert.deepEqual([run.backend.listing()?.prompts.length, run.backend.listing()?.resources.length], [0, 1]);
    assert.ok(run.log.some(({ text }) => text?.startsWith('prompts/list: prompts/list was refused') === true), JSON.stringify(run.log));
  }));

  test('each list that changes is read again', async () => curious([], {}, async (run) => {
    await run.does({ what: 'grow' });
    await until(() => run.backend.listing()?.templates.length === 2, 'two templates');
    assert.equal(run.listings.length, 2);
  }));
});

describe('resources that are followed', { timeout: 60_000, concurrency: true }, () => {
  const follow = async (run: Curious, uri: string, heard: string[]): Promise<() => void> => {
    const followed = await run.backend.follow(listenPermit(uri), (changed) => heard.push(changed));
    assert.ok(followed.ok, JSON.stringify(followed));
    return followed.value;
  };
  const subscribed = async (run: Curious): Promise<readonly string[]> => (await run.seen()).filter((each) => /^resources\/(?:un)?subscribe/.test(each)).map((each) => each.replace(/^resources\/(\w+) .*"uri":"([^"]+)".*/, '$1 $2'));

  test('T115, T116: a legacy child is asked once and told once that nobody follows any more', async () => curious([], {}, async (run) => {
    const [one, two]: [string[], string[]] = [[], []];
    const undos = [await follow(run, 'mem://a', one), await follow(run, 'mem://a', two)];
    await run.does({ what: 'update', uri: 'mem://a/part' });
    await until(() => one.length + two.length === 2, 'told');
    assert.deepEqual([one, two], [['mem://a/part'], ['mem://a/part']]);
    undos[0]?.();
    assert.deepEqual(await subscribed(run), ['subscribe mem://a']);
    undos[1]?.();
    assert.deepEqual(await subscribed(run), ['subscribe mem://a', 'unsubscribe mem://a']);
    const refused = await run.backend.follow(listenPermit('mem://secret'), () => undefined);
    assert.ok(!refused.ok && refused.error.code === 'protocol');
  }));

  for (const flags of [[], ['--modern']]) {
    test(`T118: after a restart all is followed again, and everybody told once ${flags.join()} [CI5]`, async () => curious(flags, {}, async (run) => {
      const heard: string[] = [];
      await follow(run, 'mem://a', heard);
      await follow(run, 'mem://b', heard);
      await run.backend.call(permit('do', { what: 'crash' }), io());
      await until(() => run.backend.status().restarts === 1, 'restarted');
      await until(() => heard.length >= 2, 'told');
      assert.deepEqual(heard.toSorted(), ['mem://a', 'mem://b']);
      await run.does({ what: 'update', uri: 'mem://b' });
      await until(() => heard.length === 3, 'told again');
      assert.equal(heard[2], 'mem://b');
    }));
  }

  test('a modern child has one stream for everything at a time [CI3]', async () => curious(['--modern'], {}, async (run) => {
    const heard: string[] = [];
    const streams = async (): Promise<readonly (readonly [number, Record<string, unknown>])[]> => JSON.parse(await run.does({ what: 'streams' }));
    const undo = await follow(run, 'mem://a', heard);
    await follow(run, 'mem://b', heard);
    for (let n = 0; n < 200 && (await streams()).length !== 1; n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual((await streams()).map(([, filter]) => filter), [{ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['mem://a', 'mem://b'] }]);
    await run.does({ what: 'update', uri: 'mem://a' });
    await until(() => heard.length === 1, 'told');
    undo();
    const refused = await run.backend.follow(listenPermit('mem://secret'), () => undefined);
    assert.ok(!refused.ok && refused.error.code === 'protocol', JSON.stringify(refused));
  }));

  test('a backend without subscriptions says so', async () => curious(['--no-subscribe'], {}, async (run) => {
    const refused = await run.backend.follow(listenPermit('mem://a'), () => undefined);
    assert.deepEqual(refused, { ok: false, error: { code: 'protocol', detail: 'this backend has no subscriptions' } });
  }));
});
