import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { SchemaVerdict } from '../../src/core/ports.ts';
import { type ClosableChecker, createSchemaChecker } from '../../src/backends/schema/checker.ts';
import { dialectOf, schemaProblem } from '../../src/backends/schema/limits.ts';
import { patternOf } from '../../src/backends/schema/patterns.ts';
import { clock, json, rawOf, systemTimers } from './support.ts';

const digestOf = (schema: RawJson): string => createHash('sha256').update(schema).digest('hex');
const CATASTROPHE = { type: 'object', properties: { s: { type: 'string', pattern: '^(a+)+\\1b$' } } };
const BAIT = { s: `${'a'.repeat(40)}c` };

describe('the schema checker', { timeout: 60_000 }, () => {
  const log: string[] = [];
  let checker: ClosableChecker;
  const check = async (schema: unknown, args: unknown, by: string = 'alice'): Promise<SchemaVerdict> => {
    const raw = json(schema);
    return checker.check(raw, digestOf(raw), json(args), by);
  };
  before(() => {
    checker = createSchemaChecker({ clock, timers: systemTimers, deadlineMs: 1_500, schemaBytes: 200_000, log: (text) => log.push(text) });
  });
  after(async () => checker.close());

  test('says valid and invalid, with the place and the rule', async () => {
    const schema = { type: 'object', properties: { n: { type: 'integer', minimum: 3 }, list: { type: 'array', items: { enum: ['a'] } } }, required: ['n'] };
    assert.deepEqual(await check(schema, { n: 3, other: true }), { kind: 'valid' });
    assert.deepEqual(await check(schema, { n: 1, list: ['a', 'secret-value'] }), {
      kind: 'invalid',
      errors: [
        { path: '/n', steps: ['n'], keyword: 'minimum', message: 'must be >= 3' },
        { path: '/list/1', steps: ['list', 1], keyword: 'enum', message: 'must be equal to one of the allowed values' },
      ],
    });
    assert.deepEqual(await check(schema, {}), { kind: 'invalid', errors: [{ path: '', steps: [], keyword: 'required', message: "must have required property 'n'" }] });
  });

  test('an answer never repeats a value', async () => {
    const canary = 'canary-value';
    const schema = { type: 'object', properties: { a: { type: 'number' }, b: { const: 1 }, c: { format: 'email' }, d: { pattern: '^x' }, e: { not: {} } }, additionalProperties: false };
    const verdict = await check(schema, { a: canary, b: canary, c: canary, d: canary, e: canary });
    assert.equal(verdict.kind, 'invalid');
    assert.doesNotMatch(JSON.stringify(verdict), /canary/);
  });

  test('reads the dialect that is named, 2020-12 when none is', async () => {
    const tuple = { type: 'object', properties: { t: { items: [{ type: 'string' }] } } };
    const draft7 = { ...tuple, $schema: 'http://json-schema.org/draft-07/schema#' };
    assert.equal((await check(draft7, { t: [1] })).kind, 'invalid');
    const modern = { type: 'object', properties: { t: { prefixItems: [{ type: 'string' }] } } };
    assert.equal((await check(modern, { t: [1] })).kind, 'invalid');
    assert.equal((await check({ ...modern, $schema: 'https://json-schema.org/draft/2020-12/schema' }, { t: ['x'] })).kind, 'valid');
    assert.equal((await check({ ...modern, $schema: 'http://json-schema.org/draft-03/schema#' }, {})).kind, 'unusable');
  });

  test('local references work, all others make a schema unusable [C13, SEC43]', async () => {
    assert.equal((await check({ type: 'object', properties: { a: { $ref: '#/$defs/n' } }, $defs: { n: { type: 'number' } } }, { a: 'x' })).kind, 'invalid');
    for (const $ref of ['https://evil.example/schema.json', 'file:///etc/passwd', 'other.json', 'https://json-schema.org/draft/2020-12/schema']) {
      assert.deepEqual(await check({ type: 'object', properties: { a: { $ref } } }, {}), { kind: 'unusable', note: 'the schema refers to another document' });
    }
  });

  test('a schema that does not compile, is asynchronous or is too large is unusable', async () => {
    assert.equal((await check({ type: 'object', properties: { a: { type: 'nonsense' } } }, {})).kind, 'unusable');
    assert.equal((await check({ type: 'object', properties: { a: { pattern: '(' } } }, {})).kind, 'unusable');
    assert.equal((await check({ $async: true, type: 'object' }, {})).kind, 'unusable');
    assert.equal((await check({ type: 'object', description: 'x'.repeat(200_000) }, {})).kind, 'unusable');
  });

  test('the same $id in two schemas is no conflict', async () => {
    assert.equal((await check({ $id: 'https://x/s', type: 'object', required: ['a'] }, { a: 1 })).kind, 'valid');
    assert.equal((await check({ $id: 'https://x/s', type: 'object', required: ['b'] }, { a: 1 })).kind, 'invalid');
  });

  test('R6: a pattern that backtracks is matched in linear time where that is possible', async () => {
    assert.equal((await check({ type: 'object', properties: { s: { pattern: '^(a+)+$' } } }, BAIT)).kind, 'invalid');
    assert.deepEqual(log, []);
  });

  test('R6: arguments that hang cost their own call; those behind them are answered by a new thread', async () => {
    const others = { type: 'object', required: ['a'] };
    const verdicts = await Promise.all([check(others, { a: 1 }), check(CATASTROPHE, BAIT, 'mallory'), check(others, {}), check(others, { a: 2 })]);
    assert.deepEqual(verdicts.map(({ kind }) => kind), ['valid', 'invalid', 'invalid', 'valid']);
    assert.deepEqual(verdicts[1], { kind: 'invalid', errors: [{ path: '', steps: [], keyword: 'deadline', message: 'take too long to check' }] });
    assert.deepEqual(log, ['a schema ran out of time']);
  });

  test('however often one sender hangs a schema, the tool stays usable for all, and nobody waits behind more than one of its checks', async () => {
    const before = log.length;
    const hanging = Array.from({ length: 4 }, async () => check(CATASTROPHE, BAIT, 'trudy'));
    const honest = await Promise.all([check(CATASTROPHE, { s: 'b' }), check({ type: 'object' }, {}, 'bob')]);
    assert.deepEqual(honest.map(({ kind }) => kind), ['invalid', 'valid']);
    // Those behind it go on apart: when the others were answered, no second one of them had ended.
    assert.equal(log.length - before, 1);
    assert.ok((await Promise.all(hanging)).every((verdict) => verdict.kind === 'invalid'));
    assert.doesNotMatch(JSON.stringify(await check(CATASTROPHE, { s: 'b' })), /quarantine|deadline/);
  });

  test('what waits is bounded for each sender: one that fills its room takes none of another’s', async () => {
    const schema = json({ type: 'object' });
    const bulk = rawOf(`{"s":"${'x'.repeat(5 * 2 ** 20)}"}`);
    const kinds = async (by: string, times: number): Promise<readonly string[]> =>
      (await Promise.all(Array.from({ length: times }, async () => checker.check(schema, digestOf(schema), bulk, by)))).map(({ kind }) => kind);
    const [many, one] = await Promise.all([kinds('mallory', 5), kinds('alice', 1)]);
    assert.deepEqual(many.toSorted(), ['unchecked', 'unchecked', 'valid', 'valid', 'valid']);
    assert.deepEqual(one, ['valid']);
    assert.deepEqual(await kinds('mallory', 1), ['valid']);
  });

  test('arguments that make a pattern fail are refused, and do not make the schema unusable', async () => {
    const schema = { type: 'object', properties: { s: { type: 'string', pattern: '^(?:.|\\n)*\\1?()$' } } };
    assert.notEqual((await check(schema, { s: 'x'.repeat(3_000_000) })).kind, 'unusable');
    assert.equal((await check(schema, { s: 'x' })).kind, 'valid');
  });

  test('two patterns in one schema are two patterns', async () => {
    const schema = { type: 'object', properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' }, c: { pattern: '^[c-]$' } } };
    assert.equal((await check(schema, { a: 'a', b: 'b', c: '-' })).kind, 'valid');
    assert.equal((await check(schema, { a: 'a', b: 'a' })).kind, 'invalid');
  });

  test('memory of the thread is bounded, and its loss is survived', async () => {
    const schema = { type: 'object', properties: { s: { type: 'array', items: { type: 'object', patternProperties: { '.*': { type: 'number' } } } } } };
    const many = rawOf(`{"s":[${Array.from({ length: 9_000 }, () => '{"k":"x"}').join(',')}]}`);
    const raw = json(schema);
    // Every element is an error: allErrors must not be a way to fill the heap.
    const verdict = await checker.check(raw, digestOf(raw), many, 'alice');
    assert.ok(verdict.kind === 'invalid' && verdict.errors.length <= 16);
    assert.equal((await check({ type: 'object' }, {})).kind, 'valid');
  });

  test('after closing nothing is checked any more', async () => {
    const other = createSchemaChecker({ clock, timers: systemTimers, deadlineMs: 1_000, schemaBytes: 1_000, log: () => undefined });
    const raw = json({ type: 'object' });
    const waiting = other.check(raw, 'd', json({}), 'alice');
    await other.close();
    assert.equal((await waiting).kind, 'unchecked');
    assert.equal((await other.check(raw, 'd', json({}), 'alice')).kind, 'unchecked');
  });
});

describe('what a schema may be', () => {
  test('depth and size are counted without a call stack [C13, SEC42]', () => {
    let deep: unknown = {};
    for (let n = 0; n < 100_000; n += 1) deep = { not: deep };
    assert.match(schemaProblem(deep) ?? '', /levels deep/);
    assert.match(schemaProblem({ enum: Array.from({ length: 30_000 }, (_, n) => n) }) ?? '', /parts/);
    assert.equal(schemaProblem({ type: 'object', properties: { a: { $ref: '#/$defs/b' } } }), undefined);
  });

  test('a pattern says what RegExp says, with `u` where that is a difference', () => {
    const texts = ['', 'a', 'aé', '\u{1f600}', 'x-y.z', 'p{L}', '\ud83d'];
    for (const source of ['^.$', '^\\p{L}+$', '^[\\w\\-.]+$', '^[^a]{1,2}$', '\\u{1f600}', '\\uD83D\\uDE00']) {
      for (const text of texts) assert.equal(patternOf(source).test(text), new RegExp(source, 'u').test(text), `${source} on ${text}`);
    }
    // Only the `u` flag minds this one.
    assert.equal(patternOf('^[\\w-.]+$').test('x-y.z'), true);
    assert.throws(() => patternOf('('));
  });

  test('no schema makes the check throw', () => {
    fc.assert(fc.property(fc.anything(), (value) => {
      const problem = schemaProblem(value);
      assert.ok(problem === undefined || typeof problem === 'string');
      dialectOf(value);
    }));
  });
});
