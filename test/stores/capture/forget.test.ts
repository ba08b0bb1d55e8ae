import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { KeyDestroyed } from '../../../src/core/capture.ts';
import { err, ok } from '../../../src/core/result.ts';
import { destroyDay, destroyedIn, dueDays, type ForgetDeps } from '../../../src/stores/capture/forget.ts';
import { keyPath } from '../../../src/stores/capture/key-files.ts';
import { DAY, everyByte, HOUR, NODE, NOON, rule, toolCall, world, type World } from './world.ts';

const TODAY = '2026-11-21';
const CALL_OF_TODAY = toolCall('{"title":"Fix the door of the vault"}');

interface Told {
  readonly deps: ForgetDeps;
  readonly facts: KeyDestroyed[];
}

function forgetting(here: World, parts: Partial<ForgetDeps> = {}): Told {
  const facts: KeyDestroyed[] = [];
  const record: ForgetDeps['record'] = (fact) => {
    facts.push(fact);
    return Promise.resolve(ok(undefined));
  };
  return { facts, deps: { folder: { dir: here.keyDir, node: NODE }, stateDir: here.state, by: 'alice', why: 'request 12', takeAll: true, clock: here.clock, random: randomBytes, record, ...parts } };
}

const steps = (facts: readonly KeyDestroyed[]): readonly string[] => facts.map(({ day, step }) => `${day} ${step}`);

test('J09: after the key of a day is destroyed nobody reads what was captured on it, and the record says when it went', async (t) => {
  const here = world(t);
  const captured = here.kept(CALL_OF_TODAY);
  here.clock.now += HOUR;
  const { deps, facts } = forgetting(here);
  const done = await destroyDay(TODAY, deps);
  assert.ok(done.ok);
  assert.deepEqual(done.value.map(({ day, at, by }) => [day, at, by]), [[TODAY, NOON + HOUR, 'alice']]);
  assert.deepEqual(readdirSync(here.keyDir), []);
  const content = here.read(captured);
  assert.deepEqual(content, { state: 'destroyed', day: TODAY, by: done.value[0] });
  assert.deepEqual(facts.map((fact) => [fact.day, fact.keyId, fact.step, fact.why, fact.note]), [
    [TODAY, done.value[0]?.id, 'begun', 'request 12', undefined], [TODAY, done.value[0]?.id, 'done', 'request 12', undefined],
  ]);
});

test('J09: no file of the state directory, write-ahead log and all, holds a captured value before or a key after', async (t) => {
  const here = world(t, [rule({ arguments: ['/title'], results: ['/note'] })]);
  const journal = new DatabaseSync(join(here.state, '00000001.db'));
  t.after(() => journal.close());
  journal.exec('pragma journal_mode = wal; pragma synchronous = full; create table record (row integer primary key, record text not null) strict');
  const write = journal.prepare('insert into record (record) values (?)');
  for (let at = 0; at < 50; at += 1) write.run(`{"kind":"outcome","captured":${here.kept(CALL_OF_TODAY, { result: '{"note":"meet at the harbour"}' }) ?? 'null'}}`);
  const line = readFileSync(keyPath({ dir: here.keyDir }, TODAY), 'utf8');
  const key: unknown = Reflect.get(Object(JSON.parse(line)), 'key');
  assert.ok(typeof key === 'string');
  const traces = [key, Buffer.from(key, 'base64url').toString('latin1'), Buffer.from(key, 'base64url').toString('hex'), Buffer.from(key, 'base64url').toString('base64')];
  const before = everyByte(here.state);
  assert.ok(before.includes('"captured":{"day"') && before.includes(key), 'the records and the key were seen');
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  const after = everyByte(here.state);
  assert.ok(after.includes('"captured":{"day"'), 'the records stay');
  for (const text of ['vault', 'harbour']) assert.equal(before.includes(text) || after.includes(text), false, text);
  for (const trace of traces) assert.equal(after.includes(trace), false);
});

test('the file is overwritten in place before it goes: a second name of it holds nothing either', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  const other = join(here.state, 'other-name');
  linkSync(keyPath({ dir: here.keyDir }, TODAY), other);
  const [before, size] = [readFileSync(other, 'latin1'), statSync(other).size];
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  const after = readFileSync(other, 'latin1');
  assert.equal(after.length, size);
  assert.equal(after.includes(before.slice(20, 60)), false);
  assert.doesNotMatch(after, /"key"|"kid"/);
});

