import assert from 'node:assert/strict';
import { exec, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/cli/main.ts');

interface Ready { readonly endpoint: string; readonly health: string; readonly control: string; readonly token_file: string; readonly config_file: string; readonly pid: number }
interface Said { readonly status: number | null; readonly stdout: string; readonly stderr: string }

/** A state directory of its own, an empty HOME, and a gateway that is gone after the test whatever happened. */
class Place {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'st-'));
  readonly home: string = join(this.folder, 's');
  readonly env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: this.folder, SENTINEL_HOME: this.home, NO_COLOR: '1' };

  constructor(t: TestContext) {
    t.after(() => {
      this.run('stop', '--within', '10s');
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  run(...args: readonly string[]): Said {
    return spawnSync(process.execPath, [main, ...args], { cwd: this.folder, env: this.env, encoding: 'utf8' });
  }

  start(...args: readonly string[]): Said {
    return this.run('start', '--listen', '0', '--health-listen', '0', ...args);
  }

  ready(...args: readonly string[]): Ready {
    const { status, stdout, stderr } = this.start('--json', ...args);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  }

  foreground(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [main, 'start', '--listen', '0', '--health-listen', '0', ...args], { cwd: this.folder, env: this.env, stdio: ['ignore', 'pipe', 'ignore'] });
  }
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** Processes, alive, that name this folder in their arguments or environment, or stand in it. */
function processesNaming(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) || readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text) || readlinkSync(`/proc/${pid}/cwd`).startsWith(text);
    } catch {
      return false;
    }
  });
}

async function until(what: () => boolean, why: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (what()) return;
    await delay(25);
  }
  assert.fail(`never: ${why}`);
}

function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  assert.ok(stdout !== null);
  return new Promise((resolve) => createInterface({ input: stdout }).once('line', resolve));
}

/** As it is printed, typed into a shell. */
function shell(line: string, place: Place): Promise<Said> {
  return new Promise((resolve) => {
    exec(line, { cwd: place.folder, env: place.env }, (error, stdout, stderr) => resolve({ status: error === null ? 0 : (error.code ?? null), stdout, stderr }));
  });
}

describe('start', () => {
  test('from nothing: private files, two real servers, six lines and the next command', async (t) => {
    const place = new Place(t);
    const { status, stdout, stderr } = place.start('--detach');
    assert.equal(status, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.map((line) => line.split(' ')[0]), ['version', 'endpoint', 'control', 'backends', 'tools', 'policy', 'next']);
    assert.match(lines[3] ?? '', /2\/2 ready: filesystem \(stdio\), everything \(http\)/);
    for (const file of ['sentinel.toml', 'agent.token', 'keys/ring.json']) assert.equal(mode(join(place.home, file)), '600', file);
    assert.equal(mode(place.home), '700');
    const token = readFileSync(join(place.home, 'agent.token'), 'utf8').trim();
    assert.ok(!(stdout + stderr).includes(token.slice(0, 40)), 'the token is never printed');

    const listed = await shell((lines[6] ?? '').replace(/^next +/, ''), place);
    assert.equal(listed.status, 0, listed.stderr);
    const names = JSON.parse(listed.stdout).tools.map((tool: { name: string }) => tool.name);
    assert.ok(names.includes('filesystem__read_text_file') && names.includes('everything__echo'));
    assert.ok(!names.includes('filesystem__write_file'));

    const [call = '', refused = ''] = stderr.split('\n').filter((line) => line.startsWith('  ') && line.includes('tools/call'));
    assert.match((await shell(call, place)).stdout, /read through sentinel/);
    assert.match((await shell(refused, place)).stdout, /Unknown tool/);
    assert.ok(!existsSync(join(place.home, 'demo-files/x')));
    const audit = place.run('audit', 'query').stdout;
    assert.match(audit, /allow .*filesystem\/read_text_file/);
    assert.match(audit, /deny .*filesystem\/write_file/);
  });

  test('a second start says the same and starts nothing', (t) => {
    const place = new Place(t);
    const first = place.ready('--detach');
    const config = readFileSync(first.config_file, 'utf8');
    const again = place.ready('--detach');
    assert.deepEqual(again, first);
    assert.deepEqual(Object.keys(again), ['endpoint', 'health', 'control', 'token_file', 'config_file', 'pid']);
    assert.equal(readFileSync(first.config_file, 'utf8'), config);
  });

  test('a start after a stop reuses keys, token and configuration', (t) => {
    const place = new Place(t);
    const first = place.ready('--detach');
    const kept = [first.token_file, first.config_file, join(place.home, 'keys/ring.json')];
    const before = kept.map((file) => readFileSync(file, 'utf8'));
    assert.match(place.run('stop').stdout, /^stopped \(pid \d+\)\n$/);
    assert.notEqual(place.ready('--detach').pid, first.pid);
    assert.deepEqual(kept.map((file) => readFileSync(file, 'utf8')), before);
  });

  test('stop ends everything that was started, and is content when nothing runs', async (t) => {
    const place = new Place(t);
    place.ready('--detach');
    assert.ok(processesNaming(place.folder).length >= 3, 'the gateway, a stdio server and an HTTP server');
    assert.equal(place.run('stop').status, 0);
    await until(() => processesNaming(place.folder).length === 0, 'all gone');
    const { status, stdout } = place.run('stop', '--json');
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), { stopped: false, pid: null });
  });

  test('kill -9 of the gateway leaves no server behind, and the next start works', async (t) => {
    const place = new Place(t);
    const { pid } = place.ready('--detach');
    process.kill(pid, 'SIGKILL');
    await until(() => processesNaming(place.folder).length === 0, 'all gone');
    assert.notEqual(place.ready('--detach').pid, pid);
  });

  test('in the foreground it prints one object with --json, and ends with SIGTERM', async (t) => {
    const place = new Place(t);
    const child = place.foreground('--json');
    const ready: Ready = JSON.parse(await firstLine(child));
    assert.equal(ready.pid, child.pid);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    await until(() => processesNaming(place.folder).length === 0, 'all gone');
  });

  test('an address that somebody else has: exit 14, and who has it', async (t) => {
    const place = new Place(t);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const said = await new Promise<Said>((resolve) => {
      // Not spawnSync: the holder of the port is this process, and must go on living.
      exec(`"${process.execPath}" "${main}" start --detach --listen ${address.port} --health-listen 0 --json`, { cwd: place.folder, env: place.env }, (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr }));
    });
    assert.equal(said.status, 14, said.stderr);
    assert.equal(said.stdout, '');
    const fault = JSON.parse(said.stderr.trim().split('\n').at(-1) ?? '');
    assert.match(fault.error.message, new RegExp(`127\\.0\\.0\\.1:${address.port} is taken`));
    if (process.platform === 'linux') assert.match(fault.error.message, new RegExp(`\\(pid ${process.pid}\\)`));
    assert.match(fault.error.help, /--listen 0 --health-listen 0/);
    assert.ok(!existsSync(join(place.home, 'sentinel.toml')), 'nothing was written that would stand in the way');
    assert.equal(place.start('--detach').status, 0);
  });

  test('a broken configuration: exit 11, with the problem in what is printed', (t) => {
    const place = new Place(t);
    place.ready('--detach');
    place.run('stop');
    const file = join(place.home, 'sentinel.toml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('own_keys', 'own_kees'));
    const { status, stdout, stderr } = place.start('--detach');
    assert.equal(status, 11);
    assert.equal(stdout, '');
    assert.match(stderr, /own_kees[\s\S]*did you mean `own_keys`\?/);
  });
});

