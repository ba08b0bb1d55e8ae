// What checker and worker say to each other.
import type { Violation } from '../../core/decision.ts';

export interface CheckRequest {
  readonly id: number;
  /** SHA-256 of the tool definition: names the compiled schema in the worker's cache. */
  readonly digest: string;
  /** JSON text; undefined when the worker is believed to have it compiled. */
  readonly schema: string | undefined;
  readonly args: string;
}

export type CheckReply =
  /** Modules are loaded and warm: deadlines may begin. */
  | { readonly kind: 'ready' }
  /** The schema of the check at work is compiled, its validation begins. */
  | { readonly kind: 'compiled'; readonly id: number }
  /** It was dropped from the cache: ask again with the schema. */
  | { readonly kind: 'missing'; readonly id: number }
  | { readonly kind: 'valid'; readonly id: number }
  | { readonly kind: 'invalid'; readonly id: number; readonly errors: readonly Violation[] }
  | { readonly kind: 'unusable'; readonly id: number; readonly note: string };
