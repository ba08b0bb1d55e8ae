// The Streamable HTTP listener: `/mcp` and `/mcp/<backend>`. Owns the server, its connections, and what must happen in time:
// keep-alive comments, idle sessions, streams whose credential has ended. Requests themselves are served in visit.ts.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WitnessPort } from '../../core/audit/witness.ts';
import type { Ingress } from '../../core/inbound.ts';
import type { Address, BoundsSettings, Settings } from '../../core/settings.ts';
import { ok, type Result } from '../../core/result.ts';
import { guardConnections, peerCap } from '../connections.ts';
import { type ListenFault, listenOn } from '../listen.ts';
import { isTrustedProxy } from '../peer.ts';
import { FailureLimiter, type FailureRate } from './failures.ts';
import { safely } from './reply.ts';
import { SessionTable } from './sessions.ts';
import { type Bound, Checking, type HttpCounters, type HttpState, noHits, SharedBytes, StreamCount } from './state.ts';
import { receive } from './visit.ts';
import { witnessState } from './witness.ts';

export interface HttpStats extends HttpCounters {
  readonly connections: number;
  readonly sessions: number;
  /** Requests that are being answered. */
  readonly exchanges: number;
  /** Open GET streams. */
  readonly subscriptions: number;
  /** Held for agents that resume a stream. */
  readonly keptBytes: number;
}

export interface HttpSurface {
  readonly address: Address;
  /** Stops accepting, ends streams, waits for answers in flight at most `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
  stats(): HttpStats;
}

/** How often time is looked at: fine enough for keep-alives and for a revoked token to lose its streams well within 2 s (B22). */
const TICK_MS = 250;
/** How long cancelled work may take to say so when the grace is over. */
const LAST_WORDS_MS = 200;
/** A thousand at once are an incident worth its rows; five a second for ever are what a disk can bear. */
const STRANGERS: FailureRate = { burst: 1000, refillMs: 200 };
/** Largest bodies that may be arriving at once, of all agents together: 256 MB by default. */
const BODIES_AT_ONCE = 64;
/** Idle connections are kept a little longer than clients keep theirs. */
const IDLE_CONNECTION_MS = 20_000;

/** Listens on `settings.gateway.listen`; everything else is read anew for each request from `ingress.runtime`. `witness`: takes checkpoints of others. */
export async function startHttp(ingress: Ingress, settings: Settings, witness?: WitnessPort): Promise<Result<HttpSurface, ListenFault>> {
  const { bounds, gateway } = settings;
  const state: HttpState = {
    ingress,
    sessions: new SessionTable(),
    exchanges: new Set(),
    subscriptions: new Set(),
    longStreams: new StreamCount(),
    bodies: new SharedBytes(() => bounds.bodyBytes * BODIES_AT_ONCE),
    kept: new SharedBytes(() => ingress.runtime.current().settings.bounds.resumeTotalBytes),
    checking: new Checking(),
    failures: new FailureLimiter(bounds.limiterKeys),
    strangers: new FailureLimiter(1, STRANGERS),
    witness: witness === undefined ? undefined : witnessState(witness, bounds.limiterKeys),
    counters: { hits: noHits(), unrecorded: 0, strayResponses: 0, malformed: 0 },
    draining: false,
  };
  const server = createServer({ maxHeaderSize: bounds.headerBytes, requireHostHeader: false, insecureHTTPParser: false, connectionsCheckingInterval: 1000, joinDuplicateHeaders: false });
  const connections = guardConnections(server, (peer) => capOf(peer, ingress.runtime.current().settings), () => {
    state.counters.hits.connections += 1;
  });
  setTimes(server, bounds);
  server.on('request', (req, res) => {
    if (isFramed(req)) safely(res, () => receive(state, req, res));
    else {
      state.counters.malformed += 1;
      closeWith(req.socket, '400 Bad Request');
    }
  });
  refuseOtherProtocols(server, state.counters);
  const bound = await listenOn(server, gateway.listen);
  if (!bound.ok) return bound;
  const unsubscribe = ingress.runtime.subscribe((next) => {
    setTimes(server, next.settings.bounds);
    recheckStreams(state);
  });
  const ticking = setInterval(() => tick(state), TICK_MS);
  ticking.unref();
  const stop = (): void => {
    clearInterval(ticking);
    unsubscribe();
  };
  return ok({
    address: bound.value,
    close: (graceMs) => drain(server, state, graceMs, stop),
    stats: () => ({ ...state.counters, connections: connections.size, sessions: state.sessions.size, exchanges: state.exchanges.size, subscriptions: state.subscriptions.size, keptBytes: state.kept.total }),
  });
}

/** A proxy carries the connections of many, so only the total counts for it. Behind one that nobody named, every peer may be it. */
function capOf(peer: string, { bounds, gateway }: Settings): number {
  const unnamed = gateway.behindProxy && gateway.trustedProxies.length === 0;
  return unnamed || isTrustedProxy(peer, gateway) ? bounds.connections : peerCap(peer, bounds);
}

function setTimes(server: Server, bounds: BoundsSettings): void {
  // Slow headers and slow bodies (I01). The request time does not include our answer.
  server.headersTimeout = bounds.headersMs;
  server.requestTimeout = Math.max(bounds.requestMs, bounds.headersMs);
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  // Nothing moves in either direction although keep-alives are due: the reader has stopped, and what is written for it would be held for ever (I15).
  server.timeout = Math.max(bounds.keepAliveMs * 2 + TICK_MS * 2, server.requestTimeout);
  server.maxConnections = bounds.connections;
  // Node drops lines beyond this number in silence, which would hide a repeated header; the gate counts instead.
  server.maxHeadersCount = 0;
}

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const BOUND_OF: Readonly<Record<string, Bound>> = { HPE_HEADER_OVERFLOW: 'headers', ERR_HTTP_REQUEST_TIMEOUT: 'time' };

/** Bytes that are not HTTP/1.1 (A12), upgrades to anything else and tunnels (A29): one short answer, and the socket is closed. */
function refuseOtherProtocols(server: Server, counters: HttpCounters): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const bound = BOUND_OF[error.code ?? ''];
    if (bound === undefined) counters.malformed += 1;
    else counters.hits[bound] += 1;
    closeWith(socket, STATUS_LINES[error.code ?? ''] ?? '400 Bad Request');
  });
  server.on('upgrade', (_req, socket: Duplex) => closeWith(socket, '400 Bad Request'));
  server.on('connect', (_req, socket: Duplex) => closeWith(socket, '405 Method Not Allowed'));
}

