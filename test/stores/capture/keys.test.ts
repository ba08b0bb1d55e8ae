import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { instant, timestamp } from '../../../src/core/ids.ts';
import { dayOf, endOf, startOf } from '../../../src/stores/capture/days.ts';
import { daysIn, filesOf, keyPath } from '../../../src/stores/capture/key-files.ts';
import { findKey, takeKey, type KeyFolder } from '../../../src/stores/capture/keys.ts';
import { keyNamed, readCaptured } from '../../../src/stores/capture/seal.ts';
import { Sealer } from '../../../src/stores/capture/sealer.ts';
import { CALL, DAY, HOUR, NODE, NOON, RECORD, temporary, toolCall, world } from './world.ts';

const TODAY = '2026-11-21';

function folderOf(t: TestContext): KeyFolder {
  return { dir: join(temporary(t), 'audit-keys'), node: NODE };
}

function taken(folder: KeyFolder, day = TODAY): { readonly id: string; readonly key: Uint8Array } {
  const key = takeKey(folder, day, randomBytes);
  assert.ok(key.ok, key.ok ? '' : key.error.detail);
  return key.value;
}

function faultIn(folder: KeyFolder): string {
  const key = takeKey(folder, TODAY, randomBytes);
  return key.ok ? 'none' : `${key.error.code}: ${key.error.detail}`;
}

const kidIn = (captured: string | null): string => {
  const read = readCaptured(captured ?? '');
  return read !== undefined && 'kid' in read ? read.kid : '';
};

test('a day is a UTC day, and no other text is one', () => {
  assert.equal(dayOf(Date.UTC(2026, 10, 21, 23, 59, 59, 999)), '2026-11-21');
  assert.equal(dayOf(Date.UTC(2026, 10, 22)), '2026-11-22');
  assert.equal(startOf('2026-11-21'), Date.UTC(2026, 10, 21));
  assert.equal(endOf('2026-12-31'), Date.UTC(2027, 0, 1));
  for (const wrong of ['2026-02-30', '2026-13-01', '2026-1-1', '', '../x', '2026-11-21 ', '20261121']) assert.equal(startOf(wrong), undefined, wrong);
});

test('a key is made once, is the owner\'s alone, and is found by its day and name', (t) => {
  const folder = folderOf(t);
  const made = taken(folder);
  assert.deepEqual(taken(folder), made);
  assert.deepEqual(readdirSync(folder.dir), [`${TODAY}.key`], 'nothing is left of the making');
  assert.equal(statSync(folder.dir).mode & 0o777, 0o700);
  assert.equal(statSync(keyPath(folder, TODAY)).mode & 0o777, 0o600);
  assert.notDeepEqual(taken(folder, '2026-11-22').key, made.key);
  assert.deepEqual(daysIn(folder.dir), ['2026-11-21', '2026-11-22']);
  const found = findKey(folder, TODAY, made.id);
  assert.deepEqual(found.ok && found.value?.key, made.key);
  assert.deepEqual(findKey(folder, TODAY, 'another'), { ok: true, value: undefined });
  assert.deepEqual(findKey(folder, '2026-11-23', made.id), { ok: true, value: undefined });
});

test('nothing that the node holds for long makes the key again: a folder without it has another key', (t) => {
  const folder = folderOf(t);
  const first = taken(folder);
  rmSync(keyPath(folder, TODAY));
  const second = taken(folder);
  assert.notDeepEqual(second.key, first.key);
  assert.notEqual(second.id, first.id);
});

test('a key that others can read, or in a folder that others may enter, is refused and not used', (t) => {
  const folder = folderOf(t);
  taken(folder);
  chmodSync(keyPath(folder, TODAY), 0o640);
  assert.match(faultIn(folder), /^permissions: .*can be read by others \(mode 0640\): chmod 600 /);
  chmodSync(keyPath(folder, TODAY), 0o600);
  chmodSync(folder.dir, 0o755);
  assert.match(faultIn(folder), /^permissions: .*is open to others \(mode 0755\): chmod 700 /);
  chmodSync(folder.dir, 0o700);
  assert.equal(faultIn(folder), 'none');
});

test('a key or a folder of another user is refused, and no key is made in it', (t) => {
  const folder = folderOf(t);
  taken(folder);
  const strange = { ...folder, user: 4_000_000 };
  assert.match(faultIn(strange), /^permissions: .*\.key belongs to user \d+, and this runs as user 4000000: only its own keys are used$/);
  rmSync(keyPath(folder, TODAY));
  assert.match(faultIn(strange), /^permissions: .*audit-keys belongs to user \d+/);
  assert.deepEqual(readdirSync(folder.dir), []);
  assert.equal(faultIn({ ...folder, ...(process.geteuid === undefined ? {} : { user: process.geteuid() }) }), 'none');
});

