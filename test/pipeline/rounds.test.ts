import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFERS } from '../support/offers.ts';
import { NO_CAPABILITIES, type ClientCapabilities, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { BACKEND_LIMITS } from '../../src/core/json/raw.ts';
import { scan, type RawJson } from '../../src/core/json/scan.ts';
import { statusOf } from '../../src/core/outcome.ts';
import type { BackendAnswer } from '../../src/core/ports.ts';
import { ok } from '../../src/core/result.ts';
import { backendSettings, okText, origin, parse, principal, read, settings, world, type Respond, type World } from '../support/world.ts';

const ALL: ClientCapabilities = { elicitForm: true, elicitUrl: true, sampling: true, samplingTools: true, roots: true, tasks: false, apps: false };
const legacy = (version: string = '2025-11-25', capabilities: ClientCapabilities = ALL): { readonly origin: ReturnType<typeof origin> } => ({ origin: origin({ era: 'legacy', version, capabilities }) });
const modern = (capabilities: ClientCapabilities = ALL): { readonly origin: ReturnType<typeof origin> } => ({ origin: origin({ capabilities }) });
const ALLOWED = settings({ backends: [backendSettings('alpha', { asks: { elicitation: true, sampling: true, roots: true } })] });
/** With an escape and letters beyond ASCII: it must come back as it was written. */
const STATE = '"s\\u0074\u00e4te \u{1f600}"';
const FORM = { method: 'elicitation/create', params: { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } } } } };
const ACCEPT = toRaw({ action: 'accept', content: { ok: true } });

function raw(text: string): RawJson {
  const scanned = scan(text, BACKEND_LIMITS);
  if (!scanned.ok) throw new Error(text);
  return scanned.value;
}
const said = (answer: RawJson): ReturnType<Respond> => ok<BackendAnswer>({ kind: 'result', raw: answer });
const wants = (requests: object, state: string | undefined = STATE): ReturnType<Respond> => said(raw(`{"resultType":"input_required","inputRequests":${JSON.stringify(requests)}${state === undefined ? '' : `,"requestState":${state}`}}`));

function backend(first: (turn: number) => ReturnType<Respond> | undefined): { readonly respond: Respond; readonly rounds: unknown[] } {
  const rounds: unknown[] = [];
  return { rounds, respond: ({ call }) => {
    rounds.push(call.kind === 'tool' || call.kind === 'prompt' || call.kind === 'resource' ? call.continuation : undefined);
    return first(rounds.length) ?? okText('done');
  } };
}

interface Asked { readonly questions: Question[]; readonly ask: (question: Question, signal: AbortSignal) => Promise<QuestionReply> }

function agent(...replies: readonly QuestionReply[]): Asked {
  const questions: Question[] = [];
  return { questions, ask: (question) => {
    questions.push(question);
    return Promise.resolve(replies[questions.length - 1] ?? { kind: 'result', raw: ACCEPT });
  } };
}

const text = async (answer: Promise<{ readonly message: RawJson | undefined }>): Promise<string> => (await answer).message ?? '';
const made = (w: World): number => w.backends.get(backendId('alpha'))?.calls.length ?? 0;

test('T95 an input_required towards an agent of a 2025 revision is a request on its own stream; the backend gets the answers and its state byte for byte [C6]', async () => {
  const { respond, rounds } = backend((turn) => (turn === 1 ? wants({ k: FORM }) : undefined));
  const w = world({ settings: ALLOWED, respond });
  const { ask, questions } = agent();
  const answer = read(await w.callTool('alpha__echo', { a: 1 }, { ...legacy(), io: { ask } }));
  assert.deepEqual(Object.keys(answer.result ?? {}), ['content']);
  assert.deepEqual(questions.map(({ method, params }) => [method, params === undefined ? undefined : parse(params)]), [['elicitation/create', { ...FORM.params, message: '[alpha] Sure?' }]]);
  assert.deepEqual(rounds, [undefined, { responses: `{"k":${ACCEPT}}`, state: STATE }]);
  assert.deepEqual([w.intents.length, w.outcomes.map(statusOf), w.deps.inflight.size], [1, ['success'], 0]);
});

