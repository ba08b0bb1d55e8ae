import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Heard, QuestionReply } from '../../src/core/capabilities.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { createDialogue } from '../../src/pipeline/questions/dialogue.ts';
import { okText, origin, principal, read, settings, world, type World } from '../support/world.ts';
import { able, ACCEPT, asks, elicit, ELICITS, input, NEVER, parked, retry, settle, text } from './waiting.ts';

const said = (w: World, about: 'asked' | 'answered'): readonly (string | undefined)[] => w.outcomes.flatMap((one) => (one.kind === 'call' ? one.trail : [])).filter(({ stage, rule }) => stage === 'questions' && rule.startsWith(`${about}:`)).map(({ note }) => note);
const notes = (w: World): readonly (string | undefined)[] => said(w, 'asked');

test('a question that was not asked for lack of room, or of a way to the agent, is on record as such', async () => {
  const base = settings();
  const full = world({ respond: asks(elicit), settings: { ...base, bounds: { ...base.bounds, parked: 0 } } });
  await full.callTool('alpha__echo', {}, able());
  assert.deepEqual(notes(full), ['not asked: no_room']);
  const deaf = world({ respond: asks(elicit) });
  await deaf.callTool('alpha__echo', {}, { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }) });
  assert.deepEqual(notes(deaf), ['not asked: no_stream']);
  const loud = world({ respond: async (_permit, io) => {
    await Promise.all(Array.from({ length: 17 }, async () => io.ask?.(elicit, NEVER)));
    return okText('done');
  } });
  const { state, requests } = await parked(loud);
  await retry(loud, state, Object.fromEntries(Object.keys(requests).map((key) => [key, ACCEPT])));
  assert.deepEqual(notes(loud).filter((note) => note !== undefined), ['not asked: too_many']);
});

const HIDDEN = { action: 'accept', content: { ok: 'x\u{e0041}\u{e0042}\u{e0043}' } };
const findings = (w: World): readonly unknown[] => w.outcomes.flatMap((one) => (one.kind === 'call' ? one.trail : [])).filter(({ stage, decision }) => stage === 'guards' && decision === 'deny').map(({ mode, rule }) => [mode, rule]);

test('answers in the middle of a call pass the guards, whichever way they come, and what is found is on record with the call', async () => {
  const wanted = await (async () => {
    const w = world();
    await w.callTool('alpha__echo', { r: HIDDEN.content.ok });
    return findings(w);
  })();
  assert.equal(wanted.length, 1);
  const waits = world({ respond: asks(elicit, elicit) });
  const first = await parked(waits);
  const pending = retry(waits, first.state, { q1: ACCEPT });
  await settle(waits, 50);
  const second = input(await pending);
  assert.match(text(read(await retry(waits, second.state, { q2: HIDDEN }))), /accept/, 'they watch, and change nothing');
  assert.deepEqual(findings(waits), wanted);
  const own = world({ respond: asks(elicit) });
  const ask = (): Promise<QuestionReply> => Promise.resolve({ kind: 'result', raw: toRaw(HIDDEN) });
  await own.callTool('alpha__echo', {}, { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }), io: { ask } });
  assert.deepEqual(findings(own), wanted);
  const refused = world({ respond: asks(elicit) });
  await refused.callTool('alpha__echo', {}, { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }), io: { ask: () => Promise.resolve({ kind: 'error', code: -1, message: HIDDEN.content.ok }) } });
  assert.deepEqual(findings(refused), wanted, 'the words of an error are words too');
});

test('a question to an agent of a 2025 revision waits for as long as the operator says; then its backend hears a cancel, and the agent that nobody waits', async () => {
  const base = settings();
  const w = world({ respond: asks(elicit), settings: { ...base, bounds: { ...base.bounds, answerMs: 1_200_000 } } });
  let withdrawn = false;
  const ask = async (_question: unknown, signal: AbortSignal): Promise<QuestionReply> => new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      withdrawn = true;
      resolve({ kind: 'error', code: -32603, message: 'withdrawn' });
    });
  });
  const pending = w.callTool('alpha__echo', {}, { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }), io: { ask } });
  await settle(w, 1_199_999);
  assert.equal(withdrawn, false);
  await settle(w, 1);
  assert.match(text(read(await pending)), /cancel/);
  assert.deepEqual([withdrawn, w.clock.timers.size], [true, 0]);
});

