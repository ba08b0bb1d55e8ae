import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePattern, matches } from '../../../src/core/policy/globs.ts';
import { canonicalTemplate, canonicalUri, exposedUri, splitUri, uriPrefix } from '../../../src/core/policy/uris.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
/** As the configuration accepts them. */
const backendName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/).filter((name) => !name.includes('__') && !name.endsWith('_'));

// ── names on the merged endpoint ─────────────────────────────────────────────
test('every backend has a prefix that is a scheme of RFC 3986 in lower case and holds no +', () => {
  fc.assert(fc.property(backendName, (name) => {
    assert.match(uriPrefix(name, digest), /^[a-z][a-z0-9.-]{0,31}$/);
  }), { numRuns: 2000 });
  assert.equal(uriPrefix('fs', digest), 'fs');
  assert.equal(uriPrefix('a'.repeat(32), digest), 'a'.repeat(32));
});

test('no two backends share a prefix, not even one that is named like the prefix of another', () => {
  fc.assert(fc.property(backendName, backendName, (one, two) => {
    fc.pre(one !== two);
    assert.notEqual(uriPrefix(one, digest), uriPrefix(two, digest));
  }), { numRuns: 2000 });
  for (const [one, two] of [['Fs', 'fs'], ['my_fs', 'my-fs'], ['FS', 'Fs']] as const) assert.notEqual(uriPrefix(one, digest), uriPrefix(two, digest));
  fc.assert(fc.property(backendName.filter((name) => /[A-Z_]/.test(name)), (name) => {
    assert.doesNotMatch(uriPrefix(name, digest), /^[A-Za-z][A-Za-z0-9_-]*$/, 'no name of a backend looks like a made prefix');
  }));
});

const SAMPLES: readonly string[] = [
  'file:///a/b', 'mem:a', 'mem:', 'urn:isbn:0-1', 'https://h/a+b?c=d+e#f', 'ui://app/page', 'ui://', 'a+b:c', 'git+ssh://x/y', 'file:///{path}', '{+url}', 'ui://{app}/{page}',
  'repo://owner/{repo}/blob/{+path}', 'data:text/plain,a+b', 'UI://App', 'x:ui://y', 'ui:a', '+', '', '+:+',
];

test('what is exposed leads back to its backend and its URI, byte for byte: every scheme, opaque ones, ui:// and templates', () => {
  for (const uri of SAMPLES) assert.deepEqual(splitUri(exposedUri('fs', uri)), { prefix: 'fs', uri }, uri);
  fc.assert(fc.property(backendName, fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...SAMPLES), fc.string().map((text) => `ui://${text}`)), (name, uri) => {
    const prefix = uriPrefix(name, digest);
    assert.deepEqual(splitUri(exposedUri(prefix, uri)), { prefix, uri });
  }), { numRuns: 2000 });
});

test('exposed URIs keep the form of a URI, and ui:// keeps its scheme', () => {
  assert.equal(exposedUri('fs', 'file:///a'), 'fs+file:///a');
  assert.equal(exposedUri('fs', 'mem:a'), 'fs+mem:a');
  assert.equal(exposedUri('app', 'ui://x/y'), 'ui://app+x/y');
  for (const uri of SAMPLES.filter((text) => URL.canParse(text))) assert.ok(URL.canParse(exposedUri('fs', uri)), uri);
});

test('a URI without a prefix is told apart: no +, or one too far behind', () => {
  for (const uri of ['file:///a', 'mem:a', '', '+file:///a', 'ui://+x', 'ui://x', `${'a'.repeat(33)}+b:c`]) assert.equal(splitUri(uri), undefined, uri);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void splitUri(text)));
});

// ── the form that policy matches ─────────────────────────────────────────────
test('T133: a URI that climbs is refused, however it is written', () => {
  const climbing = [
    'file:///a/../../etc/passwd', 'file:///a/..', 'file:///..', 'file:///a/./b', 'file:///a/.', 'file:..', 'mem:../x', 'mem:a/../b',
    'file:///a/%2e%2e/b', 'file:///a/%2E%2e/b', 'file:///a/.%2e/b', 'file:///a/%2e/b', 'file:///a/%252e%252e/b', 'file:///a/%25252e%25252e/b', 'file:///a%2f..%2fb', 'file:///a%252f..%252fb',
    'file:///a/..%2fb', 'file:///a/..%5cb', 'file:///a%5c..%5cb', 'file:///a\\..\\b', 'file:///a/..;x/b', 'https://h/a?p=../x', 'https://h/a?p=%2e%2e/x', 'https://h/a#../x',
    'file:///a/%c0%ae%c0%ae/b', 'file:///a/%2525252e%2525252e/b',
  ];
  for (const uri of climbing) assert.equal(canonicalUri(uri), undefined, uri);
  for (const uri of ['file:///a/.hidden', 'file:///a/..hidden', 'file:///a/b..', 'file:///a/...', 'git://r?range=a..b', 'https://h/v1.2/x']) assert.equal(canonicalUri(uri), uri, uri);
});

