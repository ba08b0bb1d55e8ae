// What an agent can be asked for, and the words for what is asked. Read from `capabilities` of `initialize` (2025 revisions) or from
// `_meta` of the request (2026-07-28); declared towards backends never beyond what the agent said and the operator allows.
import type { RawJson } from './json/scan.ts';

export interface ClientCapabilities {
  readonly elicitForm: boolean;
  readonly elicitUrl: boolean;
  readonly sampling: boolean;
  /** Tools in sampling requests (2025-11-25). */
  readonly samplingTools: boolean;
  readonly roots: boolean;
  /** Takes a task in place of a result: the extension `io.modelcontextprotocol/tasks`. Agents of 2025-11-25 say so with each call. */
  readonly tasks: boolean;
  /** Shows pages of servers (MCP Apps): the extension `io.modelcontextprotocol/ui`, with the one type of page that it defines. */
  readonly apps: boolean;
}

export const NO_CAPABILITIES: ClientCapabilities = Object.freeze({ elicitForm: false, elicitUrl: false, sampling: false, samplingTools: false, roots: false, tasks: false, apps: false });

/** RFC 5424 severities, least first. */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type QuestionMethod = 'elicitation/create' | 'sampling/createMessage' | 'roots/list';

/** No setting lets a question wait longer; who carries one gives it up then, whatever became of who put it. */
export const LONGEST_WAIT_MS = 86_400_000;

/** What a backend asks of the agent whose call it is serving. */
export interface Question {
  readonly method: QuestionMethod;
  readonly params: RawJson | undefined;
}

export type QuestionReply =
  | { readonly kind: 'result'; readonly raw: RawJson }
  | { readonly kind: 'error'; readonly code: number; readonly message: string };

/** Whose request brought an answer. */
export interface Answerer {
  readonly tokenId: string | undefined;
  readonly peer: string;
}

/** Without `by`: no agent said it, the gateway answered in its place. */
export type Heard = QuestionReply & { readonly by?: Answerer };
