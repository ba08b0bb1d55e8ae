// What the composition takes from the process. A test gives its own; only `serve.ts` and `stdio.ts` give the real ones.
import type { Clock, Random, Timers } from '../core/ports.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface AppDeps {
  readonly env: Env;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /** The program's version, as `sentinel version` prints it. */
  readonly version: string;
  /** Where log lines go; undefined = file descriptor 2. */
  readonly logTo: ((line: string) => void) | undefined;
}