test('nothing is destroyed that cannot be recorded first, and it is still read', async (t) => {
  const here = world(t);
  const captured = here.kept(CALL_OF_TODAY);
  const { deps } = forgetting(here, { record: () => Promise.resolve(err({ message: 'disk full' })) });
  const done = await destroyDay(TODAY, deps);
  assert.deepEqual(done.ok ? '' : [done.error.code, done.error.day, done.error.detail], ['kept', TODAY, 'disk full']);
  assert.deepEqual(readdirSync(here.keyDir), [`${TODAY}.key`], 'not even out of use');
  assert.equal(here.read(captured).state, 'open');
  assert.deepEqual(destroyedIn(here.state), []);
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  assert.equal(here.read(captured).state, 'destroyed', 'said again it is done');
});

test('it is on record before the key is touched', async (t) => {
  const here = world(t);
  const captured = here.kept(CALL_OF_TODAY);
  const seen: string[] = [];
  const { deps } = forgetting(here, { record: async (fact) => {
    seen.push(`${fact.step}: ${here.read(captured).state}, ${readdirSync(here.keyDir).join()}`);
    return ok(undefined);
  } });
  assert.ok((await destroyDay(TODAY, deps)).ok);
  assert.deepEqual(seen, [`begun: open, ${TODAY}.key`, 'done: destroyed, ']);
});

test('of several processes that destroy the key of a day at once, one does and one says so', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  const runs = [1, 2, 3].map(() => forgetting(here, { takeAll: false }));
  const done = await Promise.all(runs.map(({ deps }) => destroyDay(TODAY, deps)));
  assert.deepEqual(done.map((one) => (one.ok ? one.value.length : -1)).toSorted(), [0, 0, 1]);
  assert.deepEqual(steps(runs.flatMap(({ facts }) => facts)).toSorted(), [...[1, 2, 3].map(() => `${TODAY} begun`), `${TODAY} done`, ...[1, 2].map(() => `${TODAY} failed`)]);
  assert.deepEqual(new Set(runs.flatMap(({ facts }) => facts.filter(({ step }) => step === 'failed').map(({ note }) => note))), new Set(['another process took it']));
});

test('what comes when a key is out of use is kept under a new one, which stays', async (t) => {
  const here = world(t);
  const first = here.kept(CALL_OF_TODAY);
  let second: string | null = null;
  const { deps } = forgetting(here, { record: async (fact) => {
    if (fact.step === 'done') second = here.kept(CALL_OF_TODAY);
    return ok(undefined);
  } });
  assert.ok((await destroyDay(TODAY, deps)).ok);
  assert.equal(here.read(first).state, 'destroyed');
  assert.equal(here.read(second).state, 'open');
  assert.deepEqual(readdirSync(here.keyDir), [`${TODAY}.key`]);
});

test('a new key that took the place of the one that is recorded as begun is not taken for it', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  let second: string | null = null;
  const { deps, facts } = forgetting(here);
  const done = await destroyDay(TODAY, { ...deps, record: (fact) => {
    if (fact.step === 'begun') {
      // Another process was faster, and a call came.
      rmSync(keyPath({ dir: here.keyDir }, TODAY));
      second = here.kept(CALL_OF_TODAY);
    }
    return deps.record(fact);
  } });
  assert.deepEqual(done, { ok: true, value: [] });
  assert.deepEqual(steps(facts), [`${TODAY} begun`, `${TODAY} failed`]);
  assert.equal(here.read(second).state, 'open');
  assert.deepEqual([readdirSync(here.keyDir), destroyedIn(here.state)], [[`${TODAY}.key`], []]);
});

test('a crash right after the record leaves the key as it was, and the next look begins again', async (t) => {
  const here = world(t);
  const captured = here.kept(CALL_OF_TODAY);
  const crash = forgetting(here, { takeAll: false, record: () => Promise.reject(new Error('the process died')) });
  assert.ok(!(await destroyDay(TODAY, crash.deps)).ok);
  assert.equal(here.read(captured).state, 'open');
  here.clock.now = NOON + 31 * DAY;
  const { deps, facts } = forgetting(here, { takeAll: false });
  assert.deepEqual(dueDays(deps, 30 * DAY), [TODAY]);
  assert.ok((await destroyDay(TODAY, deps)).ok);
  assert.deepEqual(steps(facts), [`${TODAY} begun`, `${TODAY} done`]);
});