test('T54 T97 an agent that cannot be asked gets a tool error that names what is missing, and nothing hangs [SL12]', async () => {
  const { ask } = agent();
  const url = { method: 'elicitation/create', params: { mode: 'url', message: 'Log in', url: 'https://acme.example/login', elicitationId: 'x' } };
  const cases: readonly (readonly [object, string, Parameters<World['ask']>[2]])[] = [
    [FORM, 'elicitation', { ...legacy('2025-11-25', NO_CAPABILITIES), io: { ask } }],
    [FORM, 'elicitation', legacy()],
    [url, 'elicitation', { ...legacy('2025-06-18'), io: { ask } }],
    [{ method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }, 'sampling', { ...legacy('2025-11-25', { ...ALL, sampling: false }), io: { ask } }],
    [{ method: 'roots/list' }, 'roots', { ...legacy('2025-11-25', { ...ALL, roots: false }), io: { ask } }],
  ];
  for (const [question, words, over] of cases) {
    const { respond } = backend(() => wants({ k: question }));
    const w = world({ settings: ALLOWED, respond });
    const { result } = read(await w.callTool('alpha__echo', {}, over));
    assert.equal(result?.isError, true);
    assert.match(JSON.stringify(result), new RegExp(words));
    assert.equal(made(w), 1);
  }
});

test('T97 a page to visit reaches an agent of 2025-11-25 with an id of its own', async () => {
  const { respond } = backend((turn) => (turn === 1 ? wants({ k: { method: 'elicitation/create', params: { mode: 'url', message: 'Log in', url: 'https://acme.example/login' } } }) : undefined));
  const w = world({ settings: ALLOWED, respond });
  const { ask, questions } = agent({ kind: 'result', raw: toRaw({ action: 'accept' }) });
  assert.match(await text(w.callTool('alpha__echo', {}, { ...legacy(), io: { ask } })), /done/);
  assert.match(questions[0]?.params ?? '', /"elicitationId":"call-\d+"/);
});

test('a declined form is an answer; a declined model or list of roots ends the call with a tool error', async () => {
  const decline = agent({ kind: 'result', raw: toRaw({ action: 'decline' }) });
  const one = backend((turn) => (turn === 1 ? wants({ k: FORM }) : undefined));
  await world({ settings: ALLOWED, respond: one.respond }).callTool('alpha__echo', {}, { ...legacy(), io: { ask: decline.ask } });
  assert.deepEqual(one.rounds[1], { responses: '{"k":{"action":"decline"}}', state: STATE });
  for (const question of [{ method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }, { method: 'roots/list' }]) {
    const refusing = agent({ kind: 'error', code: -1, message: 'User rejected' });
    const w = world({ settings: ALLOWED, respond: backend(() => wants({ k: question })).respond });
    const { result } = read(await w.callTool('alpha__echo', {}, { ...legacy(), io: { ask: refusing.ask } }));
    assert.deepEqual([result?.isError, made(w)], [true, 1]);
    assert.match(JSON.stringify(result), /declined/);
  }
});

test('the operator\'s word comes first: what a backend may not ask, its agent is not asked', async () => {
  const { ask, questions } = agent();
  const w = world({ respond: backend(() => wants({ k: { method: 'roots/list' } })).respond });
  assert.match(await text(w.callTool('alpha__echo', {}, { ...legacy(), io: { ask } })), /operator does not allow/);
  assert.deepEqual(questions, []);
});

test('T96 a state alone: asked again after a pause for a legacy agent, and passed on to a modern one', async () => {
  const busy: Respond = (permit) => (permit.call.kind === 'tool' && permit.call.continuation !== undefined ? okText('done') : wants({}, '"later"'));
  const w = world({ settings: ALLOWED, respond: busy });
  const pending = w.callTool('alpha__echo', {}, legacy());
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([made(w), w.clock.timers.size], [1, 1]);
  w.clock.advance(2000);
  assert.match(await text(pending), /done/);
  const passed = read(await w.callTool('alpha__echo', {}, modern())).result;
  assert.equal(passed?.['resultType'], 'input_required');
  assert.notEqual(passed?.['requestState'], 'later');
});

test('rounds have an end [C6]', async () => {
  const { ask, questions } = agent();
  const w = world({ settings: ALLOWED, respond: backend(() => wants({ k: FORM })).respond });
  assert.equal(read(await w.callTool('alpha__echo', {}, { ...legacy(), io: { ask } })).error?.code, -32603);
  assert.deepEqual([questions.length, made(w)], [8, 9]);
});

