// What dead runs of this node left open is closed by the next one: something may have happened, and nobody knows what. Runs that still
// live are left alone.
import type { Clock, Random, StoreFault } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import { primaryIn } from '../fault.ts';
import type { Life } from '../life.ts';
import type { Appender, Entry } from './appender.ts';
import { isMember, type Member, type RecordValues, tailOf, typeOf } from './members.ts';
import { eachSegment } from './reading.ts';
import type { Runs } from './runs.ts';
import type { EpochRow } from './segment.ts';

export interface RecoveryDeps {
  readonly directories: readonly string[];
  readonly life: Life;
  readonly runs: Runs;
  readonly clock: Clock;
  readonly random: Random;
}

// https://www.sqlite.org/rescode.html: an error in what it says, corrupt, not a database.
const DAMAGED: ReadonlySet<number> = new Set([1, 11, 26]);

interface LastSeen extends EpochRow {
  readonly segment: number;
}

/** Outcomes written: one for each open call of a dead run. May be repeated after a failure. */
export function closeOpenCalls(appender: Appender, deps: RecoveryDeps): Result<number, StoreFault> {
  let count = 0;
  for (const run of unfinishedRuns(appender.epoch, deps)) {
    const lock = deps.runs.inherit(run.epoch);
    if (lock === 'alive' || (lock === undefined && deps.life.alive(run.mark))) continue;
    try {
      const closed = closeRun(run, appender, deps);
      if (!closed.ok) return closed;
      count += closed.value;
    } finally {
      lock?.release();
    }
  }
  return ok(count);
}

/** Another run that starts at the same time was first. */
class Closed extends Error {}

function closeRun(run: LastSeen, appender: Appender, deps: RecoveryDeps): Result<number, StoreFault> {
  const { intents, all } = openIntents(run, deps);
  const entries = intents.map((record) => indeterminate(record, deps));
  let first = true;
  const written = appender.append(entries, (segment) => {
    first = !closedEpochs(deps.directories).has(run.epoch);
    if (!first) throw new Closed();
    // What cannot be read now may be read by the next start.
    if (all) segment.closeEpoch(run.epoch, appender.epoch);
  });
  if (!first) return ok(0);
  return written.ok ? ok(entries.length) : written;
}

function closedEpochs(directories: readonly string[]): ReadonlySet<number> {
  const closed = new Set<number>();
  eachSegment(directories, (reader) => {
    for (const epoch of reader.closed()) closed.add(epoch);
  });
  return closed;
}

function unfinishedRuns(own: number, { directories }: RecoveryDeps): readonly LastSeen[] {
  const last = new Map<number, LastSeen>();
  const closed = closedEpochs(directories);
  eachSegment(directories, (reader) => {
    for (const row of reader.epochs()) last.set(row.epoch, { ...row, segment: reader.number });
  });
  return [...last.values()].filter(({ epoch, endedAt }) => epoch !== own && endedAt === undefined && !closed.has(epoch));
}

interface OpenIntents {
  readonly intents: readonly string[];
  /** Whether there can be no others. */
  readonly all: boolean;
}

/** Records of the intents of an epoch whose calls have no outcome, by whomever. */
function openIntents({ epoch, segment, open }: LastSeen, { directories }: RecoveryDeps): OpenIntents {
  const intents = new Map<string, string>();
  const before = eachSegment(directories, (reader) => {
    if (reader.number > segment) return;
    if (reader.number === segment) {
      for (const [call, record] of reader.openIntents(epoch)) intents.set(call, record);
      return;
    }
    for (const call of open) {
      const found = reader.intent(epoch, call);
      if (found !== undefined) intents.set(call, found);
    }
  });
  const behind = eachSegment(directories, (reader) => {
    if (reader.number < segment) return;
    for (const call of intents.keys()) if (reader.isConcluded(call)) intents.delete(call);
  });
  return { intents: [...intents.values()], all: [...before, ...behind].every(({ why }) => isDamaged(why)) };
}

/** Nobody will ever read it, as opposed to what a disk or a limit refuses now. */
function isDamaged(why: unknown): boolean {
  return DAMAGED.has(primaryIn(why));
}

/** Said of the intent's call, without what the intent says of its arguments. */
function indeterminate(record: string, { clock, random }: RecoveryDeps): Entry {
  const intent = valuesIn(record);
  const values: Partial<RecordValues> = {
    ...intent, id: random.uuid(), ts: clock.wall(), mono_ns: Math.round(clock.mono() * 1e6), kind: 'outcome',
    args_hmac: null, args_bytes: null, args_shape: null, args: null, captured: null,
    status: 'error', code: 'indeterminate', fault: 'indeterminate: the gateway ended before the outcome was known',
  };
  return { n: 0, tail: tailOf(values), kind: 'outcome', call: values.call_id ?? undefined };
}

/** A record read back: JSON members as their text. Only what this version knows. */
export function valuesIn(record: string): Partial<RecordValues> {
  const parsed: unknown = JSON.parse(record);
  if (typeof parsed !== 'object' || parsed === null) return {};
  const values: Partial<Record<Member, unknown>> = {};
  for (const [name, value] of Object.entries(parsed)) if (isMember(name)) values[name] = typeOf(name) === 'json' ? JSON.stringify(value) : value;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record of this very journal, whose members are these
  return values as Partial<RecordValues>;
}
