// [[audit.capture]]: what is read, and what is refused because it would keep less than was asked for, or more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { CAPTURE_KEYS, captureOf } from '../../src/config/audit-capture.ts';
import { placesOf } from '../../src/config/locate.ts';
import { parseText } from '../../src/config/parse.ts';
import { collectProblems } from '../../src/config/problems.ts';
import { section, type Context } from '../../src/config/section.ts';
import { secretsFrom } from '../../src/config/secrets.ts';
import { rowsOf } from '../../src/config/table.ts';
import type { CaptureSettings } from '../../src/core/capture.ts';
import type { Diagnostic } from '../../src/core/operations.ts';
import { FILE, marks } from './source.ts';

const DAY = 86_400_000;
const AUDIT = z.strictObject(CAPTURE_KEYS);

interface Read {
  readonly settings: CaptureSettings | undefined;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

function read(text: string, backends: readonly string[] | 'faulty' = ['files', 'github']): Read {
  const parsed = parseText(text);
  assert.ok(parsed.ok);
  const problems = collectProblems(FILE, placesOf(text));
  const context: Context = {
    env: {}, home: '/home/op', directory: '/etc/sentinel', which: undefined, account: undefined, given: () => false, elsewhere: () => undefined,
    secrets: secretsFrom({ env: {}, readFile: () => ({ ok: false, error: 'ENOENT' }), problems, directory: '/etc/sentinel', home: '/home/op', own: new Set() }),
    problem: (kind, path, message, help, points) => problems.add(kind, path, message, help, points),
  };
  const audit = section('audit', AUDIT, (file, about) => captureOf(file, about, { backends: backends === 'faulty' ? undefined : backends, redactKeys: ['password', 'api_key'] }));
  const settings = audit.read(parsed.value['audit'] ?? {}, context, undefined);
  return { settings, errors: problems.diagnostics('error'), warnings: problems.diagnostics('warning') };
}

const RULE = '[[audit.capture]]\ntargets = ["github/create_issue", "prompt:files/*"]\narguments = ["/title", "/items/*/id"]\nresults = ["/structuredContent/id"]\nreason = "to undo it"\n';

function errorsOf(text: string): readonly string[] {
  return marks(read(text).errors);
}

test('nothing is kept by default, and what is kept goes after 30 days', () => {
  assert.deepEqual(read('').settings, { rules: [], keepMs: 30 * DAY, keyDir: undefined });
});

test('rules are read in the order of the file', () => {
  const { settings, errors, warnings } = read(`[audit]\ncapture_keep = "7d"\ncapture_key_dir = "keys"\n${RULE}owner = "team-platform"\nbytes = "16KiB"\n[[audit.capture]]\ntargets = ["*"]\nresults = ["/content/0/text"]\nreason = "b"\n`);
  assert.deepEqual([...errors, ...warnings], []);
  assert.deepEqual(settings, {
    keepMs: 7 * DAY, keyDir: '/etc/sentinel/keys', rules: [
      { targets: ['github/create_issue', 'prompt:files/*'], arguments: ['/title', '/items/*/id'], results: ['/structuredContent/id'], bytes: 16_384, owner: 'team-platform', reason: 'to undo it' },
      { targets: ['*'], arguments: [], results: ['/content/0/text'], bytes: 4096, owner: undefined, reason: 'b' },
    ],
  });
});

test('a rule without a purpose, without targets or without paths is an error', () => {
  assert.deepEqual(errorsOf('[[audit.capture]]\ntargets = ["files/x"]\narguments = ["/a"]\n'), ['SEN-0107@1:9']);
  assert.deepEqual(errorsOf('[[audit.capture]]\narguments = ["/a"]\nreason = "r"\n'), ['SEN-0107@1:9']);
  assert.deepEqual(errorsOf('[[audit.capture]]\ntargets = ["files/x"]\nreason = "r"\n'), ['SEN-0107@1:9']);
  assert.match(read('[[audit.capture]]\ntargets = ["files/x"]\nreason = "r"\n').errors[0]?.message ?? '', /^`audit\.capture\[0\]` needs `arguments` or `results`/);
});

test('an unknown key is an error where it stands', () => {
  assert.deepEqual(errorsOf(`${RULE}path = "/a"\n`), ['SEN-0106@6:1']);
  assert.deepEqual(errorsOf('[audit]\ncapture_keeps = "1d"\n'), ['SEN-0106@2:1']);
});

test('a path that is no pointer is an error where it stands, in words that mend it', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['title', /does not begin with `\/`/], ['/a~x', /holds a `~` that is none of/], ['/a*', /stands for a whole segment.*`~2`/], [`/${'a'.repeat(2000)}`, /is longer than 1024 characters/], ['/a'.repeat(33), /more than 32 segments/],
    ['/a\\u0007', /holds a control character/],
  ];
  for (const [pointer, message] of wrong) {
    const { errors } = read(`[[audit.capture]]\ntargets = ["files/x"]\nresults   = ["/ok", "${pointer}"]\nreason = "r"\n`);
    assert.deepEqual(marks(errors), ['SEN-0108@3:21'], pointer);
    assert.match(errors[0]?.message ?? '', message);
  }
  assert.deepEqual(errorsOf('[[audit.capture]]\ntargets = ["files/x"]\narguments = [""]\nreason = "r"\n'), ['SEN-0109@3:14'], 'all there is cannot be named');
});

