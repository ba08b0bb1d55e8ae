import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import { generateRing, type KeyDeps, readRing, ringPath, rotateRing } from '../../src/identity/keys.ts';
import { activeKey, parseRing, rotated, stateOf, writeRing } from '../../src/identity/ring.ts';
import { ed25519, ringKey, testClock, type TestClock, unwrap } from './kit.ts';

interface Disk {
  readonly directory: string;
  readonly path: string;
  readonly clock: TestClock;
  readonly deps: KeyDeps;
}

async function disk(t: TestContext): Promise<Disk> {
  const root = await mkdtemp(join(tmpdir(), 'sentinel-keys-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const clock = testClock();
  const directory = join(root, 'state', 'keys');
  return { directory, path: ringPath(directory), clock, deps: { fs, clock, random: { token: (bytes) => randomBytes(bytes).toString('base64url') } } };
}

const octal = (mode: number): string => (mode & 0o777).toString(8);

describe('the ring on disk', () => {
  test('is made once, for its owner only, and read back the same', async (t) => {
    const { directory, path, deps } = await disk(t);
    assert.deepEqual(await readRing(fs, directory), { ok: true, value: undefined });
    const ring = unwrap(await generateRing(deps, directory));
    assert.equal(octal((await stat(path)).mode), '600');
    assert.equal(octal((await stat(directory)).mode), '700');
    assert.deepEqual(unwrap(await readRing(fs, directory)), ring);
    assert.deepEqual(unwrap(await generateRing(deps, directory)), ring, 'a second generate changes nothing');
    assert.deepEqual(await readdir(directory), ['ring.json'], 'no temporary file is left');
  });

  test('two first starts at the same moment end with one ring', async (t) => {
    const { directory, deps } = await disk(t);
    const made = await Promise.all(Array.from({ length: 8 }, () => generateRing(deps, directory)));
    const kids = new Set(made.map((each) => activeKey(unwrap(each))?.kid));
    assert.equal(kids.size, 1);
    assert.deepEqual(await readdir(directory), ['ring.json']);
  });

  test('rotation: the new key signs, the old one forgets its private part at once and verifies until its grace ends', async (t) => {
    const { directory, path, clock, deps } = await disk(t);
    const first = activeKey(unwrap(await generateRing(deps, directory)));
    clock.advance(1_000);
    const ring = unwrap(await rotateRing(deps, directory, 60_000));
    const [fresh, old] = ring.keys;
    assert.ok(fresh !== undefined && old !== undefined && first?.d !== undefined);
    assert.deepEqual([old.kid, old.d, stateOf(old, clock.wall())], [first.kid, undefined, 'retiring']);
    assert.equal(stateOf(fresh, clock.wall()), 'active');
    assert.ok(!(await readFile(path, 'utf8')).includes(first.d));
    clock.advance(59_999);
    assert.equal(stateOf(old, clock.wall()), 'retiring');
    clock.advance(1);
    assert.equal(stateOf(old, clock.wall()), 'retired');
    assert.deepEqual(unwrap(await readRing(fs, directory)), ring);
    assert.equal(octal((await stat(path)).mode), '600');
  });

  test('a later rotation keeps the grace that was promised, but no grace ends every grace', async (t) => {
    const { directory, clock, deps } = await disk(t);
    await generateRing(deps, directory);
    await rotateRing(deps, directory, 60_000);
    const kept = unwrap(await rotateRing(deps, directory, 1_000));
    assert.deepEqual(kept.keys.map((key) => key.graceUntil), [undefined, clock.wall() + 1_000, clock.wall() + 60_000]);
    const ended = unwrap(await rotateRing(deps, directory, 0));
    assert.deepEqual(ended.keys.map((key) => stateOf(key, clock.wall())), ['active', 'retired', 'retired', 'retired']);
  });

  test('rotation without a ring makes the first key; many rotations keep the file small', async (t) => {
    const { directory, deps } = await disk(t);
    for (let n = 0; n < 20; n += 1) unwrap(await rotateRing(deps, directory, 0));
    const ring = unwrap(await readRing(fs, directory));
    assert.equal(ring?.keys.length, 16);
    assert.equal(ring.keys.filter((key) => key.d !== undefined).length, 1);
  });

  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o601]) {
    test(`a file of mode ${mode.toString(8)} is refused with the command that mends it`, async (t) => {
      const { directory, path, deps } = await disk(t);
      await generateRing(deps, directory);
      await chmod(path, mode);
      const read = await readRing(fs, directory);
      assert.ok(!read.ok);
      assert.equal(read.error.code, 'permissions');
      assert.equal(read.error.help, `chmod 600 ${path}`);
      assert.ok(!(await rotateRing(deps, directory, 0)).ok, 'nor is it rotated');
    });
  }

  test('a directory that others can write to is refused', async (t) => {
    const { directory, deps } = await disk(t);
    await generateRing(deps, directory);
    await chmod(directory, 0o770);
    const read = await readRing(fs, directory);
    assert.ok(!read.ok);
    assert.equal(read.error.help, `chmod 700 ${directory}`);
  });

  test('what is no regular file, or too large, or cannot be opened, is a fault and not a missing ring', async (t) => {
    const { directory, path } = await disk(t);
    await mkdir(path, { recursive: true });
    assert.equal((await readRing(fs, directory)).ok, false);
    await rm(path, { recursive: true });
    await writeFile(path, 'x'.repeat(70_000), { mode: 0o600 });
    assert.equal((await readRing(fs, directory)).ok, false);
    await rm(path);
    await symlink(path, path);
    assert.equal((await readRing(fs, directory)).ok, false);
  });

  test('a crash before the rename leaves the old ring', async (t) => {
    const { directory, path, deps } = await disk(t);
    const ring = unwrap(await generateRing(deps, directory));
    const broken: KeyDeps = { ...deps, fs: { ...fs, rename: async () => fs.rename(join(directory, 'gone'), path) } };
    const result = await rotateRing(broken, directory, 0);
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'unwritable');
    assert.deepEqual(unwrap(await readRing(fs, directory)), ring);
    assert.deepEqual(await readdir(directory), ['ring.json']);
  });

  test('a ring whose key id is not the thumbprint of its key is refused', async (t) => {
    const { directory, path, deps } = await disk(t);
    const ring = unwrap(await generateRing(deps, directory));
    const other = await ed25519();
    await writeFile(path, writeRing({ keys: ring.keys.map((key) => ({ ...key, x: other.x })) }));
    const read = await readRing(fs, directory);
    assert.ok(!read.ok);
    assert.equal(read.error.code, 'corrupt');
  });
});

