// Finding and ending what a child started: its process group, and by two marks, in the environment and in a limit, whatever left
// the group (H12).
// Used by the gateway and by the watchdog, which has nothing else.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { lockLimit } from './lock-mark.ts';

export type KillSignal = 'SIGTERM' | 'SIGKILL';

/** False when nobody was there. Zero and negative ids never pass: kill(0) and kill(-1) mean ourselves and everybody (B11). */
export function signalGroup(leader: number, signal: KillSignal): boolean {
  return leader > 1 && send(-leader, signal);
}

export function signalProcess(pid: number, signal: KillSignal): boolean {
  return pid > 1 && send(pid, signal);
}

function send(target: number, signal: KillSignal): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch {
    return false;
  }
}

export interface Leftover {
  readonly pid: number;
  readonly group: number;
}

/** `run`: the marker's value in the environment it was started with. `locks`: its hard limit on file locks. */
export type Matches = (run: string | undefined, group: number, locks: number | undefined) => boolean;

interface Seen extends Leftover {
  readonly run: string | undefined;
  readonly locks: number | undefined;
}

const BATCH = 32;

/** Living processes that `matches` accepts. Empty where there is no /proc. Zombies are not alive. */
export async function findProcesses(marker: string, matches: Matches): Promise<readonly Leftover[]> {
  const pids = listPids();
  const found: Leftover[] = [];
  for (let at = 0; at < pids.length; at += BATCH) {
    const batch = await Promise.all(pids.slice(at, at + BATCH).map(async (pid) => inspect(pid, marker)));
    for (const seen of batch) {
      if (seen !== undefined && seen.pid !== process.pid && matches(seen.run, seen.group, seen.locks)) found.push({ pid: seen.pid, group: seen.group });
    }
  }
  return found;
}

function listPids(): readonly number[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return [];
  }
}

async function inspect(pid: number, marker: string): Promise<Seen | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // `pid (name) state ppid pgrp …`: the name may hold anything, so count from its last parenthesis.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X' || group === undefined) return undefined;
    return { pid, group: Number(group), run: await readMarker(pid, marker), locks: await readLocks(pid) };
  } catch {
    return undefined;
  }
}

async function readMarker(pid: number, marker: string): Promise<string | undefined> {
  try {
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1');
    const entry = `\u0000${environ}`.split(`\u0000${marker}=`)[1];
    return entry?.split('\u0000', 1)[0];
  } catch {
    // Another user's process, or gone: its group still counts.
    return undefined;
  }
}

/** Readable whoever owns the process. */
async function readLocks(pid: number): Promise<number | undefined> {
  try {
    return lockLimit(await readFile(`/proc/${pid}/limits`, 'latin1'));
  } catch {
    return undefined;
  }
}

/**
 * SIGKILL to all that match, looked for again until two looks in a row find none (a process may fork while it is being looked
 * for) or `rounds` are over. The number that would not die.
 */
export async function killUntilGone(marker: string, matches: Matches, rounds: number, pause: () => Promise<void>): Promise<number> {
  let clean = 0;
  for (let round = 0; round < rounds && clean < 2; round += 1) {
    const left = await findProcesses(marker, matches);
    clean = left.length === 0 ? clean + 1 : 0;
    for (const { pid } of left) signalProcess(pid, 'SIGKILL');
    if (left.length > 0) await pause();
  }
  return clean >= 2 ? 0 : (await findProcesses(marker, matches)).length;
}
