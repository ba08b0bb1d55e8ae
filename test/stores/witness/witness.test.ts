import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_NOTES, notesIn, type WitnessedFact } from '../../../src/core/audit/witness.ts';
import { instant } from '../../../src/core/ids.ts';
import { keyNameOf, signCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { publicBytes, vkeyOf } from '../../../src/stores/tlog/note.ts';
import { createWitness, type Witness } from '../../../src/stores/witness/witness.ts';
import { keyOf, NODE, OTHER } from '../tlog/log.ts';

const OWN = '00000000-0000-4000-8000-000000000001';
const lineOf = (node: string): string => vkeyOf(keyNameOf(node), publicBytes(keyOf(node)));
const note = (size: number, { node = NODE, root = size % 251, epoch = 1 } = {}): string => signCheckpoint({ node, epoch, size, root: Buffer.alloc(32, root) }, keyOf(node));
const body = (...notes: readonly string[]): string => notes.map((checkpoint) => `${JSON.stringify({ checkpoint })}\n`).join('');
const range = (from: number, count: number): readonly number[] => Array.from({ length: count }, (_, at) => from + at);

class Bench {
  readonly records: WitnessedFact[] = [];
  readonly conflicts: WitnessedFact[] = [];
  readonly now = { at: 0 };
  keys: readonly string[] = [lineOf(NODE)];
  /** What the journal says next. */
  durable: () => Promise<boolean> = async () => true;
  rests = 0;
  readonly witness: Witness = createWitness({
    own: OWN, keys: () => this.keys, mono: () => instant(this.now.at),
    record: async (fact) => {
      const durable = await this.durable();
      if (durable) this.records.push(fact);
      return durable;
    },
    onConflict: (fact) => this.conflicts.push(fact),
    rest: async () => {
      this.rests += 1;
    },
  });
}

test('a body is one note a line, at least one and at most a thousand, and nothing else', () => {
  assert.deepEqual(notesIn('{"checkpoint":"a"}\n{"checkpoint":"b","more":1}'), ['a', 'b']);
  for (const text of ['', '\n', '{}', '[]', 'null', '"a"', '{"checkpoint":1}', '{"checkpoint":"a"}\n\n{"checkpoint":"b"}', '{"checkpoint":"a"}\nx', '['.repeat(100_000), body(...range(0, MOST_NOTES + 1).map(String))]) assert.equal(notesIn(text), undefined, text.slice(0, 40));
});

test('the answer comes when all is durable, and says what was new', async () => {
  const at = new Bench();
  const gate = Promise.withResolvers<boolean>();
  at.durable = () => gate.promise;
  let answered = false;
  const taken = at.witness.take(body(note(1), note(2), note(1))).then((came) => {
    answered = true;
    return came;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  gate.resolve(true);
  assert.deepEqual(await taken, { kind: 'kept', recorded: 2, known: 1 });
  assert.deepEqual(at.records.map(({ size, checkpoint }) => [size, checkpoint]), [[1, note(1)], [2, note(2)]]);
  assert.deepEqual(await at.witness.take(body(note(2))), { kind: 'kept', recorded: 0, known: 1 });
  assert.deepEqual(at.witness.counts(), { recorded: 2, known: 2, conflict: 0, refused: 0, delayed: 0 });
});

test('while nothing can be recorded nothing is taken, and the same note is taken later', async () => {
  const at = new Bench();
  for (const durable of [async () => false, () => Promise.reject(new Error('the worker is gone'))]) {
    at.durable = durable;
    assert.deepEqual(await at.witness.take(body(note(1), note(1, { root: 9 }))), { kind: 'unrecorded' });
  }
  at.durable = async () => true;
  assert.deepEqual(await at.witness.take(body(note(1))), { kind: 'kept', recorded: 1, known: 0 });
  assert.deepEqual([at.records.length, at.witness.counts().recorded], [1, 1]);
});

test('a contradiction goes on record and is told once, refused each time, and hides none of the others', async () => {
  const at = new Bench();
  await at.witness.take(body(note(5)));
  for (const round of [1, 2]) assert.deepEqual(await at.witness.take(body(note(4), note(5, { root: 200 }), note(6))), { kind: 'conflict' }, `round ${round}`);
  assert.deepEqual(at.records.map(({ size, conflict }) => [size, conflict]), [[5, undefined], [4, undefined], [5, true], [6, undefined]]);
  assert.deepEqual(at.conflicts.map(({ checkpoint }) => checkpoint), [note(5, { root: 200 })]);
});

test('notes of strangers keep those beside them from nobody; a forged one, one of ours and no note end the request', async () => {
  const at = new Bench();
  assert.deepEqual(await at.witness.take(body(note(1, { node: OTHER }), note(1))), { kind: 'untrusted', forged: false });
  const forged = note(2).replace('\n2\n', '\n3\n');
  assert.deepEqual(await at.witness.take(body(note(2), forged, note(4))), { kind: 'untrusted', forged: true });
  assert.deepEqual(at.records.map(({ size }) => size), [1, 2]);
  assert.deepEqual(await at.witness.take(body('no note')), { kind: 'malformed' });
  assert.deepEqual(await at.witness.take('no body'), { kind: 'malformed' });
  at.keys = [lineOf(NODE), lineOf(OWN)];
  assert.deepEqual(await at.witness.take(body(note(1, { node: OWN }))), { kind: 'own' });
  assert.equal(at.witness.counts().refused, 5);
});

test('keys of a reload count at the next request, and what another key vouched for is asked for again', async () => {
  const at = new Bench();
  at.keys = [];
  assert.deepEqual(await at.witness.take(body(note(1))), { kind: 'untrusted', forged: false });
  at.keys = [lineOf(NODE)];
  assert.deepEqual(await at.witness.take(body(note(1))), { kind: 'kept', recorded: 1, known: 0 });
  at.keys = [lineOf(OTHER)];
  assert.deepEqual(await at.witness.take(body(note(1))), { kind: 'untrusted', forged: false });
  assert.deepEqual(await at.witness.take(body(note(1, { node: OTHER }))), { kind: 'kept', recorded: 1, known: 0 });
});

test('a node has its share of each minute and takes nobody else\'s; who sends it all again comes to an end', async () => {
  const at = new Bench();
  at.keys = [lineOf(NODE), lineOf(OTHER)];
  const all = body(...range(1, 900).map((epoch) => note(1, { epoch })));
  const first = await at.witness.take(all);
  assert.ok(first.kind === 'wait' && first.why === 'rate' && first.ms >= 30_000 && first.ms <= 32_000, JSON.stringify(first));
  assert.equal(at.records.length, 600);
  assert.deepEqual(await at.witness.take(body(note(1, { node: OTHER }))), { kind: 'kept', recorded: 1, known: 0 });
  at.now.at += first.ms;
  assert.deepEqual(await at.witness.take(all), { kind: 'kept', recorded: 300, known: 600 });
  assert.equal(at.witness.counts().delayed, 1);
  assert.ok(at.rests > 80, 'others had their turns');
});

test('requests wait for each other, a few of them', async () => {
  const at = new Bench();
  const gate = Promise.withResolvers<boolean>();
  at.durable = () => gate.promise;
  const waiting = range(1, 4).map((size) => at.witness.take(body(note(size))));
  const crowded = { kind: 'wait', why: 'crowded', ms: 1000 };
  assert.deepEqual(await at.witness.take(body(note(5))), crowded);
  gate.resolve(true);
  for (const one of waiting) assert.deepEqual(await one, { kind: 'kept', recorded: 1, known: 0 });
  assert.deepEqual(await at.witness.take(body(note(5))), { kind: 'kept', recorded: 1, known: 0 });
});
