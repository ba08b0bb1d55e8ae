import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quote, toRaw } from '../../src/core/json/compose.ts';
import { AGENT_LIMITS } from '../../src/core/json/raw.ts';
import { scan, type RawJson } from '../../src/core/json/scan.ts';
import { storable } from '../../src/core/text.ts';
import { redactJson } from '../../src/stores/redact.ts';
import { maskSecrets } from '../../src/core/masking.ts';
import { CANARIES, FRAGMENTS } from './canaries.ts';

const KEYS = ['password', 'token', 'api_key'];
const redact = (value: unknown, bytes = 4096): string => redactJson(toRaw(value), { bytes, keys: KEYS });
const raw = (text: string): RawJson => {
  const scanned = scan(text, AGENT_LIMITS);
  assert.ok(scanned.ok);
  return scanned.value;
};

test('members whose key names a secret are masked whole, whatever their case, separators, kind and depth', () => {
  assert.equal(redact({ user: 'a', Password: 'hunter2', nested: [{ 'Api-Key': { deep: 1 }, accessToken: ['x'] }], token: null, token_empty: '' }),
    '{"user":"a","Password":"[redacted]","nested":[{"Api-Key":"[redacted]","accessToken":"[redacted]"}],"token":null,"token_empty":""}');
});

test('a pair of a secret name and its value is masked like a member', () => {
  assert.equal(redact({ headers: [{ name: 'X-Api-Key', value: 'v1' }, { name: 'Accept', value: '*/*' }] }),
    '{"headers":[{"name":"X-Api-Key","value":"[redacted]"},{"name":"Accept","value":"*/*"}]}');
});

test('J12: no canary survives in values, keys, or text that is itself JSON, a URL or a shell line', () => {
  for (const [kind, canary] of CANARIES) {
    for (const text of [canary, `use ${canary} now`, JSON.stringify({ note: canary }), `\n${canary}\n`]) {
      const kept = redact({ text, [text]: 1, list: [[text]] });
      assert.ok(!FRAGMENTS.some((fragment) => kept.includes(fragment)), `${kind}: ${kept}`);
    }
  }
});

test('a secret that stands across the cap is not stored in part', () => {
  const canary = `ghp_${'Z'.repeat(36)}`;
  for (const lead of [60, 80, 95]) {
    const kept = redact({ text: `${'a'.repeat(lead)} ${canary}` }, 100);
    assert.ok(!kept.includes('ZZZ'), kept);
  }
});

test('J05: whatever the size of the arguments, what is kept is valid JSON within the cap and says that it was cut', () => {
  const kept = redact({ blob: 'é'.repeat(5_000_000) }, 2048);
  assert.ok(Buffer.byteLength(kept) <= 2048);
  const parsed: unknown = JSON.parse(kept);
  assert.ok(typeof parsed === 'object' && parsed !== null && 'sentinel_truncated' in parsed && 'head' in parsed);
});

test('numbers that no database can hold are kept as text; others keep every digit', () => {
  assert.equal(redactJson(raw('{"a":1e999999,"b":123456789012345678901234567890,"c":-1.50e-3}'), { bytes: 4096, keys: [] }),
    '{"a":"1e999999","b":123456789012345678901234567890,"c":-1.50e-3}');
});

test('ordinary words are left alone', () => {
  const text = 'Read the basic token budget: 5 keys, a secretary, https://example.com/a?b=c and key: no';
  assert.equal(maskSecrets(text), text);
});

test('property: any JSON value becomes valid JSON within the cap, without NUL or lone surrogates', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), fc.integer({ min: 64, max: 2000 }), (value, bytes) => {
    const kept = redactJson(toRaw(value), { bytes, keys: KEYS });
    assert.ok(Buffer.byteLength(kept) <= bytes);
    JSON.parse(kept);
    assert.ok(kept.isWellFormed() && !/\\u0000|\\ud[89a-f]/i.test(kept.replaceAll('\\\\', '')));
  }), { numRuns: 500 });
});

test('property: values without secrets come back equal when they fit', () => {
  const plain = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => `v${text.replaceAll(/[^\p{L} ]/gu, '')}`).filter((text) => maskSecrets(text) === text);
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, plain, fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('node'), { maxLength: 4 }), fc.dictionary(fc.stringMatching(/^[a-d]{1,4}$/), tie('node'), { maxKeys: 4, noNullPrototype: true })),
  })).node;
  fc.assert(fc.property(tree, (value) => {
    assert.deepEqual(JSON.parse(redact(value, 100_000)), value);
  }), { numRuns: 300 });
});

test('property: any string is stored readable and reversible to the eye', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
    const kept: unknown = JSON.parse(redactJson(quote(text), { bytes: 4096, keys: [] }));
    assert.equal(kept, storable(maskSecrets(text)));
  }));
});

test('masking is linear: a megabyte of half-made secrets of every kind ends', () => {
  const halves = ['-----BEGIN PRIVATE KEY-----', 'Bearer ', 'eyJ', 'eyJaaaaaa.', 'password=', '://a:', 'sk-', 'token":"', '    :    =    ', 'authorization: '];
  for (const half of halves) {
    // A quadratic pattern would take hours here.
    const masked = maskSecrets(half.repeat(Math.floor(1_000_000 / half.length)));
    assert.ok(masked.length > 0);
  }
});
