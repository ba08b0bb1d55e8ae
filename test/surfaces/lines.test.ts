import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineReader } from '../../src/surfaces/mcp/lines.ts';

function reader(max: number): { readonly lines: string[]; readonly reader: LineReader; overs(): number } {
  const lines: string[] = [];
  let overs = 0;
  return { lines, reader: new LineReader(max, { line: (bytes) => void lines.push(Buffer.from(bytes).toString()), oversize: () => void (overs += 1) }), overs: () => overs };
}

test('however the bytes are cut, the same lines come out; long ones are told once and skipped', () => {
  const line = fc.string({ maxLength: 30 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), fc.boolean(), (lines, cuts, crlf) => {
    const bytes = Buffer.from(lines.map((text) => text + (crlf ? '\r\n' : '\n')).join(''));
    const max = 20;
    const { reader: under, lines: got, overs } = reader(max);
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const next = at + (cuts[turn % cuts.length] ?? 1);
      under.push(bytes.subarray(at, next));
      at = next;
    }
    under.end();
    const end = crlf ? 1 : 0;
    const size = (text: string): number => Buffer.byteLength(text) + end;
    assert.deepEqual(got, lines.filter((text) => text !== '' && size(text) <= max));
    assert.equal(overs(), lines.filter((text) => size(text) > max).length);
  }));
});

test('a last line without a newline still counts', () => {
  const { reader: under, lines } = reader(100);
  under.push(Buffer.from('a\nb'));
  under.end();
  assert.deepEqual(lines, ['a', 'b']);
});

test('I11 a 10 MB line in small writes is thrown away in linear time and memory', () => {
  const { reader: under, lines, overs } = reader(4 * 1024 * 1024);
  const chunk = Buffer.alloc(512, 0x78);
  for (let sent = 0; sent < 20_000; sent += 1) under.push(chunk);
  under.push(Buffer.from('\nnext\n'));
  assert.deepEqual([lines, overs()], [['next'], 1]);
});