test('no key is made in a folder that others may enter, or that is a link', (t) => {
  const folder = folderOf(t);
  mkdirSync(folder.dir, { mode: 0o700 });
  chmodSync(folder.dir, 0o755);
  assert.match(faultIn(folder), /^permissions: /);
  assert.deepEqual(readdirSync(folder.dir), []);
  chmodSync(folder.dir, 0o700);
  symlinkSync(folder.dir, `${folder.dir}-link`);
  assert.match(faultIn({ ...folder, dir: `${folder.dir}-link` }), /^unavailable: .*-link is a link: name the folder itself$/);
  assert.deepEqual(readdirSync(folder.dir), []);
  taken(folder);
  assert.match(faultIn({ ...folder, dir: `${folder.dir}-link` }), /^unavailable: .*is a link/);
});

test('a damaged key, one of another node, a link and a folder in its place are refused, and stay', (t) => {
  const folder = folderOf(t);
  const path = keyPath(folder, TODAY);
  const { id } = taken(folder);
  assert.match(faultIn({ ...folder, node: 'other' }), /^foreign: /);
  const whole = readFileSync(path, 'utf8');
  for (const text of ['', 'x', '{}', '[]', 'null', whole.replace(/"key":"./, '"key":"'), whole.replace(TODAY, '2026-11-31'), whole.replace(id, ''), 'x'.repeat(2000)]) {
    writeFileSync(path, text);
    assert.match(faultIn(folder), /^corrupt: /, text.slice(0, 80));
  }
  writeFileSync(path, whole);
  renameSync(path, join(folder.dir, 'elsewhere'));
  symlinkSync(join(folder.dir, 'elsewhere'), path);
  assert.match(faultIn(folder), /^unavailable: /);
  rmSync(path);
  mkdirSync(path);
  assert.match(faultIn(folder), /^corrupt: .*not a small regular file/);
});

test('a key whose file has the name of another day is not used for this one', (t) => {
  const here = world(t);
  here.kept(toolCall('{"title":"x"}'));
  here.clock.now += DAY;
  linkSync(keyPath({ dir: here.keyDir }, TODAY), keyPath({ dir: here.keyDir }, '2026-11-22'));
  assert.match(here.kept(toolCall('{"title":"x"}')) ?? '', /^\{"day":"2026-11-22","fault":"no_key"/);
  assert.match(here.faults[0] ?? '', /is the key of 2026-11-21/);
});

test('what lies in the folder beside keys is no key of any day', (t) => {
  const folder = folderOf(t);
  taken(folder);
  for (const name of [`${TODAY}.key~`, `${TODAY}.key.bak`, `${TODAY}.txt`, '2026-11-20.key.swp', 'README']) writeFileSync(join(folder.dir, name), 'x');
  assert.deepEqual(filesOf(folder.dir, TODAY), [keyPath(folder, TODAY)]);
  assert.deepEqual(daysIn(folder.dir), [TODAY]);
});

const MODULE = join(import.meta.dirname, '../../../src/stores/capture/keys.ts');

/** Each says when it is ready, waits for a line, and then takes the key. */
const TAKER = `
import { randomBytes } from 'node:crypto';
import { takeKey } from ${JSON.stringify(MODULE)};
process.stdout.write('ready\\n');
process.stdin.once('data', () => {
  const taken = takeKey({ dir: process.env.KEY_DIR, node: ${JSON.stringify(NODE)} }, '${TODAY}', randomBytes);
  process.stdout.write(taken.ok ? taken.value.id + ' ' + Buffer.from(taken.value.key).toString('hex') : taken.error.detail);
  process.exit(0);
});`;

test('processes that make the key of a day at once all have the same one', async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const { dir } = folderOf(t);
    const runs = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', TAKER], { env: { PATH: process.env['PATH'], KEY_DIR: dir }, stdio: ['pipe', 'pipe', 'inherit'] }));
    await Promise.all(runs.map((run) => once(run.stdout, 'data')));
    const ended = runs.map(async (run) => {
      let said = '';
      run.stdout.on('data', (chunk) => (said += String(chunk)));
      await once(run, 'close');
      return said;
    });
    for (const run of runs) run.stdin.write('go\n');
    const said = await Promise.all(ended);
    assert.match(said[0] ?? '', /^[\w-]{16} [0-9a-f]{64}$/);
    assert.equal(new Set(said).size, 1, said.join('\n'));
    assert.deepEqual(readdirSync(dir), [`${TODAY}.key`]);
  }
});

test('at midnight UTC a new key is taken, and what was kept before is still read under the old one', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"x"}');
  here.clock.now = NOON + 12 * HOUR - 1;
  const [before, again] = [here.kept(call), here.kept(call)];
  here.clock.now += 1;
  const after = here.kept(call);
  assert.deepEqual([before, again, after].map((captured) => readCaptured(captured ?? '')?.day), ['2026-11-21', '2026-11-21', '2026-11-22']);
  assert.equal(kidIn(before), kidIn(again));
  assert.notEqual(kidIn(before).split('.')[0], kidIn(after).split('.')[0]);
  for (const captured of [before, again, after]) assert.equal(here.read(captured).state, 'open');
  assert.deepEqual(daysIn(here.keyDir), ['2026-11-21', '2026-11-22']);
});

