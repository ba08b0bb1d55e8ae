import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

test('only the JSON room can call text scanned: nobody else imports mint or casts to RawJson', () => {
  const root = new URL('../../../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  assert.ok(files.includes('core/json/scan.ts'), 'the tree was seen');
  const minting = files.filter((name) => /\bmint\b[^;]*\bfrom '[^']*raw\.ts'|\bas RawJson\b/s.test(readFileSync(new URL(name, root), 'utf8')));
  assert.deepEqual(minting.filter((name) => !name.startsWith('core/json/')), []);
  assert.ok(minting.includes('core/json/scan.ts'), 'the pattern finds what it looks for');
});