describe('stdout is data only', () => {
  test('stdio: nothing but protocol, attached and alone', async (t) => {
    const place = new Place(t);
    const ready = place.ready('--detach');
    const hello = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } })}\n`;
    for (const way of ['--attach', '--alone']) {
      const child = spawn(process.execPath, [main, 'stdio', way, '--token-file', ready.token_file, '-v'], { cwd: place.folder, env: place.env, stdio: ['pipe', 'pipe', 'ignore'] });
      t.after(() => child.kill('SIGKILL'));
      let stdout = '';
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString();
        child.stdin.end();
      });
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      child.stdin.write(hello);
      assert.equal(await ended, 0, way);
      const messages = stdout.trimEnd().split('\n').map((line): { jsonrpc: string; id?: number } => JSON.parse(line));
      assert.ok(messages.every((message) => message.jsonrpc === '2.0'), way);
      assert.equal(messages[0]?.id, 1, way);
      if (way === '--attach') place.run('stop');
    }
  });

  test('stdio: a gateway that goes away in between is exit 1 and one clear line', async (t) => {
    const place = new Place(t);
    const ready = place.ready('--detach');
    const child = spawn(process.execPath, [main, 'stdio', '--attach', '--token-file', ready.token_file], { cwd: place.folder, env: place.env, stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const answered = firstLine(child);
    child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await answered;
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    process.kill(ready.pid, 'SIGKILL');
    assert.equal(await ended, 1);
    assert.match(stderr, /the session with the gateway was lost/);
  });

  test('every verb that asks the gateway prints one JSON value with --json, and talk goes elsewhere', (t) => {
    const place = new Place(t);
    place.ready('--detach');
    const asked: readonly (readonly string[])[] = [
      ['status'], ['kills'], ['tools', '--as', 'developer'], ['reload'], ['explain', 'filesystem/list_allowed_directories', '--as', 'developer'], ['doctor'], ['check'], ['version'], ['keys', 'list'],
      ['kill', 'tool', 'filesystem/read_file', '--reason', 'test'], ['unkill', 'tool', 'filesystem/read_file', '--reason', 'test'], ['connect', 'json'], ['token', 'inspect', join(place.home, 'agent.token')],
    ];
    for (const argv of asked) {
      const { status, stdout, stderr } = place.run(...argv, '--json');
      assert.ok(status === 0 || status === 3, `${argv.join(' ')}: ${status} ${stderr}`);
      assert.doesNotThrow(() => JSON.parse(stdout), argv.join(' '));
      assert.equal(stdout.trimEnd().split('\n').length, 1, argv.join(' '));
      assert.ok(!JSON.stringify(JSON.parse(stdout)).match(/"[a-z]+[A-Z]\w*":/), `${argv.join(' ')}: keys are snake_case`);
    }
  });
});
