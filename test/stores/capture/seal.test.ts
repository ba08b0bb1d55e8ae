import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyName, keyNamed, readCaptured, runKey, seal, type Sealed, type Sealing, unseal } from '../../../src/stores/capture/seal.ts';
import { CALL, NODE, RECORD } from './world.ts';

const DAY_KEY = Uint8Array.from({ length: 32 }, (_, at) => at);
const SALT = Uint8Array.from({ length: 16 }, (_, at) => 0xa0 + at);
const IV = Uint8Array.from({ length: 12 }, (_, at) => 0xc0 + at);
const KID = keyName('AAECAwQFBgcICQoL', SALT);
const SEALING: Sealing = { place: { node: NODE, id: RECORD, kind: 'outcome', call: CALL }, day: '2026-11-21', kid: KID, rules: [{ id: '0123456789ab', reason: 'to undo it', owner: 'team "a"' }] };
const PLAIN = '{"arguments":{"/title":"Fix the door"}}';

function sealed(text: string, sealing: Sealing = SEALING, key: Uint8Array = runKey(DAY_KEY, SALT)): Sealed {
  const read = readCaptured(seal(text, sealing, key, IV));
  assert.ok(read !== undefined && 'data' in read);
  return read;
}

const flip = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

test('the vector of docs/audit-capture.md: from key, salt and nonce exactly this member', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/audit-capture.md'), 'utf8');
  const captured = seal(PLAIN, SEALING, runKey(DAY_KEY, SALT), IV);
  for (const shown of [captured, b64(DAY_KEY), b64(SALT), b64(runKey(DAY_KEY, SALT)), PLAIN, JSON.stringify(['sentinel-audit-capture/1', NODE, RECORD, 'outcome', CALL, '2026-11-21', KID, 'A256GCM', SEALING.rules])]) {
    assert.ok(page.includes(`\n${shown}\n`), shown);
  }
});

test('another implementation, by the words of the page alone, reads it', () => {
  const { day, kid, alg, iv, data, rules } = sealed(PLAIN);
  const salt = Buffer.from(kid.split('.')[1] ?? '', 'base64url');
  const prk = createHmac('sha256', salt).update(DAY_KEY).digest();
  const key = createHmac('sha256', prk).update('sentinel-audit-capture/1').update(Buffer.of(1)).digest();
  const bytes = Buffer.from(data, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'));
  decipher.setAAD(Buffer.from(JSON.stringify(['sentinel-audit-capture/1', NODE, RECORD, 'outcome', CALL, day, kid, alg, rules])));
  decipher.setAuthTag(bytes.subarray(-16));
  const text = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
  assert.equal(text.length % 64, 0);
  assert.equal(text.trimEnd(), PLAIN);
});

test('property: what was sealed is read back, under its own place and key only', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 12 });
  const place = fc.record({ node: name, id: name, kind: fc.constantFrom('intent', 'outcome'), call: name });
  fc.assert(fc.property(fc.jsonValue(), place, fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ minLength: 12, maxLength: 12 }), (value, at, key, iv) => {
    const text = JSON.stringify({ value });
    const read = readCaptured(seal(text, { ...SEALING, place: at }, key, iv));
    assert.ok(read !== undefined && 'data' in read);
    assert.equal(unseal(read, at, key), text);
    assert.equal(unseal(read, at, flip(key, 77)), undefined);
  }), { numRuns: 300 });
});

test('every flipped bit of the ciphertext, of its tag and of the nonce is refused', () => {
  const whole = sealed(PLAIN);
  const key = runKey(DAY_KEY, SALT);
  const data = Buffer.from(whole.data, 'base64url');
  for (let bit = 0; bit < data.length * 8; bit += 1) assert.equal(unseal({ ...whole, data: b64(flip(data, bit)) }, SEALING.place, key), undefined, `bit ${bit}`);
  for (let bit = 0; bit < 96; bit += 1) assert.equal(unseal({ ...whole, iv: b64(flip(IV, bit)) }, SEALING.place, key), undefined, `nonce ${bit}`);
  for (let length = 0; length < data.length; length += 1) assert.equal(unseal({ ...whole, data: b64(data.subarray(0, length)) }, SEALING.place, key), undefined, `${length} bytes`);
});

