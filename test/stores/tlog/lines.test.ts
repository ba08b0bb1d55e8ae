import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type LineCounts, type LineOptions, piecesOf, verifyLines } from '../../../src/stores/tlog/lines.ts';
import type { Verdict } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { NODE, check, first, makeLog, trust } from './log.ts';

const log = makeLog({ count: 40, body: (seq) => `,"text":"é 😀 ${'x'.repeat(seq * 7)}"` });
const whole = Buffer.from(`${log.records.join('\n')}\n`);

async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
}

async function verdictOf(pieces: AsyncIterable<Uint8Array>, options: LineOptions = {}): Promise<Verdict & { readonly counts: LineCounts }> {
  const made = createVerifier({ keys: trust(NODE) });
  assert.ok(made.ok);
  made.value.checkpoint(log.note(), 'checkpoint');
  const counts = await verifyLines(made.value, 'some.jsonl', pieces, options);
  assert.ok(counts.ok);
  return { ...made.value.finish(), counts: counts.value };
}

describe('JSON Lines', () => {
  test('say the same in whatever pieces they come', async () => {
    const changed = Buffer.from(whole);
    changed[whole.indexOf('"seq":17')] = 0x27;
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: whole.length })), async (cuts) => {
      const right = await verdictOf(cutAt(whole, cuts));
      assert.deepEqual([right.problems, right.records, right.counts], [[], 40, { lines: 40, bytes: whole.length }]);
      assert.equal(first(await verdictOf(cutAt(changed, cuts))), 'unreadable 1/17 at some.jsonl:17');
    }), { numRuns: 60 });
    assert.deepEqual((await verdictOf(cutAt(whole, [...whole.keys()]))).problems, [], 'byte by byte');
  });

  test('may end without a line break, and an empty file is no record', async () => {
    assert.deepEqual((await verdictOf(cutAt(whole.subarray(0, -1), []))).problems, []);
    const made = createVerifier({ keys: [] });
    assert.ok(made.ok);
    assert.deepEqual(await verifyLines(made.value, 'empty', cutAt(Buffer.alloc(0), [])), { ok: true, value: { lines: 0, bytes: 0 } });
    assert.deepEqual(made.value.finish().problems, []);
  });

  test('cut off at any byte of the first and the last records are found out by a checkpoint, at the record that is not whole', async () => {
    const borders = log.records.map((_, at) => Buffer.byteLength(log.records.slice(0, at + 1).join('\n')));
    const parts = [...Array.from({ length: 1000 }, (_, at) => at), ...Array.from({ length: 1000 }, (_, at) => whole.length - 2 - at)];
    for (const end of parts) {
      // Its last line break may be missing.
      const seq = 1 + borders.filter((border) => border <= end).length;
      const { problems: [found] } = await verdictOf(cutAt(whole.subarray(0, end), []));
      // Of a first line without a head nobody knows where it belongs.
      const known = found?.node === NODE || seq > 1;
      assert.equal(found?.seq, known ? seq : 0, `${end} bytes: ${JSON.stringify(found)}`);
      assert.ok(['unreadable', 'truncated', 'rolled_back'].includes(found.problem));
    }
  });

  test('with a line that is too long do not keep it, and find it unreadable', async () => {
    const long = `${log.records[0]}\n${'x'.repeat(5000)}\n${log.records.slice(2).join('\n')}`;
    for (const cuts of [[], Array.from({ length: 60 }, (_, at) => at * 100), [500, 5400]]) {
      const verdict = await verdictOf(cutAt(Buffer.from(long), cuts), { longest: 2000 });
      assert.equal(first(verdict), 'unreadable 1/2 at some.jsonl:2');
      assert.deepEqual([verdict.counts.lines, verdict.problems.length], [40, 1]);
    }
    const endless = await verdictOf(cutAt(Buffer.from(`${log.records[0]}\n${'x'.repeat(5000)}`), [2500, 4000]), { longest: 2000 });
    assert.equal(first(endless), 'unreadable 1/2 at some.jsonl:2');
  });

  test('tell how far they are', async () => {
    const seen: LineCounts[] = [];
    await verdictOf(cutAt(whole, [1000, 2000]), { onProgress: (counts) => seen.push(counts) });
    assert.deepEqual(seen.map(({ bytes }) => bytes), [1000, 2000, whole.length]);
    assert.deepEqual(seen.at(-1)?.lines, 40);
  });

  test('of several files name the file and the line', async () => {
    const made = createVerifier({ keys: trust(NODE) });
    assert.ok(made.ok);
    const lines = log.records.toSpliced(29, 1);
    await verifyLines(made.value, 'one', cutAt(Buffer.from(lines.slice(0, 25).join('\n')), []));
    await verifyLines(made.value, 'two', cutAt(Buffer.from(lines.slice(25).join('\n')), []));
    assert.equal(first(made.value.finish()), 'missing 1/30 at two:5');
  });

  test('come from files and from streams', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lines-'));
    try {
      writeFileSync(join(dir, 'a.jsonl'), whole);
      assert.deepEqual((await verdictOf(piecesOf(join(dir, 'a.jsonl')))).problems, []);
      assert.deepEqual((await verdictOf(Readable.from([whole.subarray(0, 999), whole.subarray(999)]))).problems, []);
      const made = createVerifier({ keys: [] });
      assert.ok(made.ok);
      const none = await verifyLines(made.value, 'b', piecesOf(join(dir, 'b.jsonl')));
      assert.ok(!none.ok && none.error.code === 'unavailable' && none.error.detail.startsWith('b: '));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('say that they could not be read, not that records are missing', async () => {
    const made = createVerifier({ keys: trust(NODE) });
    assert.ok(made.ok);
    const broken = new Readable({ read() { this.destroy(new Error('EIO: i/o error, read')); } });
    assert.deepEqual(await verifyLines(made.value, 'stdin', broken), { ok: false, error: { code: 'unavailable', detail: 'stdin: EIO: i/o error, read' } });
  });

  test('and records one by one are checked alike', () => {
    assert.deepEqual(check(log.records, { checkpoints: [log.note()] }).problems, []);
  });
});
