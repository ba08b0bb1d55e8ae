import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shapeOf } from '../../../src/core/json/shape.ts';
import { jsonText, raw } from './texts.ts';

test('a shape tells paths, kinds, counts and lengths, and no value', () => {
  const shape = shapeOf(raw('{"path":"/etc/passwd","opts":{"deep":true,"n":[1,2,"three"]},"rows":[{"id":1},{"id":null,"x~/*":[]}]}'), 100);
  assert.deepEqual(shape, {
    truncated: false,
    paths: [
      { path: '', kinds: ['object'], count: 1, maxLength: 3 },
      { path: '/path', kinds: ['string'], count: 1, maxLength: 11 },
      { path: '/opts', kinds: ['object'], count: 1, maxLength: 2 },
      { path: '/opts/deep', kinds: ['boolean'], count: 1, maxLength: 0 },
      { path: '/opts/n', kinds: ['array'], count: 1, maxLength: 3 },
      { path: '/opts/n/*', kinds: ['number', 'string'], count: 3, maxLength: 5 },
      { path: '/rows', kinds: ['array'], count: 1, maxLength: 2 },
      { path: '/rows/*', kinds: ['object'], count: 2, maxLength: 2 },
      { path: '/rows/*/id', kinds: ['null', 'number'], count: 2, maxLength: 0 },
      { path: '/rows/*/x~0~1~2', kinds: ['array'], count: 1, maxLength: 0 },
    ],
  });
});

test('no string value and no number of the message appears in its shape', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.integer({ min: 100_000 }))), (rows) => {
    const text = JSON.stringify(rows.map(([key, secret]) => ({ [`k${key}`]: `s${secret}`, n: secret })));
    const told = JSON.stringify(shapeOf(raw(text), 50));
    for (const [, secret] of rows) assert.ok(!told.includes(String(secret)));
  }));
});

test('never more paths than asked for, and says so when some were left out', () => {
  fc.assert(fc.property(jsonText, fc.nat({ max: 6 }), (text, maxPaths) => {
    const all = shapeOf(raw(text), 10_000);
    const some = shapeOf(raw(text), maxPaths);
    assert.equal(all.truncated, false);
    assert.equal(some.truncated, all.paths.length > maxPaths);
    assert.equal(some.paths.length, Math.min(maxPaths, all.paths.length));
    for (const [index, path] of some.paths.entries()) assert.deepEqual(path, all.paths[index], 'counts stay true for the paths that are told');
  }), { numRuns: 300 });
});

test('long keys are cut and cut keys stay valid text', () => {
  const [, child] = shapeOf(raw(`{"${'k'.repeat(63)}😀tail":1}`), 10).paths;
  assert.ok(child !== undefined && child.path.isWellFormed());
  assert.ok(child.path.length <= 67);
  assert.ok(!child.path.includes('tail'));
});

test('depth is no matter for the call stack', () => {
  const deep = raw('['.repeat(100_000) + ']'.repeat(100_000), { maxDepth: 100_000, maxKeys: 1, maxItems: 100_000, maxKeyLength: 1, maxNumberLength: 1, loneSurrogates: 'reject' });
  assert.equal(shapeOf(deep, 5).truncated, true);
});
