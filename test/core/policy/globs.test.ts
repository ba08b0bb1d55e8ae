import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TargetKind } from '../../../src/core/call.ts';
import { compileOwnPattern, compilePattern, covers, matches, reaches, type Pattern } from '../../../src/core/policy/globs.ts';

function pattern(text: string): Pattern {
  const compiled = compilePattern(text);
  if (!compiled.ok) throw new Error(compiled.error.code);
  return compiled.value;
}
const hit = (text: string, backend: string, name: string): boolean => matches(pattern(text), { kind: 'tool', backend, name });

/** The meaning of a side, written as slow as possible: lists of characters, every choice tried. */
function means(glob: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = glob;
  if (head === undefined) return name.length === 0;
  const [first, ...after] = name;
  if (head === '*') return means(rest, name) || (first !== undefined && first !== '/' && means(glob, after));
  if (first === undefined) return false;
  return (head === '?' ? first !== '/' : head === first) && means(rest, after);
}
const side = (glob: string, name: string): boolean => /^\*+$/.test(glob) || means([...glob], [...name]);

function reference(text: string, backend: string, name: string): boolean {
  const slash = text.indexOf('/');
  if (slash >= 0) return side(text.slice(0, slash), backend) && side(text.slice(slash + 1), name);
  return side(text, name) || text === `${backend}__${name}`;
}

const letters = (choices: readonly string[], maxLength: number): fc.Arbitrary<string> => fc.array(fc.constantFrom(...choices), { maxLength }).map((list) => list.join(''));

test('matches what the slow reference matches', () => {
  const seen = { hit: 0, miss: 0 };
  fc.assert(fc.property(letters(['a', 'b', '_', '*', '?', '/', '😀', '.'], 8), letters(['a', 'b', '_', '😀'], 4), letters(['a', 'b', '_', '/', '😀', '.'], 7), (text, backend, name) => {
    const compiled = compilePattern(text);
    fc.pre(compiled.ok);
    const expected = reference(text, backend, name);
    seen[expected ? 'hit' : 'miss'] += 1;
    assert.equal(matches(compiled.value, { kind: 'tool', backend, name }), expected, `${text} on ${backend} / ${name}`);
  }), { numRuns: 5000 });
  assert.ok(seen.hit > 100 && seen.miss > 100, JSON.stringify(seen));
});

test('a name is matched by itself and by every pattern made from it with wildcards', () => {
  const name = letters(['a', 'B', '_', '/', 'é', '-'], 10).filter((text) => text !== '');
  fc.assert(fc.property(name, fc.array(fc.constantFrom('keep', 'star', 'question', 'insert'), { minLength: 10, maxLength: 10 }), (text, edits) => {
    assert.ok(hit(`fs/${text}`, 'fs', text));
    const wild = [...text].map((char, index) => {
      const edit = edits[index];
      if (char === '/' || edit === 'keep') return char;
      return edit === 'star' ? '*' : edit === 'question' ? '?' : `*${char}`;
    });
    assert.ok(hit(`f?/${wild.join('')}`, 'fs', text), wild.join(''));
  }), { numRuns: 1000 });
});

test('a bare pattern means that tool on any backend, an exact legacy name means one tool', () => {
  assert.ok(hit('read_file', 'fs', 'read_file'));
  assert.ok(hit('read_file', 'other', 'read_file'));
  assert.ok(hit('fs__read_file', 'fs', 'read_file'));
  assert.ok(!hit('fs__read_file', 'other', 'read_file'));
  assert.ok(hit('fs__read_file', 'other', 'fs__read_file'));
  assert.ok(!hit('fs__read*', 'fs', 'read_file'), 'the legacy form is a name, not a glob');
  assert.ok(!hit('fs/read_file', 'other', 'read_file'));
});

