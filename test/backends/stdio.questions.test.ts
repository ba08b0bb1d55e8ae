import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVERY_CAPABILITY } from '../../src/relay/capabilities.ts';
import { ACCEPT, agent, curious, type Curious, of, origin, slowAgent } from './curious.ts';
import { io, json, permit, until } from './support.ts';

const ALL = { elicitation: true, sampling: true, roots: true };
const ELICIT = { what: 'ask', method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } } };
const SAMPLE = { what: 'ask', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
const ROOTS = { what: 'ask', method: 'roots/list' };
const NOT_FOUND = { code: -32601, message: 'Method not found' };

/** The child's own view of the reply it got. */
const reply = (text: string): Record<string, unknown> => JSON.parse(text);

async function hangs(run: Curious, over: ReturnType<typeof of> = {}, own: Parameters<typeof io>[0] = {}): Promise<{ readonly stop: AbortController; readonly done: Promise<unknown> }> {
  const stop = new AbortController();
  const before = run.backend.status().inflight;
  const done = run.backend.call(permit('do', { what: 'hang' }, over), io({ ...own, signal: stop.signal }));
  await until(() => run.backend.status().inflight === before + 1, 'in flight');
  return { stop, done };
}

describe('the end of a visit to a page', { timeout: 60_000, concurrency: true }, () => {
  test('is told with the backend\'s own id, in a call or without one; what is unknown is noise and no reason to end the child [C16, CI8]', async () => curious([], {}, async (run) => {
    assert.equal(await run.does({ what: 'complete', id: 'theirs' }), 'told');
    assert.deepEqual([run.completed, run.backend.status().noise], [['theirs'], 0]);
    assert.equal(await run.does({ what: 'complete', id: 7 }), 'told');
    assert.equal(await run.does({ what: 'complete', id: 'unknown', times: 200 }), 'told');
    assert.deepEqual([run.completed.length, run.backend.status().noise, run.backend.status().restarts], [201, 200, 0]);
    assert.ok(run.log.some(({ level, text }) => level === 'debug' && text?.includes('nobody was shown') === true));
  }));

  test('a modern child has no such word', async () => curious(['--modern'], {}, async (run) => {
    assert.equal(await run.does({ what: 'complete', id: 'theirs' }), 'told');
    assert.deepEqual([run.completed, run.backend.status().noise], [[], 0]);
  }));
});

describe('what a legacy child asks during a call', { timeout: 60_000, concurrency: true }, () => {
  for (const question of [ELICIT, SAMPLE, ROOTS]) {
    test(`${question.method} is put to the agent of the only call, and its reply goes back under the child's own id`, async () => curious([], { asks: ALL }, async (run) => {
      const mine = agent({ kind: 'result', raw: json({ 'kept-as': [1, { is: null }] }) });
      assert.deepEqual(reply(await run.does(question, mine)), { jsonrpc: '2.0', id: 'own-1', result: { 'kept-as': [1, { is: null }] } });
      assert.deepEqual(mine.asked.map(({ method, params }) => [method, JSON.parse(params ?? '')]), [[question.method, 'params' in question ? question.params : {}]]);
    }));
  }

  test('an error of the agent is the child\'s answer too', async () => curious([], { asks: ALL }, async (run) => {
    const mine = agent({ kind: 'error', code: -1, message: 'User rejected' });
    assert.deepEqual(reply(await run.does(SAMPLE, mine))['error'], { code: -1, message: 'User rejected' });
  }));

  test('what the operator does not allow is not declared, and refused without asking', async () => curious([], { asks: { elicitation: false, sampling: false, roots: false } }, async (run) => {
    const mine = agent();
    for (const question of [ELICIT, SAMPLE, ROOTS]) assert.deepEqual(reply(await run.does(question, mine))['error'], NOT_FOUND);
    assert.equal(mine.asked.length, 0);
    assert.match((await run.seen()).join('\n'), /^initialize .*"capabilities":\{"extensions":\{"io\.modelcontextprotocol\/ui":\{[^}]*\}\}\}/m);
  }));

  test('what is allowed is declared', async () => curious([], { asks: ALL }, async (run) => {
    const hello = (await run.seen()).find((line) => line.startsWith('initialize '));
    const { capabilities } = JSON.parse(hello?.slice('initialize '.length) ?? '{}');
    assert.deepEqual(Object.keys(capabilities), ['elicitation', 'sampling', 'roots', 'extensions']);
    assert.deepEqual(capabilities.elicitation, { form: {}, url: {} });
  }));

  test('an agent that cannot be asked: elicitation is declined, sampling refused, the call goes on', async () => curious([], { asks: ALL }, async (run) => {
    assert.deepEqual(reply(await run.does(ELICIT))['result'], { action: 'decline' });
    assert.deepEqual(reply(await run.does(SAMPLE))['error'], NOT_FOUND);
  }));

  test('an agent whose answer fails is an error for the child, not a hang', async () => curious([], { asks: ALL }, async (run) => {
    const error = reply(await run.does(ELICIT, { ask: async () => Promise.reject(new Error('secret detail')) }))['error'];
    assert.deepEqual(error, { code: -32603, message: 'The question could not be asked' });
  }));

  test('T106: ping is answered while the agent is silent, and methods nobody knows are refused', async () => curious([], { asks: ALL }, async (run) => {
    const mine = slowAgent();
    const call = run.does(ELICIT, mine);
    await until(() => mine.asked.length === 1, 'asked');
    assert.deepEqual(reply(await run.does({ what: 'ask', method: 'ping' }))['result'], {});
    assert.deepEqual(reply(await run.does({ what: 'ask', method: 'tasks/list' }))['error'], NOT_FOUND);
    mine.say(ACCEPT);
    await call;
  }));

  test('the time of a call stands still while its agent is asked', async () => curious([], { asks: ALL, timeoutMs: 1_500, maxTimeoutMs: 1_500 }, async (run) => {
    const mine = slowAgent();
    const call = run.does(ELICIT, mine);
    await until(() => mine.asked.length === 1, 'asked');
    await assert.rejects(run.does({ what: 'hang' }), /timeout/, 'a call nobody is asked for keeps its time');
    mine.say(ACCEPT);
    assert.ok('result' in reply(await call));
  }));

  test('of many questions at once only so many are put', async () => curious([], { asks: ALL }, async (run) => {
    const mine = slowAgent();
    const call = run.does({ what: 'ask-many', method: 'elicitation/create', times: 6 }, mine);
    await until(() => mine.asked.length === 4, 'asked');
    mine.say(ACCEPT);
    const replies: { readonly result: { readonly action: string } }[] = JSON.parse(await call);
    assert.deepEqual(replies.map(({ result }) => result.action).toSorted(), ['accept', 'accept', 'accept', 'accept', 'decline', 'decline']);
    assert.equal(mine.asked.length, 4);
  }));
});

