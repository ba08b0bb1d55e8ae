// Epochs that lost their beginning, or all of themselves, to retention: what can still be said of them, and what cannot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVerifier, type Verifier } from '../../../src/stores/tlog/verify.ts';
import { check, first, makeLog, NODE, trust } from './log.ts';

const log = makeLog({ count: 40 });
const epochs = [1, 2, 3, 4, 5].map((epoch) => makeLog({ epoch, count: 3 }));

function made(claimed?: ReadonlyMap<string, number>): Verifier {
  const verifier = createVerifier({ keys: trust(NODE), ...(claimed === undefined ? {} : { claimed }) });
  assert.ok(verifier.ok);
  return verifier.value;
}

function lateFrom(lines: readonly string[], { from = 11, prev = log.before(from).prev, before = [], after = [] }: { readonly from?: number; readonly prev?: string; readonly before?: readonly string[]; readonly after?: readonly string[] } = {}): ReturnType<Verifier['finish']> {
  const verifier = made();
  for (const note of before) verifier.anchor(note, 'anchor');
  verifier.beginLate({ node: NODE, epoch: 1, firstSeq: from, prev });
  for (const note of after) verifier.checkpoint(note, 'checkpoint');
  verifier.source('log');
  for (const [at, line] of lines.entries()) verifier.record(line, at + 1);
  return verifier.finish();
}

test('an epoch without its beginning is chained, and no root is held to it, whoever signed it', () => {
  const { problems, epochs: [epoch] } = lateFrom(log.records.slice(10), { before: [log.note(5), log.note(20)], after: [log.note(10), log.note(30), log.note(40)] });
  assert.deepEqual(problems, []);
  assert.deepEqual([epoch?.firstSeq, epoch?.rooted, epoch?.size, epoch?.signed, epoch?.anchored, epoch?.unsigned, epoch?.unchecked, epoch?.root, epoch?.end], [11, false, 40, 0, 0, 30, 5, '', undefined]);
});

test('what is wrong with the rest of it is still found', () => {
  const rest = log.records.slice(10);
  const bent = rest.with(4, (rest[4] ?? '').replace('outcome', 'outcame'));
  assert.equal(first(lateFrom(bent, { after: [log.note()] })), 'changed 1/15 at log:5');
  assert.equal(first(lateFrom(rest.toSpliced(4, 1))), 'missing 1/15 at log:5');
  assert.equal(first(lateFrom(rest.toSpliced(4, 0, rest[3] ?? ''))), 'duplicate 1/14 at log:5');
  assert.equal(first(lateFrom(rest.slice(0, 20), { after: [log.note()] })), 'truncated 1/31 at checkpoint');
  assert.equal(first(lateFrom(rest.slice(0, 20), { before: [log.note()] })), 'truncated 1/31 at anchor', 'an anchor that came before its beginning was known counts too');
  assert.equal(first(lateFrom(rest, { prev: log.before(12).prev })), 'changed 1/11 at log:1');
  assert.equal(first(lateFrom(rest, { prev: 'no hash' })), 'missing 1/1 at log:1', 'without a hash before it there is no late beginning');
});

test('a late beginning says nothing of an epoch that is here already', () => {
  const verifier = made();
  for (const [at, line] of log.records.slice(0, 20).entries()) verifier.record(line, at + 1);
  verifier.beginLate({ node: NODE, epoch: 1, firstSeq: 21, prev: log.before(21).prev });
  verifier.checkpoint(log.note(), 'checkpoint');
  for (const [at, line] of log.records.slice(20).entries()) verifier.record(line, at + 21);
  const { problems, epochs: [epoch] } = verifier.finish();
  assert.deepEqual([problems, epoch?.rooted, epoch?.signed], [[], true, 40]);
});

test('an epoch that somebody says began is missing when none of it comes, and one that was retired is not', () => {
  const said = (announced: readonly number[], retired: readonly number[], records: readonly number[], anchored: readonly number[] = []): readonly string[] => {
    const verifier = made();
    for (const epoch of announced) verifier.announce(NODE, epoch, 'audit_start');
    for (const epoch of retired) verifier.retire(NODE, epoch);
    for (const epoch of anchored) verifier.anchor(epochs[epoch - 1]?.note() ?? '', 'anchor');
    for (const epoch of records) for (const line of epochs[epoch - 1]?.records ?? []) verifier.record(line, 1);
    const { problems, passedOver } = verifier.finish();
    return [...problems.map(({ problem, epoch, where }) => `${problem} ${epoch} ${where}`), ...(passedOver > 0 ? [`${passedOver} passed over`] : [])];
  };
  assert.deepEqual(said([1, 2, 3], [], [1, 2, 3]), []);
  assert.deepEqual(said([1, 2, 3], [], [1, 2]), ['rolled_back 3 audit_start']);
  assert.deepEqual(said([1, 2, 3], [], [1, 3]), ['missing_epoch 2 audit_start']);
  assert.deepEqual(said([], [2], [1, 3]), []);
  assert.deepEqual(said([], [2], [1, 2, 3]), [], 'all of it is here');
  assert.deepEqual(said([], [2], [1, 4]), ['missing_epoch 3 epoch 4']);
  assert.deepEqual(said([], [1, 2], [3], [1, 2, 3]), ['2 passed over']);
});

test('epochs that run beside a long one end before it: those claimed before the oldest place that is kept are not missed', () => {
  const [, second, third, , fifth] = epochs;
  assert.ok(second !== undefined && third !== undefined && fifth !== undefined);
  const lines = [...second.records.slice(1), ...fifth.records];
  const starts = [second.before(2), fifth.before(1)];
  assert.equal(first(check(lines, { starts })), 'missing_epoch 3/1 at epoch 5');
  assert.equal(first(check(lines, { starts, claimed: new Map([[NODE, 4]]) })), 'none');
  assert.equal(first(check(lines, { starts, claimed: new Map([[NODE, 3]]) })), 'missing_epoch 4/1 at epoch 5');
  const { problems, passedOver } = check(lines, { starts, claimed: new Map([[NODE, 4]]), anchors: [third.note()] });
  assert.deepEqual([problems, passedOver], [[], 1]);
});
