// Whether children can be given the mark of lock-mark.ts on this machine. Apart from it, since the watchdog reads marks and starts nothing.
import { readFileSync } from 'node:fs';
import { execaSync } from 'execa';
import { messageOf } from '../text.ts';
import { FLOOR, lockLimit } from './lock-mark.ts';

const TRY_MS = 5_000;

/** What became of the trial with each prlimit; there is one on PATH. */
const tried = new Map<string, boolean>();

/**
 * Whether this prlimit can mark children. gVisor shows the limit and refuses to set it (EPERM): prlimit then starts nothing at all, so it
 * is tried once with a program that matters to nobody. `refused` hears why not, when that is found.
 */
export function canMark(prlimit: string, refused: (why: string) => void): boolean {
  if (!maySetLocks()) return false;
  const known = tried.get(prlimit);
  if (known !== undefined) return known;
  const { failed, exitCode, stderr, shortMessage } = execaSync(prlimit, [`--locks=${FLOOR}:${FLOOR}`, '--', prlimit, '--version'], {
    env: {}, extendEnv: false, cwd: '/', stdin: 'ignore', reject: false, timeout: TRY_MS, killSignal: 'SIGKILL',
  });
  // What did not end by itself was no refusal, only a busy machine: the next child tries again.
  if (exitCode !== undefined) tried.set(prlimit, !failed);
  if (failed) refused(messageOf(stderr === '' ? shortMessage : stderr));
  return !failed;
}

/** A gateway that is itself the child of one keeps that one's mark, which it could not raise. */
function maySetLocks(): boolean {
  try {
    return lockLimit(readFileSync('/proc/self/limits', 'latin1')) === undefined;
  } catch {
    return false;
  }
}
