// A journal in a directory of its own, written in this thread: for tests that look at the file behind it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { timestamp } from '../../../src/core/ids.ts';
import type { Timers } from '../../../src/core/ports.ts';
import type { Entry } from '../../../src/stores/journal/appender.ts';
import { type RecordValues, tailOf } from '../../../src/stores/journal/members.ts';
import type { Runs } from '../../../src/stores/journal/runs.ts';
import { Scribe, type ScribeOptions } from '../../../src/stores/journal/scribe.ts';
import { openSource, type StoredRecord } from '../../../src/stores/journal/source.ts';
import type { Life } from '../../../src/stores/life.ts';
import { CLOCK, RANDOM } from '../sample.ts';

export const NODE = '0198c0de-1111-7000-8000-000000000001';
export const MIB: number = 2 ** 20;

export interface Desk {
  readonly stateDir: string;
  readonly directories: readonly [string, ...string[]];
  readonly abandoned: (readonly [number, string])[];
  /** A process of this node; `mark` is its life. */
  scribe(mark: string, options?: Partial<ScribeOptions>): Scribe;
  /** Marks of processes that have died. */
  readonly dead: Set<string>;
  read(): readonly StoredRecord[];
  /** Milliseconds that the wall clock has gone back. */
  readonly clock: { behind: number };
  /** Due timers are run by hand. */
  readonly due: (() => void)[];
}

export function desk(t: TestContext, second = false): Desk {
  const stateDir = mkdtempSync(join(tmpdir(), 'sentinel-journal-'));
  const scribes: Scribe[] = [];
  t.after(() => {
    // Before their directory goes: they would make it again.
    for (const scribe of scribes) scribe.end();
    rmSync(stateDir, { recursive: true, force: true });
  });
  const directories: readonly [string, ...string[]] = second ? [join(stateDir, 'journal'), join(stateDir, 'spare')] : [join(stateDir, 'journal')];
  const abandoned: (readonly [number, string])[] = [];
  const dead = new Set<string>();
  const due: (() => void)[] = [];
  const clock = { behind: 0 };
  const timers: Timers = {
    after: (_ms, run) => {
      due.push(run);
      return () => void due.splice(due.indexOf(run), 1);
    },
  };
  return {
    stateDir, directories, abandoned, dead, due, clock,
    scribe: (mark, options) => {
      // Several processes in one: what they hold of each other says nothing, only the marks do.
      const runs: Runs = { hold: () => undefined, inherit: () => undefined };
      const life: Life = { mark, alive: (one) => !dead.has(one) };
      const scribe = new Scribe(
        { directories, stateDir, node: NODE, segmentBytes: 256 * MIB, bounds: { quota: 1024 * MIB, reserve: MIB }, recovers: true, ...options },
        { clock: { ...CLOCK, wall: () => timestamp(CLOCK.wall() - clock.behind) }, random: RANDOM, timers, life, runs, onAbandoned: (number, why) => abandoned.push([number, why]) },
      );
      scribes.push(scribe);
      return scribe;
    },
    read: () => {
      const source = openSource(directories, () => Date.now());
      try {
        return source.after(0, 100_000);
      } finally {
        source.close();
      }
    },
  };
}

let entries = 0;

export function entry(values: Partial<RecordValues> = {}, n: number = entries += 1): Entry {
  const kind = values.kind ?? 'lifecycle';
  return { n, tail: tailOf({ id: RANDOM.uuid(), ts: CLOCK.wall(), mono_ns: 1, kind, ...values }), kind, call: values.call_id ?? undefined };
}

export function parsed(record: StoredRecord): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(record.record);
  return Object(value) as Readonly<Record<string, unknown>>;
}
