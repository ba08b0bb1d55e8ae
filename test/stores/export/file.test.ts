import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync, existsSync, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tcpServer } from './servers.ts';
import { fileTransport } from '../../../src/stores/export/file.ts';
import { Coded, temporaryFolder } from './sample.ts';

const lines = (parts: readonly string[]): string => parts.map((part) => `${part}\n`).join('');
const NEVER = new AbortController().signal;
const big = { maxBytes: 1_000_000, keep: 3 };

function place(t: TestContext): string {
  return join(temporaryFolder(t), 'audit.jsonl');
}

test('a batch is appended, on the disk, in a file that nobody else may read', async (t) => {
  const path = place(t);
  const synced: string[] = [];
  const transport = fileTransport({ path, ...big }, lines, async (name, flags, mode) => {
    const handle = await open(name, flags, mode);
    const { sync } = handle;
    handle.sync = async () => {
      synced.push(name);
      return sync.call(handle);
    };
    return handle;
  });
  assert.ok((await transport.send(['one', 'two'], NEVER)).ok);
  assert.ok((await transport.send(['three'], NEVER)).ok);
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\nthree\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  // The name of a new file has to last as well.
  assert.deepEqual(synced, [path, join(path, '..'), path]);
});

test('a file that would become too large is moved aside, and the oldest goes', async (t) => {
  const path = place(t);
  const transport = fileTransport({ path, maxBytes: 12, keep: 2 }, lines);
  for (const part of ['first-one', 'second-one', 'third-one', 'fourth-one']) assert.ok((await transport.send([part], NEVER)).ok);
  const texts = [path, `${path}.1`, `${path}.2`].map((name) => readFileSync(name, 'utf8'));
  assert.deepEqual(texts, ['fourth-one\n', 'third-one\n', 'second-one\n']);
  assert.equal(existsSync(`${path}.3`), false);
  assert.equal(statSync(`${path}.1`).mode & 0o777, 0o600);
});

test('a batch larger than a whole file is written all the same, and nothing is kept where nothing is to be', async (t) => {
  const path = place(t);
  const transport = fileTransport({ path, maxBytes: 10, keep: 0 }, lines);
  assert.ok((await transport.send(['x'.repeat(50)], NEVER)).ok);
  assert.ok((await transport.send(['y'], NEVER)).ok);
  assert.equal(readFileSync(path, 'utf8'), 'y\n');
  assert.deepEqual(readdirSync(join(path, '..')), ['audit.jsonl']);
});

test('a file that another tool moved away is begun anew', async (t) => {
  const path = place(t);
  const transport = fileTransport({ path, ...big }, lines);
  await transport.send(['one'], NEVER);
  const { renameSync } = await import('node:fs');
  renameSync(path, `${path}.rotated`);
  await transport.send(['two'], NEVER);
  assert.equal(readFileSync(path, 'utf8'), 'two\n');
});

test('half a line that a crash left is taken away before the next one, however long it is', async (t) => {
  const path = place(t);
  for (const [before, after] of [['whole\n{"half', 'whole\nnext\n'], ['ne', 'next\n'], [`whole\n${'x'.repeat(200_000)}`, 'whole\nnext\n'], ['whole\n', 'whole\nnext\n']] as const) {
    writeFileSync(path, before);
    assert.ok((await fileTransport({ path, ...big }, lines).send(['next'], NEVER)).ok);
    assert.equal(readFileSync(path, 'utf8'), after);
  }
});

test('a file that is something else is left as it is', async (t) => {
  const path = place(t);
  const beyond = 70 * 2 ** 20;
  for (const before of ['{"half', 'n', 'x'.repeat(100_000), 'x'.repeat(beyond)]) {
    writeFileSync(path, before);
    const sent = await fileTransport({ path, ...big }, lines).send(before === 'n' ? ['other'] : ['next'], NEVER);
    assert.ok(!sent.ok && sent.error.detail.endsWith('has something else in it: no line of an export'));
    assert.equal(readFileSync(path, 'utf8'), before);
  }
});

test('a folder that is not there is not made: it may be a disk that is not mounted', async (t) => {
  const folder = join(temporaryFolder(t), 'elsewhere');
  const transport = fileTransport({ path: join(folder, 'audit.jsonl'), ...big }, lines);
  const sent = await transport.send(['one'], NEVER);
  assert.ok(!sent.ok && sent.error.code === 'io' && sent.error.detail.endsWith(`its folder ${folder} is not there`));
  assert.equal(existsSync(folder), false);
  mkdirSync(folder);
  assert.ok((await transport.send(['one'], NEVER)).ok);
});

test('a file has mode 0600 where it is made, whatever the umask, and keeps its mode where it was there', async (t) => {
  const path = place(t);
  const before = process.umask(0o277);
  t.after(() => process.umask(before));
  assert.ok((await fileTransport({ path, ...big }, lines).send(['one'], NEVER)).ok);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o640);
  assert.ok((await fileTransport({ path, ...big }, lines).send(['two'], NEVER)).ok);
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test('a link, a folder, a socket: none of them is written to', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'elsewhere'), 'untouched\n');
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
  mkdirSync(join(folder, 'folder'));
  await tcpServer(t, () => undefined, join(folder, 'socket'));
  for (const name of ['link', 'folder', 'socket']) {
    const sent = await fileTransport({ path: join(folder, name), ...big }, lines).send(['x'], NEVER);
    assert.ok(!sent.ok && sent.error.code === 'io', name);
  }
  assert.equal(readFileSync(join(folder, 'elsewhere'), 'utf8'), 'untouched\n');
});

/** A disk that fails at one thing. */
function failing(what: 'write' | 'sync', code: string): (name: string, flags: number, mode: number) => Promise<FileHandle> {
  return async (name, flags, mode) => {
    const handle = await open(name, flags, mode);
    const { write } = handle;
    const fail = async (): Promise<never> => {
      throw new Coded(code);
    };
    if (what === 'sync') handle.sync = fail;
    else {
      let times = 0;
      // Half of it fits.
      handle.write = (async (buffer: Buffer, at: number) => (times++ === 0 ? Reflect.apply(write, handle, [buffer, at, Math.ceil((buffer.length - at) / 2)]) : fail())) as FileHandle['write'];
    }
    return handle;
  };
}

test('where the disk is full in the middle of a batch, none of it stays, and the next attempt writes it once', async (t) => {
  const path = place(t);
  await fileTransport({ path, ...big }, lines).send(['before'], NEVER);
  const sent = await fileTransport({ path, ...big }, lines, failing('write', 'ENOSPC')).send(['one', 'two'], NEVER);
  assert.ok(!sent.ok && sent.error.code === 'io' && sent.error.detail.endsWith('ENOSPC'));
  assert.equal(readFileSync(path, 'utf8'), 'before\n');
  await fileTransport({ path, ...big }, lines).send(['one', 'two'], NEVER);
  assert.equal(readFileSync(path, 'utf8'), 'before\none\ntwo\n');
});

test('what could not be brought to the disk is not delivered', async (t) => {
  const sent = await fileTransport({ path: place(t), ...big }, lines, failing('sync', 'EIO')).send(['one'], NEVER);
  assert.ok(!sent.ok && sent.error.code === 'io');
});
