// A folder with a configuration and an audit in it, and the command line run over it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import type { Journal } from '../../src/stores/journal/journal.ts';
import { timestamp } from '../../src/core/ids.ts';
import { ALICE, denied, journalIn, sampleCall, sampleIntent, sampleOutcome, sampleRefusal } from '../stores/sample.ts';

export interface Place {
  readonly folder: string;
  readonly journal: Journal;
  /** Ids of the call that was answered, of the one that was denied, and of the refused request. */
  readonly call: string;
  readonly denied: string;
  readonly refused: string;
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Running;
}

export interface Running {
  readonly status: Promise<number>;
  out(): string;
  err(): string;
  /** As Ctrl-C. */
  stop(): void;
}

function text(stream: PassThrough): () => string {
  let said = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => (said += String(chunk)));
  return () => said;
}

export function start(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}, terminal = false): Running {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  let stop: ((name: 'SIGINT') => void) | undefined;
  const status = runCli(argv, {
    env: { HOME: folder, PATH: process.env['PATH'], SENTINEL_CONFIG: join(folder, 'sentinel.toml'), ...env }, cwd: folder, stdin: Readable.from(['']), stdout, stderr,
    isTty: { stdin: false, stdout: terminal, stderr: false }, width: 200, now: () => Date.now(), user: 'tester', ask: async () => false,
    onStop: (listener) => (stop = listener),
  });
  return { status, out, err, stop: () => stop?.('SIGINT') };
}

export function configured(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-audit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  writeFileSync(join(folder, 'sentinel.toml'), '[gateway]\nstate_dir = "state"\n[auth]\nown_keys = true\n[rbac.roles.developer]\nallow = ["*"]\n');
  return folder;
}

/** One call that was answered, one that was denied, one refusal with a hostile name, one event. */
export async function place(t: TestContext): Promise<Place> {
  const folder = configured(t);
  const journal = journalIn(join(folder, 'state'));
  t.after(() => journal.close());
  await journal.start();
  const call = sampleCall();
  await journal.intend(sampleIntent(call));
  await journal.conclude(sampleOutcome(call));
  const other = sampleCall({ tool: 'write_file', principal: { ...ALICE, subject: 'bob' } });
  await journal.conclude(denied(other));
  const refusal = sampleRefusal({ name: 'evil\u001b[2J\u202ename' });
  await journal.conclude(refusal);
  await journal.note({ id: 'event-1', wall: timestamp(Date.now()), by: 'root', revision: 2, kind: 'stopped', reason: 'SIGTERM' });
  return { folder, journal, call: call.id, denied: other.id, refused: refusal.id, run: (argv, env) => start(folder, argv, env) };
}

export async function done(running: Running, status = 0): Promise<string> {
  assert.equal(await running.status, status, running.err());
  return running.out();
}
