// One thing asked, by whom, of what. A union from the first day, so that no policy can know tools only.
import type { ClientCapabilities, LogLevel } from './capabilities.ts';
import type { BackendId, CallId, Instant, Timestamp } from './ids.ts';
import type { RawJson } from './json/scan.ts';
import type { Principal } from './principal.ts';

export type TargetKind = 'tool' | 'prompt' | 'resource';

/**
 * Kind, backend and original name: the identity that policies, limits, kills, pins and audit rows are keyed by. A resource's name is
 * its canonical URI (`policy/uris.ts`), a template's the template text.
 */
export interface Target {
  readonly kind: TargetKind;
  readonly backend: BackendId;
  readonly name: string;
}

/** `backend/name` for tools, as policies write them; the other kinds say what they are. */
export function targetKey({ kind, backend, name }: Target): string {
  return kind === 'tool' ? `${backend}/${name}` : `${kind}:${backend}/${name}`;
}

export type Era = 'legacy' | 'modern';
export type SurfaceName = 'stdio' | 'http' | 'socket';

/** `/mcp` (every backend, exposed names) or `/mcp/<backend>` (one, original names). */
export type Endpoint = { readonly kind: 'merged' } | { readonly kind: 'single'; readonly backend: BackendId };

export function isAt(endpoint: Endpoint, backend: BackendId): boolean {
  return endpoint.kind === 'merged' || endpoint.backend === backend;
}

export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

/** W3C trace context taken from `_meta` (SEP-414) or the HTTP header. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | undefined;
}

export interface CallOrigin {
  readonly surface: SurfaceName;
  readonly endpoint: Endpoint;
  readonly era: Era;
  /** MCP revision in force for this request, such as `2025-11-25`. */
  readonly version: string;
  readonly session: string | undefined;
  readonly client: ClientInfo | undefined;
  /** What the agent can be asked for: of this request (modern), of its session (legacy). */
  readonly capabilities: ClientCapabilities;
  /** Least severity of log messages the agent wants to hear; undefined = none (modern) or what the gateway chooses: none (legacy). */
  readonly logLevel: LogLevel | undefined;
  /** Network peer as text, or `local`. */
  readonly peer: string;
  readonly trace: TraceContext | undefined;
}

interface CallBase {
  readonly id: CallId;
  readonly principal: Principal;
  readonly origin: CallOrigin;
  readonly target: Target;
  readonly at: Instant;
  readonly wall: Timestamp;
}

/** What every request that may be answered by a backend carries. */
interface RequestBase extends CallBase {
  /** The name or URI as the agent wrote it. */
  readonly exposed: string;
  /** Third-party `_meta` members to forward; reserved and own keys are already gone (SEC36). */
  readonly meta: RawJson | undefined;
  readonly wantsProgress: boolean;
}

/** The agent's answers to what a modern backend asked, and that backend's own state, unwrapped from ours (MRTR, 2026-07-28). */
export interface Continuation {
  readonly responses: RawJson | undefined;
  /** The backend's `requestState` lexeme, byte for byte; undefined when it gave none. */
  readonly state: RawJson | undefined;
}

/** Leave for a backend to answer with a task: a handle that is asked for the result later (2025-11-25 tasks; io.modelcontextprotocol/tasks). */
export interface TaskLeave {
  /** How long the agent wants it kept, in milliseconds; undefined where it did not say. */
  readonly ttlMs: number | undefined;
  /** Who takes the task. `gateway`: the agent takes results only, and this tool gives none, so the gateway waits in its place. */
  readonly taker: 'agent' | 'gateway';
}

export interface ToolCall extends RequestBase {
  readonly kind: 'tool';
  /** The scanned slice that arrived; forwarded byte for byte. */
  readonly args: RawJson | undefined;
  readonly continuation: Continuation | undefined;
  /** Undefined: the backend must answer with a result. */
  readonly task: TaskLeave | undefined;
}

/** `prompts/get`. */
export interface PromptCall extends RequestBase {
  readonly kind: 'prompt';
  readonly args: RawJson | undefined;
  readonly continuation: Continuation | undefined;
}

/** `resources/read`. */
export interface ResourceCall extends RequestBase {
  readonly kind: 'resource';
  /** The backend's own URI, as the agent wrote it behind our prefix; `target.name` is its canonical form. */
  readonly uri: string;
  readonly continuation: Continuation | undefined;
}

/** `completion/complete`, authorised as the prompt or template it completes. */
export interface CompletionCall extends RequestBase {
  readonly kind: 'completion';
  /** With the backend's own name or URI. */
  readonly ref: RawJson;
  readonly argument: RawJson;
  readonly context: RawJson | undefined;
}

/** Updates of one resource: `resources/subscribe`, or one URI of `subscriptions/listen`. */
export interface ListenCall extends RequestBase {
  readonly kind: 'listen';
  readonly uri: string;
}

/** What may be asked of a task. `result` is of 2025-11-25, `update` of the extension. */
export type TaskVerb = 'get' | 'result' | 'update' | 'cancel';

/** One request about a task, authorised as the tool that it is a call of. `exposed`: the task's id as the agent knows it. */
export interface TaskCall extends RequestBase {
  readonly kind: 'task';
  readonly verb: TaskVerb;
  /** The backend's own id. */
  readonly task: string;
  /** `createdAt` as its backend said it at the beginning: an id that is given again is another task. */
  readonly born: string;
  /** `inputResponses` of an update. */
  readonly responses: RawJson | undefined;
  /** Kept by the gateway itself: the backend had answered at once. */
  readonly hosted: boolean;
  /** Then it is forgotten. */
  readonly until: Timestamp;
}

/** What is one request of an agent and one answer of a backend. */
export type RequestCall = ToolCall | PromptCall | ResourceCall | CompletionCall;
/** What is served as a request that names an object; of a task, by several answers of its backend maybe. */
export type ServedCall = RequestCall | TaskCall;

export interface ModelCall extends CallBase { readonly kind: 'model'; readonly model: string; readonly body: RawJson }

export type Call = ToolCall | ResourceCall | PromptCall | CompletionCall | ListenCall | TaskCall | ModelCall;
