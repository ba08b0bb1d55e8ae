import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CAPABILITIES, type ClientCapabilities, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { Backend, BackendAnswer } from '../../src/core/ports.ts';
import { ok } from '../../src/core/result.ts';
import { elicitationCompleted, Elicitations } from '../../src/pipeline/questions/elicitations.ts';
import { allowAll, backendSettings, fakeBackend, HandClock, okText, origin, parse, principal, read, settings, world, type Respond, type World } from '../support/world.ts';
import { backendOf, session, type Session } from './following.ts';

const HOUR = 3_600_000;
const VISITS: ClientCapabilities = { ...NO_CAPABILITIES, elicitForm: true, elicitUrl: true };
const page = (elicitationId: string, more: object = {}): Question => ({ method: 'elicitation/create', params: toRaw({ mode: 'url', message: 'Sign in', url: 'https://acme.example/in', elicitationId, ...more }) });
const accept: QuestionReply = { kind: 'result', raw: toRaw({ action: 'accept' }) };

interface Agent { readonly asked: (Question & { readonly id: unknown })[]; call(w: World, name?: string): Promise<ReturnType<typeof read>> }

/** An agent in a session of its own: it accepts whatever it is asked. */
function agent({ io: mine }: Session, version: string = '2025-11-25', who: ReturnType<typeof principal> = principal()): Agent {
  const asked: Agent['asked'] = [];
  const ask = (question: Question): Promise<QuestionReply> => {
    asked.push({ ...question, id: parse(question.params ?? toRaw({}))['elicitationId' as 'id'] });
    return Promise.resolve(accept);
  };
  const from = { principal: who, origin: origin({ era: 'legacy', version, capabilities: VISITS }), io: { ask, session: mine } };
  return { asked, call: async (w, name = 'alpha__echo') => read(await w.callTool(name, {}, from)) };
}

const asks = (...questions: readonly Question[]): Respond => async (_permit, { ask, signal }) => {
  for (const question of questions) await ask?.(question, signal);
  return okText('done');
};
const required = (...ids: readonly string[]): Respond => () => ok<BackendAnswer>({ kind: 'error', code: -32042, message: 'first', data: toRaw({ elicitations: ids.map((id) => ({ mode: 'url', elicitationId: id, url: 'https://acme.example/in', message: 'Sign in' })) }) });
const over = (w: World, id: string, of: Backend = backendOf(w)): boolean => elicitationCompleted(of, id, w.deps);
const complete = (elicitationId: unknown): object => ({ jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } });
/** What a -32042 says that is to be visited. */
const listed = ({ error }: ReturnType<typeof read>): readonly unknown[] => Object(error?.data)['elicitations'].map((one: Readonly<Record<string, unknown>>) => one['elicitationId']);

test('whoever was asked to visit a page hears that the visit is over, once, by the id it was given, and nobody else hears anything [C16]', async () => {
  const w = world({ respond: (permit, io) => asks(page(`of ${permit.call.principal.subject}`))(permit, io) });
  const [mine, other] = [session(), session()];
  const one = agent(mine);
  await one.call(w);
  await agent(other, '2025-11-25', principal({ subject: 'bob' })).call(w);
  assert.notEqual(one.asked[0]?.id, 'of alice');
  assert.equal(over(w, 'of alice'), true);
  assert.deepEqual(mine.heard, [complete(one.asked[0]?.id)]);
  assert.deepEqual(other.heard, []);
  assert.equal(over(w, 'of alice'), false, 'a visit is over once');
  assert.equal(mine.heard.length, 1);
});

test('it may be over before the agent has said a word [C16]', async () => {
  const mine = session();
  const w: World = world({ respond: async (_permit, { ask, signal }) => {
    const reply = ask?.(page('theirs'), signal);
    assert.equal(over(w, 'theirs'), true);
    await reply;
    return okText('done');
  } });
  const one = agent(mine);
  await one.call(w);
  assert.deepEqual(mine.heard, [complete(one.asked[0]?.id)]);
});

test('after a -32042 each of its pages is told by the id that stood in the error [C16]', async () => {
  const w = world({ respond: required('a', 'b') });
  const mine = session();
  const [first, second] = listed(await agent(mine).call(w));
  assert.ok(typeof first === 'string' && typeof second === 'string' && first !== second);
  assert.equal(over(w, 'b'), true);
  assert.equal(over(w, 'a'), true);
  assert.deepEqual(mine.heard, [complete(second), complete(first)]);
});

test('an agent that tried again too early is told of both ids, and each agent by its own [C16]', async () => {
  const w = world({ respond: required('same') });
  const [mine, other] = [session(), session()];
  const ids = [...listed(await agent(mine).call(w)), ...listed(await agent(mine).call(w))];
  const [theirs] = listed(await agent(other, '2025-11-25', principal({ subject: 'bob' })).call(w));
  assert.equal(over(w, 'same'), true);
  assert.deepEqual(mine.heard, ids.map(complete));
  assert.deepEqual(other.heard, [complete(theirs)]);
});

