// What happened to the gateway itself rather than in a call. Audited, logged and shown live like outcomes.
import type { WitnessedFact } from './audit/witness.ts';
import type { KeyDestroyed } from './capture.ts';
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
  /** A part of the journal that has had its time: removed after this is on record. Nothing in it is younger than `until`. */
  | { readonly kind: 'segment_retired'; readonly segment: number; readonly records: number; readonly until: number }
  /** A part of the journal that cannot be written any more; the next one took its place. */
  | { readonly kind: 'segment_abandoned'; readonly segment: number; readonly note: string }
  /** Somebody read the audit: which verb, and what it was asked. */
  | { readonly kind: 'audit_read'; readonly verb: string; readonly asked: string }
  /** Agents were told what they may see: how often since the last such record, by one principal in one way. */
  | { readonly kind: 'listed'; readonly subject: string; readonly issuer: string; readonly roles: readonly string[]; readonly method: string; readonly times: number; readonly shown: number }
  /** Refused requests without a record of their own, because their senders had their share. */
  | { readonly kind: 'refusals_unrecorded'; readonly times: number }
  /** Records of an older audit were carried over: of the first form (`v1`), or of the original's `audit_log`. */
  | { readonly kind: 'imported'; readonly from: 'v1' | 'audit_log'; readonly records: number }
  /** A checkpoint of another gateway was kept. */
  | ({ readonly kind: 'witnessed' } & WitnessedFact)
  | KeyDestroyed
  | { readonly kind: 'backend'; readonly backend: BackendId; readonly state: BackendState; readonly note: string }
);
