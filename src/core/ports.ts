// The edges as the middle sees them. Interfaces only; `app/compose.ts` says which thing stands behind each.
import type { Call, Era, TaskVerb } from './call.ts';
import type { Trail, Violation } from './decision.ts';
import type { Question, QuestionReply } from './capabilities.ts';
import type { BackendId, Instant, Timestamp } from './ids.ts';
import type { RawJson } from './json/scan.ts';
import type { LifecycleEvent } from './lifecycle.ts';
import type { Judged, Outcome } from './outcome.ts';
import type { Override } from './override.ts';
import type { Permit } from './permit.ts';
import type { AuthFailure, Principal } from './principal.ts';
import type { Result } from './result.ts';

export interface Clock {
  mono(): Instant;
  wall(): Timestamp;
}

export interface Random {
  /** UUIDv7, RFC 9562. */
  uuid(): string;
  /** `bytes` of CSPRNG output, base64url. */
  token(bytes: number): string;
  /** Uniform in [0, 1): jitter only, never secrets. */
  float(): number;
}

/** Timers as an argument, so that tests own the time. */
export interface Timers {
  /** Calls `run` once after `ms`; returns the undo. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** SHA-256 of UTF-8 text, hex. */
export type Digest = (text: string) => string;

// ── identity ────────────────────────────────────────────────────────────────
export type Authenticated = Result<Principal, AuthFailure>;

export interface Authenticator {
  /** Synchronous on a verified-token cache hit, so the hot path has no await. */
  authenticate(token: string | undefined): Authenticated | Promise<Authenticated>;
  /** Expiry and revocation again, for sessions and streams that outlive one request. */
  recheck(principal: Principal): AuthFailure | undefined;
}

// ── backends ────────────────────────────────────────────────────────────────
/** Why a backend is not there. `failed`: starts in a row that failed, 0 after a crash. `givenUp`: no start is due for a long time. */
export interface StartRecord {
  readonly failed: number;
  readonly givenUp: boolean;
}

/** `detail` is for operators (log, status, audit); agents read a fixed sentence per code. */
/** `said`: the backend's own words, which may hold what it was sent. For the operator who looks at its state; never for a record. */
export type BackendFault =
  | { readonly code: 'spawn_failed'; readonly detail: string }
  | { readonly code: 'exited'; readonly detail: string; readonly said?: string }
  /** The call was not sent, or the backend disowned it. */
  | { readonly code: 'not_ready'; readonly detail: string; readonly starts?: StartRecord }
  | { readonly code: 'timeout'; readonly afterMs: number }
  | { readonly code: 'protocol'; readonly detail: string; readonly said?: string }
  | { readonly code: 'oversize'; readonly limit: number }
  | { readonly code: 'unreachable'; readonly detail: string }
  | { readonly code: 'http_status'; readonly status: number }
  | { readonly code: 'unauthorized'; readonly status: number }
  | { readonly code: 'queue_full'; readonly limit: number }
  | { readonly code: 'cancelled' }
  | { readonly code: 'stopped' };

/** What JSON-RPC answers with. */
export type BackendReply =
  /** The result object as the backend sent it, byte for byte, already scanned. */
  | { readonly kind: 'result'; readonly raw: RawJson }
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: RawJson | undefined };

/** What a call is answered with. `task`: in place of a result, in the backend's own words; only where the call gave leave. */
export type BackendAnswer = BackendReply | { readonly kind: 'task'; readonly raw: RawJson };

/** What is asked of a backend about a task of its own. `task`: its id there. */
export type TaskStep =
  | { readonly verb: Exclude<TaskVerb, 'update'>; readonly task: string }
  | { readonly verb: 'update'; readonly task: string; readonly responses: RawJson };

export interface CallIo {
  /** Aborting cancels the call at the backend too (`notifications/cancelled`, or closing the stream). */
  readonly signal: AbortSignal;
  /** Progress params as received, without `progressToken`. */
  readonly onProgress: ((params: RawJson) => void) | undefined;
  /** Params of `notifications/message` that belong to this call without a doubt; undefined = nobody listens. */
  readonly onLog: ((params: RawJson) => void) | undefined;
  /**
   * Asks the agent of this call; undefined = it cannot be asked. Only for questions that belong to this call without a doubt (T91).
   * The signal fires when the backend takes the question back, or the call is over.
   */
  readonly ask: ((question: Question, signal: AbortSignal) => Promise<QuestionReply>) | undefined;
  /** Called each time that the request goes to the backend, and not where it waits in vain for one. */
  readonly sent?: (() => void) | undefined;
}

/** What a backend can do besides what it lists. */
export interface BackendOffers {
  readonly tools: boolean;
  readonly prompts: boolean;
  readonly resources: boolean;
  /** `resources/subscribe`, or `resourceSubscriptions` of `subscriptions/listen`. */
  readonly subscribe: boolean;
  readonly completions: boolean;
  readonly logging: boolean;
  /** Tool calls as tasks: `tasks.requests.tools.call` (2025-11-25), or the tasks extension. */
  readonly tasks: boolean;
  /** Pages for agents that show them: the extension `io.modelcontextprotocol/ui`. */
  readonly apps: boolean;
}

