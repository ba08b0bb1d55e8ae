// JSON-RPC 2.0 messages as text, put together from raw slices so that nothing forwarded is re-serialised.
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';

/** JSON-RPC and MCP error codes in use. Own codes stay outside -32768..-32000 (MCP basic, error codes). */
export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** HTTP headers do not mirror the body (SEP-2243). */
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  /** 2024-11-05 to 2025-11-25; never said to modern agents (RS). */
  resourceNotFound: -32002,
  /** 2025-11-25 alone. */
  urlElicitation: -32042,
} as const;

/** JSON-RPC's own and application codes pass; -32020..-32099 belong to the hop, -32000..-32019 mean nothing to others (§ error codes of MCP basic). */
export function isRelayable(code: number): boolean {
  return code === CODE.invalidParams || code === CODE.invalidRequest || code === CODE.internal || code < -32768 || code > -32000;
}

const VERSION = quote('2.0');

export function resultMessage(id: RawJson, result: RawJson): RawJson {
  return objectOf([['jsonrpc', VERSION], ['id', id], ['result', result]]);
}

/** `id` undefined: the request's id could not be read; the member is left out (MCP schema: `id?`). */
export function errorMessage(id: RawJson | undefined, code: number, message: string, data?: RawJson): RawJson {
  const error: (readonly [string, RawJson])[] = [['code', toRaw(code)], ['message', quote(message)]];
  if (data !== undefined) error.push(['data', data]);
  const head: (readonly [string, RawJson])[] = id === undefined ? [['jsonrpc', VERSION]] : [['jsonrpc', VERSION], ['id', id]];
  return objectOf([...head, ['error', objectOf(error)]]);
}

export function notificationMessage(method: string, params?: RawJson): RawJson {
  const head: (readonly [string, RawJson])[] = [['jsonrpc', VERSION], ['method', quote(method)]];
  return objectOf(params === undefined ? head : [...head, ['params', params]]);
}

export function requestMessage(id: RawJson, method: string, params?: RawJson): RawJson {
  const head: (readonly [string, RawJson])[] = [['jsonrpc', VERSION], ['id', id], ['method', quote(method)]];
  return objectOf(params === undefined ? head : [...head, ['params', params]]);
}
