// What the checker and its worker say to each other. Plain text both ways: nothing a backend wrote becomes an object of ours.
import type { SchemaVerdict } from '../../core/ports.ts';

export interface CheckRequest {
  readonly id: number;
  readonly digest: string;
  /** Sent once per worker and digest; afterwards the worker knows it. */
  readonly schema: string | undefined;
  readonly args: string;
}

export type CheckReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'verdict'; readonly id: number; readonly verdict: SchemaVerdict }
  /** The compiled schema was evicted: ask again with its text. */
  | { readonly kind: 'forgotten'; readonly id: number };

export function isCheckReply(value: unknown): value is CheckReply {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

export function isCheckRequest(value: unknown): value is CheckRequest {
  return typeof value === 'object' && value !== null && 'id' in value && 'digest' in value && 'args' in value;
}
