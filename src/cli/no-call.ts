// What to say of an id that no call on record has.
import { printable } from '../core/text.ts';
import { refusedFault } from './faults.ts';
import type { Fault } from './verb.ts';

export function noSuchCall(id: string): Fault {
  return refusedFault(`no call ${printable(id)} is on record`, elsewhere(id));
}

const WHOLE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function elsewhere(id: string): string {
  if (/^[0-9a-f]{32}$/.test(id)) return `that looks like a trace: sentinel audit query 'trace = ${id}'`;
  return WHOLE.test(id) ? 'sentinel audit query shows the ids of recent calls' : 'ids are whole, such as 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60; sentinel audit query shows them';
}
