import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { notesOf } from '../../../src/stores/tlog/anchors.ts';
import { makeLog } from './log.ts';

const log = makeLog({ count: 3 });
const notes = [1, 2, 3].map((size) => log.note(size));
const cosigned = `${notes[0]}\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n`;

async function read(text: string, piece = 1 << 20): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, at) => bytes.subarray(at * piece, (at + 1) * piece));
  const found: string[] = [];
  for await (const note of notesOf((async function* () {
    yield* pieces;
  })())) found.push(note);
  return found;
}

describe('a file of anchors', () => {
  test('has its notes one behind the other, whatever lies between them', async () => {
    for (const between of ['', '\n', '\n\n\n']) assert.deepEqual(await read([cosigned, ...notes].join(between)), [cosigned, ...notes]);
    assert.deepEqual(await read(''), []);
    assert.deepEqual(await read('\n\n'), []);
    assert.deepEqual(await read(`${notes[0]}rubbish`), [notes[0], 'rubbish\n'], 'what is no note is there to be refused');
    assert.deepEqual(await read((notes[0] ?? '').trimEnd()), [notes[0]], 'without its last line break');
  });

  test('or JSON Lines with the note of each in `checkpoint`, as exports write them, or in `detail.checkpoint`, as a witness keeps them', async () => {
    const [one = '', two = '', three = ''] = notes;
    const lines = [
      { checkpoint: one }, { v: 2, event: 'witnessed', detail: { node: 'x', epoch: 1, size: 2, checkpoint: two } }, { v: 2, event: 'listed', subject: '\u2028\u2029 \r' }, { detail: 'checkpoint' }, { detail: null }, {},
      { checkpoint: 7, detail: { checkpoint: null } }, { v: 2, event: 'witnessed', detail: { checkpoint: three, conflict: true } },
    ];
    assert.deepEqual(await read(lines.map((line) => `${JSON.stringify(line)}\n`).join('')), notes);
    assert.deepEqual(await read(`\n${lines.map((line) => JSON.stringify(line)).join('\n\n')}`), notes, 'with empty lines and no last break');
    assert.deepEqual(await read(`${JSON.stringify(lines[2])}\n`), [], 'JSON without a note is passed over');
    assert.deepEqual(await read(`${JSON.stringify(lines[0])}\n{"checkpoint":"— cut`), [one, '{"checkpoint":"— cut'], 'and what is not JSON is there to be refused');
  });

  test('is read the same in pieces of any size', async () => {
    const texts = [[cosigned, ...notes].join('\n'), notes.map((checkpoint) => `${JSON.stringify({ detail: { checkpoint }, fault: 'é 😀 \u2028' })}\n`).join('')];
    for (const text of texts) {
      const whole = await read(text);
      await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (piece) => assert.deepEqual(await read(text, piece), whole)), { numRuns: 30 });
    }
  });

  test('with a line without end is given up', async () => {
    await assert.rejects(read(`{"a":"${'x'.repeat((1 << 24) + 10)}`, 1 << 22), RangeError);
  });
});
