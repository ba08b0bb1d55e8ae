// The life of one HTTP request on the MCP listener, in the fixed order of checks: gate, credential, media types, body, JSON,
// shape, era; then modern or legacy takes over. Synchronous while the token is cached.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeUtf8 } from '../../core/json/scan.ts';
import type { Authenticated } from '../../core/ports.ts';
import type { BackendId } from '../../core/ids.ts';
import { mayKnow } from '../../core/policy/decide.ts';
import type { AuthFailure, Principal } from '../../core/principal.ts';
import type { Settings } from '../../core/settings.ts';
import { authStatus } from '../../relay/oauth.ts';
import { errorMessage } from '../../relay/rpc.ts';
import { eraOf } from '../../relay/versions.ts';
import { peerOf } from '../peer.ts';
import { readBody } from './body.ts';
import { eraOfMessage, metaOf } from './classify.ts';
import { agentLimits, faulty, readEnvelope, type Envelope } from './envelope.ts';
import { type GateFault, mediaFault, passGate } from './gate.ts';
import { bearerOf, readHeaders } from './headers.ts';
import { serveBatch, serveLegacy } from './legacy.ts';
import { serveModern } from './modern.ts';
import { askForToken, documentOf } from './protected-resource.ts';
import { record } from './record.ts';
import { replyEmpty, replyFault, replyJson, retryAfter, safely } from './reply.ts';
import type { Guest, HttpState, Visit } from './state.ts';
import { serveDelete, serveGet } from './subscribe.ts';
import { receiveCheckpoints } from './witness.ts';

const RETRY_KEYS_MS = 5000;
const CROWDED_RETRY_MS = 1000;

export function receive(state: HttpState, req: IncomingMessage, res: ServerResponse): void {
  const { settings } = state.ingress.runtime.current();
  const headers = readHeaders(req.rawHeaders);
  const peer = peerOf(req.socket.remoteAddress, headers.forwardedFor, settings.gateway);
  if (state.draining) return replyFault(res, 503, 'shutting down', ['Connection', 'close', ...retryAfter(RETRY_KEYS_MS)]);
  const gate = passGate({ method: req.method ?? '', target: req.url ?? '', headers, localAddress: req.socket.localAddress }, settings);
  if (!gate.ok) return refuseAtGate(state, res, peer, gate.error);
  if (gate.value.kind === 'witness') return receiveCheckpoints(state, { req, res, headers, peer });
  const { kind, endpoint } = gate.value;
  const visit: Visit = { req, res, headers, settings, endpoint, peer, cors: kind === 'metadata' ? ANY_ORIGIN : corsOf(headers.origin) };
  if (req.method === 'OPTIONS') return replyEmpty(res, 204, [...visit.cors, ...preflightOf(headers.wanted)]);
  if (kind === 'metadata') return replyJson(res, 200, documentOf(visit), ANY_ORIGIN);
  authenticate(state, visit);
}

