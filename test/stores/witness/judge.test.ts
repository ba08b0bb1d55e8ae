import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { detailText } from '../../../src/stores/record-text.ts';
import { checkpointText, keyNameOf, openCheckpoint, signCheckpoint, type Checkpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { makeNote } from '../../../src/stores/tlog/note.ts';
import { judge, Seen, type Trust } from '../../../src/stores/witness/judge.ts';
import { keyOf, NODE, OTHER, trust } from '../tlog/log.ts';

const OWN = '00000000-0000-4000-8000-000000000001';
const TRUST: Trust = { own: OWN, keys: trust(NODE, OTHER) };

function checkpoint(size: number, root: number, { node = NODE, epoch = 3 }: { readonly node?: string; readonly epoch?: number } = {}): Checkpoint {
  return { node, epoch, size, root: Buffer.alloc(32, root) };
}

const signed = (one: Checkpoint, by: string = one.node): string => {
  const note = makeNote(checkpointText(one), [{ name: keyNameOf(by), privateKey: keyOf(by) }]);
  assert.ok(note.ok);
  return note.value;
};

/** Judged, and kept as whoever records it would. */
function told(seen: Seen, note: string, given: Trust = TRUST): string {
  const verdict = judge(note, given, seen);
  if (verdict.kind === 'new' || verdict.kind === 'conflict') seen.keep(verdict.checkpoint, note);
  return verdict.kind === 'refused' ? verdict.why : verdict.kind;
}

test('a checkpoint is new once, and known after that, whoever sends it', () => {
  const seen = new Seen();
  const verdict = judge(signed(checkpoint(10, 1)), TRUST, seen);
  assert.ok(verdict.kind === 'new');
  assert.deepEqual(verdict.fact, { node: NODE, epoch: 3, size: 10, checkpoint: signed(checkpoint(10, 1)) });
  assert.deepEqual([told(seen, signed(checkpoint(10, 1))), told(seen, signed(checkpoint(10, 1)))], ['new', 'known']);
  assert.deepEqual([told(seen, signed(checkpoint(11, 2))), told(seen, signed(checkpoint(10, 1, { epoch: 4 }))), told(seen, signed(checkpoint(10, 1, { node: OTHER })))], ['new', 'new', 'new']);
});

test('another root for a size that was seen contradicts it, at the end and before it, and the first one goes on being the measure', () => {
  const seen = new Seen();
  for (const size of [10, 20]) assert.equal(told(seen, signed(checkpoint(size, size))), 'new');
  const verdict = judge(signed(checkpoint(20, 99)), TRUST, seen);
  assert.ok(verdict.kind === 'conflict');
  assert.equal(verdict.fact.conflict, true);
  assert.deepEqual([20, 10].map((size) => told(seen, signed(checkpoint(size, 99)))), ['conflict', 'conflict']);
  assert.deepEqual([20, 10].map((size) => told(seen, signed(checkpoint(size, 99)))), ['known_conflict', 'known_conflict'], 'on record once');
  assert.deepEqual([20, 10].map((size) => told(seen, signed(checkpoint(size, size)))), ['known', 'known']);
});

test('only a key of the node itself speaks for it: not that of another one, not one that is not believed, and never one\'s own', () => {
  const seen = new Seen();
  assert.equal(told(seen, signed(checkpoint(1, 1), OTHER)), 'unknown_key');
  assert.equal(told(seen, signed(checkpoint(1, 1)), { own: OWN, keys: trust(OTHER) }), 'unknown_key');
  assert.equal(told(seen, signed(checkpoint(1, 1)), { own: OWN, keys: [] }), 'unknown_key');
  assert.equal(told(seen, signed(checkpoint(1, 1)), { own: NODE, keys: trust(NODE) }), 'own');
  // The right name and id over a signature of something else.
  assert.equal(told(seen, `${checkpointText(checkpoint(2, 1))}\n${signed(checkpoint(1, 1)).split('\n\n')[1]}`), 'bad_signature');
  assert.equal(told(seen, signed(checkpoint(1, 1))), 'new');
});

test('what was seen is not believed of a key that is not believed any more', () => {
  const seen = new Seen();
  told(seen, signed(checkpoint(1, 1)));
  assert.equal(told(seen, signed(checkpoint(1, 1)), { own: OWN, keys: trust(OTHER) }), 'unknown_key');
});

test('a note that a record would mask, escape or cut is refused; all others are in the record as they came, and open there', () => {
  const text = checkpointText(checkpoint(5, 5));
  const by = { name: keyNameOf(NODE), privateKey: keyOf(NODE) };
  const note = (lines: string): string => {
    const made = makeNote(`${text}${lines}`, [by]);
    assert.ok(made.ok);
    return made.value;
  };
  for (const lines of ['ghp_abcdefghijklmnopqrstuvwxyz\n', `${'x'.repeat(4000)}\n`, `${'"'.repeat(2000)}\n`, `${'\u2028'.repeat(1500)}\n`]) assert.equal(told(new Seen(), note(lines)), 'malformed', lines.slice(0, 20));
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 1500 }), (words) => {
    const made = makeNote(`${text}${words}\n`, [by]);
    if (!made.ok) return;
    const verdict = judge(made.value, TRUST, new Seen());
    if (verdict.kind === 'refused') return;
    assert.ok(verdict.kind === 'new');
    const detail: unknown = JSON.parse(detailText(verdict.fact));
    assert.ok(typeof detail === 'object' && detail !== null && 'checkpoint' in detail && detail.checkpoint === made.value);
    assert.ok(openCheckpoint(made.value, TRUST.keys).ok);
  }));
});

