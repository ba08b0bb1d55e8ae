// What the head of a response lets its body be, and what its status means where the body says nothing (CH2, CH3).
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Message } from '../message.ts';
import type { Manner } from './ask.ts';
import type { ResponseHeaders } from './exchange.ts';
import { isSessionId } from './headers.ts';
import { ENVELOPE_BYTES } from './sse.ts';

/** Of a body that is no result. */
export const ERROR_BYTES: number = 64 * 1024;

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** How the body is to be read, and at most how much of it; undefined: not at all. */
export type Reading = { readonly as: 'json' | 'events'; readonly cap: number } | undefined;

export function readingOf(status: number, headers: ResponseHeaders, resultBytes: number): Result<Reading, BackendFault> {
  const fault = (detail: string): Result<Reading, BackendFault> => err({ code: 'protocol', detail });
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') return fault('a compressed answer that was not asked for');
  const type = String(headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json') return ok({ as: 'json', cap: isSuccess(status) ? resultBytes + ENVELOPE_BYTES : ERROR_BYTES });
  if (!isSuccess(status)) return ok(undefined);
  if (type === 'text/event-stream') return ok({ as: 'events', cap: resultBytes + ENVELOPE_BYTES });
  return fault(status === 202 ? 'accepted without an answer' : 'an answer that is neither JSON nor a stream of events');
}

/** Visible ASCII, or it is none. */
export function sessionOf(headers: ResponseHeaders): string | undefined {
  const session = headers['mcp-session-id'];
  return typeof session === 'string' && isSessionId(session) ? session : undefined;
}

export function statusFault(status: number): BackendFault {
  return status === 401 || status === 403 ? { code: 'unauthorized', status } : { code: 'http_status', status };
}

/**
 * Whether an error in the body of a refusal is the answer to the call. Only the modern era puts JSON-RPC errors under 4xx; before it, an
 * error status speaks of the transport. `mine`: it bears the id of the call.
 */
export function isRefusal(message: Message, mine: boolean, status: number, { era }: Manner): message is Extract<Message, { readonly kind: 'answer' | 'error' }> {
  const isError = (message.kind === 'answer' && mine && message.answer.kind === 'error') || message.kind === 'error';
  return isError && era === 'modern' && status >= 400 && status < 500 && status !== 401 && status !== 403;
}
