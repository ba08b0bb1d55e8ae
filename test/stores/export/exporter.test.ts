import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { err, ok } from '../../../src/core/result.ts';
import { cursorPath } from '../../../src/stores/export/cursor.ts';
import { createExporter } from '../../../src/stores/export/exporter.ts';
import { formatOf } from '../../../src/stores/export/format.ts';
import { TAKEN } from '../../../src/stores/export/transport.ts';
import type { RecordSource, StoredRecord } from '../../../src/stores/journal/source.ts';
import { bench, DOWN, drain, seqs } from './bench.ts';
import { CLOCK, CONTEXT, EVERYTHING, NODE, RANDOM, simpleRecords, sourceOf, temporaryFolder, TIMERS } from './sample.ts';

test('records go out in order, in batches within both bounds, and the cursor follows', async (t) => {
  const records = simpleRecords(25);
  const size = records[0]?.record.length ?? 0;
  const one = bench(temporaryFolder(t), sourceOf(records));
  await drain(one);
  assert.deepEqual(one.attempts.map((parts) => parts.length), [10, 10, 5]);
  assert.deepEqual(one.attempts.flat(), records.map(({ record }) => record));
  const small = bench(temporaryFolder(t), sourceOf(records), { options: { bytes: size * 3 + 20 } });
  await drain(small);
  assert.ok(small.attempts.every((parts) => parts.length <= 3));
  assert.deepEqual(seqs(small.taken), records.map((_, at) => at + 1));
  const tiny = bench(temporaryFolder(t), sourceOf(records), { options: { bytes: 1 } });
  await drain(tiny);
  assert.ok(tiny.attempts.every((parts) => parts.length === 1));
  assert.equal(tiny.taken.length, 25);
});

test('the cursor is a whole file of mode 0600 in a folder of its own, and nothing else is left beside it', async (t) => {
  const folder = temporaryFolder(t);
  const one = bench(folder, sourceOf(simpleRecords(3)));
  await drain(one);
  await one.exporter.stop();
  assert.equal(one.path, join(folder, 'journal', 'cursors', 'siem.json'));
  assert.equal(statSync(one.path).mode & 0o777, 0o600);
  assert.equal(statSync(join(one.path, '..')).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(one.path, '..')), ['siem.json', 'siem.json.lock']);
  assert.equal(statSync(`${one.path}.lock`).mode & 0o777, 0o600);
  assert.match(readFileSync(one.path, 'utf8'), /^\{"rowId":4294967299,/);
});

test('the filter decides what goes out, and what it leaves out is not looked at again', async (t) => {
  const folder = temporaryFolder(t);
  const records = simpleRecords(30);
  const odd = bench(folder, sourceOf(records), { deps: { accepts: ({ seq }) => seq % 2 === 1 } });
  await drain(odd);
  assert.deepEqual(seqs(odd.taken), Array.from({ length: 15 }, (_, at) => at * 2 + 1));
  const none = bench(temporaryFolder(t), sourceOf(records), { deps: { accepts: () => false } });
  await drain(none);
  assert.equal(none.attempts.length, 0);
  await odd.exporter.stop();
  const again = bench(folder, sourceOf(records));
  await drain(again);
  assert.deepEqual(again.attempts, []);
});

test('a receiver that is away costs nobody anything: what it missed comes in order when it is back, and nothing twice', async (t) => {
  const records: StoredRecord[] = [...simpleRecords(5)];
  let away = true;
  const one = bench(temporaryFolder(t), sourceOf(() => records), { answer: () => (away ? err(DOWN) : ok(TAKEN)) });
  const waits = [await one.exporter.step(), await one.exporter.step(), await one.exporter.step()];
  // Doubling, with half of it chance (0.5 here).
  assert.deepEqual(waits, [750, 1500, 3000]);
  records.push(...simpleRecords(20, 6));
  const { fault, failed, inARow, delivered, lag } = one.exporter.health();
  assert.deepEqual({ fault, failed, inARow, delivered, lag }, { fault: 'unreachable: ECONNREFUSED', failed: 3, inARow: 3, delivered: 0, lag: 25 });
  away = false;
  await drain(one);
  assert.deepEqual(seqs(one.taken), Array.from({ length: 25 }, (_, at) => at + 1));
  assert.deepEqual(one.events, [{ kind: 'failing', exporter: 'siem', fault: 'unreachable: ECONNREFUSED' }, { kind: 'recovered', exporter: 'siem' }]);
  assert.deepEqual({ ...one.exporter.health(), note: undefined }, { name: 'siem', lag: 0, delivered: 25, failed: 3, inARow: 0, missing: 0, elsewhere: false, fault: undefined, note: undefined });
});