const ANY_ORIGIN = ['Access-Control-Allow-Origin', '*'] as const;
const PREFLIGHT = ['Access-Control-Allow-Methods', 'GET, POST, DELETE', 'Access-Control-Max-Age', '600'] as const;
const ALLOWED_HEADERS = ['Authorization', 'Content-Type', 'Accept', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Mcp-Session-Id', 'Last-Event-ID'];
const PARAM_NAME = /^mcp-param-[!#$%&'*+\-.^_`|~0-9a-z]+$/i;

/** Which `Mcp-Param-*` there are is for the tools to say, and a call without the right ones is refused (SH9): those that are asked for, then. */
function preflightOf(wanted: string | undefined): readonly string[] {
  const params = (wanted ?? '').split(',').map((name) => name.trim()).filter((name) => PARAM_NAME.test(name));
  return [...PREFLIGHT, 'Access-Control-Allow-Headers', [...ALLOWED_HEADERS, ...params].join(', ')];
}

/** Only origins the operator listed come here; the answer may be read by their pages. */
function corsOf(origin: string | undefined): readonly string[] {
  if (origin === undefined) return [];
  return ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin', 'Access-Control-Expose-Headers', 'Mcp-Session-Id, WWW-Authenticate, Retry-After'];
}

function refuseAtGate(state: HttpState, res: ServerResponse, peer: string, fault: GateFault): void {
  if (fault.refusal !== undefined) {
    record(state, { surface: 'http', peer, principal: undefined, method: undefined, name: undefined, reason: { code: fault.refusal } });
  }
  if (fault.status === 413) state.counters.hits.body += 1;
  if (fault.status === 431) state.counters.hits.headers += 1;
  replyFault(res, fault.status, fault.message, fault.allow === undefined ? [] : ['Allow', fault.allow]);
}

function authenticate(state: HttpState, visit: Visit): void {
  const token = bearerOf(visit.headers.authorization);
  const wait = state.failures.wait(visit.peer, state.ingress.clock.mono());
  if (wait !== undefined && !(token !== undefined && state.failures.isGood(digestOf(token)))) return tooMany(state, visit, wait);
  // One connection can send thousands of requests without waiting for an answer, and a check may have to fetch keys first.
  if (!state.checking.take(visit.peer)) return tooMany(state, visit, CROWDED_RETRY_MS);
  const authenticated = check(state, visit.peer, token);
  if (!(authenticated instanceof Promise)) return welcome(state, visit, authenticated);
  authenticated.then(
    (result) => safely(visit.res, () => welcome(state, visit, result)),
    // A throw is a no: nobody is anybody because a check broke.
    () => replyFault(visit.res, 503, 'Authentication is not available', [...visit.cors, ...retryAfter(RETRY_KEYS_MS)]),
  );
}

/** Gives its place back when it has an answer, or has failed. */
function check(state: HttpState, peer: string, token: string | undefined): Authenticated | Promise<Authenticated> {
  try {
    const authenticated = state.ingress.authenticator.authenticate(token);
    if (authenticated instanceof Promise) return authenticated.finally(() => state.checking.give(peer));
    state.checking.give(peer);
    return authenticated;
  } catch (error) {
    state.checking.give(peer);
    throw error;
  }
}

function tooMany(state: HttpState, visit: Visit, waitMs: number): void {
  state.counters.hits.guesses += 1;
  state.counters.unrecorded += 1;
  replyFault(visit.res, 429, 'Too many failed authentications', [...visit.cors, ...retryAfter(waitMs)]);
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function welcome(state: HttpState, visit: Visit, authenticated: Authenticated): void {
  if (!authenticated.ok) return turnAway(state, visit, authenticated.error);
  const principal = authenticated.value;
  state.failures.passed(principal.credential);
  const { endpoint, settings, res, cors } = visit;
  // The agent left while its token was checked: its 'close' has been, and nothing begun now would ever be told of it.
  if (res.destroyed) return;
  // After authentication, and one answer for hidden and unknown: which backends there are is no business of those who may use none of it.
  if (endpoint.kind === 'single' && !isKnown(state, principal, endpoint.backend)) return replyFault(res, 404, 'not found', cors);
  const media = mediaFault(visit.req.method ?? '', visit.headers);
  if (media !== undefined) return replyFault(res, media.status, media.message, cors);
  const guest: Guest = { ...visit, principal };
  if (visit.req.method === 'GET') return serveGet(state, guest);
  if (visit.req.method === 'DELETE') return serveDelete(state, guest);
  readBody(visit.req, settings.bounds.bodyBytes, (end) => {
    if (end.kind === 'too_large') {
      state.counters.hits.body += 1;
      replyFault(res, 413, 'the body is too large', cors);
    } else if (end.kind === 'crowded') {
      state.counters.hits.body += 1;
      replyFault(res, 503, 'too much is being sent at once', [...cors, 'Connection', 'close', ...retryAfter(CROWDED_RETRY_MS)]);
    } else if (end.kind === 'read') safely(res, () => dispatch(state, guest, end.bytes));
  }, state.bodies.room(principal));
}

function isKnown(state: HttpState, principal: Principal, backend: BackendId): boolean {
  const { settings, policy } = state.ingress.runtime.current();
  return settings.backends.some(({ id }) => id === backend) && mayKnow(policy, principal, backend);
}

function turnAway(state: HttpState, visit: Visit, failure: AuthFailure): void {
  const { peer, res, cors } = visit;
  const status = authStatus(failure.code);
  // Asking without a token is how a client finds out where to get one; only wrong ones count.
  if (failure.code !== 'missing' && status === 401) state.failures.failed(peer, state.ingress.clock.mono());
  const { method, name } = visit.headers;
  record(state, {
    surface: 'http', peer, principal: undefined, method: method?.slice(0, 64), name: name?.slice(0, 128),
    reason: { code: 'unauthenticated', failure: failure.code },
  });
  if (status === 503) return replyFault(res, 503, 'Authentication is not available', [...cors, ...retryAfter(RETRY_KEYS_MS)]);
  replyFault(res, 401, 'Unauthorized', [...cors, ...askForToken(visit, failure.code)]);
}

function dispatch(state: HttpState, guest: Guest, bytes: Uint8Array): void {
  const envelope = envelopeOf(bytes, guest.settings);
  if (envelope.kind === 'invalid') return replyJson(guest.res, 400, errorMessage(envelope.id, envelope.code, envelope.message), guest.cors);
  if (envelope.kind === 'batch') return serveBatch(state, guest, envelope.items);
  const { protocolVersion } = guest.headers;
  if (envelope.kind === 'response') {
    // Modern agents have nothing to respond to (SH4, T27).
    const modern = protocolVersion !== undefined && eraOf(protocolVersion) === 'modern';
    return modern ? replyFault(guest.res, 400, 'Invalid Request: responses are not accepted', guest.cors) : serveLegacy(state, guest, envelope);
  }
  const meta = metaOf(envelope);
  if (eraOfMessage(meta, protocolVersion) === 'modern') serveModern(state, guest, envelope, meta);
  else serveLegacy(state, guest, envelope);
}

function envelopeOf(bytes: Uint8Array, settings: Settings): Envelope {
  const text = decodeUtf8(bytes);
  return text.ok ? readEnvelope(text.value, agentLimits(settings.bounds)) : faulty(text.error);
}
