import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishExpiries } from '../../src/app/expiry.ts';
import { timestamp } from '../../src/core/ids.ts';
import type { KillOverride } from '../../src/core/override.ts';
import { read, world } from '../support/world.ts';

function bench(): { readonly w: ReturnType<typeof world>; readonly kill: (forMs: number) => void; readonly jump: (ms: number) => void; readonly listed: () => Promise<number>; readonly stop: () => void } {
  const w = world();
  const { wall } = w.clock;
  return {
    w,
    kill: (forMs) => w.cell.override([{ kind: 'kill', id: 'k', scope: { kind: 'all' }, by: 'op', reason: 'test', at: wall(), until: timestamp(wall() + forMs) } satisfies KillOverride]),
    jump: (ms) => { w.clock.ahead += ms; },
    listed: async () => read(await w.ask('tools/list')).result?.tools?.length ?? -1,
    stop: publishExpiries(w.cell, { clock: w.clock, timers: w.clock }),
  };
}

test('a kill with an end is over at its end, and a new snapshot tells of it', async () => {
  const { w, kill, listed, stop } = bench();
  kill(60_000);
  assert.equal(await listed(), 0);
  const { revision } = w.cell.current();
  w.clock.advance(59_999);
  assert.equal(await listed(), 0);
  w.clock.advance(2);
  assert.equal(await listed(), 1);
  assert.equal(w.cell.current().revision, revision + 1);
  w.clock.advance(1_000_000);
  assert.equal(w.cell.current().revision, revision + 1, 'told once');
  stop();
});

test('a clock that was wrong for a moment does not drop a kill for good', async () => {
  const { w, kill, jump, listed, stop } = bench();
  kill(3_600_000);
  jump(86_400_000);
  w.clock.advance(3_600_001);
  assert.equal(await listed(), 1);
  jump(-86_400_000 - 3_600_000);
  assert.equal(await listed(), 0);
  stop();
});