test('a kill between two rounds ends them', async () => {
  const w: World = world({ settings: { ...ALLOWED, kills: { ...ALLOWED.kills, cancelInFlight: false } }, respond: backend(() => wants({ k: FORM })).respond });
  const ask = (): Promise<QuestionReply> => {
    w.cell.override([{ kind: 'kill', id: 'k', scope: { kind: 'all' }, by: 'op', reason: 'r', at: w.clock.wall(), until: undefined }]);
    return Promise.resolve({ kind: 'result', raw: ACCEPT });
  };
  await w.callTool('alpha__echo', {}, { ...legacy(), io: { ask } });
  assert.equal(made(w), 1);
});

/** As a modern agent's second request would say it. */
const retry = (w: World, state: unknown, over: Parameters<World['ask']>[2] = modern(), args: unknown = { a: 1 }): ReturnType<World['ask']> =>
  w.ask('tools/call', { name: 'alpha__echo', arguments: args, ...(state === undefined ? {} : { requestState: state }), inputResponses: { k: { action: 'accept', content: { ok: true } } } }, over);

test('a modern backend\'s input_required goes on to a modern agent with its state in our seal; the retry is a call of its own with both', async () => {
  const { respond, rounds } = backend((turn) => (turn === 1 ? wants({ k: FORM }) : undefined));
  const w = world({ settings: ALLOWED, respond });
  const first = read(await w.callTool('alpha__echo', { a: 1 }, modern())).result;
  const state = String(first?.['requestState']);
  assert.deepEqual(first?.['inputRequests'], { k: { ...FORM, params: { ...FORM.params, message: '[alpha] Sure?' } } });
  assert.doesNotMatch(state, /t\u00e4te/);
  assert.match(await text(retry(w, state)), /done/);
  assert.deepEqual(rounds, [undefined, { responses: '{"k":{"action":"accept","content":{"ok":true}}}', state: STATE }]);
  assert.deepEqual(w.outcomes.map((one) => (one.kind === 'call' ? one.end.kind : one.kind)), ['input_required', 'answered']);
  assert.deepEqual([w.intents.length, w.deps.parking.size], [2, 0], 'nothing waits here for it');
});

