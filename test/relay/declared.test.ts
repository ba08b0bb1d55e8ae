import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry, ToolEntry } from '../../src/core/catalog.ts';
import { declaredNames } from '../../src/relay/declared.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { BackendListing } from '../../src/core/ports.ts';
import { world } from '../support/world.ts';

function view(listing: Partial<BackendListing>): { readonly tools: ReadonlyMap<string, ToolEntry>; readonly prompts: ReadonlyMap<string, Entry>; readonly resources: ReadonlyMap<string, Entry> } {
  const [found] = world({ listings: { alpha: listing } }).cell.current().catalog.byBackend.values();
  assert.ok(found);
  return found;
}
const toolNames = (inputSchema: unknown): readonly string[] => [...declaredNames(view({ tools: [toRaw({ name: 't', inputSchema })] }).tools.get('t'))].toSorted();

describe('the names of arguments that a definition knows', () => {
  test('are the property names of a schema, wherever in it they stand', () => {
    assert.deepEqual(toolNames({
      type: 'object', required: ['a', 'only_required'], properties: { a: { type: 'object', properties: { b: {} } }, list: { items: { $ref: '#/$defs/x' } } },
      $defs: { x: { anyOf: [{ properties: { c: {} } }, { else: { properties: { d: {} } } }] } }, patternProperties: { '^x-': { properties: { e: {} } } },
    }), ['a', 'b', 'c', 'd', 'e', 'list', 'only_required']);
  });

  test('are not what it only describes: titles, patterns, values of enumerations, names of definitions', () => {
    assert.deepEqual(toolNames({ type: 'object', title: 'x', additionalProperties: { type: 'string', enum: ['v'] }, patternProperties: { '^p': {} }, $defs: { def: {} } }), []);
  });

  test('are none of a schema that is too large to be read here, and none where there is no schema', () => {
    assert.deepEqual(toolNames({ type: 'object', properties: { a: { description: 'x'.repeat(300_000) } } }), []);
    assert.deepEqual(toolNames('none'), []);
    assert.equal(declaredNames(undefined).size, 0);
  });

  test('of a prompt are its arguments; of a resource there are none', () => {
    const { prompts, resources } = view({ prompts: [toRaw({ name: 'p', arguments: [{ name: 'lang' }, { name: 'style', required: true }, {}] })], resources: [toRaw({ uri: 'file:///a', name: 'a' })] });
    assert.deepEqual([...declaredNames(prompts.get('p'))], ['lang', 'style']);
    assert.equal(declaredNames(resources.get('file:///a')).size, 0);
  });

  test('are found once for a definition', () => {
    const entry = view({ tools: [toRaw({ name: 't', inputSchema: { type: 'object', properties: { a: {} } } })] }).tools.get('t');
    assert.equal(declaredNames(entry), declaredNames(entry));
  });
});
