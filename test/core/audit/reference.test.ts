import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIELDS, fieldNamed } from '../../../src/core/audit/fields.ts';
import { fieldLines, fieldViews, filterPage, LANGUAGE } from '../../../src/core/audit/reference.ts';

test('every field is explained in the help, in JSON and on the page, and none twice', () => {
  assert.equal(new Set(FIELDS.map(({ name }) => name)).size, FIELDS.length);
  assert.deepEqual(fieldViews().map(({ field }) => field), FIELDS.map(({ name }) => name));
  for (const field of FIELDS) {
    assert.equal(fieldNamed(field.name), field, 'its own name goes before another\u2019s member');
    assert.match(fieldLines(), new RegExp(`^ {2}${field.name} `, 'm'));
    assert.ok(filterPage().includes(`\n| \`${field.name}\` | `), field.name);
    assert.ok(field.means.length > 0);
  }
  for (const paragraph of LANGUAGE) assert.ok(filterPage().includes(paragraph));
});

test('names that every object has are no fields', () => {
  for (const name of ['constructor', '__proto__', 'toString', '']) assert.equal(fieldNamed(name), undefined);
});
