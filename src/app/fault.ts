// Why the gateway did not start, in the terms of the exit-status table: what, where, and how to mend it.
import type { Diagnostic } from '../core/operations.ts';

export interface StartFault {
  /** One of the documented exit statuses. */
  readonly exit: number;
  /** `SEN-nnnn`, with a page in docs/errors. */
  readonly code: string;
  readonly message: string;
  readonly help: string | undefined;
  /** All problems of a configuration file; empty for other faults. */
  readonly problems: readonly Diagnostic[];
  /** The file the problems are in, for showing their lines. */
  readonly source: string | undefined;
}

export function startFault(exit: number, code: string, message: string, help?: string): StartFault {
  return { exit, code, message, help, problems: [], source: undefined };
}
