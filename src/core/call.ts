// One thing asked, by whom, of what. A union from the first day, so that no policy can know tools only.
import type { BackendId, CallId, Instant, Timestamp } from './ids.ts';
import type { RawJson } from './json/scan.ts';
import type { Principal } from './principal.ts';

/** Backend plus original name: the identity that policies, limits, kills, pins and audit rows are keyed by. */
export interface Target {
  readonly backend: BackendId;
  readonly name: string;
}

export function targetKey(target: Target): string {
  return `${target.backend}/${target.name}`;
}

export type Era = 'legacy' | 'modern';
export type SurfaceName = 'stdio' | 'http' | 'socket';

/** `/mcp` (every backend, exposed names) or `/mcp/<backend>` (one, original names). */
export type Endpoint = { readonly kind: 'merged' } | { readonly kind: 'single'; readonly backend: BackendId };

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

export interface ToolCall extends CallBase {
  readonly kind: 'tool';
  readonly exposed: string;
  /** The scanned slice that arrived; forwarded byte for byte. */
  readonly args: RawJson | undefined;
  /** Third-party `_meta` members to forward; reserved and own keys are already gone (SEC36). */
  readonly meta: RawJson | undefined;
  readonly wantsProgress: boolean;
}

export interface ResourceCall extends CallBase { readonly kind: 'resource'; readonly uri: string }
export interface PromptCall extends CallBase { readonly kind: 'prompt'; readonly args: RawJson | undefined }
export interface CompletionCall extends CallBase { readonly kind: 'completion'; readonly ref: RawJson }
export interface ListenCall extends CallBase { readonly kind: 'listen'; readonly filter: RawJson }
export interface TaskCall extends CallBase { readonly kind: 'task'; readonly task: string; readonly verb: 'get' | 'update' | 'cancel' }
export interface ModelCall extends CallBase { readonly kind: 'model'; readonly model: string; readonly body: RawJson }

export type Call = ToolCall | ResourceCall | PromptCall | CompletionCall | ListenCall | TaskCall | ModelCall;
