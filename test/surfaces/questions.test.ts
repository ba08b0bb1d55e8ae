import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { QuestionReply } from '../../src/core/capabilities.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { AGENT_LIMITS } from '../../src/core/json/raw.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { Timers } from '../../src/core/ports.ts';
import { readEnvelope, readMessage, type ResponseEnvelope } from '../../src/surfaces/mcp/envelope.ts';
import { type Channel, Questions } from '../../src/surfaces/mcp/questions.ts';
import { ELICIT, question } from './fake-ingress.ts';

/** Whose request brings an answer. */
const BY = { tokenId: 'jti-1', peer: '192.0.2.1' };
const NEVER = new AbortController().signal;
const ACCEPTED = { action: 'accept', content: { ok: true } };

interface Sent {
  readonly id?: string;
  readonly method: string;
  readonly params?: { readonly requestId?: string; readonly reason?: string };
}

interface TestChannel extends Channel {
  readonly sent: Sent[];
  gone(): void;
  readonly watched: number;
}

function channelOf(): TestChannel {
  const sent: Sent[] = [];
  const watchers = new Set<() => void>();
  let open = true;
  return {
    sent,
    send: (message) => {
      if (open) sent.push(JSON.parse(message));
      return open;
    },
    onGone: (told) => {
      watchers.add(told);
      return () => watchers.delete(told);
    },
    gone: () => {
      open = false;
      for (const told of watchers) told();
    },
    get watched() {
      return watchers.size;
    },
  };
}

function manualTimers(): Timers & { pass(ms: number): void; readonly due: number } {
  const waiting = new Set<{ readonly at: number; readonly run: () => void }>();
  let now = 0;
  return {
    after: (ms, run) => {
      const timer = { at: now + ms, run };
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
    pass: (ms) => {
      now += ms;
      for (const timer of waiting) {
        if (timer.at > now) continue;
        waiting.delete(timer);
        timer.run();
      }
    },
    get due() {
      return waiting.size;
    },
  };
}

function response(id: unknown, said: { readonly result: unknown } | { readonly error: unknown }): ResponseEnvelope {
  const message = readMessage(toRaw({ jsonrpc: '2.0', id, ...said }));
  assert.ok(message.kind === 'response');
  return message;
}

function raw(reply: QuestionReply): RawJson {
  assert.ok(reply.kind === 'result', JSON.stringify(reply));
  return reply.raw;
}

function why(reply: QuestionReply): string {
  assert.ok(reply.kind === 'error', JSON.stringify(reply));
  return reply.message;
}

test('what is asked goes out as a request, and the answer comes back byte for byte', async () => {
  const questions = new Questions();
  const channel = channelOf();
  const asked = questions.asker(channel, 'alice', NEVER).ask(ELICIT, NEVER);
  assert.deepEqual(channel.sent, [{ jsonrpc: '2.0', id: 's-1', method: 'elicitation/create', params: JSON.parse(ELICIT.params ?? '') }]);
  const result = '{"action":"accept", "content":{"n":12345678901234567890,"z":1.0,"a":-0}}';
  const message = readEnvelope(`{"jsonrpc":"2.0","result":${result},"id":"s-1"}`, AGENT_LIMITS);
  assert.ok(message.kind === 'response');
  assert.equal(questions.answered(message, 'alice', BY), true);
  assert.equal(raw(await asked), result);
  assert.equal(questions.size, 0);
});

test('params are left out where there are none', () => {
  const channel = channelOf();
  void new Questions().asker(channel, 'alice', NEVER).ask(question('roots/list'), NEVER);
  assert.deepEqual(channel.sent, [{ jsonrpc: '2.0', id: 's-1', method: 'roots/list' }]);
});

test('no id is used twice in a session, whoever asks [SL10]', () => {
  const questions = new Questions();
  const channels = [channelOf(), channelOf()];
  for (let round = 0; round < 20; round += 1) {
    for (const channel of channels) {
      const asker = questions.asker(channel, 'alice', NEVER);
      void asker.ask(ELICIT, NEVER);
      asker.end();
    }
  }
  const ids = channels.flatMap(({ sent }) => sent.flatMap(({ id }) => (id === undefined ? [] : [id])));
  assert.equal(ids.length, 40);
  assert.equal(new Set(ids).size, 40);
});

test('T53 an answer counts once, for its own id only: a number is no text, and another principal answers nothing', async () => {
  const questions = new Questions();
  const channel = channelOf();
  const asker = questions.asker(channel, 'alice', NEVER);
  const [first, second] = [asker.ask(ELICIT, NEVER), asker.ask(ELICIT, NEVER)];
  for (const id of ['s-3', 's-0', 1, 's-1 ', 'S-1', '__proto__']) assert.equal(questions.answered(response(id, { result: {} }), 'alice', BY), false, String(id));
  assert.equal(questions.answered({ kind: 'response', key: undefined, result: undefined, error: toRaw({}) }, 'alice', BY), false);
  assert.equal(questions.answered(response('s-1', { result: ACCEPTED }), 'bob', BY), false);
  assert.equal(questions.answered(response('s-2', { result: { second: true } }), 'alice', BY), true);
  assert.equal(questions.answered(response('s-2', { result: { again: true } }), 'alice', BY), false);
  assert.equal(questions.answered(response('s-1', { result: { first: true } }), 'alice', BY), true);
  assert.deepEqual([raw(await first), raw(await second)], ['{"first":true}', '{"second":true}']);
});

test('an error of the agent is an error with its code; what is no answer at all is one of ours', async () => {
  const cases: readonly (readonly [Parameters<typeof response>[1], QuestionReply])[] = [
    [{ error: { code: -1, message: 'User rejected' } }, { kind: 'error', code: -1, message: 'User rejected' }],
    [{ error: { code: 1.5, message: 7 } }, { kind: 'error', code: -32603, message: 'The agent refused' }],
    [{ error: 'x' }, { kind: 'error', code: -32603, message: 'The agent refused' }],
    [{ error: { code: 3, message: 'y'.repeat(5000) } }, { kind: 'error', code: 3, message: 'y'.repeat(1024) }],
    [{ result: 'yes' }, { kind: 'error', code: -32603, message: 'Not answered: the result is not an object' }],
    [{ result: null }, { kind: 'error', code: -32603, message: 'Not answered: the result is not an object' }],
  ];
  for (const [said, expected] of cases) {
    const questions = new Questions();
    const asked = questions.asker(channelOf(), 'alice', NEVER).ask(ELICIT, NEVER);
    assert.equal(questions.answered(response('s-1', said), 'alice', BY), true);
    assert.deepEqual(await asked, { ...expected, by: BY });
  }
});

test('a request that ends withdraws what it asked, and asks nothing more', async () => {
  const questions = new Questions();
  const channel = channelOf();
  const asker = questions.asker(channel, 'alice', NEVER);
  const asked = asker.ask(ELICIT, NEVER);
  asker.end();
  assert.equal(why(await asked), 'Not answered: the request has ended');
  assert.deepEqual(channel.sent[1], { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 's-1', reason: 'the request has ended' } });
  assert.equal(why(await asker.ask(ELICIT, NEVER)), 'Not answered: the request has ended');
  assert.equal(channel.sent.length, 2);
  assert.equal(questions.answered(response('s-1', { result: ACCEPTED }), 'alice', BY), false, 'late');
});