test('star alone, star/star and backend/star leave out no tool, not even one with a slash in its name', () => {
  for (const text of ['*', '*/*']) for (const name of ['a', 'a/b', '/', '', 'x__y']) assert.ok(hit(text, 'fs', name), `${text} ${name}`);
  assert.ok(hit('fs/*', 'fs', 'admin/delete'));
  assert.ok(!hit('fs/*', 'fs2', 'admin'));
  assert.ok(!hit('fs/a*', 'fs', 'a/b'), 'beside other characters a star stops at the slash');
});

test('the first slash splits, later ones belong to the tool', () => {
  assert.ok(hit('gh/repos/list', 'gh', 'repos/list'));
  assert.ok(hit('gh/repos/*', 'gh', 'repos/list'));
  assert.ok(!hit('gh/repos/*', 'gh', 'repos/list/all'));
  assert.ok(hit('*/repos/l?st', 'gh', 'repos/list'));
});

test('two stars mean what one means', () => {
  assert.ok(hit('fs/**', 'fs', 'a/b'));
  assert.ok(hit('fs/a**', 'fs', 'abc'));
  assert.ok(!hit('fs/a**', 'fs', 'a/b'));
});

test('C06: other case, look-alikes, spaces, dots and escapes are other names', () => {
  for (const name of ['Read_file', 'read_file ', ' read_file', 'read_file.', 'ｒead_file', 'read_\u200bfile', 'read%5Ffile', 'fs.read_file', 'reаd_file', 'read_file\u0000']) {
    assert.ok(!hit('read_file', 'fs', name), JSON.stringify(name));
    assert.ok(!hit('fs/read_file', 'fs', name), JSON.stringify(name));
  }
  assert.ok(!hit('caf\u00e9', 'fs', 'cafe\u0301'));
});

test('regex characters mean themselves', () => {
  for (const text of ['a.b', 'a+', '(a|b)', '[ab]', '^a$', 'a{2}', '\\d', '{a,b}', '!a']) {
    assert.ok(hit(text, 'fs', text));
    assert.ok(!hit(text, 'fs', 'aab'));
    assert.ok(!hit(text, 'fs', 'a'));
  }
});

test('patterns that say nothing or hide something are refused', () => {
  const code = (text: string): string | undefined => {
    const compiled = compilePattern(text);
    return compiled.ok ? undefined : compiled.error.code;
  };
  assert.equal(code(''), 'empty');
  assert.equal(code('/'), 'empty_backend');
  assert.equal(code('/tool'), 'empty_backend');
  assert.equal(code('fs/'), 'empty_tool');
  assert.equal(code('fs//'), undefined);
  assert.equal(code('a\u0000'), 'character');
  assert.equal(code('a\n'), 'character');
  assert.equal(code('\ud83d'), 'character');
  assert.equal(code('a'.repeat(512)), undefined);
  assert.equal(code('a'.repeat(513)), 'too_long');
});

test('many stars against a long near miss come to an end', () => {
  assert.ok(!hit(`fs/${'*a'.repeat(200)}b`, 'fs', 'a'.repeat(2000)));
  assert.ok(hit(`fs/${'*a'.repeat(200)}*`, 'fs', 'a'.repeat(2000)));
});

// ── kinds ────────────────────────────────────────────────────────────────────
const KINDS: readonly TargetKind[] = ['tool', 'prompt', 'resource'];
const kindsHit = (text: string, name: string): readonly TargetKind[] => KINDS.filter((kind) => matches(pattern(text), { kind, backend: 'fs', name }));

test('a pattern without a kind speaks of tools; one whose name is only stars of everything', () => {
  for (const text of ['fs/a', 'fs/?', 'a', '*/a', 'fs/a*', '**/a', 'fs__a']) assert.deepEqual(kindsHit(text, 'a'), ['tool'], text);
  for (const text of ['*', '**', 'fs/*', '*/*', 'f?/***']) assert.deepEqual(kindsHit(text, 'a'), KINDS, text);
});

