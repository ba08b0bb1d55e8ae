// The names that agents see: of tools, prompts, resources and templates, with aliases and with what is hidden.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Catalog } from '../../../src/core/catalog.ts';
import { backendId } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { buildCatalog, type BackendNames } from '../../../src/core/policy/catalog.ts';
import { compileOwnPattern } from '../../../src/core/policy/globs.ts';
import { OPEN_HEARING } from '../../../src/core/policy/owners.ts';
import { splitUri } from '../../../src/core/policy/uris.ts';
import type { BackendListing } from '../../../src/core/ports.ts';
import { NO_OFFERS } from '../../support/offers.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Said {
  readonly tools?: readonly string[];
  readonly prompts?: readonly string[];
  readonly resources?: readonly string[];
  readonly templates?: readonly string[];
  readonly aliases?: Readonly<Record<string, string>>;
  readonly hide?: readonly string[];
  /** False: configured, but without a list yet. */
  readonly up?: boolean;
}

function listing({ tools = [], prompts = [], resources = [], templates = [] }: Said): BackendListing {
  return {
    tools: tools.map((name) => toRaw({ name, inputSchema: { type: 'object' } })), prompts: prompts.map((name) => toRaw({ name })), resources: resources.map((uri) => toRaw({ name: 'r', uri })),
    templates: templates.map((uriTemplate) => toRaw({ name: 't', uriTemplate })), offers: NO_OFFERS, instructions: undefined, era: 'legacy', version: '2025-11-25', server: 'x',
  };
}

function build(backends: Readonly<Record<string, Said>>, names: 'prefixed' | 'bare' = 'prefixed'): Catalog {
  const order = Object.entries(backends).map(([id, { aliases = {}, hide = [] }]): BackendNames => ({ id: backendId(id), aliases, hide: hide.map((text) => {
    const compiled = compileOwnPattern(text);
    assert.ok(compiled.ok, text);
    return compiled.value;
  }) }));
  const listings = new Map(Object.entries(backends).filter(([, said]) => said.up !== false).map(([id, said]) => [backendId(id), listing(said)]));
  return buildCatalog({ order, listings, names, hearing: OPEN_HEARING }, digest).catalog;
}

const tools = (catalog: Catalog): readonly string[] => catalog.tools.map((tool) => `${tool.exposed} ${tool.target.backend}/${tool.target.name}`);
const exposed = (entries: readonly { readonly exposed: string }[]): readonly string[] => entries.map((entry) => entry.exposed);
const problems = (catalog: Catalog): readonly string[] => catalog.problems.map(({ code, backend, name }) => `${code} ${backend} ${name}`);

test('T125: tools of one name on two backends have a name each, and each leads to its owner', () => {
  const catalog = build({ gh: { tools: ['search'], prompts: ['search'] }, fs: { tools: ['search'], prompts: ['search'] } });
  assert.deepEqual(tools(catalog), ['gh__search gh/search', 'fs__search fs/search']);
  assert.deepEqual(exposed(catalog.prompts), ['gh__search', 'fs__search']);
  assert.equal(catalog.byExposed.get('fs__search')?.target.backend, 'fs');
  assert.deepEqual(catalog.promptsByExposed.get('gh__search')?.target, { kind: 'prompt', backend: 'gh', name: 'search' });
  assert.deepEqual(catalog.problems, []);
});

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', 'b', '_', '-', '.', 'é', '/') }), { maxLength: 4 });
const uris = fc.uniqueArray(fc.constantFrom('file:///a', 'file:///b', 'mem:a', 'ui://x', 'https://h/'), { maxLength: 3 });
const said = fc.record({ tools: names, prompts: names, resources: uris, templates: fc.constant(['file:///{p}']) });

test('T126: another backend never renames what is there, of any kind', () => {
  fc.assert(fc.property(said, said, said, (one, two, three) => {
    const before = build({ gh: one, fs: two });
    const after = build({ gh: one, fs: two, more: three });
    for (const list of ['tools', 'prompts', 'resources', 'templates'] as const) {
      for (const entry of before[list]) assert.ok(after[list].some((other) => other.exposed === entry.exposed && other.target.backend === entry.target.backend && other.target.name === entry.target.name));
    }
  }));
});

test('T127: names that differ only in what has to be replaced stay two, the same in every process', () => {
  const catalog = build({ fs: { tools: ['a.b', 'a_b', 'a/b'], prompts: ['a b', 'a_b'] } });
  assert.equal(new Set(exposed(catalog.tools)).size, 3);
  assert.equal(new Set(exposed(catalog.prompts)).size, 2);
  assert.deepEqual(exposed(catalog.tools), exposed(build({ fs: { tools: ['a.b', 'a_b', 'a/b'] } }).tools));
  for (const name of [...exposed(catalog.tools), ...exposed(catalog.prompts)]) assert.match(name, /^[A-Za-z0-9_-]{1,64}$/);
});

