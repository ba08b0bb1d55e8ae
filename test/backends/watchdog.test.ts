import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RUN_MARKER } from '../../src/backends/stdio/environment.ts';
import { findProcesses, signalGroup, signalProcess } from '../../src/backends/stdio/processes.ts';
import { isAlive, until } from './support.ts';

const ROOT = join(import.meta.dirname, '../..');
const GATEWAY = join(import.meta.dirname, '../fixtures/backends/gateway.ts');
const MISBEHAVING = join(import.meta.dirname, '../fixtures/backends/misbehaving.ts');
/** Has put a process of its own into another session before it speaks MCP. */
const ESCAPING = `setsid sh -c 'sleep 1000 & wait' </dev/null >/dev/null 2>&1 & exec "$0" "$@"`;

/** Leaves a process behind that has nothing of its own in common with it: no group, no parent, no environment. */
const HIDING = `setsid env -i sh -c 'sleep 1000 & echo $! >pid' </dev/null >/dev/null 2>&1; exec "$0" "$@"`;

interface Started { readonly gateway: ChildProcess; readonly watchdog: number; readonly pids: readonly number[]; readonly run: string }

const gateways: ChildProcess[] = [];
after(() => {
  for (const gateway of gateways) gateway.kill('SIGKILL');
});

async function start(specs: readonly object[], open: Readonly<Record<number, string>> = {}): Promise<Started> {
  const stateDir = mkdtempSync(join(tmpdir(), 'sentinel-watchdog-'));
  const gateway = spawn(process.execPath, [GATEWAY, stateDir, ...specs.map((spec) => JSON.stringify(spec))], { stdio: ['pipe', 'pipe', 'inherit', ...slots(open)] });
  gateways.push(gateway);
  const line = await new Promise<string>((resolve, reject) => {
    gateway.stdout?.on('data', (chunk: Buffer) => resolve(chunk.toString()));
    gateway.once('exit', () => reject(new Error('the gateway ended')));
  });
  const { watchdog, pids }: { watchdog: number; pids: number[] } = JSON.parse(line.split('\n')[0] ?? '');
  const environ = readFileSync(`/proc/${pids[0]}/environ`, 'utf8').split('\u0000');
  const run = environ.find((entry) => entry.startsWith(`${RUN_MARKER}=`))?.slice(RUN_MARKER.length + 1).split('.')[0] ?? '';
  return { gateway, watchdog, pids, run };
}

/** The files, each open under its number in the process that is started with these. */
function slots(open: Readonly<Record<number, string>>): readonly ('ignore' | number)[] {
  const numbers = Object.keys(open).map(Number);
  return Array.from({ length: Math.max(2, ...numbers) - 2 }, (_, at) => {
    const path = open[at + 3];
    return path === undefined ? 'ignore' : openSync(path, 'r');
  });
}

async function marked(run: string): Promise<readonly number[]> {
  return (await findProcesses(RUN_MARKER, (value) => value?.startsWith(`${run}.`) === true)).map(({ pid }) => pid);
}