/** Node hands over the head of a request whose coding it does not know, and refuses its body afterwards: two answers to one request (A12). */
function isFramed(req: IncomingMessage): boolean {
  const coding = req.headers['transfer-encoding'];
  return coding === undefined || coding.toLowerCase() === 'chunked';
}

function closeWith(socket: Duplex, status: string): void {
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function tick(state: HttpState): void {
  const now = state.ingress.clock.mono();
  const { keepAliveMs, sessionIdleMs, resumeMs, streamMs } = state.ingress.runtime.current().settings.bounds;
  recheckStreams(state);
  for (const exchange of state.exchanges) {
    exchange.keepAlive(now, keepAliveMs);
    if (streamMs > 0) exchange.rest(now, streamMs);
  }
  for (const subscription of state.subscriptions) {
    if (streamMs > 0 && subscription.polls && now - subscription.since >= streamMs) subscription.stream.end();
    if (now - subscription.touched < keepAliveMs) continue;
    subscription.touched = now;
    subscription.stream.comment();
  }
  for (const session of state.sessions.values()) session.kept.expire(now, resumeMs);
  state.sessions.expire(now, sessionIdleMs);
}

/** A stream must not outlive the credential that opened it (T149, B22). */
function recheckStreams(state: HttpState): void {
  const { authenticator } = state.ingress;
  for (const subscription of state.subscriptions) {
    if (authenticator.recheck(subscription.principal) !== undefined) subscription.stream.end();
  }
  for (const exchange of state.exchanges) {
    if (exchange.long && authenticator.recheck(exchange.principal) !== undefined) exchange.cancel('timeout');
  }
}

async function drain(server: Server, state: HttpState, graceMs: number, stop: () => void): Promise<void> {
  if (state.draining) return;
  state.draining = true;
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const subscription of state.subscriptions) subscription.stream.end();
  for (const exchange of state.exchanges) if (exchange.long) exchange.cancel('shutdown');
  // Whoever posts an answer now is turned away, so nobody is asked any more.
  for (const session of state.sessions.values()) session.talk.questions.end();
  server.closeIdleConnections();
  await settled(state, graceMs);
  for (const exchange of state.exchanges) exchange.cancel('shutdown');
  await settled(state, LAST_WORDS_MS);
  stop();
  for (const session of state.sessions.values()) state.sessions.end(session, 'shutdown');
  server.closeIdleConnections();
  // Answers already written get one turn to leave the process.
  await Promise.race([closed, pause(LAST_WORDS_MS)]);
  server.closeAllConnections();
  await closed;
}

async function settled(state: HttpState, withinMs: number): Promise<void> {
  const until = state.ingress.clock.mono() + withinMs;
  while (state.exchanges.size > 0 && state.ingress.clock.mono() < until) await pause(10);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
