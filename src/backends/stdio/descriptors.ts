// What a child finds above stderr: nothing that was open in this process. Node opens its own descriptors close-on-exec, and libuv
// closes the low ones its starter left open, but it stops looking at the first gap above 15, so that any other reaches every child (H10).
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';

/** execa takes any descriptor, but its types name those up to 9 only; so all pass under the name of one. */
type Descriptor = 3;
type Slot = 'ignore' | Descriptor;

const FD_INFO = '/proc/self/fdinfo';
/** O_CLOEXEC as /proc shows it, in octal: proc_pid_fdinfo(5). */
const CLOSES_ON_EXEC = 0o2_000_000;

/**
 * The slots from descriptor 3 on, for `stdio` of a spawn: /dev/null over each one that would be inherited. 'ignore' alone opens
 * nothing above 2 and closes nothing. Empty where there is no /proc: macOS is asked to close by default (libuv, POSIX_SPAWN_CLOEXEC_DEFAULT).
 */
function shutInherited(): readonly Slot[] {
  const inherited = openOnExec();
  const nothing = inherited.length === 0 ? undefined : openSync(devNull, 'r+');
  if (nothing === undefined || !isDescriptor(nothing)) return [];
  const slots = Array.from<Slot>({ length: Math.max(...inherited) - 2 }).fill('ignore');
  for (const fd of inherited) slots[fd - 3] = nothing;
  return slots;
}

function isDescriptor(fd: number): fd is Descriptor {
  return Number.isInteger(fd);
}

function openOnExec(): readonly number[] {
  try {
    return readdirSync(FD_INFO).map(Number).filter((fd) => fd > 2 && !closesOnExec(fd));
  } catch {
    return [];
  }
}

/** One that is gone by now was the listing itself. */
function closesOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`${FD_INFO}/${fd}`, 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & CLOSES_ON_EXEC) !== 0;
  } catch {
    return true;
  }
}

/** Found once, when the program is loaded: what was inherited stays, and what is opened from now on closes itself. */
export const INHERITED_SHUT: readonly Slot[] = shutInherited();
