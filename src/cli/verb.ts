// What a verb of the command line is, and all it is given. A verb touches the outside only through its context and what it imports when run.
import type { StartedBy } from '../config/find.ts';
import type { Diagnostic } from '../core/operations.ts';

/** A `util.parseArgs` option that can also describe itself. */
export interface VerbOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** How the value is shown in help: `--until <time>`. Strings only. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbExample {
  /** A whole command line, starting with `sentinel`. */
  readonly run: string;
  readonly does: string;
}

/** Flags as given. Asking for a flag that the verb did not declare is a programming error and throws. */
export interface Flags {
  text(name: string): string | undefined;
  on(name: string): boolean;
  list(name: string): readonly string[];
}

/** A failure that ends the verb: said on stderr for people, or as one `exit_error` object with --json. */
export interface Fault {
  /** One of EXIT. */
  readonly exit: number;
  /** `SEN-nnnn`, with a page in docs/errors. */
  readonly code: string;
  readonly message: string;
  /** One concrete way out, as a command where possible. */
  readonly help?: string | undefined;
  /** All problems of a configuration file, and its text, to show the lines. */
  readonly problems?: readonly Diagnostic[] | undefined;
  readonly source?: string | undefined;
}

export interface Paint {
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
}

export interface VerbContext {
  /** Positionals after the verb's own words. */
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly json: boolean;
  /** -1 with -q, 0, or the number of -v. */
  readonly verbosity: number;
  /** Value of --config, absolute, or the checkout's own; where it is undefined, `locateConfig` of config/find.ts decides. */
  readonly configFile: string | undefined;
  /** Where the file of `sentinel start` is looked for, whether it is there or not; undefined where it does not count. */
  readonly ownFile: string | undefined;
  /** As the verb says; absent: by an operator. */
  readonly startedBy?: StartedBy | undefined;
  /** Data on stdout; a newline is added. */
  readonly out: (text: string) => void;
  /** Data on stdout as it is; resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>;
  /** One JSON value as one line on stdout. */
  readonly outJson: (value: unknown) => void;
  /** Talk on stderr; a newline is added. Silent with -q. */
  readonly err: (text: string) => void;
  /** Prints the fault and returns its exit status: `return cx.fail({…})`. */
  readonly fail: (fault: Fault) => number;
  /** A remedy with its commands as they are to be typed: with --config where it was given. Faults get this by themselves. */
  readonly remedy: (text: string) => string;
  /** Yes/no on the terminal; undefined when stdin or stderr is not a terminal. */
  readonly ask: (question: string) => Promise<boolean | undefined>;
  /** All of stdin as text, refused over `maxBytes`. */
  readonly readStdin: (maxBytes: number) => Promise<string>;
  /** The same as it comes, of any size. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Columns of stdout; 80 when unknown. */
  readonly width: number;
  /** Colours for stdout; the identity where colour is off. */
  readonly paint: Paint;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** Login name, for `by` fields. */
  readonly user: string;
  /** Fires at the first SIGINT or SIGTERM, for verbs that follow something. `reason` is the signal name. */
  readonly signal: AbortSignal;
}

export interface Verb {
  /** Words after `sentinel`: `kill`, `token issue`. */
  readonly name: string;
  readonly summary: string;
  /** Operands only: `<scope> [<name>]`; empty when there are none. */
  readonly usage: string;
  /** At least two; the first is the commonest. */
  readonly examples: readonly VerbExample[];
  /** More prose for `help <verb>`, if any. */
  readonly about?: string;
  readonly options: Readonly<Record<string, VerbOption>>;
  /** Fewest and most operands; main.ts refuses others with exit 2. */
  readonly operands: readonly [least: number, most: number];
  /** Who runs it, as a rule. What an agent's client starts takes no file from the working directory that was not named. */
  readonly startedBy?: StartedBy;
  /** The exit status. Heavy parts are imported inside. */
  readonly run: (cx: VerbContext) => Promise<number>;
}

/** What every module in verbs/ exports as `verbs`: one verb, or the sub-verbs of one word (`token issue`, `token revoke`). */
export type VerbModule = { readonly verbs: readonly Verb[] };

/** Accepted by every verb; declared once. A verb may not declare these again. */
export const COMMON_OPTIONS: Readonly<Record<string, VerbOption>> = {
  config: { type: 'string', value: 'file', help: 'configuration file (default: SENTINEL_CONFIG, then looked up: see `sentinel help check`)' },
  json: { type: 'boolean', help: 'one JSON value (or one per line) on stdout; errors as one JSON object on stderr' },
  'no-color': { type: 'boolean', help: 'no colour, also with NO_COLOR or TERM=dumb' },
  quiet: { type: 'boolean', short: 'q', help: 'no talk on stderr besides errors' },
  verbose: { type: 'boolean', short: 'v', multiple: true, help: 'more talk on stderr; twice for debugging' },
  help: { type: 'boolean', short: 'h', help: 'this page' },
};
