import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { rootOf } from '../../../src/stores/tlog/tree.ts';
import type { EpochPlace } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { type Log, NODE, OTHER, check, first, makeLog, trust } from './log.ts';

const hard = (seq: number): string => `,"text":${JSON.stringify(`é 😀 \u0001\n\\ ${seq} {"v":2,"node":"x"} \u2028`)}`;
const log = makeLog({ count: 50, body: hard });

describe('a log that nobody touched', () => {
  test('is right with any of its checkpoints and anchors, and is said to be proven as far as they reach', () => {
    const size = fc.integer({ min: 0, max: 50 });
    fc.assert(fc.property(fc.array(size), fc.array(size), (signed, anchored) => {
      const { problems, epochs, records } = check(log.records, { checkpoints: signed.map((to) => log.note(to)), anchors: anchored.map((to) => log.note(to)) });
      const most = Math.max(0, ...signed, ...anchored);
      assert.deepEqual([problems, records, epochs.length], [[], 50, 1]);
      const [epoch] = epochs;
      assert.deepEqual([epoch?.signed, epoch?.anchored, epoch?.unsigned, epoch?.unchecked], [Math.max(0, ...signed), Math.max(0, ...anchored), 50 - most, 0]);
      assert.deepEqual([epoch?.size, epoch?.root, epoch?.end], [50, rootOf(log.leaves).toString('base64'), log.before(51)]);
    }), { numRuns: 60 });
  });

  test('is right as text and as bytes, and read as JSON too', () => {
    const bytes = log.records.map((record) => Buffer.from(record));
    for (const lines of [log.records, bytes, bytes.map((record) => new Uint8Array(record))]) {
      for (const strict of [false, true]) assert.deepEqual(check(lines, { strict, checkpoints: [log.note()] }).problems, []);
    }
    const long = makeLog({ count: 3, body: (seq) => `,"text":"${'é'.repeat(seq * 200_000)}"` });
    assert.deepEqual(check(long.records, { checkpoints: [long.note()] }).problems, []);
    assert.deepEqual(check(long.records.map((record) => Buffer.from(record)), { checkpoints: [long.note()] }).problems, []);
  });

  test('is right in any mixture with other epochs and nodes, each in its own order', () => {
    const logs = [makeLog({ count: 9 }), makeLog({ epoch: 2, count: 7 }), makeLog({ epoch: 3, count: 1 }), makeLog({ node: OTHER, count: 8 })];
    const checkpoints = logs.map((one) => one.note());
    fc.assert(fc.property(fc.infiniteStream(fc.nat()), (choices) => {
      const waiting = logs.map((one) => [...one.records]);
      const lines: string[] = [];
      for (let left = waiting.filter((one) => one.length > 0); left.length > 0; left = waiting.filter((one) => one.length > 0)) {
        lines.push(left[(choices.next().value ?? 0) % left.length]?.shift() ?? '');
      }
      const verdict = check(lines, { checkpoints, keys: trust(NODE, OTHER) });
      assert.deepEqual(verdict.problems, []);
      assert.deepEqual(verdict.epochs.map(({ node, epoch, size, unsigned }) => [node, epoch, size, unsigned]), [[NODE, 1, 9, 0], [NODE, 2, 7, 0], [NODE, 3, 1, 0], [OTHER, 1, 8, 0]]);
    }), { numRuns: 100 });
  });

  test('of no record at all says nothing, and nothing is wrong', () => {
    assert.deepEqual(check([]), { records: 0, epochs: [], problems: [], passedOver: 0 });
    assert.deepEqual(check([], { checkpoints: [log.note(0)] }).problems, []);
  });
});