describe('the ring as text', () => {
  test('comes back as it went', async () => {
    const [one, two] = [await ed25519(), await ed25519()];
    const ring = rotated({ keys: [ringKey(one)] }, ringKey(two), timestamp(5_000), 1_000);
    assert.deepEqual(parseRing(writeRing(ring)), ring);
  });

  test('is refused whole when anything in it is not as it was written', async () => {
    const [one, two] = [await ed25519(), await ed25519()];
    const good = writeRing({ keys: [ringKey(one)] });
    assert.ok(parseRing(good) !== undefined);
    const bad = [
      '', 'null', '{}', '[]', good.replace('"version": 1', '"version": 2'), good.replace('Ed25519', 'Ed448'), good.replace('"version": 1,', '"version": 1, "more": 1,'),
      good.replace('"version": 1,', '"version": 1, "version": 1,'), good.replace(/"keys": \[[^]*\]/, '"keys": []'), good.replace(one.x, 'short'), good.replace(one.d, ''),
      good.replace('"grace_until": null', '"grace_until": 5000'), good.replace('"grace_until": null', '"grace_until": "soon"'), good.replace(/"created_at": 0/, '"created_at": "0"'),
      good.replace(`"d": "${one.d}"`, '"d": null'), writeRing({ keys: [ringKey(one), ringKey(two)] }), writeRing({ keys: [ringKey(one), ringKey(one, timestamp(1))] }),
    ];
    for (const text of bad) {
      assert.notEqual(text, good, 'the case changes something');
      assert.equal(parseRing(text), undefined, text.slice(0, 120));
    }
  });
});