test('what no rule could judge is refused', () => {
  const unfit = [
    '', 'a', '/etc/passwd', '//h/x', '1a:b', ':b', 'file:///a b', 'file:///a\tb', 'file:///a\u0000', 'file:///a%00', 'file:///a%2500', 'file:///a%0a', 'file:///a\\b', 'http://good.example\\@evil.example/',
    'file:///%', 'file:///%4', 'file:///%zz', 'file:///%ff', 'file:///\ud83d', 'http://good.example%2F@evil.example/', 'http://good.example%5c@evil.example/', 'http://good.example%23@evil.example/',
    'file://host/etc/passwd', 'file://127.0.0.1/etc/passwd', 'file://localhost./etc/passwd', 'file://localhost:80/etc/passwd', 'file://u@localhost/etc/passwd', 'file://%EE%80%80/etc/passwd',
    'https:h/x', 'https:/h/x', 'https:///h/x', 'http:?x',
    'http://u%40good.example@evil.example/', 'mem:%2F%2Fh/x', `mem:${'a'.repeat(8192)}`, `mem:${'é'.repeat(4000)}`,
  ];
  for (const uri of unfit) assert.equal(canonicalUri(uri), undefined, JSON.stringify(uri));
});

test('spellings that mean one thing have one form', () => {
  const same: readonly (readonly [string, readonly string[]])[] = [
    ['file:///etc/passwd', ['FILE:///etc/passwd', 'file:/etc/passwd', 'file://localhost/etc/passwd', 'file://LOCALHOST/etc/passwd', 'file:etc/passwd', 'file:////etc//passwd', 'file:///%65tc/p%61sswd', 'file:///etc%2fpasswd', 'file:///etc%2Fpasswd', 'file:///etc%5Cpasswd', 'file:///etc/passwd?x', 'file:///etc/passwd#x']],
    ['https://example.com/A/~b', ['HTTPS://EXAMPLE.com/A/~b', 'https://ex%61mple.COM/%41/%7Eb', 'https://example%2ecom/A%2f~b']],
    ['https://User:Pw@example.com/', ['https://User:Pw@EXAMPLE.com/']],
    ['https://h/', ['https://h', 'HTTPS://H']], ['https://h/?x', ['https://h?x']], ['https://h/#x', ['https://h#x']],
    ['mem:a/b(1)', ['MEM:a/b(1)', 'mem:a%2Fb%281%29']],
    ['mem:caf%C3%A9', ['mem:café', 'mem:caf%c3%a9']],
    ['mem:a%2Ab', ['mem:a*b', 'mem:a%2ab']],
  ];
  for (const [form, spellings] of same) {
    assert.equal(canonicalUri(form), form);
    for (const spelling of spellings) assert.equal(canonicalUri(spelling), form, spelling);
  }
});

test('what differs to a careful server stays different', () => {
  const apart: readonly (readonly [string, string])[] = [
    ['mem:A', 'mem:a'], ['file:///A', 'file:///a'], ['https://u@h/', 'https://U@h/'], ['https://h/a%3Fb', 'https://h/a?b'], ['https://h/a%23b', 'https://h/a#b'], ['https://h/a?b=c%26d', 'https://h/a?b=c&d'],
    ['https://h/a%25b', 'https://h/a%2525b'], ['https://h/a%20b', 'https://h/a+b'], ['file://host/a', 'file:///a'], ['mem:a#b', 'mem:a'],
  ];
  for (const [one, two] of apart) assert.notEqual(canonicalUri(one), canonicalUri(two), `${one} ${two}`);
});

const piece = fc.constantFrom('/', '//', 'a', 'A', '.', '%2e', '%2F', '%5C', '%25', '%41', '%c3%a9', 'é', '?', '#', '@', ':', '+', '*', '%2a', '%', ';', '=', '&', '[', '{', '😀', 'localhost', '\\', '%00', '%20', ' ');
const anyUri = fc.tuple(fc.constantFrom('file:', 'FILE://', 'file:///', 'http://', 'Mem:', 'ui://', 'x+y:', ''), fc.array(piece, { maxLength: 12 })).map(([scheme, rest]) => scheme + rest.join(''));

test('the form of a form is itself; no input makes it throw; and it is a URI of visible ASCII that does not climb', () => {
  const seen = { form: 0, refused: 0 };
  fc.assert(fc.property(fc.oneof({ weight: 4, arbitrary: anyUri }, fc.string({ unit: 'binary', maxLength: 40 })), (uri) => {
    const form = canonicalUri(uri);
    seen[form === undefined ? 'refused' : 'form'] += 1;
    if (form === undefined) return;
    assert.equal(canonicalUri(form), form, uri);
    assert.match(form, /^[a-z][a-z0-9+.-]*:[\u0021-\u007e]*$/);
    for (const part of decodeURIComponent(form).split(/[/\\]/)) assert.ok(part !== '..' && part !== '.', uri);
  }), { numRuns: 5000 });
  assert.ok(seen.form > 500 && seen.refused > 500, JSON.stringify(seen));
});

