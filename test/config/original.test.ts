import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { accepted, codes, JWT_SECRET } from './source.ts';

const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '..', 'fixtures', 'config', name), 'utf8');
const env = { JWT_SECRET_KEY: JWT_SECRET, BACKEND_SHARED_SECRET: 'shared' };

test('a workstation file of the original loads, and each difference it relies on is told once', () => {
  const { settings, warnings } = accepted(fixture('original-workstation.toml'), { env });
  assert.deepEqual(settings.backends.map((one) => one.id), ['filesystem', 'web_search']);
  assert.deepEqual(settings.roles.map((one) => one.name), ['admin', 'developer', 'viewer']);
  assert.deepEqual(settings.roles[1]?.deny, ['filesystem__write_file', 'move_file']);
  assert.deepEqual(settings.limits.tools, [{ pattern: 'web_search', limit: 30 }, { pattern: 'filesystem__write_file', limit: 20 }]);
  const [, search] = settings.backends;
  assert.ok(search?.type === 'stdio' && !search.restart);
  assert.equal(search.env['LANGUAGE']?.reveal(), '${LANG}');
  assert.deepEqual(codes(warnings).toSorted(), ['SEN-0151', 'SEN-0153', 'SEN-0156', 'SEN-0158', 'SEN-0159', 'SEN-0160', 'SEN-0161', 'SEN-0162', 'SEN-0167']);
});

test('a compose file of the original loads, and each difference it relies on is told once', () => {
  const { settings, warnings } = accepted(fixture('original-compose.toml'), { env });
  assert.deepEqual(settings.backends.map((one) => (one.type === 'http' ? [one.url, one.sharedSecret, one.allowPrivate] : [])), [['http://127.0.0.1:3001/mcp', undefined, true], ['http://sqlite-mcp:3002/mcp', undefined, true]]);
  assert.deepEqual(settings.kills.backends, ['n8n', 'sqllite']);
  assert.deepEqual(codes(warnings).toSorted(), ['SEN-0151', 'SEN-0152', 'SEN-0154', 'SEN-0155', 'SEN-0157', 'SEN-0158', 'SEN-0170', 'SEN-0172']);
  assert.equal(warnings.find((one) => one.code === 'SEN-0170')?.help, 'did you mean "sqlite"?');
});

test('one key of this gateway ends the notes about the original', () => {
  const { warnings } = accepted(`${fixture('original-workstation.toml')}\n[catalog]\nnames = "prefixed"\n`, { env });
  assert.deepEqual(codes(warnings).filter((code) => ['SEN-0151', 'SEN-0161', 'SEN-0162', 'SEN-0157'].includes(code)), []);
});

test('the smallest file of the reference page loads without a warning', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'config.md'), 'utf8');
  const block = /```toml\n([\s\S]*?)```/.exec(page)?.[1];
  assert.ok(block);
  assert.deepEqual(accepted(block, { env: {} }).warnings, []);
});