test('ids of another backend, unknown ones, and ours lead nowhere [C16]', async () => {
  const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')] }), respond: asks(page('theirs')) });
  const mine = session();
  const one = agent(mine);
  await one.call(w);
  assert.equal(over(w, 'theirs', backendOf(w, 'beta')), false);
  assert.equal(over(w, 'theirs', fakeBackend('alpha', () => okText('a successor'))), false, 'what took its name is another');
  assert.equal(over(w, 'unknown'), false);
  assert.equal(over(w, String(one.asked[0]?.id)), false);
  assert.deepEqual(mine.heard, []);
  assert.equal(over(w, 'theirs'), true);
});

test('agents of 2025-06-18 and 2026-07-28 hear nothing: the one was shown no page, the other knows no such ids [C16]', async () => {
  const old = session();
  const w = world({ respond: asks(page('theirs')) });
  const one = agent(old, '2025-06-18');
  await one.call(w);
  assert.deepEqual([one.asked, over(w, 'theirs'), old.heard], [[], false, []]);
  const modern = world({ respond: required('theirs') });
  const notified: unknown[] = [];
  const { result } = read(await modern.callTool('alpha__echo', {}, { origin: origin({ capabilities: VISITS }), io: { notify: (message) => notified.push(message) } }));
  assert.equal(result?.['resultType'], 'input_required');
  assert.equal(over(modern, 'theirs'), true, 'it was shown the page, so the word is no noise');
  assert.deepEqual(notified, []);
});

test('forms, pages without an id, and what could not be asked are not kept [C16]', async () => {
  const form: Question = { method: 'elicitation/create', params: toRaw({ mode: 'form', elicitationId: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } }) };
  const nameless: Question = { method: 'elicitation/create', params: toRaw({ mode: 'url', message: 'In', url: 'https://acme.example/' }) };
  const w = world({ respond: asks(form, nameless, page('unsafe', { url: 'file:///etc/passwd' }), page('x'.repeat(300))) });
  await agent(session()).call(w);
  assert.equal(w.deps.elicitations.size, 0);
  const deaf = world({ respond: asks(page('theirs')) });
  await deaf.callTool('alpha__echo', {}, { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: VISITS }), io: { session: session().io } });
  assert.equal(deaf.deps.elicitations.size, 0);
});

test('who may not see the target any more hears nothing of it, by the role of its newest token too [C16]', async () => {
  const w = world({ settings: settings({ kills: { tools: [], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true }, roles: [allowAll] }), respond: asks(page('one'), page('two')) });
  const mine = session();
  await agent(mine).call(w);
  w.deps.subscriptions.seen(mine.io, principal({ roles: [] }));
  assert.equal(over(w, 'one'), true);
  assert.deepEqual(mine.heard, []);
  w.deps.subscriptions.seen(mine.io, principal());
  const { settings: now, configHash } = w.cell.current();
  w.cell.configure({ settings: { ...now, kills: { ...now.kills, tools: ['alpha/echo'] } }, configHash });
  assert.equal(over(w, 'two'), true);
  assert.deepEqual(mine.heard, []);
});

test('what was shown is forgotten with its session, and after an hour [C16]', async () => {
  const w = world({ respond: asks(page('theirs')) });
  const [mine, other] = [session(), session()];
  await agent(mine).call(w);
  await agent(other).call(w);
  mine.end();
  assert.equal(w.deps.elicitations.size, 1);
  w.clock.advance(HOUR - 1);
  assert.equal(over(w, 'theirs'), true);
  assert.deepEqual([mine.heard.length, other.heard.length], [0, 1]);
  await agent(other).call(w);
  w.clock.advance(HOUR);
  assert.equal(over(w, 'theirs'), false);
  assert.equal(w.deps.elicitations.size, 0);
});

test('what is kept has a bound for each principal and backend, and one over all; the oldest go first [C16]', () => {
  const kept = new Elicitations({ clock: new HandClock() });
  const [one, two] = [fakeBackend('alpha', () => okText('')), fakeBackend('beta', () => okText(''))];
  const target = { kind: 'tool', backend: backendId('alpha'), name: 'echo' } as const;
  const { io } = session();
  const add = (of: Backend, theirs: string, subject: string): void => kept.add(of, { theirs, ours: `our ${theirs}` }, { principal: principal({ subject }), target, session: io });
  add(two, 'first', 'alice');
  for (let at = 0; at < 65; at += 1) add(one, `p${at}`, 'alice');
  assert.deepEqual([kept.size, kept.hits], [65, 1]);
  assert.equal(kept.take(one, 'p0').length, 0);
  assert.deepEqual(kept.take(one, 'p64').map(({ ids }) => ids.ours), ['our p64']);
  assert.equal(kept.take(two, 'first').length, 1, 'another backend has room of its own');
  const before = kept.size;
  for (let at = 0; at < 100; at += 1) kept.add(one, { theirs: 'polled', ours: undefined }, { principal: principal(), target, session: undefined });
  assert.equal(kept.size, before + 1, 'of what nobody is told once is enough');
  for (let at = 0; at < 9_000; at += 1) add(one, `q${at}`, `agent ${at}`);
  assert.equal(kept.size, 8_192);
  assert.equal(kept.take(one, 'q0').length, 0);
  assert.equal(kept.take(one, 'q8999').length, 1);
});
