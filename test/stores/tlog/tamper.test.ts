// Whatever is done to a log is found, and at the right record: each byte of a thousand records, each record deleted, doubled, moved, replaced.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { makeNote } from '../../../src/stores/tlog/note.ts';
import type { Divergence } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { type Given, type Log, NODE, OTHER, check, first, keyOf, makeLog, trust } from './log.ts';

const LINE_BREAK = 0x0a;
const RECORDS = 1000;

const thousand = makeLog({ count: RECORDS });
const lastNote = thousand.note();

/** Lines as a file would hold them: a byte turned into a line break makes two of one. */
function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(LINE_BREAK); at >= 0; at = bytes.indexOf(LINE_BREAK, start)) {
    lines.push(bytes.subarray(start, at));
    start = at + 1;
  }
  return start < bytes.length ? [...lines, bytes.subarray(start)] : lines;
}

/** A check that knows where the epoch stands before record `from`, and reads these lines instead of records `from` to `from + replaced - 1`, then two more. */
function around(log: Log, from: number, replaced: number, lines: readonly (string | Buffer)[]): readonly Divergence[] {
  const behind = log.records.slice(from - 1 + replaced, from + 1 + replaced);
  const atEnd = from + replaced + 1 >= log.records.length;
  return check([...lines, ...behind], { starts: [log.before(from)], checkpoints: atEnd ? [lastNote] : [] }).problems;
}

function assertNamed([found]: readonly Divergence[], seq: number, what: string): void {
  assert.ok(found !== undefined, `${what}: nothing found`);
  assert.deepEqual([found.node, found.epoch, found.seq], [NODE, 1, seq], `${what}: ${JSON.stringify(found)}`);
}

describe('every byte', () => {
  test('of a thousand records turned is found, at its record', () => {
    for (const [at, record] of thousand.records.entries()) {
      const seq = at + 1;
      const from = Math.max(1, seq - 1);
      const before = thousand.records.slice(from - 1, at);
      const bytes = Buffer.from(record);
      for (let place = 0; place < bytes.length; place += 1) {
        const was = bytes[place] ?? 0;
        bytes[place] = was ^ (1 << ((place + seq) % 8));
        const problems = around(thousand, from, before.length + 1, [...before, ...linesOf(bytes)]);
        // The first record's node and epoch, changed, make another log of one record: it is the second one that then lacks its first.
        const [found] = problems;
        if (seq === 1) assert.equal(found?.seq, 1, `byte ${place} of record 1`);
        else assertNamed(problems, seq, `byte ${place} of record ${seq}`);
        bytes[place] = was;
      }
    }
  });

  test('of a small log turned in each bit is found, at its record; of a line break at one of its two records', () => {
    const body = (seq: number): string => `,"text":"é 😀 \\u001b \\\\ \\"${seq}","detail":{"a":[1,{}]}`;
    const log = makeLog({ count: 6, body });
    const whole = Buffer.from(`${log.records.join('\n')}\n`);
    const checkpoints = [log.note()];
    let seq = 1;
    for (let place = 0; place < whole.length; place += 1) {
      const was = whole[place] ?? 0;
      for (let bit = 0; bit < 8; bit += 1) {
        whole[place] = was ^ (1 << bit);
        const [found] = check(linesOf(whole), { checkpoints }).problems;
        assert.ok(found !== undefined, `byte ${place}, bit ${bit}: nothing found`);
        assert.ok(found.seq === seq || (was === LINE_BREAK && found.seq === seq + 1), `byte ${place}, bit ${bit} of record ${seq}: ${JSON.stringify(found)}`);
        if (seq > 1) assert.deepEqual([found.node, found.epoch], [NODE, 1]);
      }
      whole[place] = was;
      if (was === LINE_BREAK) seq += 1;
    }
    assert.equal(seq, 7);
  });

  test('anywhere, turned into any other, is found at its record in a check of the whole log', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: RECORDS }), fc.nat(), fc.integer({ min: 1, max: 255 }), (seq, some, flip) => {
      const bytes = Buffer.from(thousand.records[seq - 1] ?? '');
      const place = some % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ flip;
      const lines = [...thousand.records.slice(0, seq - 1), ...linesOf(bytes), ...thousand.records.slice(seq)];
      assertNamed(check(lines, { checkpoints: [lastNote] }).problems, seq, `byte ${place} of record ${seq}`);
    }), { numRuns: 200 });
  });
});

