// What a row of the manifest of requirements says. Only types and the words that many rows share.

type Revision = '2025-03-26' | '2025-06-18' | '2025-11-25' | '2026-07-28';

export const MODERN: readonly Revision[] = ['2026-07-28'];
export const LEGACY: readonly Revision[] = ['2025-03-26', '2025-06-18', '2025-11-25'];
export const SINCE_2025_06: readonly Revision[] = ['2025-06-18', '2025-11-25', '2026-07-28'];
export const ALL: readonly Revision[] = [...LEGACY, ...MODERN];

export interface Asked {
  /** A letter or letters for the list it stands in, and its number there. A test names it in brackets: `… [SH16]`. */
  readonly id: string;
  /** Revision and page of the specification (or SEP, RFC); `ours` where no page asks it and the gateway asks it of itself. */
  readonly where: string;
  /** What is asked, in our words. */
  readonly asked: string;
  /** Over which transport of the side that is meant. */
  readonly on: 'http' | 'stdio' | 'both';
  readonly revisions: readonly Revision[];
}

export type Requirement = Asked & (
  /** Verified by each test that names it. `lacks`: what of it those tests do not show, or the gateway does not do, and why. */
  | { readonly lacks?: string }
  /** Not there yet: what would have to exist first. No test may name it. */
  | { readonly later: string }
  /** Asked of somebody else, or of what this gateway is not. No test may name it. */
  | { readonly apart: string }
);
