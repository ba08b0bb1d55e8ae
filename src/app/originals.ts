// A database of the original gateway, met where this one wants its own: its table has the name of our view.
import { startFault, type StartFault } from './fault.ts';

/** PostgreSQL's word for it, whatever its language. */
const THERE = /\b42P07\b.*\baudit_log\b/;

/** Undefined: the fault is another one. Not renamed by itself: the original may still be writing. */
export function originalsFault(detail: string): StartFault | undefined {
  if (!THERE.test(detail)) return undefined;
  return startFault(15, 'SEN-0602', 'the database has a table audit_log: that of the original gateway, in the place of a view of this one', 'end the original, alter table audit_log rename to audit_log_original, then sentinel migrate, then sentinel migrate --import <url>');
}
