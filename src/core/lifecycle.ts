// What happened to the gateway itself rather than in a call. Audited, logged and shown live like outcomes.
import type { BackendId, Timestamp } from './ids.ts';
import type { BackendState } from './ports.ts';

interface EventBase {
  /** UUIDv7. */
  readonly id: string;
  readonly wall: Timestamp;
  /** Who caused it: `system`, `signal`, or an operator's login name from the control socket. */
  readonly by: string;
  readonly revision: number;
}

export type LifecycleEvent = EventBase & (
  | { readonly kind: 'started'; readonly version: string; readonly configHash: string }
  | { readonly kind: 'stopped'; readonly reason: string }
  | { readonly kind: 'reloaded'; readonly configHash: string; readonly changes: readonly string[] }
  | { readonly kind: 'reload_refused'; readonly problems: number; readonly first: string }
  | { readonly kind: 'killed'; readonly scope: string; readonly reason: string; readonly until: Timestamp | undefined; readonly cancelled: number; readonly tasks: number }
  /** Of tasks that the gateway ended by itself, after a kill or past their time; `left`: their backends did not take it. `tasks`: the first of them. */
  | { readonly kind: 'tasks_ended'; readonly why: 'kill' | 'expired'; readonly ended: number; readonly left: number; readonly tasks: readonly string[] }
  | { readonly kind: 'unkilled'; readonly scope: string; readonly reason: string }
  | { readonly kind: 'token_issued'; readonly subject: string; readonly roles: readonly string[]; readonly scopes: readonly string[]; readonly tokenId: string; readonly expiresAt: Timestamp }
  | { readonly kind: 'token_revoked'; readonly what: 'token' | 'key'; readonly value: string; readonly reason: string }
  /** The key that signs now; the one before it, and until when that verifies. */
  | { readonly kind: 'key_rotated'; readonly keyId: string; readonly previous: string | undefined; readonly until: Timestamp | undefined }
  | { readonly kind: 'backend'; readonly backend: BackendId; readonly state: BackendState; readonly note: string }
);