test('a pattern with a kind speaks of that kind only, by exact name, by wildcard and whole', () => {
  for (const kind of KINDS) for (const rest of ['a', 'fs/a', 'fs/?', 'fs/*', '*', '*/*', '*/a']) assert.deepEqual(kindsHit(`${kind}:${rest}`, 'a'), [kind], `${kind}:${rest}`);
  for (const text of ['Tool:fs/a', ' tool:fs/a', 'tools:fs/a', 'template:fs/a', 'tool:prompt:fs/a']) assert.deepEqual(kindsHit(text, 'a'), [], text);
});

test('no pattern without a kind hits a prompt or a resource, unless its name is only stars', () => {
  const name = letters(['a', 'b', '/', ':', '_'], 5);
  fc.assert(fc.property(letters(['a', 'b', '_', '*', '?', '/', ':'], 8), fc.constantFrom('a', 'ab', 'b'), name, fc.constantFrom(...KINDS), (text, backend, target, kind) => {
    const compiled = compilePattern(text);
    fc.pre(compiled.ok && !/^(tool|prompt|resource):/.test(text));
    const side = text.slice(text.indexOf('/') + 1);
    if (kind !== 'tool' && !/^\*+$/.test(side)) assert.ok(!matches(compiled.value, { kind, backend, name: target }), text);
  }), { numRuns: 3000 });
});

test('the legacy form `backend__tool` hits the tool of that name and nothing of another kind', () => {
  fc.assert(fc.property(letters(['a', 'b', '_'], 6).filter((text) => text !== ''), fc.constantFrom('fs', 'a'), (name, backend) => {
    const compiled = compilePattern(`${backend}__${name}`);
    assert.ok(compiled.ok);
    assert.deepEqual(KINDS.filter((kind) => matches(compiled.value, { kind, backend, name })), ['tool']);
  }));
});

test('a backend is reached and covered by kind', () => {
  assert.ok(reaches(pattern('prompt:fs/a'), 'fs') && reaches(pattern('prompt:fs/a'), 'fs', 'prompt') && !reaches(pattern('prompt:fs/a'), 'fs', 'tool'));
  for (const kind of KINDS) assert.ok(covers(pattern('fs/*'), 'fs', kind) && !covers(pattern('fs/*'), 'gh', kind) && !covers(pattern('fs/a*'), 'fs', kind));
  assert.deepEqual(KINDS.filter((kind) => covers(pattern('resource:fs/**'), 'fs', kind)), ['resource']);
  fc.assert(fc.property(letters(['a', '*', '?', '/', ':', 'p'], 6), fc.constantFrom('', 'tool:', 'prompt:', 'resource:'), fc.constantFrom(...KINDS), letters(['a', 'p', '/'], 4), (text, prefix, kind, name) => {
    const compiled = compilePattern(prefix + text);
    fc.pre(compiled.ok);
    const hits = matches(compiled.value, { kind, backend: 'a', name });
    if (hits && !text.includes('__')) assert.ok(reaches(compiled.value, 'a', kind));
    if (covers(compiled.value, 'a', kind)) assert.ok(hits);
  }), { numRuns: 2000 });
});

// ── resources ────────────────────────────────────────────────────────────────
/** With `**`: any run of characters, slashes too. */
function meansDeep(glob: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = glob;
  if (head === undefined) return name.length === 0;
  const [first, ...after] = name;
  if (head === '**') return meansDeep(rest, name) || (first !== undefined && meansDeep(glob, after));
  if (head === '*') return meansDeep(rest, name) || (first !== undefined && first !== '/' && meansDeep(glob, after));
  if (first === undefined) return false;
  return (head === '?' ? first !== '/' : head === first) && meansDeep(rest, after);
}