test('what a crash left out of use, and in no list yet, is destroyed by the next look', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  renameSync(keyPath({ dir: here.keyDir }, TODAY), join(here.keyDir, `${TODAY}.${'a'.repeat(16)}.leaving`));
  here.clock.now = Date.now() + 2 * 60_000;
  const { deps } = forgetting(here, { takeAll: false });
  assert.deepEqual(dueDays(deps, 3650 * DAY), [TODAY]);
  assert.deepEqual((await destroyDay(TODAY, deps)).ok && destroyedIn(here.state).length, 1);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('in a folder that two nodes share by mistake, neither destroys what the other set aside', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  const theirs = join(here.keyDir, `${TODAY}.${'b'.repeat(16)}.leaving`);
  writeFileSync(theirs, readFileSync(keyPath({ dir: here.keyDir }, TODAY), 'utf8').replace(NODE, 'another'), { mode: 0o600 });
  here.clock.now = Date.now() + HOUR;
  const { deps, facts } = forgetting(here);
  assert.equal((await destroyDay(TODAY, deps)).ok, true);
  assert.deepEqual(readdirSync(here.keyDir), [`${TODAY}.${'b'.repeat(16)}.leaving`]);
  assert.equal(new Set(facts.map(({ keyId }) => keyId)).size, 1);
  assert.deepEqual(dueDays(deps, 3650 * DAY), []);
});

test('what another user made is not destroyed, and not written to', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  const before = readFileSync(keyPath({ dir: here.keyDir }, TODAY), 'utf8');
  const { deps, facts } = forgetting(here, { folder: { dir: here.keyDir, node: NODE, user: 4_000_000 } });
  const done = await destroyDay(TODAY, deps);
  assert.match(done.ok ? '' : `${done.error.code}: ${done.error.detail}`, /^kept: .* belongs to user \d+, and this runs as user 4000000: /);
  assert.deepEqual([facts, readFileSync(keyPath({ dir: here.keyDir }, TODAY), 'utf8')], [[], before]);
});

test('a crash between the record and the end leaves a key that nobody reads, and the next look destroys it', async (t) => {
  const here = world(t);
  const captured = here.kept(CALL_OF_TODAY);
  const { id = '' } = captured === null ? {} : { id: captured.slice(captured.indexOf('"kid":"') + 7).split('.')[0] };
  // As the process left it: set aside and listed, not yet overwritten.
  renameSync(keyPath({ dir: here.keyDir }, TODAY), join(here.keyDir, `${TODAY}.${'a'.repeat(16)}.leaving`));
  appendFileSync(join(here.state, 'audit-keys-destroyed.jsonl'), `${JSON.stringify({ day: TODAY, kid: id, at: NOON, by: 'alice' })}\n`);
  assert.equal(here.read(captured).state, 'destroyed');
  const { deps } = forgetting(here, { takeAll: false });
  here.clock.now = Date.now();
  assert.deepEqual(dueDays(deps, 3650 * DAY), [], 'it may be in the hands of another process');
  here.clock.now = Date.now() + 2 * 60_000;
  assert.deepEqual(dueDays(deps, 3650 * DAY), [TODAY]);
  assert.ok((await destroyDay(TODAY, deps)).ok);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('what a crash left while a key was made goes with the key of its day', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  writeFileSync(join(here.keyDir, `${TODAY}.key.77.0123abcd`), 'half');
  here.clock.now = Date.now() + HOUR;
  const done = await destroyDay(TODAY, forgetting(here).deps);
  assert.deepEqual(done.ok && done.value.map(({ id }) => id === 'unknown'), [false, true]);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('a key that is damaged, or open to others, can still be destroyed', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  chmodSync(here.keyDir, 0o755);
  const done = await destroyDay(TODAY, forgetting(here).deps);
  assert.ok(done.ok && done.value[0]?.id !== 'unknown');
  writeFileSync(keyPath({ dir: here.keyDir }, TODAY), 'x', { mode: 0o600 });
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  assert.deepEqual(readdirSync(here.keyDir), []);
});

test('a key of another node is not touched', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  const { deps, facts } = forgetting(here, { folder: { dir: here.keyDir, node: 'other' } });
  const done = await destroyDay(TODAY, deps);
  assert.ok(!done.ok && done.error.detail.includes('another node'));
  assert.ok(existsSync(keyPath({ dir: here.keyDir }, TODAY)));
  assert.deepEqual(facts, []);
});

test('a day without a key has nothing to destroy, and nothing is recorded', async (t) => {
  const here = world(t);
  const { deps, facts } = forgetting(here);
  assert.deepEqual(await destroyDay(TODAY, deps), { ok: true, value: [] });
  assert.deepEqual(facts, []);
});

test('the list of what was destroyed is read past a line that a crash cut', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  appendFileSync(join(here.state, 'audit-keys-destroyed.jsonl'), 'null\n[]\n{"day":1}\n{"day":"2026-11-0');
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  assert.deepEqual(destroyedIn(here.state).map(({ day, by }) => [day, by]), [[TODAY, 'alice']]);
});

test('the list is its owner\'s alone', async (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  assert.ok((await destroyDay(TODAY, forgetting(here).deps)).ok);
  assert.equal(statSync(join(here.state, 'audit-keys-destroyed.jsonl')).mode & 0o777, 0o600);
});
