// Disks that are full, fail, turn read-only or go away under a gateway: calls are refused, nothing is lost in silence, and it recovers by itself
// (F40, F42, J01, J02).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Said } from '../fixtures/journal-under-load.ts';
import { assertTrue, emptyFolder, loadIn, type Loaded, problemsIn, startLoad, writtenIn } from '../support/journal/load.ts';

function run(command: string, ...argv: readonly string[]): string | undefined {
  const done = spawnSync(command, argv, { encoding: 'utf8' });
  return done.status === 0 ? undefined : `${command} ${argv.join(' ')}: ${done.error?.message ?? done.stderr.trim()}`;
}

/** A small disk of its own, or the reason why there can be none. */
function mounted(t: TestContext, size: string): { readonly disk: string } | { readonly reason: string } {
  const disk = mkdtempSync(join(tmpdir(), 'sentinel-disk-'));
  const failed = run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk);
  t.after(() => {
    if (failed === undefined) run('umount', '-l', disk);
    rmSync(disk, { recursive: true, force: true });
  });
  return failed === undefined ? { disk } : { reason: `no file system can be mounted here: ${failed}` };
}

const soFar = (said: Said): said is Extract<Said, { readonly said: 'so far' }> => said.said === 'so far';
const effect = (said: Said): boolean => soFar(said) && said.effects > 0;

/** Calls go on from here: effects that were not there before. */
async function goesOn(gateway: Loaded): Promise<void> {
  const before = Math.max(0, ...gateway.said.filter(soFar).map(({ effects }) => effects));
  await gateway.until('that calls go on', (said) => soFar(said) && said.effects > before, gateway.said.length);
}

/** From a while after `from`, calls are refused and have no effect. */
async function refuses(gateway: Loaded, from: number): Promise<void> {
  const fault = await gateway.until('that it cannot write', ({ said }) => said === 'fault', from);
  assert.ok(fault.said === 'fault' && ['full', 'unavailable', 'corrupt'].includes(fault.code), JSON.stringify(fault));
  // What was acknowledged before is under way still.
  const first = await gateway.until('what it has done', soFar, gateway.said.length);
  const since = gateway.said.length;
  const later = await gateway.until('that calls are refused', (said) => soFar(said) && soFar(first) && said.refused > first.refused + 5, since);
  assert.ok(soFar(later) && soFar(first));
  assert.ok(later.effects - first.effects <= 4, `${later.effects - first.effects} effects while nothing can be written`);
}

async function endsWell(gateway: Loaded, load: Parameters<typeof assertTrue>[0]): Promise<void> {
  assert.ok(gateway.said.filter(soFar).every(({ failed }) => failed === 0), 'none was given up');
  assert.equal(await gateway.stop(), 0);
  await assertTrue(load);
}

test('a disk that is full refuses calls, and what was kept is written when there is room again', async (t) => {
  const folder = emptyFolder(t);
  const made = mounted(t, '2m');
  if ('reason' in made) return t.skip(made.reason);
  const { disk } = made;
  const load = loadIn(folder, { directories: [join(disk, 'journal')] });
  const gateway = startLoad(t, load);
  await gateway.until('an effect', effect);
  const from = gateway.said.length;
  const filler = join(disk, 'filler');
  run('dd', 'if=/dev/zero', `of=${filler}`, 'bs=4096');
  assert.ok(existsSync(filler));
  await refuses(gateway, from);
  rmSync(filler);
  await goesOn(gateway);
  await endsWell(gateway, load);
  return undefined;
});

test('while no file may grow calls are refused, and all goes on when they may again', async (t) => {
  if (run('prlimit', '--version') !== undefined) return t.skip('there is no prlimit here');
  const load = loadIn(emptyFolder(t));
  const gateway = startLoad(t, load);
  await gateway.until('an effect', effect);
  const limit = (bytes: string): void => assert.equal(run('prlimit', '--pid', String(gateway.child.pid), `--fsize=${bytes}:`), undefined);
  const from = gateway.said.length;
  limit('4096');
  await refuses(gateway, from);
  limit('unlimited');
  await goesOn(gateway);
  await endsWell(gateway, load);
  return undefined;
});

