import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { groupOf } from './groups.ts';
import { runTestFile, runTool, type FileReport } from './run-file.ts';

const root = join(import.meta.dirname, '../..');

async function reportOf(code: string, env: NodeJS.ProcessEnv = {}): Promise<FileReport> {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const path = join(folder, 'sample.test.ts');
  writeFileSync(path, `import { suite, test } from 'node:test';\nimport assert from 'node:assert/strict';\n${code}\n`);
  try {
    return await runTestFile(path, { root, env: { ...process.env, ...env }, timeoutMs: 5000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the test runner', () => {
  test('counts tests, not suites, and a failure once, with its whole path', async () => {
    const report = await reportOf(`suite('outer', () => {\n  test('good', () => {});\n  test('bad', () => assert.equal(1, 2));\n});`);
    assert.equal(report.passed, 1);
    assert.deepEqual(report.failures.map(({ name }) => name), ['outer > bad']);
    assert.match(report.failures[0]?.text ?? '', /1 !== 2/);
  });

  test('keeps the reason of a skip, and fails one without a reason', async () => {
    const report = await reportOf(`test('a', { skip: 'no sshd' }, () => {});\ntest('b', { skip: true }, () => {});`);
    assert.deepEqual(report.skips, [{ name: 'a', reason: 'no sshd' }]);
    assert.deepEqual(report.failures, [{ name: 'b', text: 'skipped without a reason' }]);
  });

  test('passes on what a test wants to be read, and no other diagnostic', async () => {
    const report = await reportOf(`test('a', (context) => {\n  context.diagnostic('noise');\n  context.diagnostic('shown: one\\n  two');\n});`);
    assert.deepEqual(report.shown, ['one\n  two']);
    assert.equal(report.passed, 1);
  });

  test('fails a file that holds no test, and one that does not load', async () => {
    assert.match((await reportOf('')).failures[0]?.text ?? '', /holds no test/);
    assert.match((await reportOf(`import 'nowhere';`)).failures[0]?.text ?? '', /ERR_MODULE_NOT_FOUND/);
  });

  test('fails a file whose process fails after all its tests passed', async () => {
    const report = await reportOf(`test('good', () => {});\nprocess.on('exit', () => { process.exitCode = 3; });`);
    assert.equal(report.passed, 1);
    assert.match(report.failures[0]?.text ?? '', /exit code 3/);
  });

  test('kills a file that hangs, and what it started', async () => {
    const listens = `const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.error('port ' + s.address().port))`;
    const report = await reportOf(
      `import { spawn } from 'node:child_process';\ntest('hangs', async () => {\n  spawn(process.execPath, ['-e', ${JSON.stringify(listens)}], { stdio: 'inherit' });\n  await new Promise(() => setInterval(() => {}, 1000));\n});`,
    );
    const text = report.failures.map((failure) => failure.text).join('\n');
    assert.match(text, /still running after 5 s/);
    const port = Number(/port (\d+)/.exec(text)?.[1]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), (error: Error) => /ECONNREFUSED/.test(String(error.cause)));
  });

  test('gives a file an empty HOME, and none of the settings of the developer', async () => {
    const report = await reportOf(
      `import { readdirSync } from 'node:fs';\ntest('clean', () => {\n  assert.deepEqual(readdirSync(process.env.HOME), []);\n  assert.equal(process.env.SENTINEL_CONFIG, undefined);\n  assert.equal(process.env.SENTINEL_TEST_FULL, '1');\n});`,
      { SENTINEL_CONFIG: '/etc/sentinel.toml', SENTINEL_TEST_FULL: '1' },
    );
    assert.deepEqual([report.passed, report.failures], [1, []]);
  });

  test('counts a tool by its exit code', async () => {
    const options = { root, env: process.env, timeoutMs: 5000 };
    assert.equal((await runTool('yes', [process.execPath, '-e', '0'], options)).passed, 1);
    const no = await runTool('no', [process.execPath, '-e', 'console.log("why"); process.exit(1)'], options);
    assert.deepEqual(no.failures, [{ name: 'no', text: 'why' }]);
  });

  test('knows the group of every file, and of no other', () => {
    assert.equal(groupOf('test/architecture.test.ts'), 'check');
    assert.equal(groupOf('test/core/policy/globs.test.ts'), 'unit');
    assert.equal(groupOf('test/elsewhere/x.test.ts'), undefined);
  });
});
