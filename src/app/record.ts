// One event into the audit by a process that is no gateway: what the command line does to keys and tokens on its own. Several
// processes may write to one store; a running gateway does not notice.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { journalDirectories } from '../stores/journal/folder.ts';
import { createJournal } from '../stores/journal/journal.ts';
import { inlineJournal } from '../stores/journal/session.ts';
import { processLife } from '../stores/life.ts';
import { loadNode } from '../stores/node.ts';
import { startFault, type StartFault } from './fault.ts';
import { SEGMENT_BYTES } from './memory.ts';
import { otherOwner } from './owner.ts';
import { systemClock, systemRandom, systemTimers } from './system.ts';

/** `LifecycleEvent` without what is the same for each: a union keeps its members apart only when each is taken by itself. */
type Fact = Extract<LifecycleEvent, { kind: 'token_issued' | 'token_revoked' | 'key_rotated' | 'audit_read' | 'key_destroyed' }> extends infer Event ? (Event extends LifecycleEvent ? Omit<Event, 'id' | 'wall' | 'by' | 'revision'> : never) : never;

/**
 * Durable when it resolves well. `by`: the login name of who did it. Nothing is written where the audit is switched off.
 */
export async function recordFact(settings: Settings, by: string, fact: Fact): Promise<Result<void, StartFault>> {
  if (!settings.audit.enabled) return ok(undefined);
  const strange = strangeOwner(settings);
  if (strange !== undefined) return err(startFault(1, 'SEN-0601', `the audit could not be written: ${settings.gateway.stateDir} belongs to user ${strange}, who could not open what this user would make there: run this as that user`, 'sentinel doctor'));
  const written = await write(settings, { ...fact, id: systemRandom.uuid(), wall: systemClock.wall(), by, revision: 0 });
  if (written.ok) return ok(undefined);
  const { code, detail } = written.error;
  return err(startFault(code === 'schema' ? 15 : 1, code === 'schema' ? 'SEN-0602' : 'SEN-0601', `the audit could not be written: ${detail}`, 'sentinel doctor'));
}

/** Files that root makes in the folder of a gateway that never ran would keep that gateway from starting. Those that are there stay whose they are. */
function strangeOwner(settings: Settings): number | undefined {
  const { stateDir } = settings.gateway;
  const made = [join(stateDir, 'node-id'), join(stateDir, 'audit-hmac.key'), journalDirectories(settings)[0]];
  return made.every((path) => existsSync(path)) ? undefined : otherOwner(stateDir);
}

async function write(settings: Settings, event: LifecycleEvent): Promise<Result<void, StoreFault>> {
  const { audit, gateway } = settings;
  const node = loadNode(gateway.stateDir, systemRandom);
  if (!node.ok) return node;
  const directories = journalDirectories(settings);
  const { quota, reserve } = audit;
  // What dead runs left open is the next gateway's to close: from another container on the same volume, a running gateway's pid means nothing.
  const session = inlineJournal(
    { directories, stateDir: gateway.stateDir, node: node.value.id, segmentBytes: SEGMENT_BYTES, bounds: { quota, reserve }, recovers: false },
    { clock: systemClock, random: systemRandom, timers: systemTimers, life: processLife(), onAbandoned: () => {} },
  );
  const journal = createJournal({ session, node: node.value, clock: systemClock, random: systemRandom, after: (ms, run) => systemTimers.after(ms, run), settings: () => audit });
  const started = await journal.start();
  const noted = started.ok ? await journal.note(event) : started;
  await journal.close();
  return noted;
}
