import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Segment } from '../../../src/stores/journal/segment.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { problemsIn } from '../../support/journal/load.ts';
import { diskError } from './broken-disk.ts';
import { desk, entry, parsed } from './desk.ts';

const HOUR = 3_600_000;

test('a clock that goes back an hour changes no order and no place (J10)', async (t) => {
  const at = desk(t);
  const first = at.scribe('a');
  first.append([entry({ event: 'one' })]);
  at.clock.behind = HOUR;
  first.append([entry({ event: 'two' })]);
  first.end();
  const second = at.scribe('b');
  second.append([entry({ event: 'three' })]);
  second.end();
  assert.deepEqual(at.read().map((one) => parsed(one)).map(({ epoch, seq, event }) => [epoch, seq, event]),
    [[1, 1, 'epoch_opened'], [1, 2, 'one'], [1, 3, 'two'], [2, 1, 'epoch_opened'], [2, 2, 'three']]);
  assert.deepEqual(await problemsIn(at), []);
});

test('a reader at the end of a segment that was left goes on though the clock says that it was left an hour from now', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({ event: 'one' })]);
  const broken = t.mock.method(Segment.prototype, 'commit', () => {
    broken.mock.restore();
    throw diskError(10);
  });
  scribe.append([entry({ event: 'two' })]);
  assert.deepEqual(at.abandoned.map(([number]) => number), [1]);
  let now = Date.now();
  const source = openSource(at.directories, () => now);
  t.after(() => source.close());
  const read = (): number => source.after(0, 100).length;
  assert.equal(read(), 2, 'another process may still write to it');
  now -= HOUR;
  assert.equal(read(), 2);
  now += 31_000;
  assert.equal(read(), 3);
});
