// What an HTTP backend is called with: URL, headers, credentials. Addresses that no backend may have are refused here already;
// names are judged when they are dialled.
import ipaddr from 'ipaddr.js';
import type { Secret } from '../core/secret.ts';
import type { SecretText } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { hasVariable, looksLikeVariable } from './secrets.ts';

export interface UrlWish {
  readonly written: string;
  readonly exact: boolean;
  readonly allowPrivate: boolean | undefined;
  /** A credential goes with each request. */
  readonly carries: boolean;
}

/** D01: where clouds hand out their credentials. Link-local addresses are refused as a range. */
const METADATA: ReadonlySet<string> = new Set(['metadata.google.internal', 'metadata', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']);

/** The messages never repeat the URL: query strings hold keys more often than not. */
export function urlOf(wish: UrlWish, path: Path, context: Context): { readonly url: string; readonly allowPrivate: boolean } {
  const place: Path = [...path, 'url'];
  const refuse = (message: string): { url: string; allowPrivate: boolean } => {
    context.problem('backend_url', place, message);
    return { url: '', allowPrivate: false };
  };
  if (hasVariable(wish.written)) {
    context.problem('interpolation', place, '`${env:…}` is not replaced in `url`: URLs are logged', 'use `bearer` or `headers`');
    return { url: '', allowPrivate: false };
  }
  const url = URL.canParse(wish.written) ? new URL(wish.written) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return refuse('`url` must be an http or https URL');
  if (url.username !== '' || url.password !== '') return refuse('`url` must not carry a user name or password');
  if (url.hash !== '') return refuse('`url` must not have a fragment');
  const host = hostKind(url.hostname);
  if (host === 'forbidden') return refuse('`url` names a link-local or cloud metadata address, which no backend may have');
  if (wish.carries && url.protocol === 'http:' && host !== 'loopback') context.problem('cleartext', place, 'a credential is sent over http to another machine');
  if (!wish.exact) complete(url, place, context);
  return { url: url.href, allowPrivate: wish.allowPrivate ?? host !== 'public' };
}

/** The original's rule, but for the path alone and never after a query. */
function complete(url: URL, place: Path, context: Context): void {
  const path = url.pathname.replace(/\/+$/, '');
  if (path.endsWith('/mcp')) return;
  url.pathname = `${path}/mcp`;
  context.problem('url_completed', place, '`/mcp` was added to the path of `url`');
}

type HostKind = 'loopback' | 'private' | 'public' | 'forbidden';
const PRIVATE_RANGES: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'carrierGradeNat']);
const LOCAL_NAME = /(^[^.]+|\.(local|internal|lan|home|home\.arpa|localdomain))$/;

function hostKind(hostname: string): HostKind {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '').toLowerCase();
  if (METADATA.has(host)) return 'forbidden';
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback';
  if (!ipaddr.isValid(host)) return LOCAL_NAME.test(host) ? 'private' : 'public';
  const range = ipaddr.process(host).range();
  if (range === 'loopback') return 'loopback';
  if (PRIVATE_RANGES.has(range)) return 'private';
  return range === 'unicast' ? 'public' : 'forbidden';
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: visible characters, spaces and tabs; what is above ASCII has no agreed meaning. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
/** Set by the gateway, or about the connection itself. */
const RESERVED = /^(host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|accept|accept-encoding|mcp-.*|last-event-id|x-sentinel-auth)$/;

export function headersOf(headers: Readonly<Record<string, SecretText>>, hasBearer: boolean, path: Path, context: Context): Readonly<Record<string, Secret>> {
  const result: Record<string, Secret> = {};
  for (const [name, text] of Object.entries(headers)) {
    const place: Path = [...path, 'headers', name];
    const lower = name.toLowerCase();
    if (!HEADER_NAME.test(name)) context.problem('header', place, `${quoted(name)} cannot be the name of a header`);
    else if (RESERVED.test(lower)) context.problem('header', place, `the header ${name} is set by the gateway`);
    else if (lower === 'authorization' && hasBearer) context.problem('contradiction', place, 'both `bearer` and an Authorization header are set', 'keep one of the two');
    else if (Object.hasOwn(result, lower)) context.problem('header', place, `the header ${name} is there twice`);
    const value = sendable(text, place, context);
    if (value !== undefined) result[lower] = value;
  }
  return result;
}

export function bearerOf(text: SecretText | undefined, path: Path, context: Context): Secret | undefined {
  return text === undefined ? undefined : sendable(text, [...path, 'bearer'], context);
}

function sendable(text: SecretText, place: Path, context: Context): Secret | undefined {
  const name = String(place.at(-1));
  if (typeof text === 'string' && looksLikeVariable(text)) context.problem('not_interpolated', place, `the value of \`${name}\` looks like a variable and is sent as it stands`);
  else if (typeof text === 'string' && !hasVariable(text) && /auth|key|token|secret|bearer|cookie/i.test(name)) {
    context.problem('secret_inline', place, `\`${name}\` looks like a secret and stands in the file in clear`);
  }
  const value = context.secrets.forBackend(text, place);
  if (value !== undefined && !HEADER_VALUE.test(value.reveal())) context.problem('header', place, `the value of \`${name}\` cannot be sent in a header`);
  return value;
}

/** The original's X-Sentinel-Auth went to everybody; here only where it was asked for. */
export function sharedSecret(wanted: boolean, path: Path, context: Context): Secret | undefined {
  if (!wanted) return undefined;
  const value = context.secrets.env('BACKEND_SHARED_SECRET');
  if (value === undefined) context.problem('secret_unset', [...path, 'shared_secret'], 'the environment variable BACKEND_SHARED_SECRET is not set or empty');
  else if (!HEADER_VALUE.test(value.reveal())) context.problem('header', [...path, 'shared_secret'], 'the value of BACKEND_SHARED_SECRET cannot be sent in a header');
  return value;
}