test('a ciphertext is good for its own record, key and rules alone', () => {
  const whole = sealed(PLAIN);
  const key = runKey(DAY_KEY, SALT);
  const { place } = SEALING;
  const moved: readonly (readonly [string, Sealed, typeof place])[] = [
    ['node', whole, { ...place, node: `${NODE}x` }], ['record', whole, { ...place, id: CALL }], ['kind', whole, { ...place, kind: 'intent' }], ['call', whole, { ...place, call: RECORD }],
    ['call and record swapped', whole, { ...place, id: CALL, call: RECORD }],
    ['day', { ...whole, day: '2026-11-22' }, place], ['name of the key', { ...whole, kid: keyName('AAECAwQFBgcICQoM', SALT) }, place],
    ['reason', { ...whole, rules: [{ id: '0123456789ab', reason: 'to undo it.', owner: 'team "a"' }] }, place], ['owner', { ...whole, rules: [{ id: '0123456789ab', reason: 'to undo it' }] }, place],
    ['rule', { ...whole, rules: [{ id: '0123456789ac', reason: 'to undo it', owner: 'team "a"' }] }, place], ['a rule more', { ...whole, rules: [...whole.rules, ...whole.rules] }, place], ['no rule', { ...whole, rules: [] }, place],
  ];
  for (const [what, changed, at] of moved) assert.equal(unseal(changed, at, key), undefined, what);
  assert.equal(unseal(whole, place, key), PLAIN);
});

test('property: names cannot run into one another in what a ciphertext is bound to', () => {
  const part = fc.constantFrom('a', 'b', '"', '","', 'a","b', '', '\\', ']');
  fc.assert(fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), ([node, id, call], [node2, id2, call2]) => {
    fc.pre(node !== node2 || id !== id2 || call !== call2);
    const whole = sealed(PLAIN, { ...SEALING, place: { node, id, kind: 'intent', call } });
    assert.equal(unseal(whole, { node: node2, id: id2, kind: 'intent', call: call2 }, runKey(DAY_KEY, SALT)), undefined);
  }));
});

test('a text that decodes to the same bytes is another text, and refused', () => {
  const whole = sealed(PLAIN);
  const key = runKey(DAY_KEY, SALT);
  for (const data of [`${whole.data}=`, `${whole.data}\n`, whole.data.replaceAll('-', '+').replaceAll('_', '/').concat('='), `${whole.data.slice(0, 4)} ${whole.data.slice(4)}`]) assert.equal(unseal({ ...whole, data }, SEALING.place, key), undefined, data);
});

test('a salt makes a key of its own, and names of keys are read whole or not at all', () => {
  assert.notDeepEqual(runKey(DAY_KEY, SALT), runKey(DAY_KEY, flip(SALT, 0)));
  assert.notDeepEqual(runKey(DAY_KEY, SALT), DAY_KEY);
  assert.deepEqual(keyNamed(KID)?.salt, Buffer.from(SALT));
  for (const wrong of ['', 'a', 'a.', '.oKGio6SlpqeoqaqrrK2urw', `${KID}.x`, `${KID}=`, 'AAECAwQFBgcICQoL.AA']) assert.equal(keyNamed(wrong), undefined, wrong);
});

test('what is no member of this form is told from one that is', () => {
  for (const wrong of ['', '{}', '[]', 'null', '"x"', '{"day":"2026-11-21"}', '{"day":"2026-11-21","kid":"a","alg":"A128GCM","iv":"","data":"","rules":[]}', '{"day":"2026-11-21","kid":"a","alg":"A256GCM","iv":"","data":"","rules":[{}]}', '{"day":1,"fault":"x","rules":[]}']) {
    assert.equal(readCaptured(wrong), undefined, wrong);
  }
  assert.deepEqual(readCaptured('{"day":"2026-11-21","fault":"no_key","rules":[]}'), { day: '2026-11-21', fault: 'no_key', rules: [] });
});
