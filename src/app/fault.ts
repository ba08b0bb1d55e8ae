// Why the gateway did not start, in the terms of the exit-status table: what, where, and how to mend it.
import type { Diagnostic } from '../core/operations.ts';
import { codeIn } from '../core/thrown.ts';

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

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file', EISDIR: 'it is a directory', ENOTDIR: 'a part of its path is no directory', EACCES: 'permission denied', EPERM: 'permission denied', ELOOP: 'its links go in circles',
  ENOSPC: 'no space is left', EROFS: 'the file system is read-only', EEXIST: 'it is there already',
};

/** A failure of the file system in words; those without a word keep their code. */
export function whyUnread(error: unknown): string {
  const code = codeIn(error) ?? 'unreadable';
  return WORDS[code] ?? code;
}
