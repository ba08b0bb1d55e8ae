// The control socket: HTTP on a unix socket, one route per operation. The socket's mode (0600 in a directory of the gateway's
// own user) is its authentication: who can connect is that user or root. Not for agents, except to attach with a token.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Ingress } from '../core/inbound.ts';
import type { Operations } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import { serveAttach } from './control/attach.ts';
import { bornPrivate, makePrivate, prepareSocketPath } from './control/socket-file.ts';
import { serveTail } from './control/tail.ts';
import { type ControlFault, POST_VERBS } from './control/verbs.ts';
import { bind, type ListenFault } from './listen.ts';
import { readBody } from './mcp/body.ts';
import type { StdioSurface } from './mcp/stdio.ts';

export interface ControlSettings {
  readonly path: string;
  /** Login name of the gateway's own user: recorded where a request does not name its operator. */
  readonly operator: string;
}

export interface ControlSurface {
  readonly path: string;
  /** Ends attached agents (waiting at most `graceMs` for their answers), tails and requests, and removes the socket. */
  close(graceMs: number): Promise<void>;
  stats(): { readonly attached: number };
}

const BODY_MAX = 2 * 1024 * 1024;
const CONNECTIONS_MAX = 512;
const ATTACHED_MAX = 256;
const REQUEST_MS = 30_000;

export async function startControl(operations: Operations, ingress: Ingress, settings: ControlSettings): Promise<Result<ControlSurface, ListenFault>> {
  const { path } = settings;
  const prepared = await prepareSocketPath(path);
  if (!prepared.ok) return prepared;
  const attached = new Set<StdioSurface>();
  const server = createServer({ requireHostHeader: false, connectionsCheckingInterval: 1000 }, (req, res) => serve(operations, settings.operator, req, res));
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  server.on('upgrade', (req, socket, head) => {
    serveAttach(ingress, attached, ATTACHED_MAX, req, socket, head).catch(() => socket.destroy());
  });
  const bound = await bind(server, () => bornPrivate(() => server.listen(path)), path);
  if (!bound.ok) return bound;
  await makePrivate(path);
  return ok({ path, close: (graceMs) => close(server, attached, graceMs), stats: () => ({ attached: attached.size }) });
}

/** Closing the server removes the socket at once. Not again afterwards: by then another gateway may listen under that name. */
async function close(server: Server, attached: ReadonlySet<StdioSurface>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await Promise.all([...attached].map((surface) => surface.close(graceMs)));
  server.closeAllConnections();
  await closed;
}

function serve(operations: Operations, operator: string, req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? '';
  if (req.method === 'GET') {
    try {
      return serveGet(operations, path, res);
    } catch {
      return refuse(res, { status: 500, code: 'unavailable', message: 'the gateway could not tell; its log tells why' });
    }
  }
  const verb = POST_VERBS.get(path);
  if (req.method !== 'POST' || verb === undefined) return refuse(res, { status: 404, code: 'not_found', message: 'no such verb' });
  readBody(req, BODY_MAX, (end) => {
    if (end.kind === 'too_large') return refuse(res, { status: 413, code: 'too_large', message: `the body is larger than ${BODY_MAX} bytes` });
    if (end.kind !== 'read') return;
    verb(operations, end.bytes, operator).then(
      (reply) => (reply.ok ? answer(res, reply.value) : refuse(res, reply.error)),
      () => refuse(res, { status: 500, code: 'unavailable', message: 'the gateway could not do this; its log tells why' }),
    );
  });
}

const TOOLS = '/tools?roles=';
const OBJECTS = '/objects?roles=';

function serveGet(operations: Operations, path: string, res: ServerResponse): void {
  switch (path) {
    case '/status': return answer(res, operations.status());
    case '/readiness': return answer(res, operations.readiness());
    case '/kills': return answer(res, operations.kills());
    case '/tools': return answer(res, operations.tools([]));
    case '/tail': return serveTail(operations, res);
    case '/metrics': {
      operations.metrics().then(
        (text) => res.writeHead(200, ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8']).end(text),
        () => refuse(res, { status: 500, code: 'unavailable', message: 'metrics are not available' }),
      );
      return;
    }
    default: {
      const list = [TOOLS, OBJECTS].find((one) => path.startsWith(one));
      const roles = list === undefined ? err(undefined) : rolesOf(path.slice(list.length));
      if (roles.ok) answer(res, list === TOOLS ? operations.tools(roles.value) : operations.objects(roles.value));
      else refuse(res, { status: 404, code: 'not_found', message: 'no such verb' });
    }
  }
}

/** Names separated by commas, each percent-encoded; empty text is no role. */
function rolesOf(text: string): Result<readonly string[], undefined> {
  try {
    return ok(text.split(',').filter((part) => part !== '').map(decodeURIComponent));
  } catch {
    return err(undefined);
  }
}

function answer(res: ServerResponse, value: unknown): void {
  res.writeHead(200, ['Content-Type', 'application/json', 'Cache-Control', 'no-store']);
  res.end(JSON.stringify(value));
}

function refuse(res: ServerResponse, fault: ControlFault): void {
  if (res.headersSent) return;
  res.writeHead(fault.status, ['Content-Type', 'application/json', 'Cache-Control', 'no-store']);
  res.end(JSON.stringify({ error: { code: fault.code, message: fault.message } }));
}