test('T128: a name of 120 characters is exposed in 64, is its own, and leads to the whole', () => {
  const long = 'x'.repeat(120);
  const catalog = build({ fs: { tools: [long, `${long}y`], prompts: [long] } });
  assert.equal(new Set(exposed(catalog.tools)).size, 2);
  for (const entry of [...catalog.tools, ...catalog.prompts]) assert.ok(entry.exposed.length <= 64);
  assert.deepEqual([...catalog.byExposed.values()].map((tool) => tool.target.name), [long, `${long}y`]);
});

test('the same listings give the same catalogue, in the order of the configuration and then of the backend [S16]', () => {
  fc.assert(fc.property(said, said, fc.constantFrom('prefixed' as const, 'bare' as const), (one, two, how) => {
    assert.deepEqual(build({ gh: one, fs: two }, how), build({ gh: one, fs: two }, how));
  }));
  assert.deepEqual(exposed(build({ b: { tools: ['z', 'a'] }, a: { tools: ['y'] } }).tools), ['b__z', 'b__a', 'a__y']);
});

test('whatever is exposed is exposed once, and leads back: names by the map, URIs by their prefix [S31]', () => {
  fc.assert(fc.property(said, said, fc.constantFrom('prefixed' as const, 'bare' as const), (one, two, how) => {
    const catalog = build({ Gh_1: one, gh: two }, how);
    for (const entry of catalog.tools) assert.equal(catalog.byExposed.get(entry.exposed), entry);
    for (const entry of catalog.prompts) assert.equal(catalog.promptsByExposed.get(entry.exposed), entry);
    for (const entry of [...catalog.resources, ...catalog.templates]) {
      const split = splitUri(entry.exposed);
      const backend = split === undefined ? undefined : catalog.byUriPrefix.get(split.prefix);
      const view = backend === undefined ? undefined : catalog.byBackend.get(backend);
      assert.equal(view?.resources.get(split?.uri ?? '') ?? view?.templates.get(split?.uri ?? ''), entry);
    }
    assert.equal(catalog.byUriPrefix.size, 2);
  }));
});

test('a tool and a prompt may have one name: they are looked up apart', () => {
  const catalog = build({ fs: { tools: ['x'], prompts: ['x'] } }, 'bare');
  assert.equal(catalog.byExposed.get('x')?.target.kind, 'tool');
  assert.equal(catalog.promptsByExposed.get('x')?.target.kind, 'prompt');
  assert.deepEqual(catalog.problems, []);
});

test('bare names of prompts: one that two backends claim is nobody\u2019s, and is told', () => {
  const catalog = build({ gh: { prompts: ['review', 'own'] }, fs: { prompts: ['review'] } }, 'bare');
  assert.deepEqual(exposed(catalog.prompts), ['own']);
  assert.deepEqual(problems(catalog), ['collision gh review', 'collision fs review']);
  assert.ok(catalog.byBackend.get(backendId('gh'))?.prompts.has('review'), 'on its own endpoint it is there');
});

test('what is listed twice is kept once, what has no usable name is left out, and both are told', () => {
  const catalog = build({ fs: { tools: ['a', 'a', ''], prompts: ['p', 'p', 'x\u0000y'], resources: ['mem:a', 'mem:a', 'no scheme', 'file:///a/../b'], templates: ['file:///{p}', 'file:///{p}', 'file:///../{p}', ''] } });
  assert.deepEqual([exposed(catalog.tools), exposed(catalog.prompts), exposed(catalog.resources), exposed(catalog.templates)], [['fs__a'], ['fs__p'], ['fs+mem:a'], ['fs+file:///{p}']]);
  assert.deepEqual(problems(catalog), [
    'duplicate_name fs a', 'invalid_name fs ', 'duplicate_name fs p', 'invalid_name fs x\u0000y', 'duplicate_name fs mem:a', 'invalid_name fs no scheme', 'invalid_name fs file:///a/../b',
    'duplicate_name fs file:///{p}', 'invalid_name fs file:///../{p}', 'invalid_name fs ',
  ]);
});

