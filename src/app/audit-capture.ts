// What captured values are read and destroyed with: by an operator, and by the gateway when their time is over. Whoever does it is on record first.
import { randomBytes } from 'node:crypto';
import type { CaptureFact, CaptureSettings } from '../core/capture.ts';
import type { Clock, Timers } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { daysBefore, destroyDay, type Destroyed, destroyedIn, dueDays, type ForgetDeps, type ForgetFault } from '../stores/capture/forget.ts';
import { daysIn, keyDirectory } from '../stores/capture/key-files.ts';
import type { KeyFolder } from '../stores/capture/keys.ts';
import { openCaptured, type Reading } from '../stores/capture/open.ts';
import { startFault, type StartFault } from './fault.ts';
import { otherOwner } from './owner.ts';

export type { Destroyed } from '../stores/capture/forget.ts';
export type { Reading } from '../stores/capture/open.ts';

/** Where captured values and their keys are, and how this process writes to the audit. */
export interface CaptureTools {
  readonly node: string;
  readonly stateDir: string;
  readonly settings: Pick<CaptureSettings, 'keyDir'>;
  readonly clock: Pick<Clock, 'wall'>;
  /** Login name of the operator, or `system`. */
  readonly by: string;
  /** Durable when it resolves well. */
  record(fact: CaptureFact): Promise<Result<void, StartFault>>;
  /** The records of a call that hold something captured, oldest first; undefined: no such call. */
  records(call: string): Promise<Result<readonly CaptureRecord[] | undefined, StartFault>>;
}

export interface CaptureRecord {
  readonly node: string;
  readonly id: string;
  readonly kind: 'intent' | 'outcome';
  /** Milliseconds since the epoch. */
  readonly ts: number;
  /** The member as it stands in the record, or in its column. */
  readonly captured: string;
}

export interface Revealed {
  readonly record: CaptureRecord;
  /** Captured on another node, whose keys are with it. */
  readonly elsewhere: boolean;
  readonly reading: Reading;
}

/** Undefined: no such call. Empty: nothing of it was captured. That it was asked for is durable before a key is read. */
export async function revealCall(call: string, tools: CaptureTools): Promise<Result<readonly Revealed[] | undefined, StartFault>> {
  const records = await tools.records(call);
  if (!records.ok || records.value === undefined || records.value.length === 0) return records.ok ? ok(records.value === undefined ? undefined : []) : records;
  const told = await tools.record({ kind: 'audit_read', verb: 'audit reveal', asked: call });
  if (!told.ok) return err({ ...told.error, message: `nothing is shown, for it could not be recorded: ${told.error.message}` });
  const folders = foldersOf(tools);
  return ok(records.value.map((record) => ({
    record,
    elsewhere: record.node !== tools.node,
    reading: openCaptured(record.captured, { node: record.node, id: record.id, kind: record.kind, call }, { folders, stateDir: tools.stateDir }),
  })));
}

/** Where keys are, and where they were before the configuration named a folder: what is left there is as good as ever. */
function foldersOf({ node, stateDir, settings }: Pick<CaptureTools, 'node' | 'stateDir' | 'settings'>): readonly KeyFolder[] {
  return [...new Set([keyDirectory(stateDir, settings.keyDir), keyDirectory(stateDir, undefined)])].map((dir) => ({ dir, node }));
}

/** `day`: its key. `before`: those of days that were over at that moment, in milliseconds since the epoch. */
export type ForgetWhich = { readonly day: string } | { readonly before: number };

/** The days it means that have a key, oldest first. */
export function daysToForget(which: ForgetWhich, tools: Pick<CaptureTools, 'node' | 'stateDir' | 'settings'>): readonly string[] {
  const days = foldersOf(tools).flatMap(({ dir }) => ('day' in which ? daysIn(dir).filter((day) => day === which.day) : daysBefore(dir, which.before)));
  return [...new Set(days)].toSorted();
}

/** Keys of that day that are gone already. */
export function destroyedOn(day: string, { stateDir }: Pick<CaptureTools, 'stateDir'>): readonly Destroyed[] {
  return destroyedIn(stateDir).filter((one) => one.day === day);
}

