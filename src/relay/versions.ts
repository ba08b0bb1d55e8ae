// The protocol revisions the gateway speaks, and what is answered to those it does not.
// Source: MCP basic/versioning (2026-07-28) and lifecycle (2025-11-25).
import type { CallOrigin, Era } from '../core/call.ts';

/** What one peer speaks: its era, and the revision in force. A CallOrigin is one. */
export type Spoken = Pick<CallOrigin, 'era' | 'version'>;

/** Newest first: the first is offered when a peer asks for something unknown. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
export const MODERN_VERSIONS = ['2026-07-28'] as const;

export const LATEST_LEGACY = '2025-11-25';
export const LATEST_MODERN = '2026-07-28';

export function eraOf(version: string): Era | undefined {
  if (MODERN_VERSIONS.some((known) => known === version)) return 'modern';
  if (LEGACY_VERSIONS.some((known) => known === version)) return 'legacy';
  return undefined;
}

/** `initialize` answers the asked revision when it is a supported legacy one, else the latest legacy one. */
export function negotiate(requested: string): string {
  return eraOf(requested) === 'legacy' ? requested : LATEST_LEGACY;
}

/** Only 2025-03-26 has JSON-RPC batches; later revisions removed them. */
export function allowsBatch(version: string): boolean {
  return version === '2025-03-26';
}

/** Revisions are dates, so that text order is their order. */
export function isSince(version: string, revision: '2025-06-18' | '2025-11-25' | '2026-07-28'): boolean {
  return version >= revision;
}
