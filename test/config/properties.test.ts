import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffSettings } from '../../src/config/diff.ts';
import { renderDiagnostics } from '../../src/config/render.ts';
import { settingsTable } from '../../src/config/settings.ts';
import { parseDuration, parseSize, showDuration, showSize } from '../../src/config/units.ts';
import { exampleText } from '../support/reference.ts';
import { accepted, FILE, JWT_SECRET, read } from './source.ts';

const WHOLE = exampleText().replaceAll(/^##? (?=\[|[a-z_.]+ = )/gm, '').replaceAll(/^(jwt_secret|url) = \{.*\n/gm, '');
const ENV = { JWT_SECRET_KEY: JWT_SECRET, HEALTH_TOKEN: 'h', FILES_API_KEY: 'f', TOOLS_API_KEY: 'k', TOOLS_TOKEN: 't' };

test('load answers for any text and never throws', () => {
  const key = fc.constantFrom(...settingsTable().map((row) => row.path.replaceAll('[]', '').replaceAll('<name>', 'x')), '__proto__', 'a', '"b c"');
  const value = fc.oneof(fc.string().map((text) => JSON.stringify(text)), fc.constantFrom('1', '-1', 'nan', 'inf', '1979-05-27', 'true', '[]', '{}', '[[1]]', '{ env = "X" }', '"\\u0000"', '""', '99999999999999999999'), fc.double().map(String));
  const line = fc.oneof(fc.tuple(key, value).map(([left, right]) => `${left} = ${right}`), key.map((name) => `[${name}]`), key.map((name) => `[[${name}]]`), fc.string());
  fc.assert(fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
    const text = lines.join('\n');
    const result = read(text);
    if (!result.ok) assert.ok(result.error.length > 0 && renderDiagnostics(result.error, text) !== '');
  }), { numRuns: 2000 });
});

test('load answers for a valid file damaged at any place', () => {
  fc.assert(fc.property(fc.nat(WHOLE.length), fc.nat(40), fc.string({ maxLength: 5 }), (at, length, put) => {
    const text = WHOLE.slice(0, at) + put + WHOLE.slice(at + length);
    const result = read(text, { env: ENV });
    if (!result.ok) renderDiagnostics(result.error, text);
  }), { numRuns: 500 });
});

test('a dotted key as long as the file may be is answered too', () => {
  assert.ok(!read(`a${'.a'.repeat(400_000)} = 1`).ok);
});

test('an unknown key anywhere is an error whose line holds that key', () => {
  const headers = [...WHOLE.matchAll(/^\[.*\]$/gm)].map((found) => found.index + found[0].length);
  fc.assert(fc.property(fc.constantFrom(...headers), fc.stringMatching(/^[a-z]{3,12}$/), fc.constantFrom('1', '"x"', '{ y = 1 }', '[1]'), (at, word, value) => {
    const key = `zz_${word}`;
    const text = `${WHOLE.slice(0, at)}\n${key} = ${value}${WHOLE.slice(at)}`;
    const result = read(text, { env: ENV });
    // In [rbac.roles] a new key is a new role, and a faulty one.
    assert.ok(!result.ok);
    const lines = text.split('\n');
    assert.ok(result.error.some((one) => (lines[(one.line ?? 0) - 1] ?? '').startsWith(key)), JSON.stringify(result.error));
  }), { numRuns: 300 });
});

