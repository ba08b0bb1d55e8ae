// The request headers an MCP endpoint reads, from the raw list: node's own map folds or drops repeated lines, and a
// repeated Host, Authorization or Mcp-* line is an attack, not a list (A06, A10, SH13).

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
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly preflight: string | undefined;
}

const LISTS: ReadonlySet<string> = new Set(['accept', 'x-forwarded-for', 'tracestate']);
const READ: ReadonlySet<string> = new Set([
  'host', 'origin', 'authorization', 'content-type', 'content-length', 'accept', 'x-forwarded-for', 'mcp-protocol-version',
  'mcp-method', 'mcp-name', 'mcp-session-id', 'traceparent', 'tracestate', 'access-control-request-method', 'content-encoding',
]);

/** `raw`: IncomingMessage.rawHeaders, name and value by turns. */
export function readHeaders(raw: readonly string[]): WireHeaders {
  const found = new Map<string, string>();
  const repeated: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (!READ.has(name) && !name.startsWith('mcp-param-')) continue;
    const before = found.get(name);
    if (before === undefined) found.set(name, value);
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
    traceparent: found.get('traceparent'),
    tracestate: found.get('tracestate'),
    preflight: found.get('access-control-request-method'),
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
  if (contentType === undefined) return false;
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  return type === 'application/json' && parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
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

const SENTINEL = /^=\?base64\?(.*)\?=$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PLAIN = /^[\t\x20-\x7e]*$/;
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An `Mcp-Name` value as text (SEP-2243): plain visible ASCII, or the Base64 form. Undefined when it is neither (T13–T15, A20). */
export function decodeMirrored(value: string): string | undefined {
  const encoded = SENTINEL.exec(value)?.[1];
  if (encoded === undefined) return PLAIN.test(value) ? value : undefined;
  if (!BASE64.test(encoded)) return undefined;
  try {
    return STRICT.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