test('a note cannot make its reader verify without end', () => {
  const note = signed(checkpoint(5, 5));
  const [, line = ''] = note.split('\n\n');
  assert.equal(told(new Seen(), `${note}${line.repeat(7)}`), 'new');
  assert.equal(told(new Seen(), `${note}${line.repeat(8)}`), 'malformed');
});

test('no text but a signed checkpoint is ever kept', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => {
    assert.equal(judge(text, TRUST, new Seen()).kind, 'refused');
  }));
  const note = signed(checkpoint(7, 7));
  fc.assert(fc.property(fc.nat(note.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, put) => {
    const changed = note.slice(0, at) + put + note.slice(at + 1);
    if (changed !== note) assert.equal(judge(changed, TRUST, new Seen()).kind, 'refused');
  }));
});

test('what is remembered is bounded: the oldest sizes and the epochs that are heard of least go first, and are new again', () => {
  const seen = new Seen({ runs: 2, sizes: 3 });
  for (const size of [1, 2, 3, 4]) told(seen, signed(checkpoint(size, size)));
  assert.deepEqual([2, 4].map((size) => told(seen, signed(checkpoint(size, size)))), ['known', 'known']);
  assert.equal(told(seen, signed(checkpoint(1, 1))), 'new');
  told(seen, signed(checkpoint(1, 1, { epoch: 4 })));
  told(seen, signed(checkpoint(9, 9)));
  told(seen, signed(checkpoint(1, 1, { epoch: 5 })));
  assert.deepEqual([told(seen, signed(checkpoint(9, 9))), told(seen, signed(checkpoint(1, 1, { epoch: 4 })))], ['known', 'new']);
  const many = new Seen();
  for (let root = 0; root < 200; root += 1) many.keep(checkpoint(1, root), 'a note');
  assert.deepEqual([0, 1, 199].map((root) => many.look(checkpoint(1, root))), ['known', 'conflict', 'known_conflict']);
});

test('what could not be recorded is not remembered', () => {
  const seen = new Seen();
  seen.keep(checkpoint(1, 1), 'a');
  seen.keep(checkpoint(1, 2), 'b');
  seen.drop(checkpoint(1, 2));
  assert.deepEqual([1, 2].map((root) => seen.look(checkpoint(1, root))), ['known', 'conflict']);
  seen.drop(checkpoint(1, 1));
  assert.equal(seen.look(checkpoint(1, 2)), 'new');
  assert.equal(told(seen, signCheckpoint(checkpoint(1, 1), keyOf(NODE))), 'new');
});
