// Whatever fails, rotates, dies and starts again: what was acknowledged is read exactly once, and no place has two contents.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { beginningsOf } from '../../../src/stores/journal/check.ts';
import type { Entry } from '../../../src/stores/journal/appender.ts';
import type { Scribe } from '../../../src/stores/journal/scribe.ts';
import { Segment } from '../../../src/stores/journal/segment.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { FULL, problemsIn } from '../../support/journal/load.ts';
import { diskError } from './broken-disk.ts';
import { desk, entry, parsed } from './desk.ts';

type Place = 'begin' | 'insert' | 'commit' | 'committed';
interface Failure {
  readonly place: Place;
  readonly code: number;
  /** How often it works before. */
  readonly after: number;
}

type Step =
  | { readonly do: 'append'; readonly who: number; readonly entries: number; readonly size: number }
  | { readonly do: 'fail'; readonly failure: Failure }
  | { readonly do: 'sign' }
  | { readonly do: 'end' | 'die'; readonly who: number };

const WHO = fc.nat(2);
const FAILURE: fc.Arbitrary<Failure> = fc.oneof(
  fc.record({ place: fc.constantFrom<Place>('begin', 'insert', 'commit'), code: fc.constantFrom(8, 10, 11, 13, 14), after: fc.nat(3) }),
  // It says that it failed, and did not: what is on the disk is known only to the next one that reads it.
  fc.record({ place: fc.constant<Place>('committed'), code: fc.constant(10), after: fc.nat(2) }),
);
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append'), who: WHO, entries: fc.integer({ min: 1, max: 5 }), size: fc.constantFrom(10, 20_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail'), failure: FAILURE }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sign') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('end', 'die'), who: WHO }) },
);

/** The next failure that is due, once. */
class Disk {
  #due: Failure | undefined;

  fail(failure: Failure): void {
    this.#due = failure;
  }

  at(place: Place): void {
    if (this.#due?.place !== place) return;
    const { code, after } = this.#due;
    this.#due = after > 0 ? { ...this.#due, after: after - 1 } : undefined;
    if (after === 0) throw diskError(code);
  }
}

const real = { begin: Segment.prototype.begin, insert: Segment.prototype.insert, commit: Segment.prototype.commit };

function breakable(t: TestContext, disk: Disk): void {
  t.mock.method(Segment.prototype, 'begin', function (this: Segment) {
    disk.at('begin');
    real.begin.call(this);
  });
  t.mock.method(Segment.prototype, 'insert', function (this: Segment, epoch: number, seq: number, record: string) {
    disk.at('insert');
    real.insert.call(this, epoch, seq, record);
  });
  t.mock.method(Segment.prototype, 'commit', function (this: Segment) {
    disk.at('commit');
    real.commit.call(this);
    disk.at('committed');
  });
}

/** A process as its queue sees it: what was not acknowledged is sent again, in order. */
class Process {
  readonly scribe: Scribe;
  readonly mark: string;
  #kept: Entry[] = [];
  #made = 0;

  constructor(scribe: Scribe, mark: string) {
    this.scribe = scribe;
    this.mark = mark;
  }

  /** Those that are on record now. */
  append(ids: readonly string[], size: number): readonly string[] {
    for (const id of ids) this.#kept.push(entry({ event: id, fault: 'x'.repeat(size) }, this.#made += 1));
    if (!this.scribe.append(this.#kept).ok) return [];
    return this.#kept.splice(0).map(({ tail }) => String(/"event":"([^"]*)"/.exec(tail)?.[1]));
  }
}

test('records that were acknowledged are read exactly once, in the order of their run, and the chain verifies', async (t) => {
  const disk = new Disk();
  breakable(t, disk);
  await fc.assert(fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 30 }), fc.boolean(), fc.integer({ min: 1, max: 7 }), async (steps, second, chunk) => {
    const at = desk(t, second);
    const acknowledged: string[] = [];
    const processes = new Map<number, Process>();
    let started = 0;
    let ids = 0;
    const processOf = (who: number): Process => {
      const mark = `p${started}`;
      const made = processes.get(who) ?? new Process(at.scribe(mark, { segmentBytes: 160 * 1024 }), mark);
      if (!processes.has(who)) started += 1;
      processes.set(who, made);
      return made;
    };
    for (const step of steps) {
      if (step.do === 'append') acknowledged.push(...processOf(step.who).append(Array.from({ length: step.entries }, () => `e${ids += 1}`), step.size));
      else if (step.do === 'fail') disk.fail(step.failure);
      else if (step.do === 'sign') at.due.splice(0).forEach((run) => run());
      else {
        const one = processes.get(step.who);
        processes.delete(step.who);
        if (step.do === 'end') one?.scribe.end();
        if (one !== undefined) at.dead.add(one.mark);
      }
    }
    disk.fail({ place: 'begin', code: 0, after: Infinity });
    // At least one, so that there is something to look at.
    processOf(0);
    for (const one of processes.values()) acknowledged.push(...one.append([], 0));
    check(at.directories, acknowledged, chunk);
    assert.deepEqual(await problemsIn(at), []);
    assert.deepEqual(beginningsOf(at.directories), []);
  }), { numRuns: FULL ? 300 : 12, seed: 6 });
});

const LATER_MS = 3_600_000;

function check(directories: readonly string[], acknowledged: readonly string[], chunk: number): void {
  const source = openSource(directories, () => Date.now() + LATER_MS);
  try {
    const all = source.after(0, 100_000);
    const pieces = [];
    for (let cursor = 0; ; ) {
      const piece = source.after(cursor, chunk);
      if (piece.length === 0) break;
      pieces.push(...piece);
      cursor = piece.at(-1)?.rowId ?? 0;
    }
    assert.deepEqual(pieces, all, 'in pieces as in one');
    assert.deepEqual(all.map(({ rowId }) => rowId), [...new Set(all.map(({ rowId }) => rowId))].toSorted((a, b) => a - b));
    const next = new Map<number, number>();
    for (const { epoch, seq } of all.map((one) => parsed(one))) {
      assert.equal(seq, next.get(Number(epoch)) ?? 1, `epoch ${String(epoch)}`);
      next.set(Number(epoch), seq + 1);
    }
    const events = all.map((one) => String(parsed(one)['event']));
    const counts = new Map<string, number>();
    for (const event of events) counts.set(event, (counts.get(event) ?? 0) + 1);
    for (const event of acknowledged) assert.equal(counts.get(event), 1, event);
  } finally {
    source.close();
  }
}
