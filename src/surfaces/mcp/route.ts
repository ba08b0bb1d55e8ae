// From the raw request target to an endpoint. Matched once, as sent: nothing is decoded, normalised or joined (A08, A31).
import { CHECKPOINTS_PATH } from '../../core/audit/witness.ts';
import type { Endpoint } from '../../core/call.ts';
import { backendId } from '../../core/ids.ts';
import { METADATA_PATH as METADATA } from '../../relay/oauth.ts';

export type Route =
  | { readonly kind: 'mcp'; readonly endpoint: Endpoint }
  | { readonly kind: 'metadata'; readonly endpoint: Endpoint }
  /** Where other gateways send their checkpoints. */
  | { readonly kind: 'witness' }
  | { readonly kind: 'unknown' }
  /** Not a target this server takes: absolute form, or a query (where a token may hide, T143). */
  | { readonly kind: 'bad'; readonly why: string };

const MERGED: Endpoint = { kind: 'merged' };
const SINGLE = /^\/mcp\/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;

export function routeOf(target: string): Route {
  if (target === '/mcp') return { kind: 'mcp', endpoint: MERGED };
  if (!target.startsWith('/')) return { kind: 'bad', why: 'the request target must be a path' };
  if (target.includes('?')) return { kind: 'bad', why: 'a query is not accepted; a token belongs in the Authorization header' };
  if (target === METADATA || target === `${METADATA}/mcp`) return { kind: 'metadata', endpoint: MERGED };
  if (target === CHECKPOINTS_PATH) return { kind: 'witness' };
  const metadata = target.startsWith(METADATA);
  const name = SINGLE.exec(metadata ? target.slice(METADATA.length) : target)?.[1];
  if (name === undefined) return { kind: 'unknown' };
  return { kind: metadata ? 'metadata' : 'mcp', endpoint: { kind: 'single', backend: backendId(name) } };
}
