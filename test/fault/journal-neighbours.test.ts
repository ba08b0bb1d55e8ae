// Two containers on one volume see nothing of each other's processes: what a living one has open is left to it all the same.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertTrue, emptyFolder, loadIn, openCallsIn, startLoad } from '../support/journal/load.ts';

const NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] as const;

function missing(): string | false {
  const [command, ...options] = NAMESPACE;
  const tried = spawnSync(command, [...options, 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `no namespace of processes can be made here: ${tried.error?.message ?? tried.stderr.trim()}`;
}

test('a gateway closes no call of a living one in another container, and those of a dead one there once', { skip: missing() }, async (t) => {
  const load = loadIn(emptyFolder(t), { workers: 8 });
  const living = startLoad(t, load, NAMESPACE);
  await living.until('an effect', (said) => said.said === 'so far' && said.effects > 0);
  for (let round = 0; round < 3; round += 1) {
    const other = startLoad(t, load, NAMESPACE);
    const opened = await other.until('that it is open', ({ said }) => said === 'opened');
    assert.equal(opened.said === 'opened' && opened.indeterminate, 0, 'the first one lives');
    assert.equal(await other.stop(), 0);
  }
  await living.kill();
  const next = startLoad(t, load, NAMESPACE);
  const opened = await next.until('that it is open', ({ said }) => said === 'opened');
  assert.ok(opened.said === 'opened' && opened.indeterminate <= 8);
  assert.equal(await next.stop(), 0);
  assert.deepEqual(openCallsIn(await assertTrue(load)), []);
  assert.deepEqual(readdirSync(join(load.stateDir, 'runs')), [], 'no lock of a run that is over stays');
});