test('it never waits longer than five minutes by itself, and as long as the receiver asks', async (t) => {
  let ask: number | undefined;
  const one = bench(temporaryFolder(t), sourceOf(simpleRecords(1)), { answer: () => err({ code: 'status', detail: 'HTTP 503', retryAfterMs: ask }) });
  let longest = 0;
  for (let at = 0; at < 40; at += 1) longest = Math.max(longest, await one.exporter.step());
  assert.equal(longest, 225_000);
  ask = 3_600_000;
  assert.equal(await one.exporter.step(), 3_600_000);
});

test('a restart delivers nothing twice but the batch in doubt, and loses nothing: whenever it dies', async (t) => {
  const root = temporaryFolder(t);
  let runs = 0;
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom('taken', 'lost', 'doubt'), { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 7 }), async (fates, batch) => {
    const folder = join(root, String(runs += 1));
    const records = simpleRecords(20);
    const received: number[] = [];
    let again = 0;
    for (const fate of [...fates, 'taken' as const]) {
      // Each life does one batch. `doubt`: it dies after the receiver has it and before the cursor says so.
      const one = bench(folder, sourceOf(records), { options: { records: batch }, answer: () => (fate === 'lost' ? err(DOWN) : ok(TAKEN)) });
      const before = fate === 'doubt' ? read(one.path) : undefined;
      await one.exporter.step();
      await one.exporter.stop();
      received.push(...seqs(one.taken));
      if (fate === 'doubt') {
        again += one.taken.length;
        restore(one.path, before);
      }
    }
    const last = bench(folder, sourceOf(records));
    await drain(last);
    await last.exporter.stop();
    received.push(...seqs(last.taken));
    assert.deepEqual([...new Set(received)], Array.from({ length: 20 }, (_, at) => at + 1), 'in order, none missing');
    assert.ok(received.length - 20 <= again, `${received.length - 20} twice, ${again} in doubt`);
  }), { numRuns: 60 });
});

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function restore(path: string, text: string | undefined): void {
  writeFileSync(path, text ?? '{"rowId":0,"epochs":[],"rejected":0}');
}

test('of two processes with one state directory one sends, and the other goes on where it stopped', async (t) => {
  const folder = temporaryFolder(t);
  const records: StoredRecord[] = [...simpleRecords(3)];
  const [first, second] = [bench(folder, sourceOf(() => records)), bench(folder, sourceOf(() => records))];
  await drain(first);
  assert.equal(await second.exporter.step(), 5000);
  assert.deepEqual([second.attempts, second.exporter.health().elsewhere, second.exporter.health().fault], [[], true, undefined]);
  records.push(...simpleRecords(2, 4));
  await drain(first);
  await first.exporter.stop();
  records.push(...simpleRecords(1, 6));
  await drain(second);
  assert.deepEqual([seqs(first.taken), seqs(second.taken), second.exporter.health().elsewhere], [[1, 2, 3, 4, 5], [6], false]);
});

test('a damaged cursor stops the export and says so, rather than send everything again or skip', async (t) => {
  const folder = temporaryFolder(t);
  const path = cursorPath(folder, 'siem');
  mkdirSync(join(path, '..'), { recursive: true });
  for (const text of ['', '{', '{}', '[]', '{"rowId":-1,"epochs":[],"rejected":0}', '{"rowId":1,"epochs":[["x"]],"rejected":0}', '{"rowId":"1","epochs":[],"rejected":0}']) {
    writeFileSync(path, text);
    const one = bench(folder, sourceOf(simpleRecords(2)));
    await one.exporter.step();
    assert.deepEqual(one.attempts, []);
    assert.match(one.exporter.health().fault ?? '', /^io: .*siem\.json/, text);
    await one.exporter.stop();
  }
});

