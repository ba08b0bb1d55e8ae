// Processes that write a journal under load, and what must be true of it whatever became of them.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { beginningsOf, checkJournal } from '../../../src/stores/journal/check.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { parseVkey } from '../../../src/stores/tlog/note.ts';
import { PUBLIC_FILE } from '../../../src/stores/tlog/signing-key.ts';
import type { Divergence } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import type { Load, Said } from '../../fixtures/journal-under-load.ts';

const FIXTURE = join(import.meta.dirname, '..', '..', 'fixtures', 'journal-under-load.ts');

export const FULL: boolean = process.env['SENTINEL_TEST_FULL'] === '1';

export function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-journal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** In `folder`: a state directory with its journal, and the effects. */
export function loadIn(folder: string, parts: Partial<Load> = {}): Load {
  const stateDir = join(folder, 'state');
  return { stateDir, directories: [join(stateDir, 'journal')], effects: join(folder, 'effects'), segmentBytes: 2 ** 28, workers: 4, pauseMs: 1, ...parts };
}

export interface Loaded {
  readonly child: ChildProcess;
  readonly said: readonly Said[];
  /** Until it has said something of which this is true. Fails when it ends before. */
  until(what: string, isIt: (said: Said) => boolean, from?: number): Promise<Said>;
  kill(): Promise<void>;
  /** Exit code. */
  stop(): Promise<number | null>;
}

/** `around`: a command that runs it. */
export function startLoad(t: TestContext, load: Load, around: readonly string[] = []): Loaded {
  const [command = '', ...argv] = [...around, process.execPath, FIXTURE, JSON.stringify(load)];
  // A group of its own: what runs it may not hand on signals.
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = once(child, 'exit');
  const said: Said[] = [];
  const listeners = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as Said);
    for (const listener of listeners) listener();
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  t.after(kill);
  return {
    child, said, kill,
    until: async (what, isIt, from = 0) => {
      for (;;) {
        const found = said.slice(from).find(isIt);
        if (found !== undefined) return found;
        const next = Promise.withResolvers<'more'>();
        const more = (): void => next.resolve('more');
        listeners.add(more);
        const happened = await Promise.race([next.promise, ended.then(() => 'ended' as const)]);
        listeners.delete(more);
        if (happened === 'ended') assert.fail(`it ended before it said ${what}: ${JSON.stringify(said.slice(-5))}`);
      }
    },
    stop: async () => {
      child.stdin.write('stop\n');
      await ended;
      return child.exitCode;
    },
  };
}

export interface Written {
  readonly epoch: number;
  readonly seq: number;
  readonly kind: string;
  readonly call_id?: string;
  readonly code?: string;
  readonly event?: string;
}

/** Late enough that no segment is waited for. */
const LATER_MS = 3_600_000;

export function writtenIn(directories: readonly string[]): readonly Written[] {
  const source = openSource(directories, () => Date.now() + LATER_MS);
  try {
    return source.after(0, 10_000_000).map(({ record }) => JSON.parse(record) as Written);
  } finally {
    source.close();
  }
}

/** As `audit verify` finds them. */
export async function problemsIn({ stateDir, directories }: Pick<Load, 'stateDir' | 'directories'>): Promise<readonly Divergence[]> {
  const key = parseVkey(readFileSync(join(stateDir, PUBLIC_FILE), 'utf8').trim());
  assert.ok(key.ok);
  const verifier = createVerifier({ keys: [key.value], strict: true, starts: beginningsOf(directories) });
  assert.ok(verifier.ok);
  const read = await checkJournal(verifier.value, directories, { onRecords: () => {} });
  return [...read, ...verifier.value.finish().problems];
}

/** Places without a gap and none twice; no effect without its intent; of each call at most one intent and one outcome, in this order. */
export async function assertTrue(load: Load): Promise<readonly Written[]> {
  assert.deepEqual(await problemsIn(load), []);
  const records = writtenIn(load.directories);
  const next = new Map<number, number>();
  const calls = new Map<string, string[]>();
  for (const { epoch, seq, kind, call_id: call } of records) {
    assert.equal(seq, next.get(epoch) ?? 1, `epoch ${epoch}`);
    next.set(epoch, seq + 1);
    if (call !== undefined) calls.set(call, [...calls.get(call) ?? [], kind]);
  }
  for (const [call, kinds] of calls) assert.ok(['intent', 'intent,outcome'].includes(kinds.join()), `${call}: ${kinds.join()}`);
  const effects = existsSync(load.effects) ? readFileSync(load.effects, 'utf8').split('\n').filter((line) => line !== '') : [];
  for (const line of effects) {
    const [what, call = ''] = line.split(' ');
    const kinds = calls.get(call) ?? [];
    assert.ok(kinds.includes(what === 'e' ? 'intent' : 'outcome'), `${line}: ${kinds.join()}`);
  }
  return records;
}

/** Calls that have an intent only. */
export function openCallsIn(records: readonly Written[]): readonly string[] {
  const open = new Set<string>();
  for (const { kind, call_id: call = '' } of records) {
    if (kind === 'intent') open.add(call);
    else if (kind === 'outcome') open.delete(call);
  }
  return [...open];
}
