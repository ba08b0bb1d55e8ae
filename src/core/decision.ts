// What a stage may answer, and why. There is no "next": a stage decides, or the call is denied.
import type { RawJson } from './json/scan.ts';

export type Severity = 'info' | 'low' | 'medium' | 'high' | 'critical';
/** A property of a rule: monitor and shadow record the true decision and change nothing on the wire. */
export type Mode = 'enforce' | 'monitor' | 'shadow';

export type LimitScope = 'principal' | 'role' | 'backend' | 'global' | 'probe';

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly note: string;
}

export type DenyReason =
  /** `seen`: the roles allow the target, so its existence is no secret to this principal. */
  | { readonly code: 'killed'; readonly scope: string; readonly seen: boolean }
  | { readonly code: 'forbidden'; readonly rule: string }
  /** The roles allow it and the token does not: a token with all of these would do (RFC 6750 §3.1). Never said of what is hidden. */
  | { readonly code: 'insufficient_scope'; readonly scopes: readonly string[] }
  /** `retryAfterMs` undefined: no wait will help (the limit is 0). */
  | { readonly code: 'limited'; readonly scope: LimitScope; readonly limit: number; readonly windowMs: number; readonly retryAfterMs: number | undefined }
  | { readonly code: 'busy'; readonly scope: 'principal' | 'backend' | 'global'; readonly limit: number }
  | { readonly code: 'invalid_arguments'; readonly errors: readonly ArgumentError[] }
  /** A `Mcp-Param-*` header and the arguments say two things (SEP-2243). */
  | { readonly code: 'header_mismatch'; readonly header: string; readonly problem: HeaderProblem }
  | { readonly code: 'guarded'; readonly finding: Finding }
  | { readonly code: 'circuit_open'; readonly retryAfterMs: number }
  | { readonly code: 'backend_down'; readonly detail: string }
  | { readonly code: 'audit_unavailable' }
  | { readonly code: 'stage_failed'; readonly stage: string };

/** No header for a value; a value that cannot be read; another value; a header for no value. */
export type HeaderProblem = 'missing' | 'unreadable' | 'different' | 'unexpected';

export type DenyCode = DenyReason['code'];

/** One violation of a tool's input schema: the failed keyword, and words without values. */
export interface ArgumentError {
  /** JSON Pointer, for the agent alone: its keys may be the agent's own. */
  readonly path: string;
  /** The same for a record, where only keys stand that the schema names. */
  readonly place: string;
  readonly keyword: string;
  readonly message: string;
}

/** As whoever checks it finds it: where the arguments are, by key or by place in an array. Keys are cut. */
export interface Violation extends Omit<ArgumentError, 'place'> {
  readonly steps: readonly (string | number)[];
}

/** Why, in machine words. Never arguments, results or credentials. */
export interface Evidence {
  readonly stage: string;
  readonly rule: string;
  readonly decision: 'pass' | 'deny' | 'rewrite' | 'hold';
  readonly mode: Mode;
  readonly severity: Severity;
  readonly note: string | undefined;
}
export type Trail = readonly Evidence[];

/** A deny without a mode is enforced: kills, bounds and failures know no other. */
export type Decision =
  | { readonly kind: 'pass'; readonly rule: string; readonly note?: string }
  | { readonly kind: 'deny'; readonly rule: string; readonly reason: DenyReason; readonly mode?: Mode; readonly severity?: Severity; readonly note?: string }
  | { readonly kind: 'rewrite'; readonly rule: string; readonly args: RawJson; readonly note?: string }
  | { readonly kind: 'hold'; readonly rule: string; readonly note?: string };
