// A journal of a thousand records by the real writer, closed, and what a reader of it shows: for tests that change its file behind its back.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { verifyAudit } from '../../../src/app/audit-verify.ts';
import type { Timers } from '../../../src/core/ports.ts';
import type { Runs } from '../../../src/stores/journal/runs.ts';
import { Scribe } from '../../../src/stores/journal/scribe.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import type { Divergence } from '../../../src/stores/tlog/verdict.ts';
import { CLOCK, RANDOM } from '../sample.ts';
import { entry, MIB } from './desk.ts';

export const RECORDS = 1000;
/** The run that died has so many of them. */
export const FIRST_RUN = 600;

export interface Written {
  readonly folder: string;
  readonly directories: readonly [string];
  readonly path: string;
  /** The file as it was written. */
  readonly whole: Buffer;
}

const TIMERS: Timers = { after: () => () => undefined };
const RUNS: Runs = { hold: () => undefined, inherit: () => undefined };

/** Two runs of `node`: the first dies with a call open, the second closes that call. Where there is memory for files, there. */
export function writeJournal(node: string): Written {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sentinel-tamper-'));
  const directories: readonly [string] = [join(folder, 'journal')];
  const scribe = (mark: string, isAlive: boolean): Scribe => new Scribe(
    { directories, stateDir: folder, node, segmentBytes: 256 * MIB, bounds: { quota: 1024 * MIB, reserve: MIB }, recovers: true },
    { clock: CLOCK, random: RANDOM, timers: TIMERS, runs: RUNS, life: { mark, alive: () => isAlive }, onAbandoned: () => assert.fail('no segment is left') },
  );
  const write = (one: Scribe, from: number, to: number): void => {
    const said = one.append(Array.from({ length: to - from }, (_, at) => {
      const n = from + at;
      return entry({ kind: n % 2 === 0 ? 'intent' : 'outcome', call_id: `0198c0de-0000-7000-9000-${String(Math.floor(n / 2)).padStart(12, '0')}`, subject: 'alice', object_type: 'tool', object_name: `tool-${n % 7}` });
    }));
    assert.ok(said.ok);
  };
  const first = scribe('first', true);
  assert.ok(first.open().ok);
  // With the record that opens it; the last one is an intent.
  write(first, 0, FIRST_RUN - 1);
  const second = scribe('second', false);
  const opened = second.open();
  assert.ok(opened.ok && opened.value.indeterminate === 1);
  write(second, FIRST_RUN, RECORDS - 2);
  assert.ok(first.end().ok && second.end().ok);
  const path = join(directories[0], '00000001.db');
  assert.ok(!existsSync(`${path}-wal`), 'all of it is in one file');
  return { folder, directories, path, whole: readFileSync(path) };
}

export function forget({ folder }: Written): void {
  rmSync(folder, { recursive: true, force: true });
}

/** As it was written, and nothing beside it. */
export function restore({ path, whole }: Written): void {
  for (const ending of ['-wal', '-shm', '-journal']) rmSync(`${path}${ending}`, { force: true });
  writeFileSync(path, whole);
}

/** As `audit verify` finds them. `anchors`: files. */
export async function problemsOf({ folder, path }: Written, anchors: readonly string[] = []): Promise<readonly Divergence[]> {
  const settings = { gateway: { stateDir: folder }, audit: { secondDirectory: undefined } };
  const verified = await verifyAudit(settings as Parameters<typeof verifyAudit>[0], { files: [], stdin: Readable.from([]), anchors, keys: [], strict: false, onProgress: () => undefined, signal: new AbortController().signal });
  return verified.ok ? verified.value.problems : [{ node: '', epoch: 0, seq: 0, where: path, problem: 'unreadable', detail: verified.error.message }];
}

/** What nothing signs, and nobody is shown: words of one run to the next, and when a file was made. */
const UNSHOWN = { segment: ['created_at', 'sealed_at'], epoch: ['mark', 'ended_at'] } as const;

/** All that readers show, and all by which they find it. */
export function shownBy({ directories, path }: Written): string {
  const source = openSource(directories, Date.now);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const all = (text: string): unknown => database.prepare(text).all();
    const without = (table: string, names: readonly string[]): unknown => database.prepare(`select * from ${table}`).all()
      .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name))));
    const found = (index: string, same: string): unknown => all(`select count(*) as n from record r not indexed where exists (select 1 from record x ${index} where ${same} and x.row = r.row and +x.row = r.row)`);
    return JSON.stringify([
      source.after(0, RECORDS * 2), source.checkpointsFrom(0, new Map()), all('select * from audit_record'), all('select * from audit_log'), all('select * from checkpoint'), all('select * from closed'),
      without('segment', UNSHOWN.segment), without('epoch', UNSHOWN.epoch), all("select name, sql from sqlite_schema where type = 'trigger'"),
      found('not indexed', 'true'), found('indexed by record_place', 'x.epoch = r.epoch and x.seq = r.seq'), found('indexed by record_call', "x.call_id = json_extract(r.record, '$.call_id')"),
    ]);
  } finally {
    database.close();
    source.close();
  }
}