/** What a backend said it offers: raw definitions in its order. */
export interface BackendListing {
  readonly tools: readonly RawJson[];
  readonly prompts: readonly RawJson[];
  readonly resources: readonly RawJson[];
  readonly templates: readonly RawJson[];
  readonly offers: BackendOffers;
  readonly instructions: string | undefined;
  readonly era: Era;
  readonly version: string;
  readonly server: string;
}

export type BackendState = 'idle' | 'starting' | 'ready' | 'backing_off' | 'failed' | 'stopped';

export interface BackendStatus {
  readonly id: BackendId;
  readonly transport: 'stdio' | 'http';
  readonly state: BackendState;
  /** Wall time of the last change of `state`. */
  readonly since: Timestamp;
  readonly era: Era | undefined;
  readonly version: string | undefined;
  readonly tools: number;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly inflight: number;
  readonly lastFault: BackendFault | undefined;
  /** Lines or bodies that were not protocol: dropped and counted. */
  readonly noise: number;
}

export interface Backend {
  readonly id: BackendId;
  /** Begins connecting and returns at once; idempotent. */
  start(): void;
  /** Refuses anything that is not a Permit for a target of its own. Never retried in here. */
  call(permit: Permit, io: CallIo): Promise<Result<BackendAnswer, BackendFault>>;
  /** One step about a task: with the permit of the tool call that began it, or of a call about that very task. */
  task(permit: Permit, step: TaskStep, io: CallIo): Promise<Result<BackendReply, BackendFault>>;
  /**
   * Updates of the resource that a permit of kind `listen` names, until the returned undo is called. Survives restarts of the
   * backend, after which `updated` is told once although nothing may have changed. `uri`: the resource, or a part of it.
   * `sent`: called when the backend is asked because of this; it is not where others follow the same already.
   */
  follow(permit: Permit, updated: (uri: string) => void, sent?: () => void): Promise<Result<() => void, BackendFault>>;
  /** Last known listing; survives restarts of the child, undefined before the first. */
  listing(): BackendListing | undefined;
  status(): BackendStatus;
  /** Ends the process or session and everything it started. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Why a backend's question was put to nobody: `asks` of the backend, no one call that it could belong to, a call that nobody can be asked
 * for, an id that is in use, or too many of them.
 */
export type QuestionRefused = 'forbidden' | 'unattributed' | 'unaskable' | 'repeated' | 'too_many';

export interface BackendEvents {
  listed(id: BackendId, listing: BackendListing): void;
  changed(status: BackendStatus): void;
  /** The visit of a page it sent an agent to is over (URL elicitation, 2025-11-25). `elicitation`: its own id. False: nobody was shown such a page of it. */
  completed(elicitation: string): boolean;
  /** Answered in an agent's place, without evidence in any call. */
  questionRefused(why: QuestionRefused): void;
}

export interface SchemaChecker {
  /**
   * Validates arguments against a backend's own schema (2020-12, or draft-07 when `$schema` says so) off the main thread.
   * `unusable`: the schema itself is refused (remote $ref, too large, does not compile, not in time).
   * `unchecked`: it could not be asked now (too much waits, the thread did not start): never a reason to let a call through.
   * Arguments that cost too much are `invalid`. `by`: the sender, who alone pays for costly arguments.
   */
  check(schema: RawJson, digest: string, args: RawJson, by: string): Promise<SchemaVerdict>;
}
export type SchemaVerdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly errors: readonly Violation[] }
  | { readonly kind: 'unusable'; readonly note: string }
  | { readonly kind: 'unchecked'; readonly note: string };

/** How records say what they must not hold: the same each time on this node, and nobody else can make it. */
export interface Disguise {
  /** Of a key, a token, a session: hex. */
  digest(text: string): string;
  /** The network of a peer. */
  network(peer: string): string;
}

// ── stores ──────────────────────────────────────────────────────────────────
export interface StoreFault {
  readonly code: 'unavailable' | 'full' | 'schema' | 'corrupt';
  readonly detail: string;
}

export interface Intent {
  readonly call: Call;
  readonly trail: Trail;
  readonly revision: number;
  readonly configHash: string;
  readonly judged: Judged;
}

/** The audit. An intent is durable when its promise resolves; an outcome follows it. */
export interface AuditStore {
  intend(intent: Intent): Promise<Result<void, StoreFault>>;
  /** `result`: as the backend gave it, for what a rule of the audit names in it; it is not kept beyond this call. */
  conclude(outcome: Outcome, result?: RawJson): Promise<Result<void, StoreFault>>;
  note(event: LifecycleEvent): Promise<Result<void, StoreFault>>;
  /** Rows waiting to be written, and rows that could not be: for metrics and readiness. */
  health(): { readonly queued: number; readonly failed: number; readonly fault: StoreFault | undefined };
}

export interface OverrideStore {
  list(): Promise<Result<readonly Override[], StoreFault>>;
  add(override: Override): Promise<Result<void, StoreFault>>;
  /** Marks it as undone (kept for the record). False when there is no such active override. */
  remove(id: string, by: string, reason: string, at: Timestamp): Promise<Result<boolean, StoreFault>>;
}
