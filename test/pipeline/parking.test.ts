import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFERS } from '../support/offers.ts';
import { NO_CAPABILITIES, type Question } from '../../src/core/capabilities.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import type { Answer } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { statusOf } from '../../src/core/outcome.ts';
import { err } from '../../src/core/result.ts';
import { backendSettings, okText, principal, read, settings, world, type World } from '../support/world.ts';
import { able, ACCEPT, asks, elicit, ELICITS, FORM, input, made, NEVER, parked, retry, settle, text } from './waiting.ts';

test('T83 a question ends the request with input_required, and the retry completes the same call: one call at the backend, one outcome [S7]', async () => {
  const w = world({ respond: asks(elicit) });
  const { state, requests } = await parked(w);
  assert.deepEqual(requests, { q1: { method: 'elicitation/create', params: { ...FORM, message: '[alpha] Delete?', mode: 'form' } } });
  assert.deepEqual([w.outcomes.length, w.deps.inflight.size, w.deps.parking.size], [0, 1, 1]);
  const done = read(await retry(w, state, { q1: ACCEPT }));
  assert.equal(done.result?.['resultType'], 'complete');
  assert.match(text(done), /accept/);
  assert.deepEqual([made(w), w.intents.length, w.outcomes.map(statusOf), w.deps.inflight.size, w.deps.parking.size], [1, 1, ['success'], 0, 0]);
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  assert.deepEqual(outcome.trail.slice(-2).map(({ rule, decision, note }) => [rule, decision, note]), [['asked:elicitation/create', 'pass', undefined], ['answered:elicitation/create', 'pass', 'accept, 41 bytes']]);
});

test('T36 T84 an agent that declared nothing is asked nothing: the backend hears a decline, and the agent gets the result [S10]', async () => {
  const w = world({ respond: asks(elicit) });
  await parked(w);
  const done = read(await w.callTool('alpha__echo', {}, able(NO_CAPABILITIES)));
  assert.match(text(done), /decline/);
  const outcome = w.outcomes.at(-1);
  assert.ok(outcome?.kind === 'call');
  assert.equal(outcome.trail.at(-1)?.note, 'not asked: undeclared');
});

test('the operator\'s word comes before the agent\'s: a backend that may not ask is refused, and the call goes on', async () => {
  const sampling: Question = { method: 'sampling/createMessage', params: toRaw({ messages: [], maxTokens: 1 }) };
  const w = world({ respond: asks(sampling, elicit), settings: settings({ backends: [backendSettings('alpha', { asks: { elicitation: false, sampling: false, roots: false } })] }) });
  const done = read(await w.callTool('alpha__echo', {}, able({ ...ELICITS, sampling: true })));
  assert.match(text(done), /-32601.*decline/);
});

test('T93 what asks during completion or without a call is not asked at all', async () => {
  let ask: unknown = 'unset';
  const w = world({ listings: { alpha: { prompts: [toRaw({ name: 'p' })], offers: ALL_OFFERS } }, respond: (_permit, io) => { ask = io.ask; return okText('x'); } });
  await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__p' }, argument: { name: 'a', value: 'b' } }, able());
  assert.equal(ask, undefined);
});

