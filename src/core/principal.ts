// Who acts. Made only by an Authenticator from a verified credential of this very request.
import type { RoleName, Timestamp } from './ids.ts';

export interface Principal {
  readonly subject: string;
  /** In the order of the claim; rights are the union of all, and a deny of any one wins. */
  readonly roles: readonly RoleName[];
  /** What the token was granted (RFC 6749 §3.3), each once. Empty: nothing. Who has no token is not held to scopes (`via`). */
  readonly scopes: readonly string[];
  readonly issuer: string;
  readonly tokenId: string | undefined;
  readonly keyId: string | undefined;
  readonly via: 'jwt' | 'local';
  readonly expiresAt: Timestamp;
  /** SHA-256 of the credential, hex. Binds sessions and caches to it without keeping it. */
  readonly credential: string;
}

/** Stable key of the acting subject: limits and sessions belong to it across tokens. */
export function principalKey(principal: Principal): string {
  return `${principal.issuer}\u0000${principal.subject}`;
}

export type AuthFailureCode =
  | 'missing'
  | 'malformed'
  | 'too_long'
  | 'algorithm'
  | 'unknown_key'
  | 'signature'
  | 'type'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'lifetime'
  | 'claims'
  | 'role'
  | 'revoked'
  | 'keys_unavailable';

/** Why a credential was refused. `detail` is for the log and the audit, never for the wire. */
export interface AuthFailure {
  readonly code: AuthFailureCode;
  readonly detail: string;
}
