import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTools } from '../../src/backends/listing.ts';
import { ok } from '../../src/core/result.ts';
import { json } from './support.ts';

test('a list of more tools than anybody has is cut, said so, and not read on', async () => {
  let pages = 0;
  const page = json({ tools: Array.from({ length: 1_000 }, (_, n) => ({ name: `t${n}`, inputSchema: {} })), nextCursor: 'x' });
  const listed = await readTools(async () => {
    pages += 1;
    return ok({ kind: 'result', raw: json({ ...JSON.parse(page), nextCursor: `c${pages}` }) });
  }, { listPages: 64, listBytes: 1 << 30 });
  assert.ok(listed.ok);
  assert.equal(listed.value.tools.length, 5_000);
  assert.equal(pages, 5);
  assert.match(listed.value.notes.join(), /5000 tools or more/);
});
