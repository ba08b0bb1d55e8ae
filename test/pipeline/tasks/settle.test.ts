// What comes of the questions of a task, on their way from its agent to its backend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Era } from '../../../src/core/call.ts';
import type { QuestionReply } from '../../../src/core/capabilities.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { settle } from '../waiting.ts';
import { ACCEPT, agentOf, ask, begin, FORM, LEGACY, taskWorld, verbsOf, type TaskWorld } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];
const HIDDEN = { action: 'accept', content: { ok: 'x\u{e0041}\u{e0042}\u{e0043}' } };
const findings = ({ w }: TaskWorld): readonly unknown[] => w.outcomes.flatMap((one) => (one.kind === 'call' ? one.trail : [])).filter(({ stage, decision }) => stage === 'guards' && decision === 'deny').map(({ mode, rule }) => [mode, rule]);
const says = (answer: object): { readonly ask: () => Promise<QuestionReply> } => ({ ask: () => Promise.resolve({ kind: 'result', raw: toRaw(answer) }) });

for (const agent of ERAS) for (const era of ERAS) test(`answers to the questions of a task pass the guards: an agent of the ${agent} form, a backend of the ${era} one`, async () => {
  const at = taskWorld(era);
  const who = agentOf(agent);
  const id = await begin(at, who);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { q1: FORM } });
  if (agent === 'modern') {
    const { result } = await ask(at, 'get', who, id);
    const keys = Object.keys(Object(result?.['inputRequests']));
    await ask(at, 'update', who, id, { inputResponses: Object.fromEntries(keys.map((key) => [key, HIDDEN])) });
  } else {
    const pending = ask(at, 'result', { ...who, io: says(HIDDEN) }, id);
    await settle(at.w);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await settle(at.w, 2000);
    await pending;
  }
  assert.deepEqual(findings(at).map((one) => Object(one)[0]), ['monitor'], 'found once, and on record');
});

test('a backend that refuses the answers to its task is believed: the task is ended, and its agent told why at once', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, LEGACY);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { q1: FORM } });
  at.jobs.instead = ({ verb }) => (verb === 'update' ? { ok: true, value: { kind: 'error', code: -32602, message: 'no such question', data: undefined } } : undefined);
  const pending = ask(at, 'result', { ...LEGACY, io: says(ACCEPT) }, id);
  await settle(at.w, 2000);
  assert.partialDeepStrictEqual((await Promise.race([pending, settle(at.w, 0).then(() => ({ error: 'still waits' }))])).error, { code: -32602, message: 'no such question' });
  assert.deepEqual(verbsOf(at.backend).slice(-3), ['update job-1', 'get job-1', 'cancel job-1'], 'looked at once more: it may have ended meanwhile');
});