export interface Forgotten {
  readonly destroyed: readonly Destroyed[];
  /** The first day that stayed, and why. */
  readonly fault: StartFault | undefined;
}

export async function forgetDays(days: readonly string[], why: string, tools: CaptureTools): Promise<Forgotten> {
  const strange = strangeOwner(tools);
  if (strange !== undefined) return { destroyed: [], fault: strange };
  const deps = forgetDeps(tools, why);
  const each: Forgotten[] = [];
  for (const folder of foldersOf(tools)) each.push(await destroyAll(days, { ...deps, folder, takeAll: true }));
  return { destroyed: each.flatMap(({ destroyed }) => destroyed), fault: each.find(({ fault }) => fault !== undefined)?.fault };
}

/** What another user makes in the state directory, the gateway could not write to any more. */
function strangeOwner({ stateDir }: Pick<CaptureTools, 'stateDir'>): StartFault | undefined {
  const owner = otherOwner(stateDir);
  if (owner === undefined) return undefined;
  return startFault(1, 'SEN-0601', `no key was destroyed: ${stateDir} belongs to user ${owner}, who could not write to what this user makes there: run this as that user`, 'sentinel doctor');
}

function forgetDeps({ stateDir, clock, by, record }: Pick<CaptureTools, 'stateDir' | 'clock' | 'by' | 'record'>, why: string): Omit<ForgetDeps, 'takeAll' | 'folder'> {
  return { stateDir, by, why, clock, random: randomBytes, record };
}

async function destroyAll(days: readonly string[], deps: ForgetDeps): Promise<Forgotten> {
  const destroyed: Destroyed[] = [];
  let fault: StartFault | undefined;
  for (const day of days) {
    const done = await destroyDay(day, deps);
    if (done.ok) destroyed.push(...done.value);
    else fault ??= forgetFault(done.error);
  }
  return { destroyed, fault };
}

function forgetFault({ code, day, detail }: ForgetFault): StartFault {
  const message = code === 'kept' ? `the key of ${day} was not destroyed: ${detail}` : `the key of ${day} is out of use, but its file could not be removed: ${detail}`;
  return startFault(1, 'SEN-0601', message, `once that is mended, say it again: sentinel audit forget --day ${day}`);
}

export interface ExpiryDeps extends Omit<CaptureTools, 'records' | 'by' | 'settings'> {
  readonly timers: Timers;
  readonly settings: () => CaptureSettings;
  /** Lets go of keys in memory whose day is over. */
  readonly tick: () => void;
  /** Told at each look that failed. */
  readonly onFault: (fault: StartFault) => void;
}

/** A key becomes due at some minute of a day; to be an hour late is soon enough, and an hour fits any timer. */
const LOOK_MS = 3_600_000;

/** Destroys keys whose time is over, now and from hour to hour. Returns the undo. */
export function expireKeys(deps: ExpiryDeps): () => void {
  let undo = (): void => {};
  let ended = false;
  const look = (): void => {
    deps.tick();
    void expireDue(deps).then((fault) => {
      if (fault !== undefined) deps.onFault(fault);
      if (!ended) undo = deps.timers.after(LOOK_MS, look);
    });
  };
  look();
  return () => {
    ended = true;
    undo();
  };
}

/** Once, by the settings of this moment. Answers what stopped it. */
export async function expireDue({ settings, ...deps }: Omit<ExpiryDeps, 'timers' | 'tick' | 'onFault'>): Promise<StartFault | undefined> {
  const { keepMs, keyDir } = settings();
  let fault: StartFault | undefined;
  for (const folder of foldersOf({ ...deps, settings: { keyDir } })) {
    const forget: ForgetDeps = { ...forgetDeps({ ...deps, by: 'system' }, 'expired'), folder, takeAll: false };
    try {
      const { fault: stopped } = await destroyAll(dueDays(forget, keepMs), forget);
      fault ??= stopped;
    } catch (thrown) {
      fault ??= startFault(1, 'SEN-0601', `keys of captured values that are due could not be destroyed: ${String(thrown)}`, 'sentinel doctor');
    }
  }
  return fault;
}