test('for resources `**` is any run of characters, slashes too, and everything else means what it means elsewhere', () => {
  const seen = { hit: 0, miss: 0 };
  fc.assert(fc.property(letters(['a', 'b', '*', '**', '?', '/', '/'], 9), letters(['a', 'b', '/'], 9), (glob, name) => {
    const compiled = compilePattern(`resource:fs/m:${glob}`);
    fc.pre(compiled.ok && !glob.startsWith('//'));
    const parts = glob.match(/\*+|[^*]/g)?.map((part) => (part.startsWith('**') ? '**' : part)) ?? [];
    const expected = meansDeep(parts, [...name]);
    seen[expected ? 'hit' : 'miss'] += 1;
    assert.equal(matches(compiled.value, { kind: 'resource', backend: 'fs', name: `m:${name}` }), expected, `${glob} on ${name}`);
  }), { numRuns: 5000 });
  assert.ok(seen.hit > 100 && seen.miss > 100, JSON.stringify(seen));
});

test('everything below a folder, and only that', () => {
  const below = (uri: string): boolean => matches(pattern('resource:fs/file:///srv/**'), { kind: 'resource', backend: 'fs', name: uri });
  for (const uri of ['file:///srv/', 'file:///srv/a', 'file:///srv/a/b/c.txt', 'file:///srv/{+path}']) assert.ok(below(uri), uri);
  for (const uri of ['file:///srv', 'file:///srv2/a', 'file:///etc/srv/a', 'file://h/srv/a']) assert.ok(!below(uri), uri);
  assert.ok(!hit('fs/srv/**', 'fs', 'srv/a/b'), 'for tools two stars are one');
});

test('a pattern of resources that asks for a segment `.` or `..` is refused, since no URI that is read has one', () => {
  for (const text of ['resource:fs/file:///srv/../x', 'resource:fs/file:///./x', 'resource:fs/file:///x/..', 'resource:..']) assert.deepEqual(compilePattern(text), { ok: false, error: { code: 'climb' } }, text);
  for (const text of ['resource:fs/file:///.?', 'resource:fs/file:///..*', 'fs/..', 'prompt:fs/../x']) assert.ok(compilePattern(text).ok, text);
});

test('where the backend is known no slash splits, so a URI stands there as it is', () => {
  const own = (text: string, kind: TargetKind, name: string): boolean => {
    const compiled = compileOwnPattern(text);
    assert.ok(compiled.ok, text);
    return matches(compiled.value, { kind, backend: 'fs', name });
  };
  assert.ok(own('resource:file:///srv/**', 'resource', 'file:///srv/a/b'));
  assert.ok(own('a/b', 'tool', 'a/b') && !own('a/b', 'tool', 'b'));
  assert.ok(own('/a', 'tool', '/a') && own('prompt:x/*', 'prompt', 'x/y') && own('*', 'resource', 'm:a'));
  assert.ok(!own('a', 'prompt', 'a'));
  assert.equal(compileOwnPattern('').ok, false);
});

test('where the backend is known a URI may end with its only slash; a tool that ends with one is more likely a backend, and is told', () => {
  const compiled = compileOwnPattern('resource:mem:a/');
  assert.ok(compiled.ok && matches(compiled.value, { kind: 'resource', backend: 'fs', name: 'mem:a/' }) && !matches(compiled.value, { kind: 'resource', backend: 'fs', name: 'mem:a' }));
  for (const text of ['resource:', 'tool:', 'fs/', 'prompt:fs/']) assert.deepEqual(compileOwnPattern(text), { ok: false, error: { code: 'empty_tool' } }, text);
  assert.deepEqual(compileOwnPattern('resource:../'), { ok: false, error: { code: 'climb' } });
});

test('two kinds of star against a long near miss come to an end', () => {
  const long = `resource:fs/m:${'**a*/'.repeat(80)}b`;
  assert.ok(!matches(pattern(long), { kind: 'resource', backend: 'fs', name: `m:${'a/'.repeat(4000)}` }));
  assert.ok(matches(pattern(`${long.slice(0, -1)}**`), { kind: 'resource', backend: 'fs', name: `m:${'a/'.repeat(4000)}` }));
});