test('a pattern that is none, or whose backend is not there, is told where it stands', () => {
  assert.deepEqual(errorsOf(RULE.replace('"github/create_issue"', '"github/"')), ['SEN-0117@2:12']);
  const { errors, warnings } = read(RULE.replace('github/', 'gitlab/'));
  assert.deepEqual([errors, marks(warnings)], [[], ['SEN-0170@2:12']]);
  assert.deepEqual(read(RULE.replace('github/', 'gitlab/'), 'faulty').warnings, [], 'not judged where backends are not known');
  assert.deepEqual(read(RULE.replace('github/', 'g*/')).warnings, []);
});

test('a path whose values are masked anyway is told', () => {
  const { errors, warnings } = read(RULE.replace('"/title"', '"/login/Api-Key/x"'));
  assert.deepEqual([errors, marks(warnings)], [[], ['SEN-0163@3:14']]);
  assert.match(warnings[0]?.message ?? '', /leads through "Api-Key", whose values are masked/);
});

test('sizes, times and purposes have bounds', () => {
  for (const [key, value] of [['bytes', '"65KiB"'], ['bytes', '"63B"']] as const) assert.deepEqual(errorsOf(`${RULE}${key} = ${value}\n`), ['SEN-0109@6:9'], value);
  for (const value of ['"23h"', '"3651d"']) assert.deepEqual(errorsOf(`[audit]\ncapture_keep = ${value}\n`), ['SEN-0109@2:16'], value);
  assert.deepEqual(errorsOf(RULE.replace('to undo it', 'x'.repeat(257))), ['SEN-0109@5:10']);
  for (const reason of ['', '   ', 'a\\nb', '\\u009b']) assert.deepEqual(errorsOf(RULE.replace('to undo it', reason)).map((mark) => mark.slice(8)), ['@5:10'], JSON.stringify(reason));
  assert.deepEqual(errorsOf(`${RULE}owner = "a\\u0007"\n`), ['SEN-0108@6:9']);
});

test('every key stands in the settings table, with its words', () => {
  const rows = rowsOf(AUDIT, 'audit');
  assert.deepEqual(rows.map(({ path }) => path), ['audit.capture_keep', 'audit.capture_key_dir', ...['targets', 'arguments', 'results', 'bytes', 'owner', 'reason'].map((key) => `audit.capture[].${key}`)]);
  assert.deepEqual(rows.filter(({ reload }) => reload === 'restart').map(({ path }) => path), ['audit.capture_key_dir']);
});