const MARK = 'hunter2hunter2';
const SECRET_PLACES: readonly string[] = [
  `[auth]\njwt_secret = "${MARK}"`, `[auth]\njwt_secret_env = "${MARK}"`, `[postgres]\nurl = "${MARK}"`, `[postgres]\nurl_env = "${MARK}"`, `[gateway]\nmetrics_token = "${MARK}"`, `[auth]\nsecret = "${MARK}"`, `[auth]\njwt_secret = { env = "${MARK}" }`,
  `[[backends]]\nname = "a"\ntype = "stdio"\ncommand = "x"\nenv = { API_KEY = "${MARK}", LD_PRELOAD = "${MARK}" }`,
  `[[backends]]\nname = "a"\ntype = "stdio"\ncommand = "x"\nargs = ["--token", "${MARK}\${env:X}", 5]`,
  `[[backends]]\nname = "a"\ntype = "stdio"\ncommand = "x"\nenv = { K = "\${env:SECRET}" }`,
  `[[backends]]\nname = "a"\ntype = "http"\nurl = "https://u:${MARK}@x/mcp"`, `[[backends]]\nname = "a"\ntype = "http"\nurl = "https://x/mcp?k=${MARK}"\nbearer = "${MARK}"\nheaders = { X-Key = "${MARK}\\n" }`,
  `[[backends]]\nname = "a"\ntype = "http"\nurl = "https://x/mcp"\nbearer = ${MARK}`, `[[backends]]\nname = "a"\ntype = "http"\nurl = "https://x/mcp"\nbearer = ["${MARK}"]\nheaders = "${MARK}"`,
  `[[backends]]\nname = "a"\ntype = "stdio"\ncommand = "x"\nurl = "https://${MARK}"\npassword = "${MARK}"`,
];

test('the value of a secret is in no diagnostic, no rendering, no JSON and no inspection, wherever the file is broken', () => {
  const env = { JWT_SECRET_KEY: `${MARK}${JWT_SECRET}`, HEALTH_TOKEN: MARK, BACKEND_SHARED_SECRET: MARK, SECRET: MARK, DATABASE_URL: `postgres://u:${MARK}@h/d` };
  const damage = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(3), put: fc.constantFrom('', '"', "'", '=', '[', '\n', '}', '"""', '\\', 'x') });
  fc.assert(fc.property(fc.constantFrom(...SECRET_PLACES), fc.option(damage), (place, harm) => {
    const cut = harm === null ? 0 : Math.floor(harm.at * place.length);
    const text = harm === null ? place : place.slice(0, cut) + harm.put + place.slice(cut + harm.cut);
    // A broken mark is no longer the secret, and a mark that became a key, a type or a name is no value of a secret setting.
    fc.pre(text.split(MARK).length === place.split(MARK).length && !new RegExp(`^["']?${MARK}`, 'm').test(text));
    const result = read(text, { env });
    const diagnostics = result.ok ? result.value.warnings : result.error;
    const said = JSON.stringify(diagnostics) + renderDiagnostics(diagnostics, text);
    assert.ok(!said.includes(MARK), said);
  }), { numRuns: 3000 });
});

test('secrets of accepted settings are masks in JSON, in inspection and in differences', () => {
  const env = { JWT_SECRET_KEY: `${MARK}${JWT_SECRET}`, HEALTH_TOKEN: MARK, BACKEND_SHARED_SECRET: MARK, SECRET: MARK, DATABASE_URL: `postgres://u:${MARK}@h/d` };
  const text = '[[backends]]\nname = "a"\ntype = "http"\nurl = "https://x/mcp"\nbearer = { env = "SECRET" }\nshared_secret = true\nheaders = { X-K = "${env:SECRET}" }\n[[backends]]\nname = "b"\ntype = "stdio"\ncommand = "/x"\nenv = { K = "${env:SECRET}" }\n';
  const { settings } = accepted(text, { env });
  const plain = accepted('').settings;
  assert.ok(settings.backends[0]?.type === 'http' && settings.backends[0].bearer?.reveal() === MARK);
  for (const said of [JSON.stringify(settings), inspect(settings, { depth: null, showHidden: true }), JSON.stringify(diffSettings(plain, settings, { file: FILE, text })), JSON.stringify(diffSettings(settings, plain, { file: FILE, text }))]) assert.ok(!said.includes(MARK));
});

test('what is shown of a duration or size is what was set', () => {
  fc.assert(fc.property(fc.nat(2_147_483_000), (value) => {
    assert.equal(parseDuration(showDuration(value)), value);
    assert.equal(parseSize(showSize(value)), value);
  }));
});
