// Untrusted text made fit for a log line, a status or an error message: printable, on one line, short.
import type { BackendFault } from '../core/ports.ts';
import { messageIn } from '../core/thrown.ts';

/** Control, format, surrogate and private characters become spaces; longer text ends in an ellipsis. */
export function shortText(text: string, max: number): string {
  // Cut first: the rest of a 10 MB message is not worth looking at.
  const head = text.slice(0, max * 4).replaceAll(/\p{C}+/gu, ' ').trim();
  return head.length > max || text.length > max * 4 ? `${head.slice(0, max).toWellFormed()}…` : head;
}

export function messageOf(error: unknown): string {
  return shortText(messageIn(error), 300);
}

/** With the backend's own words: for an operator, not for a record. */
export function wholeText(fault: BackendFault): string {
  if (!('detail' in fault)) return fault.code;
  return 'said' in fault && fault.said !== undefined ? `${fault.detail}; ${fault.said}` : fault.detail;
}
