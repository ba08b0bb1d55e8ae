// The request headers an MCP endpoint reads, from the raw list: node's own map folds or drops repeated lines, and a
// repeated Host, Authorization or Mcp-* line is an attack, not a list (A06, A10, SH13).
import { CHECKPOINTS_TYPE } from '../../core/audit/witness.ts';
import type { ParamHeaders } from '../../core/inbound.ts';

export interface WireHeaders {
  readonly count: number;
  /** Lower-case names of single-valued headers that were sent more than once. */
  readonly repeated: readonly string[];
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  /** Several lines are one list (RFC 9110 §5.3). */
  readonly accept: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
  readonly session: string | undefined;
  readonly lastEventId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly preflight: string | undefined;
  /** What a page asks leave to send, in a preflight. */
  readonly wanted: string | undefined;
  /** `Mcp-Param-*` lines by lower-case name, as they arrived. */
  readonly params: ParamHeaders;
}

const LISTS: ReadonlySet<string> = new Set(['accept', 'x-forwarded-for', 'tracestate', 'access-control-request-headers']);
const READ: ReadonlySet<string> = new Set([
  'host', 'origin', 'authorization', 'content-type', 'content-length', 'accept', 'x-forwarded-for', 'mcp-protocol-version',
  'mcp-method', 'mcp-name', 'mcp-session-id', 'last-event-id', 'traceparent', 'tracestate', 'access-control-request-method',
  'access-control-request-headers', 'content-encoding',
]);

const PARAM = 'mcp-param-';
const NO_PARAMS: ParamHeaders = new Map();

/** `raw`: IncomingMessage.rawHeaders, name and value by turns. */
export function readHeaders(raw: readonly string[]): WireHeaders {
  const found = new Map<string, string>();
  const repeated: string[] = [];
  let params: Map<string, string> | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    const isParam = name.startsWith(PARAM);
    if (!isParam && !READ.has(name)) continue;
    const into = isParam ? (params ??= new Map<string, string>()) : found;
    const before = into.get(name);
    if (before === undefined) into.set(name, value);
    else if (LISTS.has(name)) found.set(name, `${before},${value}`);
    else repeated.push(name);
  }
  return {
    count: raw.length / 2,
    repeated,
    host: found.get('host'),
    origin: found.get('origin'),
    authorization: found.get('authorization'),
    contentType: found.get('content-encoding') === undefined ? found.get('content-type') : 'compressed',
    contentLength: found.get('content-length'),
    accept: found.get('accept'),
    forwardedFor: found.get('x-forwarded-for'),
    protocolVersion: found.get('mcp-protocol-version'),
    method: found.get('mcp-method'),
    name: found.get('mcp-name'),
    session: found.get('mcp-session-id'),
    lastEventId: found.get('last-event-id'),
    traceparent: found.get('traceparent'),
    tracestate: found.get('tracestate'),
    preflight: found.get('access-control-request-method'),
    wanted: found.get('access-control-request-headers'),
    params: params ?? NO_PARAMS,
  };
}

const BEARER = /^bearer +([^\s,]+) *$/i;

/** The credential of RFC 6750 §2.1; undefined when there is none, empty text when the header is something else. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  return BEARER.exec(authorization)?.[1] ?? '';
}

/** `application/json`, with no charset but UTF-8: a form or plain text could be sent by any web page (A25). */
export function isJsonType(contentType: string | undefined): boolean {
  return isType(contentType, 'application/json');
}

/** Lines of JSON; no form, no plain text here either. */
export function isCheckpointsType(contentType: string | undefined): boolean {
  return isType(contentType, CHECKPOINTS_TYPE);
}

function isType(contentType: string | undefined, wanted: string): boolean {
  if (contentType === undefined) return false;
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  return type === wanted && parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
}

/** Does an Accept list take this media type? A quality of 0 is a no (RFC 9110 §12.5.1). */
export function accepts(accept: string | undefined, type: 'application/json' | 'text/event-stream'): boolean {
  if (accept === undefined) return false;
  const family = `${type.slice(0, type.indexOf('/'))}/*`;
  return accept.split(',').some((item) => {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    return (range === type || range === family || range === '*/*') && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

/** What the official clients send: answered in whatever form fits the answer. */
const JSON_FIRST = 'application/json, text/event-stream';

/**
 * Does this Accept list ask for a stream from the start: is text/event-stream named with a higher quality than application/json, or with the
 * same and before it?
 */
export function prefersStream(accept: string | undefined): boolean {
  if (accept === undefined || accept === JSON_FIRST) return false;
  const items = accept.split(',').map((item) => item.split(';').map((part) => part.trim().toLowerCase()));
  const [json, stream] = [items.findIndex(([range]) => range === 'application/json'), items.findIndex(([range]) => range === 'text/event-stream')];
  if (stream < 0) return false;
  const [less, more] = [json < 0 ? 0 : qualityOf(items[json]), qualityOf(items[stream])];
  return more > less || (more === less && more > 0 && stream < json);
}

/** A weight that is none counts as none given (RFC 9110 §12.4.2). */
function qualityOf(item: readonly string[] | undefined): number {
  const weight = item?.find((parameter) => parameter.startsWith('q='));
  return weight !== undefined && /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight.slice(2)) : 1;
}
