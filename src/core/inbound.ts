// One authenticated request as a surface hands it on: bytes are checked, the era is decided, policy has not spoken yet.
import type { CallOrigin, Endpoint } from './call.ts';
import type { Heard, Question } from './capabilities.ts';
import type { RawJson } from './json/scan.ts';
import type { Refusal, RefusalReason } from './outcome.ts';
import type { Authenticator, Clock, Random } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Runtime } from './snapshot.ts';

/**
 * `Mcp-Param-*` lines of one request by lower-case name, as they arrived, none of them twice. What an agent claims: to be
 * compared with its arguments, never a reason to allow (SEC31).
 */
export type ParamHeaders = ReadonlyMap<string, string>;

export interface Inbound {
  readonly principal: Principal;
  readonly origin: CallOrigin;
  /** JSON-RPC id as it arrived (a string or safe integer), echoed byte for byte. */
  readonly id: RawJson;
  readonly method: string;
  /** The scanned object slice, or undefined. */
  readonly params: RawJson | undefined;
  /** Undefined where there are no headers to mirror the body: stdio, the socket, the 2025 revisions. */
  readonly paramHeaders: ParamHeaders | undefined;
}

export interface AgentIo {
  /** Fires when the agent cancels (or, for modern HTTP, goes away). `reason` is a CancelledBy. */
  readonly signal: AbortSignal;
  /** Sends a notification that belongs to this request, on this request's stream. */
  notify(message: RawJson): void;
  /**
   * Asks this agent something while its request is open, on this request's stream (2025 revisions). Undefined: it must not be asked
   * that way (modern, or no stream to it); then the request is answered with `input_required` or the question refused.
   */
  readonly ask: ((question: Question, signal: AbortSignal) => Promise<Heard>) | undefined;
  /** The session this request belongs to, for what outlives the request; undefined for stateless agents. */
  readonly session: SessionIo | undefined;
  /** Called when the request has been decided and goes to a backend: until then its answer may need an HTTP status of its own. */
  readonly begun?: () => void;
}

export interface SessionIo {
  /** Fires when the session ends, whatever the reason. */
  readonly ended: AbortSignal;
  /** A notification that belongs to no request; dropped when nobody can be reached. */
  notify(message: RawJson): void;
}

/** The lists that change notices speak of, as in `notifications/<list>/list_changed`. */
export type ListName = 'tools' | 'prompts' | 'resources';

export interface Answer {
  /** The whole JSON-RPC response; undefined after a cancellation that must not be answered. */
  readonly message: RawJson | undefined;
  /** HTTP status that goes with it; other transports ignore it. */
  readonly status: number;
  /** With 403: the scopes a token would need for this. HTTP says them in `WWW-Authenticate` (RFC 6750 §3.1). */
  readonly scopes?: readonly string[];
  /** Its time must not tell whether there is such a name: said of what is unknown and of what is hidden. */
  readonly silent?: boolean;
  /** Turned away before it could name anything: on record as that. */
  readonly refusal?: Turned;
}

export type Turned = Extract<RefusalReason['code'], 'unknown_method' | 'invalid_request'>;

export type Handle = (inbound: Inbound, io: AgentIo) => Promise<Answer>;

/** What a principal can see, for change notices: one endpoint of one principal. */
export interface Viewer {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
}

/** All that a surface is given. It authenticates, hands requests on, and reports what it turned away. */
export interface Ingress {
  readonly authenticator: Authenticator;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  handle: Handle;
  /** Calls `changed` (coalesced) for each list of this viewer's own that has changed. Returns the undo. */
  watch(viewer: Viewer, changed: (list: ListName) => void): () => void;
  /** Concludes a request that never became a call: audited, counted, logged. */
  refuse(refused: RefusedRequest): void;
}

export type RefusedRequest = Omit<Refusal, 'kind' | 'id' | 'wall' | 'revision'>;
