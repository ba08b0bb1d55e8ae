// `sentinel stdio` in front of a running gateway: an HTTP upgrade on the control socket, then newline-delimited JSON both
// ways. The token comes in a header and is checked before the switch, and again on every message.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Ingress } from '../../core/inbound.ts';
import { ATTACH_PROTOCOL } from '../../core/operations.ts';
import { bearerOf, readHeaders } from '../mcp/headers.ts';
import { serveStdio, type StdioSurface } from '../mcp/stdio.ts';

/** Adds the conversation to `open` for as long as it lasts. */
export async function serveAttach(ingress: Ingress, open: Set<StdioSurface>, max: number, req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  socket.on('error', () => socket.destroy());
  if (req.url !== '/attach' || req.method !== 'GET' || req.headers.upgrade !== ATTACH_PROTOCOL) return refuse(socket, '400 Bad Request', 'invalid', 'unknown upgrade');
  if (open.size >= max) return refuse(socket, '429 Too Many Requests', 'unavailable', 'too many agents are attached');
  const token = bearerOf(readHeaders(req.rawHeaders).authorization);
  const authenticated = await ingress.authenticator.authenticate(token);
  if (!authenticated.ok) {
    const { code } = authenticated.error;
    ingress.refuse({ surface: 'socket', peer: 'local', principal: undefined, method: undefined, name: undefined, reason: { code: 'unauthenticated', failure: code } });
    return refuse(socket, '401 Unauthorized', 'unauthorized', `the token was refused (${code})`);
  }
  // It left while its token was checked: its 'close' has been, so nobody would ever end what began now.
  if (socket.destroyed) return;
  if (open.size >= max) return refuse(socket, '429 Too Many Requests', 'unavailable', 'too many agents are attached');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${ATTACH_PROTOCOL}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  const surface = serveStdio(ingress, { input: socket, output: socket, token: () => token, peer: 'local', surface: 'socket' });
  open.add(surface);
  await surface.done;
  open.delete(surface);
  socket.end(() => socket.destroy());
}

function refuse(socket: Duplex, status: string, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message } });
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
