// What of a call's words the audit keeps, where a rule says so, and what is told of the keys it is kept under. Nothing is kept by default.

/** One `[[audit.capture]]`. Whatever matches several rules is kept by each of them. */
export interface CaptureRule {
  /** Patterns of tools, prompts and resources. */
  readonly targets: readonly string[];
  /** JSON Pointers into the arguments, with `*` for one segment. */
  readonly arguments: readonly string[];
  /** The same into the result, as the backend gave it. */
  readonly results: readonly string[];
  /** Of one record, at most. */
  readonly bytes: number;
  readonly owner: string | undefined;
  /** What it is kept for; it stands in each record beside what was kept. */
  readonly reason: string;
}

export interface CaptureSettings {
  readonly rules: readonly CaptureRule[];
  /** Nothing that was captured can be read longer than this: then the key of its day is destroyed. */
  readonly keepMs: number;
  /** Where the keys of the days are; undefined: in the state directory. */
  readonly keyDir: string | undefined;
}

/** For who has no rules. */
export const NO_CAPTURE: CaptureSettings = Object.freeze({ rules: [], keepMs: 30 * 86_400_000, keyDir: undefined });

/** The end of a key that values were captured under. `begun` is durable before the key is touched. */
export interface KeyDestroyed {
  readonly kind: 'key_destroyed';
  /** `2026-11-21`, UTC. */
  readonly day: string;
  readonly keyId: string;
  readonly step: 'begun' | 'done' | 'failed';
  /** An operator's words, or `expired`. */
  readonly why: string;
  readonly note: string | undefined;
}

/** What is recorded of captured values themselves; `audit_read` is durable before anything is shown. */
export type CaptureFact = KeyDestroyed | { readonly kind: 'audit_read'; readonly verb: string; readonly asked: string };