async function gone(run: string): Promise<void> {
  // Bounds a broken test: a watchdog that was only just started has to come up first.
  const end = performance.now() + 60_000;
  for (let left = await marked(run); left.length > 0; left = await marked(run)) {
    if (performance.now() > end) assert.fail(`orphans: ${left.map((pid) => textOf(`/proc/${pid}/cmdline`)).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const FOUR = [
  { id: 'plain' },
  { id: 'unconfined', sandbox: 'off' },
  { id: 'escaping', command: '/bin/sh', args: ['-c', ESCAPING, process.execPath, MISBEHAVING, '--ignore-eof', '--ignore-term'], sandbox: 'off' },
  { id: 'npx', command: 'npx', args: ['--no-install', 'mcp-server-everything'], cwd: ROOT, handshakeMs: 60_000 },
];

describe('the watchdog', { timeout: 300_000 }, () => {
  test('H14, H12: after SIGKILL of the gateway no child, npx grandchild or escaped process is left', async () => {
    const { gateway, watchdog, run, pids } = await start(FOUR);
    assert.ok((await marked(run)).length > pids.length, 'no grandchild was started: the test would prove nothing');
    gateway.kill('SIGKILL');
    await gone(run);
    await until(() => !isAlive(watchdog), 'the watchdog has ended too');
  });

  test('H10: neither a child nor the watchdog gets what the starter of the gateway left open', async () => {
    const secret = join(mkdtempSync(join(tmpdir(), 'sentinel-inherited-')), 'secret');
    writeFileSync(secret, 'of the one who started the gateway');
    // libuv closes 0 to 15 by itself, and from there to the first that is not open.
    const { gateway, pids, watchdog } = await start([{ id: 'confined' }, { id: 'unconfined', sandbox: 'off' }], { 3: secret, 25: secret, 26: secret, 200: secret });
    const holds = (pid: number | undefined): readonly string[] => readdirSync(`/proc/${pid}/fd`).filter((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === secret);
    assert.deepEqual(holds(gateway.pid).toSorted(), ['200', '25', '26', '3'], 'the gateway holds them, or the test would prove nothing');
    for (const pid of [...pids, watchdog]) assert.deepEqual(holds(pid), []);
  });

  test('H14, H12: nor is one that left its session with an empty environment and no parent', async () => {
    const { gateway, pids } = await start([{ id: 'hiding', command: '/bin/sh', args: ['-c', HIDING, process.execPath, MISBEHAVING] }]);
    // Written before it speaks MCP, and it is ready.
    const hidden = Number(readFileSync(join(cwdOf(pids[0] ?? 0), 'pid'), 'utf8'));
    assert.ok(isAlive(hidden) && !readFileSync(`/proc/${hidden}/environ`, 'utf8').includes(RUN_MARKER), 'it carries no marker: the test would prove nothing');
    gateway.kill('SIGKILL');
    await until(() => !isAlive(hidden), 'it is gone');
  });

  test('H14: killed while children are still being started, none is left', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sentinel-watchdog-'));
    const gateway = spawn(process.execPath, [GATEWAY, stateDir, JSON.stringify({ id: 'a', sandbox: 'off', args: [MISBEHAVING, '--never', '--ignore-eof'] })], { stdio: ['pipe', 'ignore', 'inherit'] });
    gateways.push(gateway);
    const mine = async (): Promise<readonly number[]> => {
      const all = await findProcesses(RUN_MARKER, (value) => value !== undefined);
      return all.map(({ pid }) => pid).filter((pid) => cwdOf(pid).startsWith(stateDir));
    };
    for (let n = 0; n < 1_000 && (await mine()).length === 0; n += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const born = await mine();
    assert.ok(born.length > 0);
    gateway.kill('SIGKILL');
    await until(() => born.every((pid) => !isAlive(pid)), 'no orphan');
  });

  test('it ignores polite signals, comes back when it is killed, and then still does its work', async () => {
    const { gateway, watchdog, pids, run } = await start([{ id: 'a', sandbox: 'off', args: [MISBEHAVING, '--ignore-eof'] }]);
    await until(() => isUp(watchdog), 'the watchdog has come up');
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(watchdog, signal);
    await until(() => statusOf(watchdog).pending === 0n, 'each has been delivered');
    assert.match(statusOf(watchdog).state, /^[RSD]$/, 'it lives');
    signalProcess(watchdog, 'SIGKILL');
    await until(() => !isAlive(watchdog), 'the first watchdog is gone');
    await until(() => successorOf(gateway, watchdog) !== undefined, 'the second one has started');
    assert.ok(pids.every((pid) => isAlive(pid)));
    gateway.kill('SIGKILL');
    await gone(run);
  });

  test('an orderly end leaves nothing, and the gateway ends by itself', async () => {
    const { gateway, watchdog, run } = await start([{ id: 'a' }, { id: 'b' }]);
    gateway.stdin?.end();
    gateway.kill('SIGTERM');
    await until(() => gateway.exitCode !== null || gateway.signalCode !== null, 'the gateway has ended');
    assert.equal(gateway.exitCode, 0);
    assert.deepEqual(await marked(run), []);
    await until(() => !isAlive(watchdog), 'the watchdog has ended');
  });

  test('B11: no signal is ever sent to group 0 or 1', () => {
    for (const pid of [0, 1, -1, Number.NaN]) {
      assert.equal(signalGroup(pid, 'SIGTERM'), false);
      assert.equal(signalProcess(pid, 'SIGTERM'), false);
    }
  });
});

/** A child of the gateway that runs the watchdog program and is not the first one. */
function successorOf(gateway: ChildProcess, first: number): number | undefined {
  const children = textOf(`/proc/${gateway.pid}/task/${gateway.pid}/children`).trim().split(' ').map(Number);
  return children.find((pid) => pid !== first && textOf(`/proc/${pid}/cmdline`).includes('watchdog-main'));
}

/** Node itself catches SIGTERM and SIGINT from the start; SIGUSR2 (12) is one of the program's own. */
function isUp(pid: number): boolean {
  return (statusOf(pid).caught & (1n << 11n)) !== 0n;
}

/** Masks of signals; a process that is gone has no state, and nothing pending. */
function statusOf(pid: number): { readonly state: string; readonly pending: bigint; readonly caught: bigint } {
  const text = textOf(`/proc/${pid}/status`);
  const mask = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(text)?.[1] ?? '0'}`);
  return { state: /^State:\s*(\S)/m.exec(text)?.[1] ?? '', pending: mask('SigPnd') | mask('ShdPnd'), caught: mask('SigCgt') };
}

/** Empty when there is no such process any more. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function cwdOf(pid: number): string {
  return linkOf(`/proc/${pid}/cwd`);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
