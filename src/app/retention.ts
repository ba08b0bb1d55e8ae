// Lets go of segments of the journal that have had their time. Each is on record before it goes.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Clock, Random, Timers } from '../core/ports.ts';
import { messageIn } from '../core/thrown.ts';
import type { Settings } from '../core/settings.ts';
import { bytesOf, journalDirectories } from '../stores/journal/folder.ts';
import { removeSegment, retirable } from '../stores/journal/retention.ts';

export interface RetentionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly settings: () => Settings;
  /** Up to which row PostgreSQL has everything; undefined where the journal is the store. */
  readonly shipped: () => number | undefined;
  /** False: it could not be recorded. */
  readonly note: (event: LifecycleEvent) => Promise<boolean>;
  readonly onFault: (error: unknown) => void;
}

const LOOK_MS = 60_000;
const DAY_MS = 86_400_000;
/** What was shipped stays so long: a server that lost its end is sent it again (F33). */
const SPOOL_MS = DAY_MS;

/** Now and every minute. Returns the undo. */
export function keepRetention(deps: RetentionDeps): () => void {
  let undo: (() => void) | undefined;
  const turn = (): void => {
    retire(deps).catch(deps.onFault).finally(() => {
      if (undo !== undefined) undo = deps.timers.after(LOOK_MS, turn);
    });
  };
  undo = deps.timers.after(0, turn);
  return () => {
    undo?.();
    undo = undefined;
  };
}

export async function retire({ clock, random, settings: settingsNow, shipped, note, onFault }: RetentionDeps): Promise<number> {
  const settings = settingsNow();
  if (!settings.audit.enabled) return 0;
  const spool = settings.store.postgresUrl !== undefined;
  const carried = shipped();
  // Not known yet how far it is: nothing goes.
  if (spool && carried === undefined) return 0;
  const directories = journalDirectories(settings);
  const keepMs = spool ? SPOOL_MS : settings.audit.retentionDays * DAY_MS;
  // What PostgreSQL has may take half of the quota, not more: calls must go on.
  const isTight = (): boolean => spool && bytesOf(directories) > settings.audit.quota / 2;
  let count = 0;
  for (const segment of retirable(directories, { now: clock.wall(), keepMs: isTight() ? 0 : keepMs, carried: spool ? carried : undefined })) {
    if (clock.wall() - segment.until < keepMs && !isTight()) break;
    const { number, records, until } = segment;
    const noted = await note({ id: random.uuid(), wall: clock.wall(), by: 'system', revision: 0, kind: 'segment_retired', segment: number, records, until });
    if (!noted) return count;
    try {
      removeSegment(segment);
      count += 1;
    } catch (thrown) {
      onFault(new Error(`segment ${number} of the audit could not be removed: ${messageIn(thrown)}`));
      return count;
    }
  }
  return count;
}