test('a cancelled request and a withdrawn question end it, each with notifications/cancelled for our id; aborted before, nothing is sent', async () => {
  for (const which of ['request', 'question'] as const) {
    const questions = new Questions();
    const channel = channelOf();
    const [request, withdrawn] = [new AbortController(), new AbortController()];
    const asker = questions.asker(channel, 'alice', request.signal);
    const asked = asker.ask(ELICIT, withdrawn.signal);
    (which === 'request' ? request : withdrawn).abort('agent');
    assert.match(why(await asked), which === 'request' ? /cancelled/ : /withdrawn/);
    assert.deepEqual(channel.sent.map(({ method, params }) => [method, params?.requestId]), [['elicitation/create', undefined], ['notifications/cancelled', 's-1']]);
    assert.match(why(await asker.ask(ELICIT, withdrawn.signal)), which === 'request' ? /cancelled/ : /withdrawn/);
    assert.equal(channel.sent.length, 2);
  }
});

test('a question that nothing ends is withdrawn after a day', async () => {
  const timers = manualTimers();
  const questions = new Questions(timers);
  const channel = channelOf();
  const asked = questions.asker(channel, 'alice', NEVER).ask(ELICIT, NEVER);
  timers.pass(86_399_999);
  assert.equal(questions.size, 1);
  timers.pass(1);
  assert.equal(why(await asked), 'Not answered: the agent did not answer in time');
  assert.equal(channel.sent.at(-1)?.params?.requestId, 's-1');
});

