// What is asked of every HTTP request before its credential is looked at: one Host that is ours, an Origin we know, a path
// and a method that exist, a size within bounds. Pure; the order is the protocol reference's (2.2, SH2–SH16).
import { MOST_BODY_BYTES } from '../../core/audit/witness.ts';
import type { Settings } from '../../core/settings.ts';
import { eraOf } from '../../relay/versions.ts';
import { hostAllowed, hostName, originAllowed } from '../host.ts';
import { accepts, isJsonType, type WireHeaders } from './headers.ts';
import { type Route, routeOf } from './route.ts';

export interface GateFault {
  readonly status: number;
  readonly message: string;
  /** Worth an audit record: somebody tried a door that is not a door. */
  readonly refusal: 'host' | 'origin' | undefined;
  readonly allow?: string;
}

export interface Facts {
  readonly method: string;
  readonly target: string;
  readonly headers: WireHeaders;
  readonly localAddress: string | undefined;
}

export type Passed = Extract<Route, { kind: 'mcp' | 'metadata' | 'witness' }>;
type Gate = { readonly ok: true; readonly value: Passed } | { readonly ok: false; readonly error: GateFault };

/** More lines than any client has; each costs us work before authentication (T37). */
const HEADER_LINES_MAX = 100;
const SINGLE_VALUED: ReadonlySet<string> = new Set(['host', 'authorization', 'origin', 'content-type', 'content-length']);

export function passGate(facts: Facts, settings: Settings): Gate {
  const { headers } = facts;
  const twice = headers.repeated.find((name) => SINGLE_VALUED.has(name));
  if (twice !== undefined) return no(400, `${twice} was sent more than once`);
  if (hostName(headers.host) === undefined) return no(400, 'Host is missing or malformed');
  if (!hostAllowed(headers.host, facts.localAddress, settings.gateway)) return no(421, 'this host name is not served here', 'host');
  const route = routeOf(facts.target);
  if (route.kind === 'bad') return no(400, route.why);
  if (route.kind === 'unknown' || (route.kind === 'witness' && !isWitness(settings))) return no(404, 'not found');
  // The metadata document is public and harmless to read from any page; everything else is not.
  if (route.kind !== 'metadata' && !originAllowed(headers.origin, settings.gateway)) return no(403, 'this origin is not allowed', 'origin');
  const allow = allowedMethods(route, headers);
  if (!allow.includes(facts.method)) return { ok: false, error: { status: 405, message: 'method not allowed', refusal: undefined, allow: allow.join(', ') } };
  if (headers.count > HEADER_LINES_MAX) return no(431, 'too many header lines');
  if (declaredBytes(headers) > (route.kind === 'witness' ? MOST_BODY_BYTES : settings.bounds.bodyBytes)) return no(413, 'the body is too large');
  return { ok: true, value: route };
}

/** Without a key nothing could be believed, and without an audit nothing kept. */
function isWitness({ audit }: Settings): boolean {
  return audit.enabled && audit.witness.length > 0;
}

function allowedMethods(route: Passed, headers: WireHeaders): readonly string[] {
  // No page has a reason to: there is no preflight either.
  if (route.kind === 'witness') return ['POST'];
  if (route.kind === 'metadata') return ['GET', 'OPTIONS'];
  // A preflight is answered only to an origin that the operator allowed: it has passed the check above.
  const preflight = headers.origin !== undefined && headers.preflight !== undefined ? ['OPTIONS'] : [];
  const session = headers.session !== undefined && (headers.protocolVersion === undefined || eraOf(headers.protocolVersion) !== 'modern');
  return session ? ['POST', 'GET', 'DELETE', ...preflight] : ['POST', ...preflight];
}

function declaredBytes(headers: WireHeaders): number {
  // Anything but digits was refused by node's parser before.
  return headers.contentLength === undefined ? 0 : Number(headers.contentLength);
}

/** After authentication, before a body is read: media types (A24, A25). */
export function mediaFault(method: string, headers: WireHeaders): GateFault | undefined {
  if (method === 'GET') return accepts(headers.accept, 'text/event-stream') ? undefined : fault(406, 'Accept must include text/event-stream');
  if (method !== 'POST') return undefined;
  if (!isJsonType(headers.contentType)) return fault(415, 'Content-Type must be application/json');
  const both = accepts(headers.accept, 'application/json') && accepts(headers.accept, 'text/event-stream');
  return both ? undefined : fault(406, 'Accept must include application/json and text/event-stream');
}

function fault(status: number, message: string, refusal?: 'host' | 'origin'): GateFault {
  return { status, message, refusal };
}

function no(status: number, message: string, refusal?: 'host' | 'origin'): Gate {
  return { ok: false, error: fault(status, message, refusal) };
}
