// One JSON-RPC message of a backend, told apart by what it has: a method makes it a request or a notification, never an answer (C7).
import { kindOf, members, safeIntegerOf, stringOf } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { BackendReply } from '../core/ports.ts';
import { shortText } from './text.ts';

export type Message =
  | { readonly kind: 'answer'; readonly id: RawJson; readonly answer: BackendReply }
  /** An error that names no request (`id` null or absent). */
  | { readonly kind: 'error'; readonly answer: BackendReply }
  /** Bears an id but is no answer: that call must fail now, not hang until its deadline. */
  | { readonly kind: 'broken'; readonly id: RawJson; readonly detail: string }
  | { readonly kind: 'request'; readonly id: RawJson; readonly method: string; readonly params: RawJson | undefined }
  | { readonly kind: 'notification'; readonly method: string; readonly params: RawJson | undefined }
  | { readonly kind: 'noise' };

const NOISE: Message = { kind: 'noise' };
const ERROR_CHARS = 1024;

/** Messages in one array. A line of 4 MB may hold two million numbers, and telling of each would hold the event loop for seconds. */
export const BATCH_MOST = 1000;

export function readMessage(raw: RawJson): Message {
  const all = members(raw);
  if (all === undefined) return NOISE;
  const id = all.get('id');
  const method = all.get('method');
  if (method !== undefined) return readCall(stringOf(method), id, all.get('params'));
  const named = id !== undefined && id !== 'null';
  if (all.get('jsonrpc') !== '"2.0"') return named ? { kind: 'broken', id, detail: 'not JSON-RPC 2.0' } : NOISE;
  const result = all.get('result');
  const error = all.get('error');
  if (!named) {
    const answer = error === undefined || result !== undefined ? undefined : readError(error);
    return answer === undefined ? NOISE : { kind: 'error', answer };
  }
  return readAnswer(id, result, error);
}

function readCall(method: string | undefined, id: RawJson | undefined, params: RawJson | undefined): Message {
  if (method === undefined) return NOISE;
  if (id === undefined) return { kind: 'notification', method, params };
  // An id is repeated in our answer; one that is neither text nor a number cannot be answered.
  const kind = kindOf(id);
  return kind === 'string' || kind === 'number' ? { kind: 'request', id, method, params } : NOISE;
}

function readAnswer(id: RawJson, result: RawJson | undefined, error: RawJson | undefined): Message {
  if (result !== undefined && error !== undefined) return { kind: 'broken', id, detail: 'an answer with both result and error' };
  if (result !== undefined) {
    // `"result": null` is neither a result nor an error (original C14).
    if (kindOf(result) !== 'object') return { kind: 'broken', id, detail: `a result that is ${kindOf(result)}, not an object` };
    return { kind: 'answer', id, answer: { kind: 'result', raw: result } };
  }
  if (error === undefined) return { kind: 'broken', id, detail: 'an answer with neither result nor error' };
  const answer = readError(error);
  return answer === undefined ? { kind: 'broken', id, detail: 'a malformed error object' } : { kind: 'answer', id, answer };
}

function readError(raw: RawJson): BackendReply | undefined {
  const all = members(raw);
  const number = safeIntegerOf(all?.get('code'));
  if (all === undefined || number === undefined) return undefined;
  return { kind: 'error', code: number, message: shortText(stringOf(all.get('message')) ?? '', ERROR_CHARS), data: all.get('data') };
}