test('whether an unreserved character is encoded changes nothing (RFC 3986 §6.2.2.2)', () => {
  fc.assert(fc.property(fc.constantFrom('file:///', 'mem:', 'https://h/'), fc.stringMatching(/^[A-Za-z0-9._~/-]{1,12}$/), fc.array(fc.nat(12)), (head, text, at) => {
    const spelled = [...text].map((char, index) => (char !== '/' && at.includes(index) ? `%${char.charCodeAt(0).toString(16).padStart(2, '0')}` : char)).join('');
    assert.equal(canonicalUri(head + spelled), canonicalUri(head + text));
  }), { numRuns: 1000 });
});

test('8 KB made to be slow come to an end', () => {
  const fill = (unit: string): string => unit.repeat(Math.floor(8000 / unit.length));
  for (const unit of ['%', '%25', '%2', '/', '/.', '%2e', '.', ':', '@', '//a', '{', '{a}', '*', '?', '#', 'é', '%c3%a9', '+', '/a/..b']) {
    for (const head of ['file:///', 'http://', 'mem:']) {
      const form = canonicalUri(head + fill(unit));
      assert.ok(form === undefined || canonicalUri(form) === form, unit);
      assert.ok((canonicalTemplate(head + fill(unit)) ?? '').length <= 8192, unit);
    }
  }
});

// ── templates ────────────────────────────────────────────────────────────────
test('a template is named by its text in the same form, its expressions as they are', () => {
  const forms: readonly (readonly [string, string | undefined])[] = [
    ['file:///{path}', 'file:///{path}'], ['FILE:///Srv/{+Path}', 'file:///Srv/{+Path}'], ['https://{Host}/A{?q*,page}', 'https://{Host}/A{?q*,page}'], ['file:/x/{a}/{b:3}', 'file:///x/{a}/{b:3}'],
    ['{+url}', '{+url}'], ['mem:%61{x}', 'mem:a{x}'], ['file:///{a}/../{b}', undefined], ['file:///{a}/%2e%2e/{b}', undefined], ['file:///a b', undefined], ['', undefined], ['path/{x}', undefined], ['mem:\ue000{x}', undefined],
  ];
  for (const [text, form] of forms) assert.equal(canonicalTemplate(text), form, text);
  fc.assert(fc.property(fc.oneof(anyUri, fc.string({ unit: 'binary' })), (text) => {
    const form = canonicalTemplate(text);
    if (form !== undefined) assert.equal(canonicalTemplate(form), form, text);
  }), { numRuns: 2000 });
});

// ── rules on URIs ────────────────────────────────────────────────────────────
const hit = (pattern: string, uri: string): boolean => {
  const compiled = compilePattern(pattern);
  const name = canonicalUri(uri);
  assert.ok(compiled.ok && name !== undefined, `${pattern} ${uri}`);
  return matches(compiled.value, { kind: 'resource', backend: 'fs', name });
};

test('a wildcard for a host does not reach into what follows the host, and a rule for a host leaves none of its spellings out', () => {
  for (const uri of ['https://evil.example?.a.example/x', 'https://evil.example#.a.example/x']) assert.ok(!hit('resource:fs/https://*.a.example/**', uri), uri);
  for (const uri of ['https://evil.example', 'https://evil.example?x', 'https://evil.example#x', 'https://evil.example/x']) assert.ok(hit('resource:fs/https://evil.example/**', uri), uri);
  for (const rule of ['https://evil.example', 'https://*', 'https://**']) assert.ok(hit(`resource:fs/${rule}`, 'https://evil.example'), rule);
  for (const rule of ['file://**', 'file:**', 'file:///**', '*://**']) assert.ok(hit(`resource:fs/${rule}`, 'file:///etc/passwd'), rule);
});

test('a rule hits its URI in whatever spelling the rule or the agent writes it', () => {
  const rules = ['resource:fs/file:///srv/caf%C3%A9/**', 'resource:fs/FILE:///srv/café/**', 'resource:fs/file:/srv/caf%c3%a9/**', 'resource:fs/file://localhost/srv//café/**', 'resource:fs/file:///%73rv/caf%C3%A9/**'];
  for (const rule of rules) {
    for (const uri of ['file:///srv/café/a/b', 'FILE:///srv/caf%c3%a9%2Fx', 'file:/srv//café/x']) assert.ok(hit(rule, uri), `${rule} ${uri}`);
    for (const uri of ['file:///srv/other/a', 'file:///srv2/café/a']) assert.ok(!hit(rule, uri), `${rule} ${uri}`);
  }
  assert.ok(hit('resource:fs/https://EXAMPLE.com/*', 'https://example.COM/x'));
  assert.ok(hit('resource:mem:*', 'MEM:a'));
});

test('every URI is hit by itself as a rule', () => {
  fc.assert(fc.property(anyUri, (uri) => {
    const name = canonicalUri(uri);
    fc.pre(name !== undefined && !/[*?#]/.test(uri) && uri.length < 400);
    const compiled = compilePattern(`resource:fs/${uri}`);
    if (compiled.ok) assert.ok(matches(compiled.value, { kind: 'resource', backend: 'fs', name }), uri);
  }), { numRuns: 3000 });
});
