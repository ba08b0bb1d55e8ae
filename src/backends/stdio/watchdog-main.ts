// The watchdog program: ends every child of a gateway that died without saying so, even by SIGKILL (H14).
// It lives in a session of its own and reads one pipe; the end of that pipe is the end of the gateway.
// Argument: the prefix of the markers of this gateway's children. Lines on stdin: `+ <group leader>`, `- <group leader>`.
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { RUN_MARKER } from './environment.ts';
import { isOfRun } from './lock-mark.ts';
import { killUntilGone, signalGroup } from './processes.ts';

const ROUNDS = 40;
const PAUSE_MS = 50;

const groups = new Set<number>();
// An argument and not a line: the gateway may be killed before it writes its first.
const prefix = process.argv[2] ?? '';

function obey(line: string): void {
  const [word, value = ''] = line.split(' ');
  if (word === '+') groups.add(Number(value));
  else if (word === '-') groups.delete(Number(value));
}

async function end(): Promise<void> {
  for (const leader of groups) signalGroup(leader, 'SIGKILL');
  if (prefix === '') return;
  // Children that were started but not yet announced, and those that left their group, carry a mark.
  await killUntilGone(RUN_MARKER, (run, _group, locks) => run?.startsWith(prefix) === true || isOfRun(locks, prefix), ROUNDS, async () => delay(PAUSE_MS));
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGPIPE'] as const) process.on(signal, () => undefined);

const lines = createInterface({ input: process.stdin, terminal: false });
lines.on('line', obey);
lines.once('close', () => void end());
process.stdin.once('error', () => lines.close());
