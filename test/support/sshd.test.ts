import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeKey, startSshd, testSshd } from './sshd.ts';

const tools = testSshd();

test('an sshd for tests admits the key it was given, runs its forced command, and nobody else', { skip: 'skip' in tools ? tools.skip : false }, async (t) => {
  assert.ok(!('skip' in tools));
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [known, stranger] = [makeKey(tools, folder, 'known'), makeKey(tools, folder, 'stranger')];
  const server = await startSshd(tools, `restrict,command="echo forced" ${known.publicLine}\n`);
  t.after(() => server.stop());
  const ssh = (key: string, ...command: string[]): ReturnType<typeof spawnSync> => {
    const [program = '', ...args] = server.client(key);
    return spawnSync(program, [...args, ...command], { encoding: 'utf8', timeout: 20_000 });
  };

  assert.equal(String(ssh(known.privateKey, 'id').stdout), 'forced\n', server.log());
  const refused = ssh(stranger.privateKey);
  assert.equal(refused.status, 255);
  assert.match(String(refused.stderr), /Permission denied/);
});

test('without sshd the test is told why it is skipped', () => {
  const without = testSshd({ SENTINEL_TEST_SSHD_SKIP: 'no sshd: not root' });
  if ('skip' in tools) assert.deepEqual(without, { skip: 'no sshd: not root' });
  else assert.deepEqual(without, tools);
});
