// The operators' listener: liveness, readiness and metrics, in the original's words and in Kubernetes'. Reads only; no agent
// and no tool is reachable from here.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Operations, Readiness } from '../core/operations.ts';
import { ok, type Result } from '../core/result.ts';
import type { Address, GatewaySettings, Settings } from '../core/settings.ts';
import { guardConnections, peerCap, type PeerBounds } from './connections.ts';
import { hostAllowed } from './host.ts';
import { type ListenFault, listenOn } from './listen.ts';
import { bearerOf, readHeaders } from './mcp/headers.ts';

export interface AdminSurface {
  readonly address: Address;
  /** Connections over the bounds, so far. */
  refused(): number;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: 'application/json' | 'text/plain; charset=utf-8' | 'text/plain; version=0.0.4; charset=utf-8';
  readonly body: string;
  readonly headers?: readonly string[];
}

const CONNECTIONS_MAX = 256;
/** Whatever the bounds say: backends have the address of loopback as well, and must not keep out the prober of another machine. */
const PEER_MAX = CONNECTIONS_MAX / 2;
const REQUEST_MS = 10_000;

/** What this listener reads of the settings. */
export type AdminSettings = Pick<Settings, 'gateway'> & { readonly bounds: PeerBounds };

/** Listens on `healthListen` of the settings at start; the bounds per peer, the metrics token and the allowed hosts are read anew. */
export async function startAdmin(operations: Operations, settings: () => AdminSettings): Promise<Result<AdminSurface, ListenFault>> {
  const server = createServer({ requireHostHeader: false, connectionsCheckingInterval: 1000 }, (req, res) => {
    respond(operations, settings().gateway, req).then(
      (page) => write(res, page),
      () => write(res, plain(500, 'internal error')),
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  let refused = 0;
  guardConnections(server, (peer) => Math.min(peerCap(peer, settings().bounds), PEER_MAX), () => {
    refused += 1;
  });
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  // A page that nobody reads: the few connections there are must be there for the next probe.
  server.timeout = REQUEST_MS;
  const bound = await listenOn(server, settings().gateway.healthListen);
  return bound.ok ? ok({ address: bound.value, refused: () => refused, close: () => closed(server) }) : bound;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function respond(operations: Operations, gateway: GatewaySettings, req: IncomingMessage): Promise<Page> {
  const headers = readHeaders(req.rawHeaders);
  if (headers.repeated.includes('host') || headers.repeated.includes('authorization')) return plain(400, 'bad request');
  // A page whose name was rebound to this address must not read what is here (A04).
  if (!hostAllowed(headers.host, req.socket.localAddress, { ...gateway, listen: gateway.healthListen })) return plain(421, 'misdirected request');
  if (headers.origin !== undefined) return plain(403, 'forbidden');
  if (req.method !== 'GET' && req.method !== 'HEAD') return { ...plain(405, 'method not allowed'), headers: ['Allow', 'GET, HEAD'] };
  switch (req.url) {
    case '/health': return json(200, { status: 'ok' });
    case '/ready': return ready(operations);
    case '/livez': return plain(200, 'ok');
    case '/livez?verbose': return plain(200, '[+]process ok\nlivez check passed');
    case '/readyz': return readyz(operations.readiness(), false);
    case '/readyz?verbose': return readyz(operations.readiness(), true);
    case '/metrics': return metrics(operations, gateway, headers.authorization);
    default: return plain(404, 'not found');
  }
}

function ready(operations: Operations): Page {
  if (operations.readiness().ready) return json(200, { status: 'ready' });
  const reason = operations.status().backends.length === 0 ? { reason: 'no backends registered' } : {};
  return json(503, { status: 'not_ready', ...reason });
}

function readyz(readiness: Readiness, verbose: boolean): Page {
  const status = readiness.ready ? 200 : 503;
  if (readiness.ready && !verbose) return plain(status, 'ok');
  const lines = readiness.conditions.map(({ name, ok: holds, note }) => (holds ? `[+]${name} ok` : `[-]${name} failed: ${oneLine(note)}`));
  return plain(status, [...lines, `readyz check ${readiness.ready ? 'passed' : 'failed'}`].join('\n'));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

async function metrics(operations: Operations, gateway: GatewaySettings, authorization: string | undefined): Promise<Page> {
  const { metricsToken } = gateway;
  if (metricsToken !== undefined && !sameSecret(bearerOf(authorization), metricsToken.reveal())) {
    return { ...plain(401, 'Unauthorized'), headers: ['WWW-Authenticate', 'Bearer'] };
  }
  return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await operations.metrics() };
}

/** Over digests of equal length: neither the length nor the first wrong character shows in the time it takes. */
function sameSecret(given: string | undefined, wanted: string): boolean {
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function json(status: number, body: Readonly<Record<string, string>>): Page {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function plain(status: number, body: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function write(res: ServerResponse, page: Page): void {
  const length = String(Buffer.byteLength(page.body));
  res.writeHead(page.status, ['Content-Type', page.type, 'Content-Length', length, 'Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff', ...(page.headers ?? [])]);
  res.end(page.body);
}