for (const second of [true, false]) {
  test(`a disk that fails once loses nothing: the next segment takes over${second ? ', in the second directory' : ''}`, async (t) => {
    if (run('strace', '-o', '/dev/null', 'true') !== undefined) return t.skip('strace is not here, or may not trace');
    const folder = emptyFolder(t);
    const load = loadIn(folder, second ? { directories: [join(folder, 'state', 'journal'), join(folder, 'spare')] } : {});
    const gateway = startLoad(t, load, ['strace', '-f', '-q', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:error=EIO:when=40']);
    await gateway.until('that a segment was left', ({ said }) => said === 'abandoned');
    await goesOn(gateway);
    assert.ok(existsSync(join(second ? join(folder, 'spare') : load.directories[0], '00000002.db')));
    await endsWell(gateway, load);
    return undefined;
  });
}

test('a disk that fails and stays broken refuses calls, and the process lives', async (t) => {
  if (run('strace', '-o', '/dev/null', 'true') !== undefined) return t.skip('strace is not here, or may not trace');
  const load = loadIn(emptyFolder(t));
  const gateway = startLoad(t, load, ['strace', '-f', '-q', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:error=EIO:when=60+']);
  await refuses(gateway, 0);
  assert.equal(gateway.child.exitCode, null);
  await gateway.kill();
  // Its last commit may be on the disk or not; what had an effect is.
  const next = startLoad(t, load);
  await next.until('an effect', effect);
  await endsWell(next, load);
  return undefined;
});

test('a disk that turns read-only refuses calls, and is used again when it can be written', async (t) => {
  const folder = emptyFolder(t);
  const made = mounted(t, '32m');
  if ('reason' in made) return t.skip(made.reason);
  const { disk } = made;
  const load = loadIn(folder, { directories: [join(disk, 'journal')] });
  const gateway = startLoad(t, load);
  await gateway.until('an effect', effect);
  await gateway.kill();
  // With a file open for writing no remount is allowed; a file system that finds itself damaged does it, and SQLite sees the same.
  assert.equal(run('mount', '-o', 'remount,ro', disk), undefined);
  const stuck = startLoad(t, load);
  await stuck.until('that calls are refused', (said) => soFar(said) && said.refused > 5);
  assert.ok(!stuck.said.some(effect), 'nothing is done while it cannot be recorded');
  assert.equal(run('mount', '-o', 'remount,rw', disk), undefined);
  await goesOn(stuck);
  await endsWell(stuck, load);
  return undefined;
});

/** At once: the gateway may make it again at any moment. */
function takeAway(directory: string): void {
  const gone = mkdtempSync(`${directory}-gone-`);
  renameSync(directory, join(gone, 'it'));
  rmSync(gone, { recursive: true });
}

test('a directory that is deleted, or replaced, under a gateway is noticed: the next segment is begun, and no call is without its record', async (t) => {
  const folder = emptyFolder(t);
  const load = loadIn(folder);
  const [journal] = load.directories;
  const gateway = startLoad(t, load);
  await gateway.until('an effect', effect);
  takeAway(journal);
  await gateway.until('that a segment was left', ({ said }) => said === 'abandoned');
  await goesOn(gateway);
  const from = gateway.said.length;
  renameSync(journal, `${journal}-away`);
  writeFileSync(journal, 'in its place');
  await refuses(gateway, from);
  rmSync(journal);
  await goesOn(gateway);
  const since = gateway.said.length;
  takeAway(journal);
  mkdirSync(journal, { recursive: true, mode: 0o700 });
  await gateway.until('that a segment was left', ({ said }) => said === 'abandoned', since);
  await goesOn(gateway);
  assert.equal(await gateway.stop(), 0);
  // What was in the files that were deleted is gone, and that is seen; the rest is a chain from where it begins.
  assert.ok(writtenIn(load.directories).length > 0);
  assert.deepEqual((await problemsIn(load)).map(({ problem, detail }) => [problem, detail.replace(/^segment \d+/, 'segment')]), [['missing', 'segment is not there, and no record says that it was retired']]);
});