test('the wrapped state is bound like any other, answers without it are input like any other, and the retry is charged [C6]', async () => {
  const limits = { perTool: 3, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  const { respond, rounds } = backend((turn) => (turn === 1 ? wants({ k: FORM }) : undefined));
  const w = world({ settings: { ...ALLOWED, limits }, respond });
  const state = String(read(await w.callTool('alpha__echo', { a: 1 }, modern())).result?.['requestState']);
  for (const bad of [retry(w, state, { ...modern(), principal: principal({ subject: 'bob' }) }), retry(w, state, modern(), { a: 2 }), retry(w, `${state.slice(0, -3)}AAA`), retry(w, STATE)]) {
    assert.equal(read(await bad).error?.code, -32602);
  }
  assert.equal(rounds.length, 1);
  await retry(w, undefined);
  assert.deepEqual(rounds, [undefined, { responses: '{"k":{"action":"accept","content":{"ok":true}}}', state: undefined }]);
  w.clock.advance(60_001);
  assert.equal(read(await retry(w, state)).error?.code, -32602);
  const [again] = [await w.callTool('alpha__echo', { a: 1 }, modern()), await w.callTool('alpha__echo', { a: 1 }, modern())];
  assert.match(again?.message ?? '', /done/);
  assert.equal(read(await w.callTool('alpha__echo', { a: 1 }, modern())).error, undefined);
  assert.equal(read(await w.callTool('alpha__echo', { a: 1 }, modern())).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0303');
});

test('what a modern backend must not ask is not passed on: a form for a password, or what was not declared', async () => {
  const password = { method: 'elicitation/create', params: { mode: 'form', message: 'Log in', requestedSchema: { type: 'object', properties: { password: { type: 'string' } } } } };
  for (const [question, over] of [[password, modern()], [FORM, modern(NO_CAPABILITIES)]] as const) {
    const w = world({ settings: ALLOWED, respond: backend(() => wants({ k: question })).respond });
    const { result } = read(await w.callTool('alpha__echo', {}, over));
    assert.deepEqual([result?.['resultType'], result?.isError], ['complete', true]);
  }
});

test('an input_required where none may be, or that asks for nothing, is a fault of the backend [S12, S13]', async () => {
  for (const answer of ['{"resultType":"input_required"}', '{"resultType":"input_required","inputRequests":{"k":{"method":"tools/call"}}}', '{"resultType":"zzz"}']) {
    const w = world({ settings: ALLOWED, respond: () => said(raw(answer)) });
    for (const over of [modern(), legacy()]) assert.equal(read(await w.callTool('alpha__echo', {}, over)).error?.code, -32603, answer);
  }
  const w = world({ listings: { alpha: { prompts: [toRaw({ name: 'p' })], offers: ALL_OFFERS } }, respond: () => wants({ k: FORM }) });
  const completed = read(await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__p' }, argument: { name: 'a', value: 'b' } }, modern()));
  assert.equal(completed.error?.code, -32603);
});

const PAGES = { elicitations: [{ mode: 'url', elicitationId: 'backend-1', message: 'Log in', url: 'https://acme.example/login' }] };
const needsPages: BackendAnswer = { kind: 'error', code: -32042, message: 'URL elicitation required', data: toRaw(PAGES) };

test('T94 a -32042 becomes questions for a modern agent that declared URLs; after its accept the call is made, for it was not before', async () => {
  let visited = false;
  const w = world({ settings: ALLOWED, respond: () => (visited ? okText('done') : ok(needsPages)) });
  const first = read(await w.callTool('alpha__echo', { a: 1 }, modern())).result;
  assert.deepEqual(first?.['inputRequests'], { page1: { method: 'elicitation/create', params: { mode: 'url', message: '[alpha] Log in', url: 'https://acme.example/login' } } });
  visited = true;
  const answer = await w.ask('tools/call', { name: 'alpha__echo', arguments: { a: 1 }, requestState: first?.['requestState'], inputResponses: { page1: { action: 'accept' } } }, modern());
  assert.match(answer.message ?? '', /done/);
  assert.equal(made(w), 2);
});

test('T94 a refused page makes no call; a backend that is never content is given up; an agent without URLs reads a tool error', async () => {
  const w = world({ settings: ALLOWED, respond: () => ok(needsPages) });
  let state: unknown;
  const go = async (action: string | undefined): Promise<ReturnType<typeof read>> => {
    const answer = read(await w.ask('tools/call', { name: 'alpha__echo', ...(state === undefined ? {} : { requestState: state, inputResponses: { page1: { action } } }) }, modern()));
    state = answer.result?.['requestState'];
    return answer;
  };
  for (let times = 0; times < 3; times += 1) assert.equal((await go('accept')).result?.['resultType'], 'input_required');
  assert.equal((await go('accept')).result?.isError, true);
  const calls = made(w);
  state = undefined;
  await go(undefined);
  const declined = await go('decline');
  assert.match(JSON.stringify(declined.result), /declined/);
  assert.equal(made(w), calls + 1);
  const plain = read(await w.callTool('alpha__echo', {}, modern({ ...ALL, elicitUrl: false })));
  assert.equal(plain.result?.isError, true);
  assert.doesNotMatch(JSON.stringify(plain), /32042/);
});

test('T94 a legacy agent that declared URLs reads -32042 with ids of ours, any other a tool error', async () => {
  const w = world({ settings: ALLOWED, respond: () => ok(needsPages) });
  const error = read(await w.callTool('alpha__echo', {}, legacy())).error;
  assert.equal(error?.code, -32042);
  assert.doesNotMatch(JSON.stringify(error), /backend-1/);
  for (const over of [legacy('2025-06-18'), legacy('2025-11-25', NO_CAPABILITIES)]) assert.equal(read(await w.callTool('alpha__echo', {}, over)).result?.isError, true);
});

test('the guards look at answers to questions as at arguments, asked for or not', async () => {
  const w = world();
  await w.callTool('alpha__echo', {});
  await w.ask('tools/call', { name: 'alpha__echo', arguments: {}, inputResponses: { q1: { action: 'accept', content: { text: `go${String.fromCodePoint(0xe0041, 0xe0042)}` } } } });
  const rules = w.outcomes.map((outcome) => (outcome.kind === 'call' ? outcome.trail.find(({ stage }) => stage === 'guards')?.rule : undefined));
  assert.deepEqual(rules, ['guards:none', 'hidden-text:tags']);
});

test('S12 completion asks nobody: a backend that wants an answer there has given none', async () => {
  const { respond, rounds } = backend(() => wants({ k: FORM }));
  const w = world({ settings: ALLOWED, respond, listings: { alpha: { prompts: [toRaw({ name: 'p' })], offers: ALL_OFFERS } } });
  const { ask, questions } = agent();
  const answer = read(await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__p' }, argument: { name: 'a', value: 'b' } }, { ...legacy(), io: { ask } }));
  assert.match(answer.error?.message ?? '', /Backend error/);
  assert.deepEqual([questions.length, rounds.length], [0, 1]);
});
