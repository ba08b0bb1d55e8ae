import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineReader } from '../../src/backends/stdio/framing.ts';

interface Read { readonly lines: string[]; readonly oversize: (readonly [head: string, tail: string])[] }

function read(cap: number, chunks: readonly Buffer[]): Read {
  const out: Read = { lines: [], oversize: [] };
  const reader = new LineReader(cap, {
    line: (bytes) => out.lines.push(Buffer.from(bytes).toString('latin1')),
    oversize: (head, tail) => out.oversize.push([head.toString('latin1'), tail.toString('latin1')]),
  });
  for (const chunk of chunks) reader.push(chunk);
  return out;
}

/** Cuts text at random places. */
const chunked = fc.tuple(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '{', 'é'), maxLength: 40 })), fc.array(fc.nat(200))).map(([lines, cuts]) => {
  const bytes = Buffer.from(lines.join('\n'));
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return { bytes, chunks: [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length)) };
});

describe('LineReader', () => {
  test('gives the lines of the text, however it was cut into chunks', () => {
    fc.assert(fc.property(chunked, ({ bytes, chunks }) => {
      const expected = bytes.toString('latin1').split('\n').slice(0, -1);
      assert.deepEqual(read(1_000, chunks), { lines: expected, oversize: [] });
    }));
  });

  test('drops exactly the lines above the cap, however they were cut', () => {
    fc.assert(fc.property(chunked, fc.integer({ min: 1, max: 30 }), ({ bytes, chunks }, cap) => {
      const all = bytes.toString('latin1').split('\n').slice(0, -1);
      const result = read(cap, chunks);
      assert.deepEqual(result.lines, all.filter((line) => line.length <= cap));
      assert.equal(result.oversize.length, all.filter((line) => line.length > cap).length);
    }));
  });

  test('shows both ends of an oversized line, and goes on behind it', () => {
    const line = `HEAD${'x'.repeat(5_000)}TAIL`;
    const chunks = [...`${line}\nnext\n`].map((char) => Buffer.from(char));
    const result = read(100, chunks);
    assert.deepEqual(result.lines, ['next']);
    assert.match(result.oversize[0]?.[0] ?? '', /^HEADx/);
    assert.match(result.oversize[0]?.[1] ?? '', /xTAIL$/);
  });

  test('I11: a 4 MB line in single bytes is read without keeping a buffer for each byte', () => {
    const size = 4 * 1024 * 1024;
    const reader = new LineReader(size, { line: (bytes) => assert.equal(bytes.length, size), oversize: () => assert.fail() });
    const before = process.memoryUsage().arrayBuffers;
    const one = Buffer.from('a');
    for (let n = 0; n < size; n += 1) reader.push(one);
    assert.ok(process.memoryUsage().arrayBuffers - before < 6 * size, 'memory grew with the number of chunks');
    reader.push(Buffer.from('\n'));
  });
});