test('a clock that goes back over midnight finds the key of that day again', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"x"}');
  const first = here.kept(call);
  here.clock.now += DAY;
  here.kept(call);
  here.clock.now -= DAY;
  const back = here.kept(call);
  assert.equal(kidIn(back).split('.')[0], kidIn(first).split('.')[0]);
  assert.equal(here.read(back).state, 'open');
});

test('no two records have one nonce under one key, and two runs on one day have keys of their own', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"x"}');
  const members = Array.from({ length: 200 }, () => readCaptured(here.kept(call) ?? ''));
  assert.equal(new Set(members.map((one) => (one !== undefined && 'iv' in one ? one.iv : ''))).size, 200);
  const other = new Sealer({ clock: here.clock, folder: () => ({ dir: here.keyDir, node: NODE }), random: randomBytes, onFault: () => {} });
  const sealed = other.seal('{}', { node: NODE, id: RECORD, kind: 'outcome', call: CALL }, []);
  const [first = '', second = ''] = [members[0] !== undefined && 'kid' in members[0] ? members[0].kid : '', sealed.ok ? kidIn(sealed.value) : ''];
  assert.equal(first.split('.')[0], second.split('.')[0], 'one file');
  assert.notDeepEqual(keyNamed(first)?.salt, keyNamed(second)?.salt);
});

test('after as many records as random nonces are good for, a run takes a new key of its own', (t) => {
  const folder = folderOf(t);
  const sealer = new Sealer({ clock: { wall: () => timestamp(NOON), mono: () => instant(0) }, folder: () => folder, random: randomBytes, onFault: () => {}, most: 3 });
  const kids = Array.from({ length: 7 }, () => {
    const sealed = sealer.seal('{}', { node: NODE, id: RECORD, kind: 'outcome', call: CALL }, []);
    return sealed.ok ? kidIn(sealed.value) : '';
  });
  assert.deepEqual(kids.map((kid) => kids.indexOf(kid)), [0, 0, 0, 3, 3, 3, 6]);
});

test('a key that is destroyed while it is in use is let go of at the next record', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"x"}');
  const first = here.kept(call);
  rmSync(keyPath({ dir: here.keyDir }, TODAY));
  const second = here.kept(call);
  assert.notEqual(kidIn(first).split('.')[0], kidIn(second).split('.')[0]);
  assert.equal(here.read(first).state, 'no_key');
  assert.equal(here.read(second).state, 'open');
});

test('without a usable key nothing is kept, the record says so, it is told once, and tried again after a while', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"private"}');
  writeFileSync(here.keyDir, 'a file where the folder should be');
  for (let at = 0; at < 3; at += 1) assert.match(here.kept(call) ?? '', /^\{"day":"2026-11-21","fault":"no_key","rules":\[\{"id":"[0-9a-f]{12}","reason":"to undo it"\}\]\}$/);
  assert.deepEqual(here.read(here.kept(call)), { state: 'not_kept', day: TODAY });
  assert.equal(here.faults.length, 1);
  rmSync(here.keyDir);
  assert.match(here.kept(call) ?? '', /no_key/, 'not tried at each record');
  here.clock.now += 1000;
  assert.equal(here.read(here.kept(call)).state, 'open');
  assert.equal(here.faults.length, 2);
  assert.equal(here.faults[1], undefined);
});

test('a key that is opened to others while it is in use is not used any more', (t) => {
  const here = world(t);
  const call = toolCall('{"title":"private"}');
  here.kept(call);
  chmodSync(keyPath({ dir: here.keyDir }, TODAY), 0o644);
  assert.match(here.kept(call) ?? '', /"fault":"no_key"/);
  assert.match(here.faults[0] ?? '', /chmod 600/);
});