test('resources and templates are named for policy in the form of URIs, and shown as the backend writes them', () => {
  const catalog = build({ Fs: { resources: ['FILE:///Srv/%41'], templates: ['FILE:///Srv/{Path}'] } });
  assert.deepEqual(catalog.resources[0]?.target, { kind: 'resource', backend: 'Fs', name: 'file:///Srv/A' });
  assert.deepEqual(catalog.templates[0]?.target, { kind: 'resource', backend: 'Fs', name: 'file:///Srv/{Path}' });
  assert.match(catalog.resources[0]?.exposed ?? '', /^fs\.[0-9a-f]{8}\+FILE:\/\/\/Srv\/%41$/);
  assert.match(catalog.resources[0]?.exposedDefinition ?? '', /"uri":"fs\.[0-9a-f]{8}\+FILE:\/\/\/Srv\/%41"/);
  assert.equal(catalog.resources[0]?.definition, toRaw({ name: 'r', uri: 'FILE:///Srv/%41' }));
});

test('what is hidden exists in no list of the backend, by kind, and the others of it do', () => {
  const catalog = build({ fs: {
    tools: ['write', 'read'], prompts: ['write', 'debug_a'], resources: ['file:///srv/private/x', 'file:///srv/y', 'file:///srv/priv%61te/z'], templates: ['file:///srv/private/{p}', 'file:///srv/{p}'],
    hide: ['write', 'prompt:debug_*', 'resource:file:///srv/private/**'],
  } });
  assert.deepEqual([exposed(catalog.tools), exposed(catalog.prompts), exposed(catalog.resources), exposed(catalog.templates)], [['fs__read'], ['fs__write'], ['fs+file:///srv/y'], ['fs+file:///srv/{p}']]);
  const view = catalog.byBackend.get(backendId('fs'));
  assert.deepEqual([view?.tools.size, view?.prompts.size, view?.resources.size, view?.templates.size], [1, 1, 1, 1]);
  assert.deepEqual(catalog.problems, []);
  assert.deepEqual(build({ fs: { tools: ['a'], prompts: ['b'], resources: ['m:c'], hide: ['*'] } }).tools, []);
});

test('an alias is the name on the merged endpoint, for tools only; its made name is gone', () => {
  const catalog = build({ fs: { tools: ['read_text_file', 'write'], prompts: ['read_text_file'], aliases: { read_text_file: 'read' } } });
  assert.deepEqual(tools(catalog), ['read fs/read_text_file', 'fs__write fs/write']);
  assert.deepEqual(exposed(catalog.prompts), ['fs__read_text_file']);
  assert.match(catalog.byExposed.get('read')?.exposedDefinition ?? '', /"name":"read"/);
  assert.ok(catalog.byBackend.get(backendId('fs'))?.tools.has('read_text_file'));
});

test('no backend can take an alias or spoil it: not by a made name, a bare one, or while its tool is gone', () => {
  const made = build({ fs: { tools: ['read'], aliases: { read: 'gh__read' } }, gh: { tools: ['read', 'other'] } });
  assert.deepEqual(tools(made), ['gh__read fs/read', 'gh__other gh/other']);
  assert.deepEqual(problems(made), ['collision gh gh__read']);
  const bare = build({ gh: { tools: ['pay'] }, fs: { tools: ['transfer'], aliases: { transfer: 'pay' } } }, 'bare');
  assert.deepEqual(tools(bare), ['pay fs/transfer']);
  for (const how of ['prefixed', 'bare'] as const) {
    assert.deepEqual(tools(build({ gh: { tools: ['x', 'pay'] }, fs: { up: false, aliases: { transfer: 'pay' } } }, how)).filter((line) => line.startsWith('pay ')), [], 'down');
    assert.deepEqual(tools(build({ gh: { tools: ['x', 'pay'] }, fs: { tools: ['y'], aliases: { transfer: 'pay' } } }, how)).filter((line) => line.startsWith('pay ')), [], 'no longer listed');
  }
  assert.deepEqual(tools(build({ fs: { tools: ['transfer', 'pay'], aliases: { transfer: 'pay' } } }, 'bare')), ['pay fs/transfer'], 'not even another tool of its own backend');
});

test('an alias for a tool that is not listed, and a pattern of `hide` that hits nothing, are told; those for resources are not judged', () => {
  const catalog = build({ fs: { tools: ['read'], prompts: ['p'], aliases: { raed: 'x', read: 'r' }, hide: ['wirte', 'prompt:p', 'resource:file:///x/**'] } });
  assert.deepEqual(problems(catalog), ['unused fs raed', 'unused fs wirte']);
  assert.deepEqual(build({ fs: { up: false, aliases: { a: 'x' }, hide: ['y'] } }).problems, []);
});

test('names that are properties of every object are names like others', () => {
  const catalog = build({ fs: { tools: ['constructor', '__proto__', 'toString'], prompts: ['constructor'] } });
  assert.deepEqual(catalog.tools.map((tool) => tool.target.name), ['constructor', '__proto__', 'toString']);
  assert.equal(catalog.problems.length, 0);
});