describe('every record', () => {
  const strange = makeLog({ node: OTHER, count: 20 });
  const earlier = makeLog({ epoch: 7, count: 20 });
  const each = (act: (seq: number, from: number, before: readonly string[], record: string) => void): void => {
    for (const [at, record] of thousand.records.entries()) {
      const from = Math.max(1, at);
      act(at + 1, from, thousand.records.slice(from - 1, at), record);
    }
  };

  test('deleted is missing', () => {
    each((seq, from, before) => {
      const [found] = around(thousand, from, before.length + 1, before);
      assert.equal(found?.problem, seq === RECORDS ? 'truncated' : 'missing');
      assert.equal(found.seq, seq);
    });
  });

  test('swapped with the next is out of place, where it stands', () => {
    each((seq, from, before, record) => {
      if (seq === RECORDS) return;
      const next = thousand.records[seq] ?? '';
      const [found] = around(thousand, from, before.length + 2, [...before, next, record]);
      assert.deepEqual([found?.problem, found?.seq, found?.where], ['out_of_place', seq + 1, `log:${before.length + 1}`]);
    });
  });

  test('doubled is a duplicate, where it stands the second time', () => {
    each((seq, from, before, record) => {
      const [found] = around(thousand, from, before.length + 1, [...before, record, record]);
      assert.deepEqual([found?.problem, found?.seq, found?.where], ['duplicate', seq, `log:${before.length + 2}`]);
    });
  });

  test('of another node put before it is foreign, where it stands; put in its place, the record is missing too', () => {
    each((seq, from, before, record) => {
      const other = strange.records[seq % 20] ?? '';
      const where = `log:${before.length + 1}`;
      const [put] = around(thousand, from, before.length + 1, [...before, other, record]);
      assert.deepEqual([put?.problem, put?.node, put?.where], ['foreign', OTHER, where]);
      const [instead, gone] = around(thousand, from, before.length + 1, [...before, other]);
      assert.deepEqual([instead?.problem, instead?.where, gone?.seq, gone?.node], ['foreign', where, seq, NODE]);
    });
  });

  test('of another epoch in its place is found there, whether the other node is trusted or not, and the record is missing', () => {
    each((seq, from, before) => {
      // Not the first record of that epoch: with it a second epoch would begin here, of which the rest may be elsewhere.
      const other = earlier.records[1 + (seq % 19)] ?? '';
      const [put, gone] = around(thousand, from, before.length + 1, [...before, other]);
      assert.deepEqual([put?.problem, put?.epoch, put?.seq, put?.where], ['missing', 7, 1, `log:${before.length + 1}`]);
      assert.deepEqual([gone?.epoch, gone?.seq], [1, seq]);
    });
  });

  test('of another node made to fit its place is a changed one', () => {
    each((seq, from, before, record) => {
      const other = (strange.records[seq % 20] ?? '').replace(/^.*"prev":"[^"]*"/, /^.*"prev":"[^"]*"/.exec(record)?.[0] ?? '');
      assert.notEqual(other, record);
      assertNamed(around(thousand, from, before.length + 1, [...before, other]), seq, `record ${seq}`);
    });
  });
});

