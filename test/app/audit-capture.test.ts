import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type CaptureRecord, type CaptureTools, daysToForget, destroyedOn, expireDue, expireKeys, forgetDays, revealCall } from '../../src/app/audit-capture.ts';
import { startFault } from '../../src/app/fault.ts';
import type { CaptureFact } from '../../src/core/capture.ts';
import { err, ok } from '../../src/core/result.ts';
import { CALL, DAY, HOUR, NODE, NOON, RECORD, rule, toolCall, world, type World } from '../stores/capture/world.ts';

const TODAY = '2026-11-21';
const FULL = startFault(1, 'SEN-0601', 'the audit could not be written: disk full', undefined);

interface Place extends World {
  readonly tools: CaptureTools;
  readonly facts: CaptureFact[];
  /** From now on nothing can be recorded. */
  fill(): void;
}

function place(t: TestContext, records?: (here: World) => readonly CaptureRecord[] | undefined): Place {
  const here = world(t, [rule({ arguments: ['/title'], results: ['/id'] })]);
  const facts: CaptureFact[] = [];
  let full = false;
  const tools: CaptureTools = {
    node: NODE, stateDir: here.state, settings: here.settings, clock: here.clock, by: 'alice',
    record: (fact) => {
      if (full) return Promise.resolve(err(FULL));
      facts.push(fact);
      return Promise.resolve(ok(undefined));
    },
    records: () => Promise.resolve(ok(records?.(here))),
  };
  return { ...here, tools, facts, fill: () => { full = true; } };
}

function recordOf(here: World, parts: Partial<CaptureRecord> = {}): CaptureRecord {
  return { node: NODE, id: RECORD, kind: 'outcome', ts: NOON, captured: here.kept(toolCall('{"title":"Fix it"}'), { result: '{"id":7}' }) ?? '', ...parts };
}

test('what was captured of a call is revealed, and that it was asked for is on record first', async (t) => {
  const { tools, facts } = place(t, (here) => [recordOf(here)]);
  const revealed = await revealCall(CALL, tools);
  assert.ok(revealed.ok && revealed.value !== undefined);
  const content = revealed.value[0]?.reading.content;
  assert.ok(content?.state === 'open');
  assert.deepEqual([[...content.arguments], [...content.result]], [[['/title', '"Fix it"']], [['/id', '7']]]);
  assert.deepEqual(facts, [{ kind: 'audit_read', verb: 'audit reveal', asked: CALL }]);
});

test('what cannot be recorded is not shown', async (t) => {
  const { tools, fill } = place(t, (here) => [recordOf(here)]);
  fill();
  const revealed = await revealCall(CALL, tools);
  assert.ok(!revealed.ok);
  assert.match(revealed.error.message, /^nothing is shown, for it could not be recorded: .*disk full$/);
});

test('a call that is not there, and one of which nothing was captured, are told apart and leave no record', async (t) => {
  const none = place(t, () => undefined);
  assert.deepEqual(await revealCall(CALL, none.tools), { ok: true, value: undefined });
  const empty = place(t, () => []);
  assert.deepEqual(await revealCall(CALL, empty.tools), { ok: true, value: [] });
  assert.deepEqual([...none.facts, ...empty.facts], []);
});

test('a ciphertext that was moved to another record, and one of another node, are not shown', async (t) => {
  const { tools } = place(t, (here) => [recordOf(here, { id: CALL }), recordOf(here, { kind: 'intent' }), recordOf(here, { node: 'other' })]);
  const revealed = await revealCall(CALL, tools);
  assert.ok(revealed.ok && revealed.value !== undefined);
  assert.deepEqual(revealed.value.map(({ elsewhere, reading }) => [elsewhere, reading.content.state]), [[false, 'refused'], [false, 'refused'], [true, 'refused']]);
});

test('days are forgotten in order, each on record before and after; another day\'s stay', async (t) => {
  const here = place(t);
  for (let day = 0; day < 4; day += 1) {
    here.clock.now = NOON + day * DAY;
    here.kept(toolCall('{"title":"x"}'));
  }
  assert.deepEqual(daysToForget({ day: '2026-11-20' }, here.tools), []);
  assert.deepEqual(daysToForget({ day: '2026-11-22' }, here.tools), ['2026-11-22']);
  const days = daysToForget({ before: NOON + 2 * DAY }, here.tools);
  assert.deepEqual(days, ['2026-11-21', '2026-11-22']);
  const done = await forgetDays(days, 'request 12', here.tools);
  assert.equal(done.fault, undefined);
  assert.deepEqual(done.destroyed.map(({ day }) => day), days);
  assert.deepEqual(here.facts.map((fact) => (fact.kind === 'key_destroyed' ? `${fact.day} ${fact.step} ${fact.why}` : '')), days.flatMap((day) => [`${day} begun request 12`, `${day} done request 12`]));
  assert.deepEqual(readdirSync(here.keyDir), ['2026-11-23.key', '2026-11-24.key']);
  assert.deepEqual(destroyedOn('2026-11-22', here.tools).map(({ by }) => by), ['alice']);
});

