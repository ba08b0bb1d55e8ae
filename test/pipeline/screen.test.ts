import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toRaw } from '../../src/core/json/compose.ts';
import { members } from '../../src/core/json/slice.ts';
import { read, world } from '../support/world.ts';

for (const era of ['modern', 'legacy'] as const) {
  test(`a large result is walked once on its way to a ${era} agent`, async (t) => {
    const raw = toRaw({ content: Array.from({ length: 500 }, (_, n) => [n]), _meta: { 'com.acme/x': 1 }, isError: false });
    const looks = t.mock.method(String.prototype, 'charCodeAt');
    members(raw);
    const once = looks.mock.callCount();
    assert.ok(once > raw.length / 2, 'each look at a character is counted');
    const w = world({ respond: () => ({ ok: true, value: { kind: 'result', raw } }) });
    looks.mock.resetCalls();
    const answer = await w.callTool('alpha__echo', {}, { era });
    const looked = looks.mock.callCount();
    looks.mock.restore();
    assert.equal(Array.isArray(read(answer).result?.['content']), true);
    assert.ok(looked < 1.5 * once, `${looked} looks, of which one walk takes ${once}`);
  });
}
