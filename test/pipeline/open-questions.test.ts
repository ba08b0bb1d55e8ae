import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryObjects } from 'node:v8';
import type { Question } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import { BACKEND_LIMITS } from '../../src/core/json/raw.ts';
import { type RawJson, scan } from '../../src/core/json/scan.ts';
import { members } from '../../src/core/json/slice.ts';
import { QuestionDesk } from '../../src/backends/questions.ts';
import type { Served } from '../../src/backends/serving.ts';
import { OpenQuestions } from '../../src/pipeline/questions/open.ts';
import { okText, origin, read, settings, backendSettings, world } from '../support/world.ts';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { FakeTime } from '../backends/time.ts';
import { json } from '../backends/support.ts';

class Nothing {
  readonly at = 0;
}

/** Looking for objects collects what nobody holds first. */
function held(): number {
  queryObjects(Nothing);
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const MIB = 1 << 20;

/** A few words in a message of three MiB. */
function smallInLarge(n: number): Question {
  const text = Buffer.from(`{"jsonrpc":"2.0","id":"q${n}","method":"elicitation/create","params":{"message":"a question of a few words","requestedSchema":{"type":"object","properties":{}}},"pad":"${'x'.repeat(3 * MIB)}"}`).toString();
  const scanned = scan(text, BACKEND_LIMITS);
  assert.ok(scanned.ok);
  return { method: 'elicitation/create', params: members(scanned.value)?.get('params') };
}

test('an open question keeps itself, and not the message it came in', async () => {
  const { timers } = new FakeTime();
  const before = held();
  const open = new OpenQuestions(timers);
  for (let n = 0; n < 16; n += 1) void open.add(smallInLarge(n));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(open.size, 16);
  const kept = Math.round((held() - before) / MIB);
  assert.ok(kept < 8, `${kept} MiB for sixteen questions of a few words`);
  assert.match(open.list()[15]?.[1].params ?? '', /a question of a few words/);
});

test('nor does the desk of a backend while somebody thinks about it', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings: { id: backendId('peer'), asks: { elicitation: true, sampling: true, roots: true }, roots: [] }, events: { questionRefused: () => undefined }, log: () => undefined });
  const asked: Question[] = [];
  const before = held();
  for (let n = 0; n < 16; n += 1) {
    const served: Served = {
      owner: '', task: undefined, begins: false, log: undefined, ended: new AbortController().signal, deadline: { renew() {}, pause: () => () => undefined, clear() {} },
      ask: async (question) => {
        asked.push(question);
        return new Promise(() => undefined);
      },
    };
    const { params } = smallInLarge(n);
    desk.take({ id: json(`q${n}`), method: 'elicitation/create', params }, served, () => undefined);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.length, 16);
  const kept = Math.round((held() - before) / MIB);
  assert.ok(kept < 8, `${kept} MiB for sixteen questions of a few words`);
  desk.close();
});

test('questions of one call together are kept up to a bound; what is above is answered at once', async () => {
  const open = new OpenQuestions(new FakeTime().timers);
  const of = (units: number): Question => ({ method: 'sampling/createMessage', params: large(units) });
  void open.add(of(200_000));
  assert.equal(open.fits(of(50_000)), true);
  assert.equal(open.fits(of(70_000)), false);
  assert.equal(Reflect.get(await open.add(of(70_000)), 'message'), 'The question is too large');
  void open.add(of(50_000));
  assert.equal(open.size, 2);
  open.answer('q1', { kind: 'error', code: 1, message: '' });
  assert.equal(open.fits(of(200_000)), true, 'an answered one gives its room back');
});

function large(units: number): RawJson {
  return json({ messages: [{ role: 'user', content: { type: 'text', text: 'x'.repeat(units) } }], maxTokens: 1 });
}

test('a question that is too large for a call to wait with is refused, and the record says why', async () => {
  const asks = { elicitation: true, sampling: true, roots: true };
  const w = world({
    settings: settings({ backends: [backendSettings('alpha', { asks }), backendSettings('beta')] }),
    respond: async (_, io) => {
      const reply = await io.ask?.({ method: 'sampling/createMessage', params: large(300_000) }, io.signal);
      return okText(JSON.stringify(reply));
    },
  });
  const done = read(await w.callTool('alpha__echo', { r: 'x' }, { origin: origin({ capabilities: { ...NO_CAPABILITIES, sampling: true } }) }));
  assert.equal(done.result?.['resultType'], 'complete');
  const outcome = w.outcomes.at(-1);
  assert.ok(outcome?.kind === 'call');
  assert.ok(outcome.trail.some(({ note }) => note === 'not asked: too_large'), JSON.stringify(outcome.trail));
});