test('questions that come together are told together, and later ones in a further round of the same call', async () => {
  const w = world({ respond: async (_permit, io) => {
    await Promise.all([io.ask?.(elicit, NEVER), io.ask?.(elicit, NEVER)]);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const first = await parked(w);
  assert.deepEqual(Object.keys(first.requests), ['q1', 'q2']);
  const pending = retry(w, first.state, { q1: ACCEPT, q2: ACCEPT });
  await settle(w, 50);
  const second = input(await pending);
  assert.deepEqual(Object.keys(second.requests), ['q3']);
  assert.notEqual(second.state, first.state);
  assert.match(text(read(await retry(w, second.state, { q3: ACCEPT }))), /done/);
  assert.deepEqual([made(w), w.outcomes.length], [1, 1]);
});

const SENTENCE = 'Invalid requestState: it is not of this request, was used already, or is too old';

/** Refused, on record with the reason, and the call that waits does not notice. */
async function isRefused(w: World, answer: Promise<Answer>, handle: string): Promise<void> {
  const before = [made(w), w.deps.parking.size, w.deps.inflight.size];
  assert.deepEqual(read(await answer).error, { code: -32602, message: SENTENCE });
  const outcome = w.outcomes.at(-1);
  assert.ok(outcome?.kind === 'refused');
  assert.deepEqual(outcome.reason, { code: 'bad_handle', handle });
  assert.deepEqual([made(w), w.deps.parking.size, w.deps.inflight.size], before);
}

test('T85 T87 T88 a state that is bent, another\'s, of another tool or of other arguments is refused with one sentence, and the call still waits [S14, SEC13]', async () => {
  const w = world({ respond: asks(elicit), tools: { alpha: [{ name: 'echo', inputSchema: { type: 'object' } }, { name: 'other', inputSchema: { type: 'object' } }] } });
  const { state } = await parked(w);
  await isRefused(w, retry(w, `${state.slice(0, -3)}AAA`, { q1: ACCEPT }), 'forged');
  await isRefused(w, retry(w, 'gw1.nothing', { q1: ACCEPT }), 'forged');
  await isRefused(w, retry(w, state, { q1: ACCEPT }, { ...able(), principal: principal({ subject: 'mallory' }) }), 'foreign');
  await isRefused(w, retry(w, state, { q1: ACCEPT }, { ...able(), principal: principal({ issuer: 'other' }) }), 'foreign');
  await isRefused(w, retry(w, state, { q1: ACCEPT }, able(), { r: 'y' }), 'mismatch');
  await isRefused(w, retry(w, state, { q1: ACCEPT }, able(), { r: 'x' }, 'alpha__other'), 'mismatch');
  assert.match(text(read(await retry(w, state, { q1: ACCEPT }))), /accept/);
});

test('T86 a state is good once: neither while its call goes on nor after its end', async () => {
  const w = world({ respond: async (_permit, io) => {
    await io.ask?.(elicit, NEVER);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const first = await parked(w);
  const pending = retry(w, first.state, { q1: ACCEPT });
  await isRefused(w, retry(w, first.state, { q1: ACCEPT }), 'used');
  await settle(w, 50);
  const second = input(await pending);
  await isRefused(w, retry(w, first.state, { q1: ACCEPT }), 'used');
  await retry(w, second.state, { q2: ACCEPT });
  for (const { state } of [first, second]) await isRefused(w, retry(w, state, { q1: ACCEPT }), 'used');
  assert.equal(made(w), 1);
});

test('T89 an agent that does not come back: the backend hears a cancel, the call is cancelled and on record, its state is too old [SEC12, S14]', async () => {
  const heard: unknown[] = [];
  const w = world({ respond: async (_permit, io) => {
    heard.push(await io.ask?.(elicit, NEVER));
    if (!io.signal.aborted) await new Promise<void>((resolve) => { io.signal.addEventListener('abort', () => resolve(), { once: true }); });
    return err({ code: 'cancelled' });
  } });
  const { state } = await parked(w);
  await settle(w, 60_000);
  assert.deepEqual(heard, [{ kind: 'result', raw: '{"action":"cancel"}' }]);
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  assert.deepEqual(outcome.end, { kind: 'cancelled', by: 'timeout' });
  assert.deepEqual([w.deps.inflight.size, w.deps.parking.size, w.clock.timers.size], [0, 0, 0]);
  await isRefused(w, retry(w, state, { q1: ACCEPT }), 'expired');
});

test('T90 a missing answer is asked for again, and only that one', async () => {
  const w = world({ respond: async (_permit, io) => okText(String((await Promise.all([io.ask?.(elicit, NEVER), io.ask?.(elicit, NEVER)])).length)) });
  const first = await parked(w);
  const second = input(await retry(w, first.state, { q1: ACCEPT, unknown: ACCEPT }));
  assert.deepEqual(Object.keys(second.requests), ['q2']);
  const third = input(await retry(w, second.state, undefined));
  assert.deepEqual(Object.keys(third.requests), ['q2']);
  assert.match(text(read(await retry(w, third.state, { q2: ACCEPT }))), /2/);
});

/** Asks two things at once, and says what it heard. */
const asksTwo = (heard: unknown[]): Parameters<typeof world>[0] => ({ respond: async (_permit, io) => {
  await Promise.all([0, 1].map(async () => heard.push(await io.ask?.(elicit, NEVER))));
  return io.signal.aborted ? err({ code: 'cancelled' }) : okText('done');
} });

test('an agent that comes back again and again without an answer does not keep its place: park_time counts from when it was first asked', async () => {
  const heard: unknown[] = [];
  const w = world(asksTwo(heard));
  let { state } = await parked(w);
  for (let time = 0; time < 5; time += 1) {
    await settle(w, 10_000);
    ({ state } = input(await retry(w, state, time % 2 === 0 ? undefined : { other: ACCEPT })));
  }
  await settle(w, 9_999);
  assert.deepEqual([heard, w.deps.parking.size], [[], 1]);
  await settle(w, 1);
  assert.deepEqual(heard, [1, 2].map(() => ({ kind: 'result', raw: '{"action":"cancel"}' })));
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  assert.deepEqual([outcome.end, w.deps.inflight.size, w.deps.parking.size, w.clock.timers.size], [{ kind: 'cancelled', by: 'timeout' }, 0, 0, 0]);
  await isRefused(w, retry(w, state, { q1: ACCEPT }), 'expired');
});

test('an answer to one of several questions begins the time anew, and so does a question after all were answered', async () => {
  const w = world({ respond: async (_permit, io) => {
    await Promise.all([io.ask?.(elicit, NEVER), io.ask?.(elicit, NEVER)]);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const first = await parked(w);
  await settle(w, 59_000);
  const second = input(await retry(w, first.state, { q1: ACCEPT }));
  await settle(w, 59_000);
  const pending = retry(w, second.state, { q2: ACCEPT });
  await settle(w, 50);
  const third = input(await pending);
  assert.deepEqual(Object.keys(third.requests), ['q3']);
  await settle(w, 59_000);
  assert.match(text(read(await retry(w, third.state, { q3: ACCEPT }))), /done/);
  assert.equal(made(w), 1);
});

test('a question in the place of one that was taken back has the whole time', async () => {
  const taken = new AbortController();
  const w = world({ respond: async (_permit, io) => {
    await io.ask?.(elicit, taken.signal);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const first = await parked(w);
  await settle(w, 59_000);
  taken.abort();
  await settle(w);
  const second = input(await retry(w, first.state, undefined));
  assert.deepEqual(Object.keys(second.requests), ['q2']);
  await settle(w, 59_000);
  assert.match(text(read(await retry(w, second.state, { q2: ACCEPT }))), /done/);
});

test('a call that ends while nobody waits keeps its answer until the agent is back', async () => {
  let finish = (): void => {};
  const w = world({ respond: async (_permit, io) => {
    void io.ask?.(elicit, NEVER);
    await new Promise<void>((resolve) => { finish = resolve; });
    return okText('kept');
  } });
  const { state } = await parked(w);
  finish();
  await settle(w);
  assert.deepEqual([w.outcomes.map(statusOf), w.deps.parking.size], [['success'], 1]);
  assert.match(text(read(await retry(w, state, { q1: ACCEPT }))), /kept/);
  assert.deepEqual([w.outcomes.length, w.deps.parking.size, w.clock.timers.size], [1, 0, 0]);
});

test('a restart forgets what waited: its states open nothing', async () => {
  const before = world({ respond: asks(elicit) });
  const { state } = await parked(before);
  const after = world({ respond: asks(elicit) });
  await isRefused(after, retry(after, state, { q1: ACCEPT }), 'forged');
});

test('a kill cancels a call that waits, and the agent that comes back is told', async () => {
  const w = world({ respond: asks(elicit) });
  const { state } = await parked(w);
  w.deps.inflight.cancel(() => true, 'kill');
  await settle(w);
  assert.deepEqual(w.outcomes.map(statusOf), ['killed']);
  assert.equal(read(await retry(w, state, { q1: ACCEPT })).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
});

test('kill and role are asked again at the retry, and the limit is not charged again', async () => {
  const limits = { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  const w = world({ respond: asks(elicit), settings: settings({ limits, kills: { tools: [], backends: [], roles: [], subjects: [], all: false, cancelInFlight: false } }) });
  const { state } = await parked(w);
  const fired = await retry(w, state, { q1: ACCEPT }, { ...able(), principal: principal({ roles: [roleName('ghost')] }) });
  assert.equal(read(fired).error?.message, 'Unknown tool: alpha__echo');
  w.cell.override([{ kind: 'kill', id: 'k', scope: { kind: 'all' }, by: 'op', reason: 'r', at: timestamp(0), until: undefined }]);
  assert.equal(read(await retry(w, state, { q1: ACCEPT })).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
  w.cell.override([]);
  assert.match(text(read(await retry(w, state, { q1: ACCEPT }))), /accept/);
  assert.equal(made(w), 1);
});

test('C01 a state tells nothing of a hidden name', async () => {
  const hidden = world({ settings: settings({ roles: [{ name: roleName('developer'), permissions: [], allow: [], deny: [], mode: 'enforce', owner: undefined }] }) });
  const absent = world({ tools: { alpha: [] } });
  assert.deepEqual(await retry(hidden, 'gw1.x', { q1: ACCEPT }), await retry(absent, 'gw1.x', { q1: ACCEPT }));
});

test('who waits has a bound, in all and for one principal; beyond it the backend hears a decline and the call goes on', async () => {
  const base = settings();
  const bounded = (parkedAtMost: number, own: number): World => world({ respond: asks(elicit), settings: { ...base, bounds: { ...base.bounds, parked: parkedAtMost, parkedPerPrincipal: own } } });
  const one = bounded(5, 1);
  await parked(one);
  assert.match(text(read(await one.callTool('alpha__echo', {}, able()))), /decline/);
  await parked(one, { ...able(), principal: principal({ subject: 'bob' }) });
  const all = bounded(1, 5);
  await parked(all);
  assert.deepEqual([one.deps.parking.hits, all.deps.parking.hits], [{ parked: 0, parked_per_principal: 1 }, { parked: 0, parked_per_principal: 0 }]);
  assert.match(text(read(await all.callTool('alpha__echo', {}, { ...able(), principal: principal({ subject: 'bob' }) }))), /decline/);
  assert.deepEqual(all.deps.parking.hits, { parked: 1, parked_per_principal: 0 });
});

test('a backend that asks without end has sixteen questions open at most', async () => {
  const w = world({ respond: async (_permit, io) => {
    const replies = await Promise.all(Array.from({ length: 40 }, async () => (await io.ask?.(elicit, NEVER))?.kind === 'result'));
    return okText(String(replies.length));
  } });
  const { requests } = await parked(w);
  assert.equal(Object.keys(requests).length, 16);
});

test('a question that its backend takes back is not told any more, and the call goes on', async () => {
  const back = new AbortController();
  const w = world({ respond: async (_permit, io) => {
    void io.ask?.(elicit, back.signal);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const { state } = await parked(w);
  back.abort();
  assert.deepEqual(Object.keys(input(await retry(w, state, { q1: ACCEPT })).requests), ['q2']);
});

test('a question taken back before it was told ends no request; the next one does', async () => {
  const back = new AbortController();
  const w = world({ respond: async (_permit, io) => {
    await io.ask?.(elicit, back.signal);
    await io.ask?.(elicit, NEVER);
    return okText('done');
  } });
  const pending = w.callTool('alpha__echo', { r: 'x' }, able());
  await settle(w);
  back.abort();
  await settle(w, 50);
  await settle(w, 50);
  assert.deepEqual(Object.keys(input(await pending).requests), ['q2']);
});

test('the agent that goes away while it is attended cancels the call, before the first question and after it', async () => {
  const w = world({ respond: asks(elicit, elicit) });
  const { state } = await parked(w);
  const agent = new AbortController();
  const pending = retry(w, state, { q1: ACCEPT }, { ...able(), io: { signal: agent.signal } });
  await settle(w);
  agent.abort('agent');
  assert.equal((await pending).message, undefined);
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  assert.deepEqual(outcome.end, { kind: 'cancelled', by: 'agent' });
  assert.deepEqual([w.deps.parking.size, w.clock.timers.size], [0, 0]);
});

test('the end of the request that began a call is not the end of the call', async () => {
  const agent = new AbortController();
  const w = world({ respond: asks(elicit) });
  const { state } = await parked(w, { ...able(), io: { signal: agent.signal } });
  agent.abort('agent');
  assert.match(text(read(await retry(w, state, { q1: ACCEPT }))), /accept/);
});

test('prompts and resources wait like tools', async () => {
  for (const [method, params] of [['prompts/get', { name: 'alpha__p' }], ['resources/read', { uri: 'alpha+file:///a' }]] as const) {
    const w = world({ respond: asks(elicit), listings: { alpha: { prompts: [toRaw({ name: 'p' })], offers: ALL_OFFERS } } });
    const pending = w.ask(method, params, able());
    await settle(w, 50);
    const { state } = input(await pending);
    await isRefused(w, w.ask('tools/call', { name: 'alpha__echo', requestState: state }, able()), 'mismatch');
    assert.equal(read(await w.ask(method, { ...params, requestState: state, inputResponses: { q1: ACCEPT } }, able())).error, undefined);
  }
});

test('the end of the gateway is not held up by who might come back: what waits is cancelled, what is attended is not', async () => {
  const w = world({ respond: asks(elicit, elicit) });
  const first = await parked(w);
  await parked(w, able(), { r: 'other' });
  void retry(w, first.state, { q1: ACCEPT });
  w.deps.parking.close();
  await settle(w);
  assert.deepEqual(w.outcomes.map((one) => (one.kind === 'call' ? one.end : one.kind)), [{ kind: 'cancelled', by: 'shutdown' }]);
  assert.equal(w.deps.inflight.size, 1);
});
