import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withThose } from '../../src/app/overrides.ts';
import { timestamp } from '../../src/core/ids.ts';
import type { Override } from '../../src/core/override.ts';

function kill(id: string): Override {
  return { kind: 'kill', id, scope: { kind: 'all' }, by: 'ann', reason: 'x', at: timestamp(0), until: undefined };
}

test('when PostgreSQL is back, its word counts, and a kill that was said meanwhile stays', () => {
  const [old, undone, elsewhere, meanwhile] = [kill('old'), kill('undone'), kill('elsewhere'), kill('meanwhile')];
  const began = [old, undone];
  const present = [old, undone, meanwhile];
  const stored = [old, elsewhere];
  assert.deepEqual(withThose(stored, present, began), [old, elsewhere, meanwhile]);
});
