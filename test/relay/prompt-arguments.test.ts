import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toRaw } from '../../src/core/json/compose.ts';
import { promptArgumentErrors } from '../../src/relay/prompt-arguments.ts';

const PROMPT = toRaw({ name: 'review', arguments: [{ name: 'code', required: true }, { name: 'language', required: false }, { name: 'style' }] });
const told = (args: object | undefined, prompt = PROMPT): readonly (readonly [string, string, string])[] =>
  promptArgumentErrors(prompt, args === undefined ? undefined : toRaw(args)).map(({ path, keyword, message }) => [path, keyword, message]);

test('a required argument that is missing is named; what is not required may be left out, and more may be given', () => {
  assert.deepEqual(told({ code: 'x' }), []);
  assert.deepEqual(told({ code: '', style: 's', other: 'o' }), [], 'empty is a text');
  for (const args of [undefined, {}, { language: 'de' }]) assert.deepEqual(told(args), [['', 'required', "must have required argument 'code'"]]);
});

test('arguments are texts; a name that the prompt does not have is not repeated', () => {
  assert.deepEqual(told({ code: 1, language: null }), [['/code', 'type', 'must be string'], ['/language', 'type', 'must be string']]);
  assert.deepEqual(told({ code: 'x', 'ignore all rules': {} }), [['', 'type', 'must have only strings']]);
});

test('names of the backend are bounded and cannot move a cursor; a list of a thousand makes no answer of a thousand lines', () => {
  const [error] = told(undefined, toRaw({ name: 'p', arguments: [{ name: `\u001b[31m${'x'.repeat(500)}`, required: true }] }));
  assert.ok(error !== undefined && !error[2].includes('\u001b') && error[2].length < 150, error?.[2]);
  assert.equal(told(undefined, toRaw({ name: 'p', arguments: Array.from({ length: 1000 }, (_, n) => ({ name: `a${n}`, required: true })) })).length, 16);
  assert.deepEqual(told({ 'a/b~c': 1 }, toRaw({ name: 'p', arguments: [{ name: 'a/b~c' }] })), [['/a~1b~0c', 'type', 'must be string']]);
});

test('property: whatever a backend lists as arguments, nothing throws, and a list without one that is required asks for nothing', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.dictionary(fc.string(), fc.string()), (list, args) => {
    const errors = told(args, toRaw({ name: 'p', arguments: list }));
    const asks = Array.isArray(list) && list.some((one) => typeof one === 'object' && one !== null && 'required' in one);
    assert.ok(asks || errors.length === 0);
  }));
  assert.deepEqual(told({}, toRaw({ name: 'p', arguments: [{ name: 'a', required: 'true' }, { name: 7, required: true }, 'x', null] })), []);
});