describe('parts of an epoch', () => {
  test('are checked from a trusted beginning; what was signed before it is counted and not believed', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 51 }), fc.integer({ min: 1, max: 50 }), (firstSeq, size) => {
      const { problems, epochs } = check(log.records.slice(firstSeq - 1), { starts: [log.before(firstSeq)], checkpoints: [log.note(size), log.note()] });
      assert.deepEqual(problems, []);
      assert.deepEqual([epochs[0]?.unchecked, epochs[0]?.unsigned, epochs[0]?.size], [size < firstSeq - 1 ? 1 : 0, 0, 50]);
    }));
  });

  test('fit together: each ends where the next one begins', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 50 })), (cuts) => {
      const borders = [1, ...cuts.toSorted((a, b) => a - b), 51];
      let reached: EpochPlace = log.before(1);
      for (const [at, from] of borders.slice(0, -1).entries()) {
        const { problems, epochs } = check(log.records.slice(from - 1, (borders[at + 1] ?? 51) - 1), { starts: [reached] });
        assert.deepEqual(problems, []);
        reached = epochs[0]?.end ?? reached;
        assert.deepEqual(reached, log.before(borders[at + 1] ?? 51));
      }
    }), { numRuns: 50 });
  });

  test('from a beginning that is not theirs are not right', () => {
    const { prev } = log.before(20);
    assert.equal(first(check(log.records.slice(20), { starts: [{ ...log.before(21), prev }] })), 'changed 1/21 at log:1');
    const frontier = makeLog({ count: 20 }).before(21).frontier;
    assert.equal(first(check(log.records.slice(20), { starts: [{ ...log.before(21), frontier }], checkpoints: [log.note()] })), 'checkpoint_root 1/50 at log:30');
    assert.equal(first(check(log.records.slice(20), { starts: [{ ...log.before(21), frontier }], checkpoints: [log.note(20)] })), 'checkpoint_root 1/20 at checkpoint');
    assert.equal(first(check(log.records.slice(18), { starts: [log.before(21)] })), 'out_of_place 1/19 at log:1');
    assert.equal(first(check([], { starts: [log.before(21)], anchors: [log.note(22)] })), 'truncated 1/21 at anchor');
  });

  test('a checkpoint that comes too late is counted', () => {
    const made = createVerifier({ keys: trust(NODE) });
    assert.ok(made.ok);
    for (const [at, record] of log.records.entries()) made.value.record(record, at);
    made.value.checkpoint(log.note(10), 'late');
    made.value.checkpoint(log.note(50), 'in time');
    const { problems, epochs } = made.value.finish();
    assert.deepEqual([problems, epochs[0]?.unchecked, epochs[0]?.signed], [[], 1, 50]);
  });
});

describe('epochs', () => {
  const epochs = [1, 2, 3, 4, 5].map((epoch) => makeLog({ epoch, count: 3 }));
  const linesOf = (...numbers: readonly number[]): readonly string[] => epochs.filter(({ epoch }) => numbers.includes(epoch)).flatMap(({ records }) => records);

  test('that are not between their neighbours are missing', () => {
    assert.equal(first(check(linesOf(1, 2, 3, 4, 5))), 'none');
    assert.equal(first(check(linesOf(1, 5))), 'missing_epoch 2/1 at epoch 5');
    assert.match(check(linesOf(1, 5)).problems[0]?.detail ?? '', /epochs 2 to 4/);
    assert.equal(first(check(linesOf(3, 5))), 'missing_epoch 4/1 at epoch 5');
    assert.equal(first(check(linesOf(2, 3))), 'none', 'what was before the first one is not known');
  });

  test('that only an anchor knows of are missing, or the store was rolled back', () => {
    const anchors = (...numbers: readonly number[]): readonly string[] => epochs.filter(({ epoch }) => numbers.includes(epoch)).map((one) => one.note());
    assert.equal(first(check(linesOf(2, 3, 4, 5), { anchors: anchors(1) })), 'missing_epoch 1/1 at anchor');
    assert.equal(first(check(linesOf(1, 2, 3), { anchors: anchors(4) })), 'rolled_back 4/1 at anchor');
    assert.equal(first(check(linesOf(1, 2, 3), { anchors: anchors(5) })), 'missing_epoch 4/1 at epoch 5');
    assert.equal(first(check([], { anchors: anchors(1) })), 'rolled_back 1/1 at anchor');
    const [one, , , , five] = epochs;
    assert.ok(one !== undefined && five !== undefined);
    const { problems } = check(linesOf(1), { starts: [one.before(1), five.before(2)], anchors: anchors(2, 3) });
    assert.deepEqual(problems.map(({ problem, epoch }) => [problem, epoch]), [['missing_epoch', 2], ['missing_epoch', 3], ['missing_epoch', 4]], 'a later one is known to be');
    const unreadable = check([`${log.records[0]} `], { anchors: [log.note()] });
    assert.deepEqual(unreadable.problems.map(({ problem }) => problem), ['unreadable'], 'what cannot be read is there');
  });

  test('before a trusted beginning are gone by right, and what was signed for them says nothing', () => {
    const third = epochs[2];
    assert.ok(third !== undefined);
    const kept = check([...third.records.slice(1), ...linesOf(4, 5)], { starts: [third.before(2)], checkpoints: epochs.map((one) => one.note()) });
    assert.deepEqual([kept.problems, kept.passedOver], [[], 2]);
    assert.equal(first(check(linesOf(5), { starts: [third.before(2)] })), 'missing_epoch 4/1 at epoch 5');
  });

  test('beyond 65,536 at once are refused, so that memory has a bound', () => {
    const made = createVerifier({ keys: trust(NODE) });
    assert.ok(made.ok);
    const [record = ''] = makeLog({ count: 1 }).records;
    for (let epoch = 1; epoch <= 65_538; epoch += 1) made.value.record(record.replace('"epoch":1', `"epoch":${epoch}`), epoch);
    const { problems, epochs: seen } = made.value.finish();
    assert.deepEqual([problems.map(({ problem, epoch }) => [problem, epoch]), seen.length], [[['too_many_epochs', 65_537]], 65_536]);
  });
});

