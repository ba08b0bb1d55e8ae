// What an operator said since the file was written: who, why, until when. Never written into the file.
import type { BackendId, RoleName, Timestamp } from './ids.ts';

export type KillScope =
  /** `backend/tool` glob, or a bare tool name meaning that tool on any backend. */
  | { readonly kind: 'tool'; readonly pattern: string }
  | { readonly kind: 'backend'; readonly backend: BackendId }
  | { readonly kind: 'role'; readonly role: RoleName }
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'all' };

interface OverrideBase {
  /** UUIDv7. */
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  readonly at: Timestamp;
  /** Undone by itself at this time; undefined = until `unkill`. */
  readonly until: Timestamp | undefined;
}

export interface KillOverride extends OverrideBase { readonly kind: 'kill'; readonly scope: KillScope }
/** A revoked token (`jti`) or key (`kid`). */
export interface RevokeOverride extends OverrideBase { readonly kind: 'revoke'; readonly what: 'token' | 'key'; readonly value: string }

export type Override = KillOverride | RevokeOverride;

export function describeKillScope(scope: KillScope): string {
  switch (scope.kind) {
    case 'tool': return `tool ${scope.pattern}`;
    case 'backend': return `backend ${scope.backend}`;
    case 'role': return `role ${scope.role}`;
    case 'subject': return `subject ${scope.subject}`;
    case 'all': return 'all';
  }
}