describe('whose question it is', { timeout: 60_000, concurrency: true }, () => {
  test('T91: with two calls in flight nobody is asked [CI7, SEC35]', async () => curious([], { asks: ALL }, async (run) => {
    const [mine, other] = [agent(), agent()];
    const hanging = await hangs(run, of('other'), other);
    assert.deepEqual(reply(await run.does(ELICIT, mine))['result'], { action: 'decline' });
    assert.deepEqual(reply(await run.does(SAMPLE, mine))['error'], NOT_FOUND);
    assert.deepEqual([mine.asked, other.asked], [[], []]);
    hanging.stop.abort();
    await hanging.done;
  }));

  test('T91: with no call in flight nobody is asked', async () => curious([], { asks: ALL }, async (run) => {
    const mine = agent();
    await run.does({ what: 'ask-after', method: 'elicitation/create' }, mine);
    let seen: readonly string[] = [];
    for (let n = 0; n < 200 && !seen.some((line) => line.includes('own-1')); n += 1) seen = await run.seen();
    assert.match(seen.join('\n'), /"id":"own-1","result":\{"action":"decline"\}/);
    assert.equal(mine.asked.length, 0);
  }));

  test('T91: a call that was given up leaves a doubt for others until the child answers it, none for its own principal [CI7]', async () => curious([], { asks: ALL }, async (run) => {
    const [mine, other] = [agent(), agent()];
    const hanging = await hangs(run, of('other'), other);
    hanging.stop.abort();
    await hanging.done;
    assert.deepEqual(reply(await run.does(ELICIT, mine))['result'], { action: 'decline' });
    assert.ok('result' in reply(await run.does(ELICIT, other, of('other'))));
    assert.deepEqual([mine.asked.length, other.asked.length], [0, 1]);
    await run.does({ what: 'release' });
    assert.deepEqual(reply(await run.does(ELICIT, mine))['result'], { action: 'accept', content: { n: 1 } });
    assert.equal(mine.asked.length, 1);
  }));

  test('T92: roots/list right after initialized is answered from the configuration', async () => curious(['--roots-at-start'], { roots: [{ uri: 'file:///srv', name: 'srv' }, { uri: 'file:///tmp', name: undefined }] }, async (run) => {
    const seen = (await run.seen()).join('\n');
    assert.match(seen, /"id":"own-1","result":\{"roots":\[\{"uri":"file:\/\/\/srv","name":"srv"\},\{"uri":"file:\/\/\/tmp"\}\]\}/);
    assert.match(seen, /^initialize .*"roots":\{\}/m);
  }));

  test('T92: without any roots it is not declared, and refused', async () => curious(['--roots-at-start'], {}, async (run) => {
    const seen = (await run.seen()).join('\n');
    assert.match(seen, /"id":"own-1","error":\{"code":-32601/);
    assert.doesNotMatch(seen, /^initialize .*"roots"/m);
  }));

  test('4.6, T91: a call that is given up while its agent is asked ends by a withdrawn question, and leaves no doubt for others', async () => curious([], { asks: ALL }, async (run) => {
    const [mine, other] = [slowAgent(), agent()];
    const stop = new AbortController();
    const call = run.backend.call(permit('do', ELICIT), io({ ...mine, signal: stop.signal }));
    await until(() => mine.asked.length === 1, 'asked');
    stop.abort();
    assert.deepEqual(await call, { ok: false, error: { code: 'cancelled' } });
    assert.match((await run.seen()).join('\n'), /"id":"own-1","result":\{"action":"cancel"\}/);
    assert.ok('result' in reply(await run.does(ELICIT, other, of('other'))));
    assert.equal(other.asked.length, 1);
    assert.doesNotMatch((await run.seen()).join('\n'), /notifications\/cancelled/, 'it had ended by itself');
  }));

  test('4.6: one that goes on nevertheless is cancelled, and stays a doubt', async () => curious([], { asks: ALL }, async (run) => {
    const [mine, other] = [slowAgent(), agent()];
    const stop = new AbortController();
    const call = run.backend.call(permit('do', { ...ELICIT, what: 'ask-and-hang' }), io({ ...mine, signal: stop.signal }));
    await until(() => mine.asked.length === 1, 'asked');
    stop.abort();
    await call;
    let seen: readonly string[] = [];
    for (const end = performance.now() + 30_000; performance.now() < end && !seen.some((line) => line.startsWith('notifications/cancelled'));) seen = await run.seen();
    const [answered, cancelled] = ['"id":"own-1"', 'notifications/cancelled'].map((text) => seen.findIndex((line) => line.includes(text)));
    assert.ok(answered !== undefined && cancelled !== undefined && answered >= 0 && answered < cancelled, seen.join('\n'));
    assert.deepEqual(reply(await run.does(ELICIT, other, of('other')))['result'], { action: 'decline' });
  }));

  test('a call that is cancelled while its agent is asked: the agent is told, and a late reply goes nowhere', async () => curious([], { asks: ALL }, async (run) => {
    const mine = slowAgent();
    const stop = new AbortController();
    const call = run.backend.call(permit('do', ELICIT), io({ ...mine, signal: stop.signal }));
    await until(() => mine.asked.length === 1, 'asked');
    stop.abort();
    assert.deepEqual(await call, { ok: false, error: { code: 'cancelled' } });
    assert.ok(mine.given());
    mine.say(ACCEPT);
    assert.doesNotMatch((await run.seen()).join('\n'), /own-1.*accept/);
  }));

  test('a question that the child takes back is over for the agent, and gets no reply', async () => curious([], { asks: ALL }, async (run) => {
    const mine = slowAgent();
    const call = run.backend.call(permit('do', { ...ELICIT }), io(mine));
    await until(() => mine.asked.length === 1, 'asked');
    await run.does({ what: 'take-back' });
    await until(mine.given, 'given');
    mine.say(ACCEPT);
    assert.doesNotMatch((await run.seen()).join('\n'), /"id":"own-1"/);
    await run.backend.stop();
    assert.deepEqual(await call, { ok: false, error: { code: 'stopped' } });
  }));

  test('T80: a question of a modern child is noise, whoever could be asked [CI2]', async () => curious(['--modern'], { asks: ALL, timeoutMs: 2_000, maxTimeoutMs: 2_000 }, async (run) => {
    const mine = agent();
    const result = await run.backend.call(permit('do', ELICIT, origin({ capabilities: EVERY_CAPABILITY })), io(mine));
    assert.ok(!result.ok && result.error.code === 'timeout');
    assert.equal(mine.asked.length, 0);
    assert.equal(run.backend.status().noise, 1);
    assert.doesNotMatch((await run.seen()).join('\n'), /own-1/);
  }));
});

describe('what a child logs', { timeout: 60_000, concurrency: true }, () => {
  const levels = ['debug', 'info', 'warning', 'nonsense', 'error'];
  const heard = (): { readonly lines: string[]; readonly onLog: (params: string) => void } => {
    const lines: string[] = [];
    return { lines, onLog: (params) => lines.push(params) };
  };

  for (const flags of [[], ['--modern']]) {
    test(`T101: it is told to the only call, byte for byte; which of it the agent hears is the pipeline's ${flags.join()}`, async () => curious(flags, {}, async (run) => {
      const mine = heard();
      await run.does({ what: 'log', levels, data: { n: 1 } }, mine, origin({ logLevel: 'warning' }));
      assert.deepEqual(mine.lines, levels.map((level) => `{"level":"${level}","data":{"n":1}}`));
    }));
  }

  test('T101: with two calls in flight it is told to nobody [CI7, SEC32]', async () => curious([], {}, async (run) => {
    const [mine, other] = [heard(), heard()];
    const hanging = await hangs(run, { ...of('other'), ...origin({ logLevel: 'debug' }) }, other);
    await run.does({ what: 'log', levels }, mine, origin({ logLevel: 'debug' }));
    assert.deepEqual([mine.lines, other.lines], [[], []]);
    hanging.stop.abort();
    await hanging.done;
  }));

  test('a legacy session is set to the lowest level anybody needed, before the call, and not once more', async () => curious([], {}, async (run) => {
    const { onLog } = heard();
    for (const logLevel of ['error', 'warning', 'error', 'debug', 'info'] as const) await run.does({}, { onLog }, origin({ logLevel }));
    await run.does({});
    // Nobody listens, so nobody needs more of it.
    await run.does({}, {}, origin({ logLevel: 'debug' }));
    const told = (await run.seen()).filter((line) => /^(?:logging|tools\/call)/.test(line)).map((line) => line.replace(/^tools.*/, 'call'));
    assert.deepEqual(told, ['logging/setLevel {"level":"error"}', 'call', 'logging/setLevel {"level":"warning"}', 'call', 'call', 'logging/setLevel {"level":"debug"}', 'call', 'call', 'call', 'call', 'call']);
  }));
});
