// What an operator may ask of a running gateway. `app/` does it, the control socket carries it, the command line asks it.
import type { Trail } from './decision.ts';
import type { Timestamp } from './ids.ts';
import type { LifecycleEvent } from './lifecycle.ts';
import type { Outcome } from './outcome.ts';
import type { KillScope } from './override.ts';
import type { BackendStatus } from './ports.ts';
import type { Result } from './result.ts';

/** What the control socket is upgraded to when an agent attaches: newline-delimited JSON both ways. */
export const ATTACH_PROTOCOL = 'sentinel-stdio';

/** A problem in a configuration file, found with its place and, where there is one, its cure. */
export interface Diagnostic {
  /** Stable, such as `SEN-0107`; each has a page in docs/errors. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file: string;
  /** 1-based; undefined when the fault has no place (a missing key). */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly help: string | undefined;
}

export interface Condition {
  readonly name: string;
  readonly ok: boolean;
  readonly note: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly conditions: readonly Condition[];
}

export interface CircuitView {
  readonly backend: string;
  readonly state: 'closed' | 'open' | 'half_open';
}

export interface KillView {
  readonly id: string | undefined;
  readonly scope: string;
  readonly origin: 'config' | 'operator';
  readonly by: string | undefined;
  readonly reason: string | undefined;
  readonly at: Timestamp | undefined;
  readonly until: Timestamp | undefined;
}

/** Where else the audit goes. */
export interface ExportView {
  readonly name: string;
  /** `elsewhere`: another process of this state directory sends it. */
  readonly state: 'up' | 'failing' | 'elsewhere';
  /** It fails since. */
  readonly since: Timestamp | undefined;
  /** Records that it has not looked at yet; undefined: not known. */
  readonly lag: number | undefined;
  /** Records that it could not deliver, since the start. */
  readonly missing: number;
  /** Why, as far as it fails. */
  readonly reason: string | undefined;
}

/** How the journal comes to PostgreSQL. */
export interface ShippingView {
  readonly state: string;
  readonly behind: number;
  /** Time of the oldest record that is not there. */
  readonly oldest: number | undefined;
  readonly reason: string | undefined;
}

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: Timestamp;
  readonly endpoint: string;
  readonly health: string;
  readonly controlSocket: string;
  readonly configFile: string | undefined;
  readonly revision: number;
  readonly configHash: string;
  readonly lastReload: { readonly at: Timestamp; readonly ok: boolean; readonly problems: readonly Diagnostic[] } | undefined;
  readonly readiness: Readiness;
  readonly backends: readonly BackendStatus[];
  readonly circuits: readonly CircuitView[];
  readonly tools: number;
  readonly prompts: number;
  /** Listed ones and templates. */
  readonly resources: number;
  readonly policy: string;
  readonly kills: readonly KillView[];
  readonly inflight: number;
  /** Calls that keep a place to wait for their agent in. */
  readonly parked: number;
  /** Resources and tasks that agents follow. */
  readonly follows: number;
  /** Tasks of agents that the gateway knows, over or not. */
  readonly tasks: number;
  readonly sessions: number;
  readonly store: 'sqlite' | 'postgres' | 'none';
  /** A gateway of an older release does not say it, and is still one that can be stopped. */
  readonly exports?: readonly ExportView[];
  /** Undefined where nothing is shipped. */
  readonly shipping: ShippingView | undefined;
  /** One sentence each, with the command that mends it. */
  readonly warnings: readonly string[];
}

export interface ReloadReport {
  readonly ok: boolean;
  readonly revision: number;
  readonly changes: readonly string[];
  readonly problems: readonly Diagnostic[];
}

export interface KillRequest {
  readonly scope: KillScope;
  readonly reason: string;
  readonly until: Timestamp | undefined;
  readonly by: string;
  readonly dryRun: boolean;
}

export interface KillReport {
  readonly id: string;
  readonly revision: number;
  /** Calls in flight that were (or, dry, would be) cancelled. */
  readonly cancelled: readonly { readonly call: string; readonly target: string; readonly subject: string }[];
  /** Tasks that were (or, dry, would be) told to end at their backends. */
  readonly tasks: number;
  /** Known tools (with a pattern of another kind: prompts, or listed resources and templates) that the scope hits now (of a role: that it may call); none is a hint at a typo. Undefined for a subject: what it may call, its tokens say. */
  readonly hits: number | undefined;
  /** All known tools. */
  readonly tools: number;
  /** Whether the configuration names such a backend or role, or a known tool is hit. */
  readonly known: boolean;
}

export interface RevokeRequest {
  readonly what: 'token' | 'key';
  readonly value: string;
  readonly reason: string;
  readonly until: Timestamp | undefined;
  readonly by: string;
}

export interface ReadRequest {
  /** `audit query` */
  readonly verb: string;
  /** What it was asked, in its own words. */
  readonly asked: string;
  readonly by: string;
}

export interface ExplainRequest {
  /** Exposed name or `backend/tool`; `prompt:` or `resource:` before the name of what is no tool. */
  readonly tool: string;
  readonly roles: readonly string[];
  /** What the token would have been granted. */
  readonly scopes: readonly string[];
  readonly subject: string;
  /** JSON text. */
  readonly args: string | undefined;
}

export interface ExplainReport {
  readonly allowed: boolean;
  readonly known: boolean;
  readonly target: string | undefined;
  readonly code: string | undefined;
  readonly revision: number;
  readonly trail: Trail;
}

export interface ToolView {
  readonly name: string;
  readonly target: string;
  readonly digest: string;
  readonly visible: boolean;
}

/** What is no tool. A template is one by its own text, with the URIs that are read from it judged each by itself. */
export interface ObjectView extends ToolView {
  readonly kind: 'prompt' | 'resource' | 'template';
}

export interface OperationFault {
  readonly code: 'invalid' | 'not_found' | 'unavailable';
  readonly message: string;
}

export type LiveEvent = { readonly type: 'outcome'; readonly outcome: Outcome } | { readonly type: 'lifecycle'; readonly event: LifecycleEvent };

export interface Operations {
  status(): StatusReport;
  readiness(): Readiness;
  /** Prometheus text exposition 0.0.4. */
  metrics(): Promise<string>;
  reload(by: string): Promise<ReloadReport>;
  kill(request: KillRequest): Promise<Result<KillReport, OperationFault>>;
  /** Undoes operator kills by id or by the same scope words. */
  unkill(request: { readonly target: string; readonly reason: string; readonly by: string }): Promise<Result<{ readonly removed: number; readonly revision: number }, OperationFault>>;
  kills(): readonly KillView[];
  revoke(request: RevokeRequest): Promise<Result<void, OperationFault>>;
  /** Keys on disk changed (issued, rotated): read them again. */
  rekey(by: string): Promise<Result<void, OperationFault>>;
  explain(request: ExplainRequest): Promise<ExplainReport>;
  /** Somebody read the audit. Durable when it resolves well. */
  recordRead(request: ReadRequest): Promise<Result<void, OperationFault>>;
  tools(roles: readonly string[]): readonly ToolView[];
  objects(roles: readonly string[]): readonly ObjectView[];
  /** Live tail; the listener must not block. Returns the undo. */
  tail(listener: (event: LiveEvent) => void): () => void;
}