test('an answer that a stage refuses does not reach its backend, and many harmless questions do not crowd the finding out', async () => {
  const w = world({ respond: asks(elicit) });
  await parked(w);
  const [flight] = w.deps.inflight.list();
  assert.ok(flight !== undefined && flight.call.kind === 'tool');
  const found = { stage: 'guards', rule: 'r', decision: 'deny', mode: 'enforce', severity: 'high', note: undefined } as const;
  let turn = 0;
  const { put, trail } = createDialogue({
    call: { ...flight.call, origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }) }, snapshot: w.cell.current(), signal: NEVER, enter: () => false, shown: () => {},
    ask: () => Promise.resolve({ kind: 'result', raw: toRaw(ACCEPT) }),
    review: () => Promise.resolve((turn += 1) < 60 ? { passed: true, trail: [] } : { passed: false, trail: [found] }),
  }, w.deps);
  for (let time = 0; time < 59; time += 1) assert.deepEqual(await put(elicit), { ok: true, value: { kind: 'result', raw: JSON.stringify(ACCEPT) } });
  assert.deepEqual(await put(elicit), { ok: true, value: { kind: 'error', code: -32603, message: 'The answer was refused' } });
  for (let time = 0; time < 100; time += 1) await put(elicit);
  assert.deepEqual([trail().length, trail().indexOf(found)], [64, 32]);
});

test('what an agent answers in the middle of a call is on record: how, and how much, but never the words; of another token or place also whose it was', async () => {
  const trails: string[] = [];
  for (const [answer, wanted] of [[{ action: 'accept', content: { ok: 'transfer 100 to Bob' } }, 'accept, 58 bytes'], [{ action: 'decline' }, 'decline, 20 bytes'], [{ action: 'cancel' }, 'cancel, 19 bytes'], [{ action: 'transfer 100' }, 'result, 25 bytes']] as const) {
    const w = world({ respond: asks(elicit) });
    const { state } = await parked(w);
    await retry(w, state, { q1: answer });
    assert.deepEqual(said(w, 'answered'), [wanted]);
    trails.push(JSON.stringify(w.outcomes));
  }
  const w = world({ respond: asks(elicit) });
  const { state } = await parked(w);
  const mine = able();
  const other = { ...mine, origin: { ...origin(mine?.origin), peer: '203.0.113.9' }, principal: principal({ tokenId: 'jti-OTHER' }) };
  await retry(w, state, { q1: { action: 'accept', content: {} } }, other);
  assert.deepEqual(said(w, 'answered'), [`accept, 32 bytes; token ${w.deps.disguise.digest('jti-OTHER')}; peer ${w.deps.disguise.network('203.0.113.9')}`]);
  trails.push(JSON.stringify(w.outcomes));
  assert.ok(trails.every((text) => !/transfer 100|jti-OTHER/.test(text)));
});

test('an answer on the stream of a session is on record like one of a retry; what the gateway says in an agent\u2019s place is nobody\u2019s answer', async () => {
  const by = { tokenId: 'jti-1', peer: '127.0.0.1' };
  const legacy = origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS });
  const heard = async (reply: Heard): Promise<readonly unknown[]> => {
    const w = world({ respond: asks(elicit) });
    await w.callTool('alpha__echo', {}, { origin: legacy, io: { ask: () => Promise.resolve(reply) } });
    return said(w, 'answered');
  };
  assert.deepEqual(await heard({ kind: 'result', raw: toRaw({ action: 'decline' }), by }), ['decline, 20 bytes']);
  assert.deepEqual(await heard({ kind: 'error', code: -1, message: 'No', by }), ['error, 2 bytes']);
  assert.deepEqual(await heard({ kind: 'error', code: -1, message: 'Not answered: the session has ended' }), []);
  const late = world({ respond: asks(elicit) });
  await parked(late);
  late.clock.advance(10 * 60_000);
  await settle(late, 0);
  assert.equal(late.outcomes.length, 1);
  assert.deepEqual([said(late, 'asked'), said(late, 'answered')], [[undefined], []]);
});
