// Pages of a list with sealed cursors: ours alone, bound to the principal, the method and the list they continue (T131).
import { objectOf, quote, arrayOf, toRaw } from '../core/json/compose.ts';
import { scan, type RawJson } from '../core/json/scan.ts';
import { AGENT_LIMITS } from '../core/json/raw.ts';
import { members, safeIntegerOf, stringOf } from '../core/json/slice.ts';

/** Authenticated encryption of short text; `open` returns undefined for anything it did not seal. */
export interface Seal {
  seal(text: string): string;
  open(token: string): string | undefined;
}

export interface PageRequest {
  readonly member: 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'tasks';
  /** Cut before it is read: a page costs what stands on it, not the whole list. */
  readonly items: Pick<readonly RawJson[], 'length' | 'slice'>;
  readonly cursor: string | undefined;
  readonly pageSize: number;
  /** What the cursor belongs to: principal, endpoint, method. */
  readonly binding: string;
  /** Digest of the whole list: a changed list ends old cursors. */
  readonly epoch: string;
}

/** The list result, or undefined when the cursor is not one of ours for this list. */
export function pageResult(request: PageRequest, seal: Seal): RawJson | undefined {
  const from = request.cursor === undefined ? 0 : offsetOf(request.cursor, request, seal);
  if (from === undefined) return undefined;
  const to = Math.min(from + request.pageSize, request.items.length);
  const entries: (readonly [string, RawJson])[] = [[request.member, arrayOf(request.items.slice(from, to))]];
  if (to < request.items.length) entries.push(['nextCursor', quote(seal.seal(cursorText(to, request)))]);
  return objectOf(entries);
}

function cursorText(offset: number, request: PageRequest): string {
  return objectOf([['b', quote(request.binding)], ['e', quote(request.epoch)], ['o', toRaw(offset)]]);
}

function offsetOf(cursor: string, request: PageRequest, seal: Seal): number | undefined {
  const opened = seal.open(cursor);
  const scanned = opened === undefined ? undefined : scan(opened, AGENT_LIMITS);
  const all = scanned?.ok === true ? members(scanned.value) : undefined;
  if (all === undefined) return undefined;
  const same = stringOf(all.get('b')) === request.binding && stringOf(all.get('e')) === request.epoch;
  const value = same ? safeIntegerOf(all.get('o')) : undefined;
  return value !== undefined && value >= 0 && value <= request.items.length ? value : undefined;
}
