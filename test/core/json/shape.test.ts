import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BACKEND_LIMITS } from '../../../src/core/json/raw.ts';
import { scan } from '../../../src/core/json/scan.ts';
import { plainSegment, segmentOf } from '../../../src/core/json/segment.ts';
import { shapeOf } from '../../../src/core/json/shape.ts';
import { sha } from '../../support/world.ts';
import { jsonText, raw } from './texts.ts';

test('a shape tells paths, kinds, counts and lengths, and no value', () => {
  const shape = shapeOf(raw('{"path":"/etc/passwd","opts":{"deep":true,"n":[1,2,"three"]},"rows":[{"id":1},{"id":null,"x~/*":[]}]}'), 100, plainSegment);
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
    const told = JSON.stringify(shapeOf(raw(text), 50, plainSegment));
    for (const [, secret] of rows) assert.ok(!told.includes(String(secret)));
  }));
});

test('never more paths than asked for, and says so when some were left out', () => {
  fc.assert(fc.property(jsonText, fc.nat({ max: 6 }), (text, maxPaths) => {
    const all = shapeOf(raw(text), 10_000, plainSegment);
    const some = shapeOf(raw(text), maxPaths, plainSegment);
    assert.equal(all.truncated, false);
    assert.equal(some.truncated, all.paths.length > maxPaths);
    assert.equal(some.paths.length, Math.min(maxPaths, all.paths.length));
    for (const [index, path] of some.paths.entries()) assert.deepEqual(path, all.paths[index], 'counts stay true for the paths that are told');
  }), { numRuns: 300 });
});

test('long keys are cut and cut keys stay valid text', () => {
  const [, child] = shapeOf(raw(`{"${'k'.repeat(63)}😀tail":1}`), 10, plainSegment).paths;
  assert.ok(child !== undefined && child.path.isWellFormed());
  assert.ok(child.path.length <= 67);
  assert.ok(!child.path.includes('tail'));
});

test('depth is no matter for the call stack', () => {
  const deep = raw('['.repeat(100_000) + ']'.repeat(100_000), { maxDepth: 100_000, maxKeys: 1, maxItems: 100_000, maxKeyLength: 1, maxNumberLength: 1, loneSurrogates: 'reject' });
  assert.equal(shapeOf(deep, 5, plainSegment).truncated, true);
});

test('a key that may not stand is told by eight digits of a keyed digest, the same wherever it comes again, and no part of it', () => {
  const digest = (text: string): string => Buffer.from(text).toString('hex').padStart(64, 'f');
  const hidden = segmentOf((key) => key === 'balances', digest);
  const { paths } = shapeOf(raw('{"balances":{"jane.doe@example.org":1,"4111 1111 1111 1111":true},"other":{"balances":[{"jane.doe@example.org":2}]}}'), 50, hidden);
  const [jane = '', card = '', other = ''] = ['jane.doe@example.org', '4111 1111 1111 1111', 'other'].map((key) => `~3${digest(key).slice(0, 8)}`);
  assert.deepEqual(paths.map(({ path }) => path), ['', '/balances', `/balances/${jane}`, `/balances/${card}`, `/${other}`, `/${other}/balances`, `/${other}/balances/*`, `/${other}/balances/*/${jane}`]);
});

test('of an object with more keys than paths, no more digests are made than paths', () => {
  let made = 0;
  const digest = (text: string): string => {
    made += 1;
    return text.padStart(64, '0');
  };
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, at])));
  assert.equal(shapeOf(raw(many), 64, segmentOf(() => false, digest)).paths.length, 64);
  assert.equal(made, 63);
});

test('an element of an array is not taken for a key that is written like it', () => {
  const { paths } = shapeOf(raw('[[1],{"*":2}]'), 50, plainSegment);
  assert.deepEqual(paths.map(({ path }) => path), ['', '/*', '/*/*', '/*/~2']);
});

test('property: a path of the record never holds a key that may not stand', () => {
  const key = fc.string({ minLength: 9, maxLength: 400 });
  fc.assert(fc.property(fc.array(fc.tuple(key, fc.anything({ key, maxDepth: 3 })), { maxLength: 5 }), (members) => {
    const keys = new Set<string>();
    const text = JSON.stringify(Object.fromEntries(members), (name, value: unknown) => {
      if (name.length > 8) keys.add(name);
      return typeof value === 'bigint' ? null : value;
    });
    const scanned = scan(text, BACKEND_LIMITS);
    if (!scanned.ok) return;
    const told = JSON.stringify(shapeOf(scanned.value, 500, segmentOf(() => false, sha)));
    for (const name of keys) assert.ok(!told.includes(JSON.stringify(name).slice(1, -1)), name);
  }), { numRuns: 300 });
});
