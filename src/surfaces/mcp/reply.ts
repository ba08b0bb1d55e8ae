// Short answers of the HTTP surface itself: refusals and empty acknowledgements. Generic words only; reasons stand in the record.
import type { ServerResponse } from 'node:http';
import type { RawJson } from '../../core/json/scan.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';

const JSON_HEADERS = ['Content-Type', 'application/json', 'Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'] as const;

/** `headers`: name and value by turns. Does nothing when the client is gone or already answered. */
export function replyJson(res: ServerResponse, status: number, body: RawJson, headers: readonly string[] = []): void {
  if (res.headersSent || res.destroyed) return;
  // Said beforehand, or node would send the body in chunks.
  res.writeHead(status, [...JSON_HEADERS, 'Content-Length', String(Buffer.byteLength(body)), ...headers]);
  res.end(body);
}

/** A refusal outside any JSON-RPC request: an error without id. */
export function replyFault(res: ServerResponse, status: number, message: string, headers: readonly string[] = []): void {
  replyJson(res, status, errorMessage(undefined, CODE.invalidRequest, message), headers);
}

export function replyEmpty(res: ServerResponse, status: number, headers: readonly string[] = []): void {
  if (res.headersSent || res.destroyed) return;
  // RFC 9110 §8.6: a 204 has no Content-Length.
  res.writeHead(status, status === 204 ? [...headers] : ['Content-Length', '0', ...headers]);
  res.end();
}

export function retryAfter(ms: number): readonly string[] {
  return ['Retry-After', String(Math.max(1, Math.ceil(ms / 1000)))];
}

/** Runs one step of a request so that a fault of ours costs this request only, never the process, and tells nothing. */
export function safely(res: ServerResponse, step: () => void | Promise<void>): void {
  const failed = (): void => {
    if (res.headersSent) res.destroy();
    else replyFault(res, 500, 'Internal error');
  };
  try {
    const running = step();
    if (running !== undefined) running.catch(failed);
  } catch {
    failed();
  }
}
