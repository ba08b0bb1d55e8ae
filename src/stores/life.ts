// Whether the process that wrote an epoch still lives. A pid alone lies: it is used again, and is 1 in every container.
import { readFileSync } from 'node:fs';
import { codeIn } from '../core/thrown.ts';

export interface Life {
  /** Names this process among all that were and will be on this machine. */
  readonly mark: string;
  readonly alive: (mark: string) => boolean;
}

export function processLife(pid: number = process.pid): Life {
  return { mark: markOf(pid) ?? String(pid), alive };
}

function alive(mark: string): boolean {
  const pid = Number.parseInt(mark, 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const now = markOf(pid);
  if (now !== undefined || mark.includes(':')) return now === mark;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeIn(thrown) === 'EPERM';
  }
}

/** Linux: pid, boot, and the tick the process was born at (proc(5), stat field 22). Elsewhere undefined. */
function markOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold anything, even `)`: the fields are counted behind its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; its parent has not looked yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${pid}:${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}