describe('nodes', () => {
  const other = makeLog({ node: OTHER, count: 5 });

  test('without a trusted key are foreign, unless their chains alone are asked for', () => {
    assert.equal(first(check([...log.records, ...other.records])), 'foreign 1/1 at log:51');
    assert.equal(first(check(other.records, { keys: [], strangers: true })), 'none');
    assert.equal(first(check(other.records.toSpliced(2, 1), { keys: [], strangers: true })), 'missing 1/3 at log:3');
  });

  test('without a trusted key have anchors that say nothing, and checkpoints that cannot be believed', () => {
    const passed = check(log.records, { anchors: [other.note(), log.note()] });
    assert.deepEqual([passed.problems, passed.passedOver, passed.epochs[0]?.anchored], [[], 1, 50]);
    assert.equal(first(check(log.records, { checkpoints: [other.note()] })), 'checkpoint_signature 1/5 at checkpoint');
    for (const anchor of [other.note().replace('\n5\n', '\n6\n'), log.note().replace('\n50\n', '\n51\n'), 'rubbish']) {
      assert.equal(check(log.records, { anchors: [anchor], keys: trust(NODE, OTHER) }).problems[0]?.problem, 'checkpoint_signature');
    }
  });
});

describe('a line that is no record', () => {
  const place = '"epoch":1,"seq":7,';
  const bent = (from: string | RegExp, to: string): readonly string[] => log.records.with(6, (log.records[6] ?? '').replace(from, to));
  const broken: readonly (readonly [why: string, lines: readonly string[]])[] = [
    ['another version', bent('"v":2', '"v":3')],
    ['a version as text', bent('"v":2', '"v":"2"')],
    ['a space', bent('{"v"', '{ "v"')],
    ['another order', bent(place, '"seq":7,"epoch":1,')],
    ['a leading zero', bent('"seq":7', '"seq":07')],
    ['a fraction', bent('"seq":7', '"seq":7.0')],
    ['an exponent', bent('"seq":7', '"seq":7e0')],
    ['a sign', bent('"seq":7', '"seq":+7')],
    ['a number beyond 2^53', bent('"seq":7', '"seq":9007199254740993')],
    ['seq 0', bent('"seq":7', '"seq":0')],
    ['epoch 0', bent('"epoch":1', '"epoch":0')],
    ['a node without a letter', bent(NODE, '')],
    ['a node with a quote', bent(NODE, '\\"')],
    ['a long node', bent(NODE, 'x'.repeat(65))],
    ['no prev', bent(/"prev":"[^"]*",/, '')],
    ['a short prev', bent(/"prev":"./, '"prev":"')],
    ['a long prev', bent(/"prev":"/, '"prev":"A')],
    ['a padded prev', bent(/("prev":"[^"]*)"/, '$1="')],
    ['no id', bent(/"id":"[^"]*",/, '')],
    ['an empty id', bent(/"id":"[^"]*"/, '"id":""')],
    ['an id that is no text', bent(/"id":"[^"]*"/, '"id":7')],
    ['an id with an escape', bent('"id":"0', '"id":"\\u0030')],
    ['a space behind the id', bent(/("id":"[^"]*")/, '$1 ')],
    ['a long id', bent('"id":"', `"id":"${'0'.repeat(65)}`)],
    ['an array', bent(/^[^]*$/, '[]')],
    ['nothing', bent(/^[^]*$/, '')],
    ['only its head', bent(/("id":"[^"]*")[^]*$/, '$1')],
    ['no end', bent(/\}$/, '')],
    ['a space behind it', bent(/\}$/, '} ')],
  ];
  for (const [why, lines] of broken) {
    test(`is unreadable, in its place: ${why}`, () => {
      assert.equal(first(check(lines, { checkpoints: [log.note()] })), 'unreadable 1/7 at log:7');
    });
  }

  test('is unreadable in the epoch that lacks one, when others are mixed with it', () => {
    const other = makeLog({ node: OTHER, count: 50 });
    const mixed = log.records.flatMap((record, at) => [record, other.records[at] ?? '']);
    for (const [at, node] of [[12, NODE], [13, OTHER]] as const) {
      const [found] = check(mixed.with(at, 'rubbish'), { keys: trust(NODE, OTHER) }).problems;
      assert.deepEqual([found?.problem, found?.node, found?.seq, found?.where], ['unreadable', node, 7, `log:${at + 1}`]);
    }
  });

  test('among records of which none is missing is said to stand behind the one before it', () => {
    assert.equal(first(check(log.records.toSpliced(6, 0, 'rubbish'))), 'unreadable 1/7 at log:7');
    assert.equal(first(check(['rubbish', ...log.records])), 'unreadable 0/0 at log:1');
    assert.equal(first(check([...log.records, 'rubbish'])), 'unreadable 1/51 at log:51');
  });

  test('where none is missing is not taken for one that is missing further on', () => {
    const { problems } = check(log.records.toSpliced(19, 1).toSpliced(3, 0, 'rubbish'));
    assert.deepEqual(problems.map(({ problem, seq, where }) => [problem, seq, where]), [['unreadable', 4, 'log:4'], ['missing', 20, 'log:21']]);
  });

  test('of several is the first, and stands behind the last record that was taken', () => {
    assert.equal(first(check([...log.records, 'rubbish', 'more of it'])), 'unreadable 1/51 at log:51');
    const [foreign] = makeLog({ node: OTHER, count: 1 }).records;
    const { problems } = check([...log.records, foreign ?? '', 'rubbish']);
    assert.deepEqual(problems.map(({ problem, node, seq }) => [problem, node, seq]), [['foreign', OTHER, 1], ['unreadable', NODE, 51]]);
  });

  test('does not hide that the one before it stood too early', () => {
    const [one = '', two = '', three = '', ...rest] = log.records;
    assert.equal(first(check([one, three, two.slice(0, -1), ...rest])), 'missing 1/2 at log:2');
  });

  test('may hold half a surrogate pair: its bytes would be those of another record', () => {
    const odd = makeLog({ count: 3, body: () => ',"text":"\ufffd"' });
    assert.equal(first(check(odd.records.with(1, (odd.records[1] ?? '').replace('\ufffd', '\ud800')))), 'unreadable 1/2 at log:2');
  });
});

describe('read as JSON', () => {
  const signed = (body: string): Log => makeLog({ count: 5, body: (seq) => (seq === 3 ? body : '') });

  test('what the writer itself wrote wrongly is unreadable, where its hash is right', () => {
    for (const body of [',"a":', ',"a":1,', ',"a":"\u0001"', ',"a":01', ',a:1', '} {']) {
      const wrong = signed(body);
      assert.equal(first(check(wrong.records, { checkpoints: [wrong.note()] })), 'none');
      assert.equal(first(check(wrong.records, { checkpoints: [wrong.note()], strict: true })), 'unreadable 1/3 at log:3', body);
    }
  });

  test('a record that names its place twice is unreadable: of two members of one name readers take the last', () => {
    for (const body of [',"seq":4', ',"node":"x"', ',"epoch":2', ',"v":1', ',"prev":""', ',"seq":"3"']) {
      assert.equal(first(check(signed(body).records, { strict: true })), 'unreadable 1/3 at log:3', body);
    }
  });

  test('bytes that are not UTF-8 are unreadable', () => {
    const lines = log.records.map((record) => Buffer.from(record));
    lines[6]?.fill(0xff, lines[6].length - 3, lines[6].length - 2);
    assert.equal(first(check(lines, { strict: true })), 'unreadable 1/7 at log:7');
    assert.equal(first(check(lines)), 'changed 1/7 at log:7');
  });
});
