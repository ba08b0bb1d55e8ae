// What is asked of an HTTP backend, and what a call needs of the conversation it is part of. Shapes only.
import type { Era } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendReply, BackendFault } from '../../core/ports.ts';
import type { Result } from '../../core/result.ts';
import type { DeadlineTimes } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import type { Message } from '../message.ts';
import type { Served, Serving } from '../serving.ts';
import type { FlatHeaders } from './headers.ts';
import type { Wire } from './wire.ts';

/** How requests are sent at present. */
export interface Manner {
  readonly era: Era;
  /** Undefined before `initialize` was answered. */
  readonly version: string | undefined;
  readonly session: string | undefined;
  /** Path and query that messages go to where answers come on a stream of their own (HTTP+SSE); undefined elsewhere. */
  readonly endpoint: string | undefined;
}

export interface HttpAsk extends DeadlineTimes {
  readonly manner: Manner;
  readonly method: string;
  /** `Mcp-Name` of a modern request. */
  readonly name: string | undefined;
  readonly params: (id: RawJson) => RawJson;
  readonly extra: FlatHeaders;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((params: RawJson) => void) | undefined;
  /** The agent's call this is; undefined for what the gateway asks for itself. */
  readonly serving: Serving | undefined;
  /** Notifications on this request's own stream. */
  readonly heard?: (method: string, params: RawJson) => void;
  readonly resultBytes: number;
  readonly cancellable: boolean;
  /** Called when it goes out on a connection, and not where there is none. */
  readonly sent?: (() => void) | undefined;
}

export type Asked = Result<BackendReply, BackendFault>;

export interface Reply {
  readonly asked: Asked;
  /** 0: no response came. */
  readonly status: number;
  readonly session: string | undefined;
}

/** `lost`: nobody knows whether the backend is still at it. */
export type Ending = 'answered' | 'refused' | 'lost';

/** A call, by what names it. */
export interface Calling {
  readonly id: number;
  readonly manner: Manner;
}

/** What a call needs of the conversation it is part of. */
export interface CallContext {
  readonly deps: BackendDeps;
  readonly wire: Wire;
  /** Messages that are not this call's answer. `served`: whose stream it came on. False: rest a little, there are too many. */
  readonly route: (message: Message, manner: Manner, served: Served | undefined) => boolean;
  readonly cancel: (manner: Manner, id: number, reason: string) => void;
  readonly over: (call: Calling, how: Ending, reply: BackendReply | undefined) => void;
  /** Whose is what came on the stream of this call? Undefined: of somebody who is not there. */
  readonly whose: (params: RawJson | undefined, manner: Manner, served: Served | undefined) => Served | undefined;
  /** Bytes of a stream of events. False: rest a little. */
  readonly weigh: (bytes: number) => boolean;
}
