// The resource server's public words: the RFC 9728 document and the WWW-Authenticate challenge. Pure; says nothing about why a token failed.
import { isLoopback } from '../core/loopback.ts';
import type { AuthFailureCode } from '../core/principal.ts';

/** RFC 9728 §2. Members without a value are left out, as §3.2 asks. */
export interface ResourceMetadata {
  /** Byte for byte the URL that agents use (§3.3). */
  readonly resource: string;
  readonly authorization_servers?: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
  readonly resource_name: string;
}

export interface ResourceFacts {
  /** Scheme and authority agents use, with a path prefix if a proxy adds one; a trailing slash is dropped. */
  readonly publicUrl: string;
  /** `/mcp` or `/mcp/<backend>`. */
  readonly path: string;
  /** `iss` values that are accepted. */
  readonly issuers: readonly string[];
  /** Only what every agent may ask for: never a wildcard, never the catalogue (T150). */
  readonly scopes: readonly string[];
}

/** Where the document is asked for (RFC 9728 §3.1), with the resource's path behind it. */
export const METADATA_PATH: string = '/.well-known/oauth-protected-resource';

/**
 * `authorization_servers` names the issuers that are https URLs (http on loopback). A gateway with keys of its own only has none to name:
 * its tokens come from an operator, and a made-up entry would send agents to look for endpoints that do not exist.
 */
export function resourceMetadata({ publicUrl, path, issuers, scopes }: ResourceFacts): ResourceMetadata {
  const servers = issuers.filter(isIssuerUrl);
  return {
    resource: `${withoutSlash(publicUrl)}${path}`,
    ...(servers.length > 0 ? { authorization_servers: servers } : {}),
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    bearer_methods_supported: ['header'],
    resource_name: 'Sentinel MCP gateway',
  };
}

/** RFC 9728 §3.1: the well-known part goes between the host and the path, whatever path a proxy put in front. */
export function resourceMetadataUrl(publicUrl: string, path: string): string {
  const url = new URL(`${withoutSlash(publicUrl)}${path}`);
  return `${url.origin}${METADATA_PATH}${url.pathname}`;
}

/**
 * Value of `WWW-Authenticate` on a 401. Without credentials it carries no error (RFC 6750 §3.1); with them, one error for
 * every cause: which check failed would tell a forger what to mend.
 */
export function challenge(failure: AuthFailureCode, metadataUrl: string, scopes: readonly string[] = []): string {
  const parts = failure === 'missing' ? [] : ['error="invalid_token"', 'error_description="The access token is not valid here"'];
  parts.push(`resource_metadata="${quotable(metadataUrl)}"`);
  if (scopes.length > 0) parts.push(`scope="${quotable(scopes.join(' '))}"`);
  return `Bearer ${parts.join(', ')}`;
}

/** The same on a 403 (RFC 6750 §3.1; MCP authorization): the token is good, and too small for this. */
export function scopeChallenge(metadataUrl: string, scopes: readonly string[]): string {
  return `Bearer error="insufficient_scope", scope="${quotable(scopes.join(' '))}", resource_metadata="${quotable(metadataUrl)}"`;
}

/** 503 when the issuer's keys cannot be had: the token may be good, and a 401 would make the agent throw it away. */
export function authStatus(failure: AuthFailureCode): 401 | 503 {
  return failure === 'keys_unavailable' ? 503 : 401;
}

function isIssuerUrl(issuer: string): boolean {
  const url = URL.parse(issuer);
  if (url === null || url.hash !== '' || url.search !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}

/** quoted-string of RFC 9110 §5.6.4: what cannot stand in one is dropped, so that no setting can add a header member. */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\]/g, '');
}