test('a journal that cannot be read, a disk that takes no cursor and a listener that throws end nothing', async (t) => {
  let broken = true;
  const records: StoredRecord[] = [...simpleRecords(2)];
  const source: RecordSource = {
    after: (rowId, limit) => {
      if (broken) throw new Error('SQLITE_CANTOPEN');
      return sourceOf(records).after(rowId, limit);
    },
  };
  const folder = temporaryFolder(t);
  const one = bench(folder, source, {
    deps: {
      onEvent: () => {
        throw new Error('listener');
      },
    },
  });
  await one.exporter.step();
  assert.deepEqual([one.exporter.health().fault, one.exporter.health().lag], ['io: SQLITE_CANTOPEN', undefined]);
  broken = false;
  await drain(one);
  rmSync(one.path);
  mkdirSync(one.path);
  records.push(...simpleRecords(1, 3));
  await one.exporter.step();
  assert.match(one.exporter.health().fault ?? '', /EISDIR|ENOTEMPTY/);
  // Delivered is delivered: while this process lives, nothing is sent again for it. The cursor is written when the disk takes it.
  rmSync(one.path, { recursive: true });
  await one.exporter.step();
  assert.deepEqual([seqs(one.taken), one.exporter.health().fault], [[1, 2, 3], undefined]);
  assert.match(readFileSync(one.path, 'utf8'), /^\{"rowId":4294967299,/);
});

// ── by itself ───────────────────────────────────────────────────────────────
test('started, it looks by itself, and once stopped does nothing more', async (t) => {
  const folder = temporaryFolder(t);
  const records: StoredRecord[] = [...simpleRecords(3)];
  const due: { ms: number; run: () => void }[] = [];
  const timers = {
    after: (ms: number, run: () => void): (() => void) => {
      const one = { ms, run };
      due.push(one);
      return () => void due.splice(0, due.length, ...due.filter((other) => other !== one));
    },
  };
  const one = bench(folder, sourceOf(() => records), { deps: { timers } });
  const tick = async (): Promise<void> => {
    const next = due.shift();
    assert.ok(next);
    next.run();
    while (due.length === 0) await new Promise((done) => setImmediate(done));
  };
  one.exporter.start();
  one.exporter.start();
  assert.deepEqual(due.map(({ ms }) => ms), [0]);
  await tick();
  assert.deepEqual([seqs(one.taken), due.map(({ ms }) => ms)], [[1, 2, 3], [1000]]);
  records.push(...simpleRecords(1, 4));
  await tick();
  assert.deepEqual(seqs(one.taken), [1, 2, 3, 4]);
  await one.exporter.stop();
  assert.deepEqual(due, []);
  one.exporter.start();
  assert.deepEqual(due, []);
});

test('a batch that was on its way when the exporter stopped is sent by the next one, and one that was not made yet is not begun', async (t) => {
  for (const begun of [true, false]) {
    const folder = temporaryFolder(t);
    const source = sourceOf(simpleRecords(30));
    const { promise: sending, resolve: isSending } = Promise.withResolvers<void>();
    const hanging = createExporter({ name: 'siem', node: NODE, cursorPath: cursorPath(folder, 'siem'), records: 30, bytes: 100_000 }, {
      source, accepts: EVERYTHING, format: formatOf('jsonl', CONTEXT), clock: CLOCK, random: RANDOM, timers: TIMERS,
      transport: {
        send: async (_parts, signal) => new Promise((resolve) => {
          isSending();
          signal.addEventListener('abort', () => resolve(err({ code: 'stopped', detail: '' })));
        }),
        close: async () => undefined,
      },
    });
    const stepping = hanging.step();
    if (begun) await sending;
    await hanging.stop();
    await stepping;
    assert.equal(hanging.health().failed, 0);
    const next = bench(folder, source, { options: { records: 30 } });
    await drain(next);
    assert.equal(next.taken.length, 30);
  }
});

test('a batch is made in slices, and calls have their turn in between', async (t) => {
  const one = bench(temporaryFolder(t), sourceOf(simpleRecords(500)), { options: { records: 500 } });
  let turns = 0;
  let sent = false;
  const turn = (): void => {
    turns += 1;
    if (!sent) setImmediate(turn);
  };
  setImmediate(turn);
  await one.exporter.step();
  sent = true;
  assert.equal(one.taken.length, 500);
  assert.ok(turns >= 30, `${turns} turns`);
});

test('how far it is behind is asked of the journal where that can count', async (t) => {
  const one = bench(temporaryFolder(t), sourceOf(simpleRecords(3)), { deps: { behind: (rowId) => (rowId === 2 ** 32 + 3 ? 123_456 : -1) } });
  assert.equal(one.exporter.health().lag, undefined);
  await one.exporter.step();
  assert.equal(one.exporter.health().lag, 123_456);
});
