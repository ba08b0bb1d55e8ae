// How a batch leaves, and what can be wrong with that. A transport sends one batch at a time, keeps nothing of it, and never throws.
import type { LookupFunction } from 'node:net';
import type { Result } from '../../core/result.ts';
import { cut, printable } from '../../core/text.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';

export type SendFault =
  /** The other side was not reached, or went away before it had everything. */
  | { readonly code: 'unreachable'; readonly detail: string }
  | { readonly code: 'timeout'; readonly detail: string }
  /** An answer that is none of success and none about the content. */
  | { readonly code: 'status'; readonly detail: string; readonly retryAfterMs: number | undefined }
  /** The content itself is not taken: a smaller batch may be. */
  | { readonly code: 'refused'; readonly detail: string }
  /** The other side holds something else, and says so: to send it again would change nothing. It has taken note of all that was sent. */
  | { readonly code: 'conflict'; readonly detail: string }
  /** The disk. */
  | { readonly code: 'io'; readonly detail: string }
  /** The gateway itself will not go there. */
  | { readonly code: 'egress'; readonly detail: string }
  | { readonly code: 'stopped'; readonly detail: string };

export interface Receipt {
  /** Records that the receiver took note of and threw away. */
  readonly rejected: number;
  /** Its words, made safe to show. */
  readonly note: string | undefined;
}

export const TAKEN: Receipt = Object.freeze({ rejected: 0, note: undefined });

export interface Transport {
  /** `parts`: records as text, without line breaks. Resolves when the other side has them all, as far as its protocol can tell. */
  send(parts: readonly string[], signal: AbortSignal): Promise<Result<Receipt, SendFault>>;
  close(): Promise<void>;
}

/** Whether a host may be reached, and how its name is looked up: the door that backends go through as well. */
export type Egress = (host: string, allowPrivate: boolean) => Result<LookupFunction, string>;

/** Words of others, for a log line and a terminal. */
export function said(text: string): string {
  return printable(cut(text, 200));
}

export function unreachable(thrown: unknown): SendFault {
  const code = codeIn(thrown);
  return { code: 'unreachable', detail: said(code === undefined ? messageIn(thrown) : `${code}: ${messageIn(thrown)}`) };
}

/** One sentence for health and log. */
export function faultText(fault: SendFault): string {
  return `${fault.code}: ${fault.detail}`;
}
