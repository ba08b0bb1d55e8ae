import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MASK, maskSecrets } from '../../src/core/masking.ts';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0xx.c2lnbmF0dXJl';

test('a JSON Web Token is masked wherever it stands, and what is around it is not', () => {
  for (const [before, after] of [['', ''], ['x ', ' y'], ['id-', ''], ['(', ')'], ['a.b.', '.tail'], ['"', '"']] as const) {
    assert.equal(maskSecrets(`${before}${jwt}${after}`), `${before}${MASK}${after}`);
  }
  assert.equal(maskSecrets(`${jwt} and ${jwt}`), `${MASK} and ${MASK}`);
  const unsigned = jwt.slice(0, jwt.lastIndexOf('.'));
  assert.equal(maskSecrets(unsigned), MASK);
});

test('words that only begin like a token stay', () => {
  for (const text of ['eyJ', 'eyJabc.def', 'monkeyJabcdefgh.abcdefgh', 'file.eyJ.txt', 'eyJabcdefgh']) assert.equal(maskSecrets(text), text);
});

// One argument of this kind stopped the whole gateway for a second: every place where a token could begin was read to the end.
test('text made of beginnings of tokens costs time linear in its length', () => {
  const cost = (units: number): bigint => {
    const text = '-eyJ'.repeat(units / 4);
    let best = 1n << 62n;
    for (let round = 0; round < 5; round += 1) {
      const start = process.hrtime.bigint();
      maskSecrets(text);
      const took = process.hrtime.bigint() - start;
      if (took < best) best = took;
    }
    return best;
  };
  cost(4096);
  // Sixteen times the text: quadratic would be 256 times the time.
  const [small, large] = [cost(4096), cost(65_536)];
  assert.ok(large < small * 100n, `${small} ns for 4 Ki, ${large} ns for 64 Ki`);
});