test('when nobody can be reached, before or after, the question ends and nothing is said', async () => {
  const questions = new Questions();
  const channel = channelOf();
  const asker = questions.asker(channel, 'alice', NEVER);
  const asked = asker.ask(ELICIT, NEVER);
  channel.gone();
  assert.equal(why(await asked), 'Not answered: the agent has gone');
  assert.equal(why(await asker.ask(ELICIT, NEVER)), 'Not answered: the agent cannot be reached');
  assert.equal(channel.sent.length, 1);
});

test('the end of the session ends all questions, and there are no others', async () => {
  const questions = new Questions();
  const channel = channelOf();
  const asker = questions.asker(channel, 'alice', NEVER);
  const asked = [asker.ask(ELICIT, NEVER), asker.ask(ELICIT, NEVER)];
  questions.end();
  for (const reply of await Promise.all(asked)) assert.equal(why(reply), 'Not answered: the session has ended');
  assert.equal(why(await asker.ask(ELICIT, NEVER)), 'Not answered: the session has ended');
  assert.equal(channel.sent.length, 2);
});

test('at most 8 are open for a request and 64 for a session; an answer makes room', async () => {
  const questions = new Questions();
  const full = (reply: QuestionReply): void => assert.equal(why(reply), 'Not answered: too many questions at once');
  const askers = Array.from({ length: 9 }, () => questions.asker(channelOf(), 'alice', NEVER));
  for (const asker of askers.slice(0, 8)) {
    for (let asked = 0; asked < 8; asked += 1) void asker.ask(ELICIT, NEVER);
    full(await asker.ask(ELICIT, NEVER));
  }
  assert.equal(questions.size, 64);
  const last = askers[8];
  assert.ok(last !== undefined);
  full(await last.ask(ELICIT, NEVER));
  questions.answered(response('s-1', { result: {} }), 'alice', BY);
  void last.ask(ELICIT, NEVER);
  assert.equal(questions.size, 64);
});

type Step = { readonly kind: 'ask' | 'withdraw' | 'cancel' | 'end' | 'gone'; readonly of: number } | { readonly kind: 'answer'; readonly id: number; readonly owner: string } | { readonly kind: 'pass' };

test('whatever happens in whatever order, each question ends exactly once, only by its own answer or with an error, and nothing is left behind', async () => {
  const which = fc.integer({ min: 0, max: 2 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask' as const), of: which }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer' as const), id: fc.integer({ min: 1, max: 8 }), owner: fc.constantFrom('alice', 'alice', 'bob') }) },
    fc.record({ kind: fc.constantFrom('withdraw' as const, 'cancel' as const, 'end' as const, 'gone' as const), of: which }),
    fc.constant({ kind: 'pass' as const }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const timers = manualTimers();
    const questions = new Questions(timers);
    const requests = Array.from({ length: 3 }, () => {
      const [signal, withdrawn, channel] = [new AbortController(), new AbortController(), channelOf()];
      return { signal, withdrawn, channel, asker: questions.asker(channel, 'alice', signal.signal) };
    });
    const replies: Promise<QuestionReply>[] = [];
    let accepted = 0;
    for (const made of steps) {
      if (made.kind === 'answer') accepted += questions.answered(response(`s-${made.id}`, { result: { for: `s-${made.id}` } }), made.owner, BY) ? 1 : 0;
      else if (made.kind === 'pass') timers.pass(300_000);
      else {
        const request = requests[made.of];
        assert.ok(request !== undefined);
        if (made.kind === 'ask') replies.push(request.asker.ask(ELICIT, request.withdrawn.signal));
        else if (made.kind === 'withdraw') request.withdrawn.abort();
        else if (made.kind === 'cancel') request.signal.abort('agent');
        else if (made.kind === 'end') request.asker.end();
        else request.channel.gone();
      }
    }
    for (const { asker } of requests) asker.end();
    const told = await Promise.all(replies);
    assert.equal(told.filter(({ kind }) => kind === 'result').length, accepted);
    const sent = requests.flatMap(({ channel }) => channel.sent);
    const ids = sent.flatMap(({ id }) => (id === undefined ? [] : [id]));
    assert.equal(new Set(ids).size, ids.length);
    const cancelled = sent.flatMap(({ params }) => (params?.requestId === undefined ? [] : [params.requestId]));
    assert.equal(new Set(cancelled).size, cancelled.length, 'told once');
    const answers = new Set(told.flatMap((reply) => (reply.kind === 'result' ? [reply.raw] : [])));
    for (const id of cancelled) assert.equal(answers.has(toRaw({ for: id })), false, 'answered and withdrawn');
    assert.deepEqual([questions.size, timers.due, ...requests.map(({ channel }) => channel.watched)], [0, 0, 0, 0, 0]);
  }));
});
