// Compiled Settings, Overrides and Catalog: immutable and numbered. A call is decided by exactly one of these.
import type { Catalog } from './catalog.ts';
import type { Mode } from './decision.ts';
import type { BackendId, RoleName, Timestamp } from './ids.ts';
import type { KillScope } from './override.ts';
import type { Pattern } from './policy/globs.ts';
import type { Settings } from './settings.ts';

export interface RoleRules {
  readonly name: RoleName;
  readonly mode: Mode;
  readonly allow: readonly Pattern[];
  readonly deny: readonly Pattern[];
}

export interface KillRule {
  readonly scope: KillScope;
  /** Compiled form of a tool scope. */
  readonly pattern: Pattern | undefined;
  readonly origin: 'config' | 'operator';
  readonly until: Timestamp | undefined;
}

export interface LimitRule {
  readonly pattern: Pattern;
  readonly limit: number;
}

export interface ScopeRules {
  readonly name: string;
  /** What a token needs it for. */
  readonly allow: readonly Pattern[];
  /** Names of all scopes that give it: its own, and those that include it by however many steps. */
  readonly by: ReadonlySet<string>;
}

/** The part of a snapshot that decisions read. */
export interface Policy {
  readonly roles: ReadonlyMap<RoleName, RoleRules>;
  readonly kills: readonly KillRule[];
  readonly toolLimits: readonly LimitRule[];
  /** In the order of the file. Empty: nothing needs a scope. */
  readonly scopes: readonly ScopeRules[];
}

export interface Snapshot {
  readonly revision: number;
  /** SHA-256 of the configuration file's bytes, hex. */
  readonly configHash: string;
  readonly settings: Settings;
  readonly policy: Policy;
  readonly catalog: Catalog;
  /** Backends that cannot be reached. Kept up to date only where `whenDown` reads it: it is no reason for a new snapshot elsewhere. */
  readonly down: ReadonlySet<BackendId>;
}

/** The one mutable cell is behind this; everything else reads. */
export interface Runtime {
  current(): Snapshot;
  /** Called after each swap with the old and the new snapshot. Returns the undo. */
  subscribe(listener: (next: Snapshot, previous: Snapshot) => void): () => void;
}