describe('whatever is done to a log is found', () => {
  const LENGTH = 60;
  const log = makeLog({ count: LENGTH });
  const given: Given = { checkpoints: [log.note(20), log.note()] };
  const place = fc.integer({ min: 1, max: LENGTH });

  test('any records deleted: the first of them is the first that is missing', () => {
    fc.assert(fc.property(fc.uniqueArray(place, { minLength: 1 }), (gone) => {
      const [found] = check(log.records.filter((_, at) => !gone.includes(at + 1)), given).problems;
      assert.equal(found?.seq, Math.min(...gone), JSON.stringify(found));
      assert.ok(['missing', 'truncated', 'rolled_back'].includes(found.problem));
    }), { numRuns: 300 });
  });

  test('any two records exchanged: the one that stands too early, where it stands', () => {
    fc.assert(fc.property(fc.uniqueArray(place, { minLength: 2, maxLength: 2 }), (two) => {
      const [one = 1, other = 1] = two.toSorted((a, b) => a - b);
      const lines = [...log.records];
      [lines[one - 1], lines[other - 1]] = [lines[other - 1] ?? '', lines[one - 1] ?? ''];
      assert.equal(first(check(lines, given)), `out_of_place 1/${other} at log:${one}`);
    }), { numRuns: 300 });
  });

  test('any record moved: that one, where it stands', () => {
    fc.assert(fc.property(fc.uniqueArray(place, { minLength: 2, maxLength: 2 }), ([from = 1, to = 1]) => {
      const lines = log.records.toSpliced(from - 1, 1).toSpliced(to - 1, 0, log.records[from - 1] ?? '');
      // Moved on by one place it may as well be the other one that moved back.
      const seq = to === from + 1 ? to : from;
      const where = to === from + 1 ? from : to;
      assert.equal(first(check(lines, given)), `out_of_place 1/${seq} at log:${where}`);
    }), { numRuns: 300 });
  });

  test('any records once more, anywhere behind: the first that stands twice', () => {
    fc.assert(fc.property(place, fc.nat(LENGTH), (seq, behind) => {
      const at = Math.min(LENGTH, seq + behind);
      const lines = log.records.toSpliced(at, 0, log.records[seq - 1] ?? '');
      assert.equal(first(check(lines, given)), `duplicate 1/${seq} at log:${at + 1}`);
    }), { numRuns: 300 });
  });

  test('any order but the right one, and nothing before the first line that is not the right one', () => {
    fc.assert(fc.property(fc.shuffledSubarray([...log.records.keys()], { minLength: LENGTH }), (order) => {
      const moved = order.findIndex((at, line) => at !== line);
      const [found] = check(order.map((at) => log.records[at] ?? ''), given).problems;
      if (moved < 0) assert.equal(found, undefined);
      else assert.ok(found !== undefined && found.seq > moved && Number(found.where.split(':')[1]) > moved, JSON.stringify(found));
    }), { numRuns: 300 });
  });

  test('written anew from any record on: by a checkpoint, and when those are signed anew too, by an anchor', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: LENGTH }), fc.integer({ min: 1, max: LENGTH }), (seq, size) => {
      const anew = makeLog({ count: LENGTH, after: { log, seq: seq - 1 }, body: (at) => `,"kind":"outcome","other":${at}` });
      const [byCheckpoint] = check(anew.records, { checkpoints: [log.note(size)] }).problems;
      const [byAnchor] = check(anew.records, { checkpoints: [anew.note()], anchors: [log.note(size)] }).problems;
      if (size < seq) return assert.deepEqual([byCheckpoint, byAnchor], [undefined, undefined]);
      assert.deepEqual([byCheckpoint?.problem, byAnchor?.problem], ['checkpoint_root', 'rewritten']);
      for (const found of [byCheckpoint, byAnchor]) assert.ok(found?.from !== undefined && found.from <= seq && seq <= found.seq && found.seq === size);
    }), { numRuns: 150 });
  });

  test('what an anchor says goes before what a checkpoint of the same size says', () => {
    const anew = makeLog({ count: LENGTH, after: { log, seq: 9 }, body: (at) => `,"other":${at}` });
    for (const [checkpoints, anchors] of [[[log.note()], [log.note()]], [[log.note(), log.note()], [log.note()]]]) assert.equal(first(check(anew.records, { checkpoints: checkpoints ?? [], anchors: anchors ?? [] })), `rewritten 1/${LENGTH} at log:${LENGTH}`);
  });

  test('its end cut off: with an anchor, and only with it', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: LENGTH - 1 }), (left) => {
      const lines = log.records.slice(0, left);
      const alone = check(lines, { checkpoints: left >= 20 ? [log.note(20)] : [] });
      assert.deepEqual(alone.problems, []);
      assert.deepEqual(alone.epochs.map(({ size, unsigned }) => [size, unsigned]), [[left, left >= 20 ? left - 20 : left]]);
      const anchored = check(lines, { anchors: [log.note()] });
      assert.equal(first(anchored), `truncated 1/${left + 1} at anchor`);
    }), { numRuns: 80 });
  });

  test('a checkpoint that was changed in any byte that is signed, or put in the place of another', () => {
    const note = log.note();
    const text = Buffer.from(note);
    for (let at = 0; at < text.length; at += 1) {
      const bent = Buffer.from(text);
      bent[at] = (bent[at] ?? 0) ^ 1;
      const [found] = check(log.records, { checkpoints: [bent.toString('utf8')] }).problems;
      assert.equal(found?.problem, 'checkpoint_signature', `byte ${at}`);
    }
    const stolen = makeNote(log.note().split('\n\n')[0]?.concat('\n') ?? '', [{ name: `sentinel-audit/${NODE}`, privateKey: keyOf(OTHER) }]);
    assert.ok(stolen.ok);
    assert.equal(check(log.records, { checkpoints: [stolen.value], keys: trust(NODE, OTHER) }).problems[0]?.problem, 'checkpoint_signature');
    const elsewhere = makeLog({ epoch: 2, count: LENGTH }).note();
    assert.equal(first(check(log.records, { checkpoints: [elsewhere] })), 'rolled_back 2/1 at checkpoint');
  });

  test('two neighbours that disagree, the last two: a checkpoint says which of them was changed', () => {
    const bent = (seq: number): readonly string[] => log.records.with(seq - 1, (log.records[seq - 1] ?? '').replace('outcome', 'outcame'));
    const prevOf = /"prev":"(.)/;
    const named = log.records.with(LENGTH - 1, (log.records[LENGTH - 1] ?? '').replace(prevOf, (_, letter: string) => `"prev":"${letter === 'A' ? 'B' : 'A'}`));
    assert.equal(first(check(bent(LENGTH - 1), given)), `changed 1/${LENGTH - 1} at log:${LENGTH - 1}`);
    assert.equal(first(check(bent(LENGTH), given)), `checkpoint_root 1/${LENGTH} at log:${LENGTH}`);
    assert.equal(first(check(named, given)), `changed 1/${LENGTH} at log:${LENGTH}`);
    assert.equal(first(check(named, { checkpoints: [log.note(LENGTH - 1)] })), `changed 1/${LENGTH} at log:${LENGTH}`);
    assert.equal(first(check(bent(LENGTH - 1), { checkpoints: [log.note(LENGTH - 1)] })), `changed 1/${LENGTH - 1} at log:${LENGTH - 1}`);
    const doubled = [...bent(LENGTH - 1), log.records[LENGTH - 1] ?? ''];
    assert.equal(first(check(doubled, given)), `changed 1/${LENGTH - 1} at log:${LENGTH - 1}`, 'also when the last one stands there twice');
  });

  test('a verifier is not made from a beginning that cannot be', () => {
    const start = log.before(20);
    for (const bad of [{ frontier: [] }, { prev: 'x' }, { firstSeq: 0 }, { firstSeq: 1.5 }, { node: 'a b' }, { prev: `${start.prev.slice(0, -1)}_` }]) {
      const made = createVerifier({ keys: [], starts: [{ ...start, ...bad }] });
      assert.ok(!made.ok && made.error.code === 'malformed_frontier', JSON.stringify(bad));
    }
  });
});