test('a day that stays is told with what to say next', async (t) => {
  const here = place(t);
  here.kept(toolCall('{"title":"x"}'));
  here.fill();
  const { destroyed, fault } = await forgetDays([TODAY], 'x', here.tools);
  assert.deepEqual(destroyed, []);
  assert.match(fault?.message ?? '', /^the key of 2026-11-21 was not destroyed: .*disk full$/);
  assert.equal(fault?.help, 'once that is mended, say it again: sentinel audit forget --day 2026-11-21');
});

interface Timer {
  readonly ms: number;
  readonly run: () => void;
}

/** Timers that run when they are told to; `settled` waits for what a look began. */
function timers(): { readonly pending: Timer[]; after(ms: number, run: () => void): () => void } {
  const pending: Timer[] = [];
  return { pending, after: (ms, run) => {
    const timer = { ms, run };
    pending.push(timer);
    return () => void pending.splice(pending.indexOf(timer), 1);
  } };
}

async function settled(pending: readonly Timer[], before: number): Promise<void> {
  while (pending.length <= before) await new Promise((resolve) => { setImmediate(resolve); });
}

test('the gateway destroys keys whose time is over by itself, looks again each hour, and says what failed', async (t) => {
  const here = place(t);
  here.kept(toolCall('{"title":"x"}'));
  const clock = timers();
  const faults: string[] = [];
  let ticks = 0;
  const stop = expireKeys({ ...here.tools, timers: clock, settings: () => here.settings, tick: () => { ticks += 1; }, onFault: (fault) => faults.push(fault.message) });
  await settled(clock.pending, 0);
  assert.ok(existsSync(`${here.keyDir}/${TODAY}.key`));
  assert.deepEqual(clock.pending.map(({ ms }) => ms), [HOUR]);
  here.clock.now = Date.UTC(2026, 10, 21) + 30 * DAY;
  clock.pending.shift()?.run();
  await settled(clock.pending, 0);
  assert.deepEqual(readdirSync(here.keyDir), []);
  assert.deepEqual(here.facts.map((fact) => (fact.kind === 'key_destroyed' ? `${fact.step} ${fact.why}` : '')), ['begun expired', 'done expired']);
  assert.deepEqual(destroyedOn(TODAY, here.tools).map(({ by }) => by), ['system']);
  here.kept(toolCall('{"title":"x"}'));
  here.clock.now += 60 * DAY;
  here.fill();
  clock.pending.shift()?.run();
  await settled(clock.pending, 0);
  assert.equal(faults.length, 1);
  assert.equal(ticks, 3);
  stop();
  assert.deepEqual(clock.pending, []);
});

test('keys that were left where they were before the configuration named a folder are read, forgotten and destroyed in time as well', async (t) => {
  const here = place(t, (one) => [recordOf(one)]);
  here.kept(toolCall('{"title":"x"}'));
  const keyDir = join(here.state, 'elsewhere');
  mkdirSync(keyDir, { mode: 0o700 });
  const tools: CaptureTools = { ...here.tools, settings: { keyDir } };
  const revealed = await revealCall(CALL, tools);
  assert.deepEqual(revealed.ok && revealed.value?.map(({ reading }) => reading.content.state), ['open']);
  assert.deepEqual(daysToForget({ day: TODAY }, tools), [TODAY]);
  const settings = { ...here.settings, keyDir };
  here.clock.now = Date.UTC(2026, 10, 21) + 30 * DAY - 1;
  assert.equal(await expireDue({ ...tools, settings: () => settings }), undefined);
  assert.deepEqual(readdirSync(here.keyDir), [`${TODAY}.key`]);
  here.clock.now += 1;
  assert.equal(await expireDue({ ...tools, settings: () => settings }), undefined);
  assert.deepEqual(readdirSync(here.keyDir), []);
  here.clock.now = NOON;
  here.kept(toolCall('{"title":"x"}'));
  assert.deepEqual((await forgetDays([TODAY], 'x', tools)).destroyed.map(({ day }) => day), [TODAY]);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('a folder that cannot be looked into keeps no key of another from being destroyed, and is told', async (t) => {
  const here = place(t);
  here.kept(toolCall('{"title":"x"}'));
  const settings = { ...here.settings, keyDir: join(here.state, 'audit-keys', `${TODAY}.key`, 'x') };
  here.clock.now += 60 * DAY;
  const fault = await expireDue({ ...here.tools, settings: () => settings });
  assert.match(fault?.message ?? '', /^keys of captured values that are due could not be destroyed: .*ENOTDIR/);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('a shorter time by a reload holds at the next look', async (t) => {
  const here = place(t);
  here.kept(toolCall('{"title":"x"}'));
  here.clock.now += 3 * DAY;
  const clock = timers();
  let settings = here.settings;
  const stop = expireKeys({ ...here.tools, timers: clock, settings: () => settings, tick: () => {}, onFault: () => {} });
  await settled(clock.pending, 0);
  assert.ok(existsSync(`${here.keyDir}/${TODAY}.key`));
  settings = { ...settings, keepMs: 2 * DAY };
  clock.pending.shift()?.run();
  await settled(clock.pending, 0);
  assert.deepEqual(readdirSync(here.keyDir), []);
  stop();
});

test('looks end when they are stopped while one is under way', async (t) => {
  const here = place(t);
  const clock = timers();
  const stop = expireKeys({ ...here.tools, timers: clock, settings: () => here.settings, tick: () => {}, onFault: () => {} });
  stop();
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
  assert.deepEqual(clock.pending, []);
});
