import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { compose } from '../../src/app/compose.ts';
import { readConfiguration, readConfigurationFile } from '../../src/app/configuration.ts';
import { createReloader } from '../../src/app/reload.ts';
import { processDeps } from '../../src/app/system.ts';
import { ok } from '../../src/core/result.ts';
import { world } from '../support/world.ts';

const ENV = { JWT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-bytes', HOME: '/nowhere' };

function written(t: TestContext, name = 'sentinel.toml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'trust-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '[rbac.roles.reader]\nallow = ["files/*"]\n');
  chmodSync(file, 0o644);
  return file;
}
const codeOf = (file: string): string | undefined => {
  const read = readConfigurationFile(file, ENV);
  return read.ok ? undefined : `${read.error.exit} ${read.error.code}`;
};

test('a configuration that others may write refuses the start, and is not even parsed', (t) => {
  const file = written(t);
  assert.equal(codeOf(file), undefined);
  writeFileSync(file, 'not = [toml');
  chmodSync(file, 0o666);
  const read = readConfigurationFile(file, ENV);
  assert.ok(!read.ok);
  assert.equal(read.error.exit, 11);
  assert.deepEqual(read.error.problems.map((one) => [one.code, one.help]), [['SEN-0128', `chmod go-w ${file}`]]);
  assert.match(read.error.problems[0]?.message ?? '', /sentinel\.toml can be written by others \(mode 0666, /);
});

test('who starts nothing of it is told what else is wrong with it, and does not read a pipe that it names', (t) => {
  const file = written(t);
  const look = (text: string): readonly string[] => {
    writeFileSync(file, text);
    chmodSync(file, 0o666);
    const read = readConfigurationFile(file, ENV, undefined, true);
    assert.ok(!read.ok);
    assert.equal(read.error.exit, 11);
    return read.error.problems.map((one) => one.code);
  };
  assert.deepEqual(look('[rbac.roles.reader]\nallow = ["files/*"]\n').slice(0, 1), ['SEN-0128'], 'also when nothing else is wrong');
  assert.deepEqual(look('[gateway]\nnope = 1\nlisten = 7\n'), ['SEN-0128', 'SEN-0106', 'SEN-0108']);
  assert.ok(look('[auth]\njwt_secret = { file = "/dev/zero" }\n').includes('SEN-0120'));
  symlinkSync('loop', join(dirname(file), 'loop'));
  assert.ok(look('[auth]\njwt_secret = { file = "loop" }\n').includes('SEN-0120'), 'what cannot even be asked about is a problem like others');
});

test('so does one in a folder where everybody may write, unless the folder is sticky', (t) => {
  const file = written(t);
  chmodSync(dirname(file), 0o777);
  assert.equal(codeOf(file), '11 SEN-0128');
  chmodSync(dirname(file), 0o1777);
  assert.equal(codeOf(file), undefined);
});

test('a mounted ConfigMap is read: links in a folder of mode 0777, and a file of mode 0644 behind them', (t) => {
  const mount = dirname(written(t, '..2026_01_01/sentinel.toml'));
  symlinkSync('..2026_01_01', join(dirname(mount), '..data'));
  symlinkSync('..data/sentinel.toml', join(dirname(mount), 'sentinel.toml'));
  chmodSync(dirname(mount), 0o777);
  assert.equal(codeOf(join(dirname(mount), 'sentinel.toml')), undefined);
  chmodSync(join(mount, 'sentinel.toml'), 0o666);
  assert.equal(codeOf(join(dirname(mount), 'sentinel.toml')), '11 SEN-0128', 'a link does not hide the mode of its file');
});

test('a configuration through a pipe has no path, and is read', () => {
  const program = `const { readConfigurationFile } = await import(${JSON.stringify(new URL('../../src/app/configuration.ts', import.meta.url).href)}); const r = readConfigurationFile('/dev/stdin', ${JSON.stringify(ENV)}); console.log(r.ok ? 'read' : r.error.code)`;
  const done = spawnSync('/bin/sh', ['-c', `printf '[rbac.roles.reader]\\nallow = ["files/*"]\\n' | "$0" --input-type=module -e "$1"`, process.execPath, program], { encoding: 'utf8' });
  assert.equal(done.stdout.trim(), 'read', done.stderr);
});

test('one of another user is refused', { skip: process.getuid?.() === 0 ? false : 'only root can give a file to somebody else' }, (t) => {
  const file = written(t);
  chownSync(file, 4711, 4711);
  assert.equal(codeOf(file), '11 SEN-0128');
});

test('a reload finds the file writable by others: refused, and the running revision goes on', async (t) => {
  const file = written(t);
  const w = world();
  const before = w.cell.current();
  const reloader = createReloader({
    cell: w.cell, clock: w.clock, random: w.deps.random, read: () => readConfigurationFile(file, ENV), prepareKeys: () => Promise.resolve(ok(() => {})),
    apply: () => assert.fail('applied'), announce: () => Promise.resolve(),
  });
  chmodSync(file, 0o646);
  const report = await reloader.reload('op');
  assert.equal(report.ok, false);
  assert.deepEqual(report.problems.map((one) => one.code), ['SEN-0128']);
  assert.equal(w.cell.current(), before);
});

test('the log says which file was taken', async (t) => {
  const file = written(t);
  writeFileSync(file, '[gateway]\nstate_dir = "state"\naudit_enabled = false\n');
  const configuration = readConfigurationFile(file, ENV);
  assert.ok(configuration.ok);
  const lines: string[] = [];
  const gateway = await compose(configuration.value, { ...processDeps(ENV, '1.0.0'), logTo: (line) => lines.push(line) });
  assert.ok(gateway.ok);
  await gateway.value.stack.disposeAsync();
  assert.ok(lines.some((line) => JSON.parse(line).msg === 'configuration' && JSON.parse(line).file === file), lines.join(''));
});

test('an agent\u2019s client reads no configuration out of the folder it starts us in', (t) => {
  const file = written(t);
  const cwd = dirname(file);
  const read = readConfiguration({ configFile: undefined, env: { ...ENV, HOME: join(cwd, 'home') }, cwd, startedBy: 'agent' });
  assert.ok(!read.ok || read.value.file !== file);
  assert.ok(readConfiguration({ configFile: undefined, env: { ...ENV, SENTINEL_CONFIG: 'sentinel.toml' }, cwd, startedBy: 'agent' }).ok);
  assert.ok(readConfiguration({ configFile: undefined, env: ENV, cwd }).ok, 'an operator stands where the file is');
});
