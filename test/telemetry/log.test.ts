import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { backendId, timestamp } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { lifecycleLine, outcomeLine } from '../../src/telemetry/lines.ts';
import { createLog, type Log, type LogLevel } from '../../src/telemetry/log.ts';
import { FORBIDDEN, outcome, refusal } from './sample.ts';

type Line = Readonly<Record<string, unknown>>;

function capture(level: LogLevel = 'info'): { readonly log: Log; readonly text: () => string; readonly lines: () => readonly Line[] } {
  let text = '';
  const log = createLog({ level, write: (line) => void (text += line) });
  return { log, text: () => text, lines: () => text.split('\n').filter((line) => line !== '').map((line): Line => JSON.parse(line)) };
}

function only(lines: readonly Line[]): Line {
  assert.equal(lines.length, 1);
  return lines[0] ?? {};
}

test('a call is one line at info, with its id, its end and the rule, and without its arguments', () => {
  const { log, lines, text } = capture();
  outcomeLine(log)(outcome());
  const line = only(lines());
  assert.deepEqual([line['level'], line['msg'], line['call'], line['status'], line['code'], line['rule'], line['took_ms']],
    ['info', 'call', 'call-1', 'success', 'ok', 'role:developer:allow:fs/*', 40.2]);
  assert.deepEqual(line['untrusted'], { target: 'read', subject: 'alice', roles: 'developer', client: 'inspector 1' });
  assert.ok(!text().includes('hunter2'));
});

test('a denial is one line at info that names the rule', () => {
  const { log, lines } = capture();
  outcomeLine(log)(outcome(FORBIDDEN));
  const line = only(lines());
  assert.deepEqual([line['level'], line['msg'], line['decision'], line['code'], line['rule']], ['info', 'denied', 'deny', 'forbidden', 'role:developer:deny:fs/read']);
});

test('a refusal says why, and what was asked for only as untrusted', () => {
  const { log, lines } = capture();
  outcomeLine(log)(refusal({ reason: { code: 'unauthenticated', failure: 'expired' }, name: 'x' }));
  const line = only(lines());
  assert.deepEqual([line['msg'], line['code'], line['failure']], ['refused', 'unauthenticated', 'expired']);
  assert.deepEqual(line['untrusted'], { peer: '192.0.2.1', method: 'tools/call', name: 'x' });
});

test('a caller over its share of refusals writes no line with every request', () => {
  const { log, lines } = capture();
  for (let at = 0; at < 100; at += 1) outcomeLine(log)(refusal({ reason: { code: 'probe_limited', retryAfterMs: 1 } }));
  assert.equal(lines().length, 0);
});

test('what operators typed and backends said about themselves is untrusted; bad news is louder', () => {
  const { log, lines } = capture();
  const line = lifecycleLine(log);
  const base = { id: 'e', wall: timestamp(1), by: 'root\u001b[2J', revision: 4 };
  line({ ...base, kind: 'started', version: '0.1.0', configHash: 'abc' });
  line({ ...base, kind: 'reload_refused', problems: 2, first: 'bad\nkey' });
  line({ ...base, kind: 'backend', backend: backendId('fs'), state: 'failed', note: 'gave up' });
  assert.deepEqual(lines().map((one) => [one['level'], one['msg']]), [['info', 'started'], ['error', 'reload_refused'], ['warn', 'backend']]);
  assert.equal(lines()[0]?.['config_hash'], 'abc');
  assert.deepEqual(lines()[1]?.['untrusted'], { by: 'root\\u001b[2J', first: 'bad\\nkey' });
  assert.deepEqual(lines()[2]?.['untrusted'], { by: 'root\\u001b[2J', note: 'gave up' });
});

test('property: no text of a stranger makes a second line, a control character, a lone surrogate or a long line', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constant('\u202e\u009b\u2028\n'.repeat(5000))), (text) => {
    const { log, text: written } = capture();
    log.info({ untrusted: { text } }, 'said');
    assert.equal(written().split('\n').length, 2);
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/.test(written()));
    assert.ok(written().isWellFormed());
    assert.ok(written().length < 8000);
  }), { numRuns: 60 });
});

test('secrets are masked by field name, by shape and by type', () => {
  const { log, text } = capture();
  const secret = 'Q7wZ4xV9cB2nM5kL8jH3';
  log.info({ token: secret, nested: { authorization: secret }, backend: new Secret(secret), untrusted: { detail: `Bearer ${secret}` } }, 'x');
  assert.ok(!text().includes(secret), text());
});

test('the level counts at once when it is changed', () => {
  const { log, lines } = capture('info');
  log.debug({}, 'hidden');
  log.level = 'debug';
  assert.equal(log.level, 'debug');
  log.debug({}, 'shown');
  log.level = 'error';
  log.warn({}, 'hidden');
  assert.deepEqual(lines().map((line) => line['msg']), ['shown']);
});

test('lines go to stderr, none to stdout, and what was logged just before the exit is written', () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL('../../src/telemetry/log.ts', import.meta.url).href)});
    const log = createLog({ level: 'info' });
    for (let at = 0; at < 200; at += 1) log.info({ at }, 'line');
    process.exit(0);`;
  const run = spawnSync(process.execPath, ['--disable-proto=throw', '--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.stdout, '');
  assert.equal(run.stderr.trim().split('\n').length, 200);
});
