import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'smol-toml';
import { CODES } from '../../src/config/codes.ts';
import { settingsTable } from '../../src/config/settings.ts';
import { generatedFiles } from '../support/generate.ts';
import { exampleText, schemaText } from '../support/reference.ts';
import { accepted, JWT_SECRET } from './source.ts';

const root = join(import.meta.dirname, '..', '..');
const uncommented = (text: string, mark: RegExp): string => text.replaceAll(mark, '');

test('the example, the schema, the reference page and the error pages are what the settings table makes of them', () => {
  const files = generatedFiles(root);
  assert.ok(files.size > 40);
  for (const [path, text] of files) assert.equal(readFileSync(join(root, path), 'utf8'), text, `${path} is stale: run scripts/generate`);
});

test('every default of the example is the default: with and without its comment marks the settings are the same', () => {
  const plain = accepted('').settings;
  assert.deepEqual(accepted(exampleText()).settings, plain);
  const spoken = uncommented(exampleText(), /^# (?=[a-z_.]+ = )/gm);
  assert.notEqual(spoken, exampleText());
  assert.deepEqual(accepted(spoken).settings, plain);
});

test('the examples of the example are accepted as well', () => {
  const env = { JWT_SECRET_KEY: JWT_SECRET, HEALTH_TOKEN: 'h', FILES_API_KEY: 'f', TOOLS_API_KEY: 'k', TOOLS_TOKEN: 't', SIEM_TOKEN: 's', SIEM_WEBHOOK_SECRET: 'x'.repeat(32) };
  const files = { '/etc/sentinel/siem-client.key': { text: 'key', mode: 0o600 } };
  const alternatives = /^## (jwt_secret|url) = \{.*\n/gm;
  const { settings } = accepted(uncommented(exampleText().replaceAll(alternatives, ''), /^## (?=\[|[a-z_.]+ = )/gm), { env, files });
  assert.deepEqual(settings.backends.map((one) => [one.id, one.type]), [['files', 'stdio'], ['tools', 'http']]);
  assert.deepEqual(settings.roles.map((one) => one.name), ['developer']);
  assert.equal(settings.auth.issuers.length, 1);
});

test('the example names every key of the settings table', () => {
  const text = exampleText();
  for (const row of settingsTable()) {
    if (row.path.startsWith('auth.own_keys.')) continue;
    const key = row.path.replace(/^(backends\[\]|[a-z_]+\.[a-z_]+\[\]|rbac\.roles\.<name>|scopes\.grants\.<name>|[a-z_]+)\./, '');
    assert.match(text, new RegExp(`^##? ${key.replaceAll('.', '\\.')} = `, 'm'), row.path);
  }
});

test('the JSON Schema accepts what the gateway accepts and refuses unknown keys', () => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(schemaText()));
  const spoken = uncommented(exampleText(), /^##? (?=\[|[a-z_.]+ = )/gm);
  assert.ok(validate(JSON.parse(JSON.stringify(parse(spoken)))), JSON.stringify(validate.errors));
  assert.equal(validate({ gateway: { listn: 'x' } }), false);
  assert.equal(validate({ backends: [{ type: 'stdio' }] }), false);
});

test('codes are used once each, and errors alone have an exit status', () => {
  const entries = Object.values(CODES);
  assert.equal(new Set(entries.map((entry) => entry.code)).size, entries.length);
  for (const entry of entries) {
    assert.match(entry.code, /^SEN-01[0-9]{2}$/);
    assert.equal(entry.exit !== undefined, entry.severity === 'error', entry.code);
  }
});
