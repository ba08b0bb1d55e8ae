import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { processSeal, systemRandom, uuidv7 } from '../../src/app/system.ts';
import { which } from '../../src/app/which.ts';

test('ids are UUIDv7: version, variant, and their order is that of time', () => {
  const id = systemRandom.uuid();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const zero = Buffer.alloc(10);
  assert.ok(uuidv7(1, zero) < uuidv7(2, zero));
  assert.equal(uuidv7(0x0123456789ab, zero).slice(0, 13), '01234567-89ab');
});

test('a sealed text opens to itself; anything else, and any changed character, opens to nothing [SEC12]', () => {
  const seal = processSeal();
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, at) => {
    const token = seal.seal(text);
    assert.equal(seal.open(token), text);
    const place = at % (token.length - 1);
    const other = token[place] === 'A' ? 'B' : 'A';
    assert.equal(seal.open(`${token.slice(0, place)}${other}${token.slice(place + 1)}`), undefined);
    assert.equal(processSeal().open(token), undefined);
  }));
  fc.assert(fc.property(fc.string(), (text) => assert.equal(seal.open(text), undefined)));
});

test('H03 a command is found through absolute folders of PATH only, never relative to where we stand', () => {
  assert.equal(which('node', { PATH: '.:bin::relative' }), undefined);
  assert.equal(which('./node', { PATH: '/usr/bin' }), undefined);
  assert.equal(which('scripts/test', { PATH: '/usr/bin' }), undefined);
  assert.equal(which(process.execPath, {}), process.execPath);
  assert.match(which('sh', { PATH: '/nonexistent:/bin:/usr/bin' }) ?? '', /\/sh$/);
});
