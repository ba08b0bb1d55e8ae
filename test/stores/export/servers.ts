// Receivers for the tests: real sockets on this machine, each with a temper.
import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTls, type TlsOptions, type TLSSocket } from 'node:tls';

/** Ends with the test, and whatever is still connected with it. */
function kept(t: TestContext, server: Server): Server {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  t.after(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return server;
}

async function listening(server: Server, path?: string): Promise<number> {
  await new Promise<void>((done) => (path === undefined ? server.listen(0, '127.0.0.1', done) : server.listen(path, done)));
  return path === undefined ? (server.address() as AddressInfo).port : 0;
}

/** What one connection said until it ended. */
export type Heard = string[];

/** Reads all, then closes its side: a good receiver. */
export function listener(heard: Heard): (socket: Socket) => void {
  return (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => {
      heard.push(Buffer.concat(chunks).toString('utf8'));
      socket.end();
    });
  };
}

export async function tlsServer(t: TestContext, options: TlsOptions, serve: (socket: TLSSocket) => void): Promise<number> {
  return listening(kept(t, createTls(options, serve)));
}

export async function tcpServer(t: TestContext, serve: (socket: Socket) => void, path?: string, pauseOnConnect: boolean = false): Promise<number> {
  return listening(kept(t, createTcp({ allowHalfOpen: true, pauseOnConnect }, serve)), path);
}

export interface Request {
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly body: string;
}

/** Collects the body first, then lets `answer` do as it likes. */
function collecting(requests: Request[], answer: (response: ServerResponse, request: Request, at: number) => void): RequestListener {
  return (message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('error', () => undefined);
    message.on('end', () => {
      const request = { headers: message.headers, url: message.url ?? '', body: Buffer.concat(chunks).toString('utf8') };
      requests.push(request);
      answer(response, request, requests.length);
    });
  };
}

export async function httpServer(t: TestContext, requests: Request[], answer: (response: ServerResponse, request: Request, at: number) => void): Promise<string> {
  return `http://127.0.0.1:${await listening(kept(t, createHttp(collecting(requests, answer))))}`;
}

export async function httpsServer(t: TestContext, options: TlsOptions, requests: Request[], answer: (response: ServerResponse, request: Request, at: number) => void): Promise<number> {
  return listening(kept(t, createHttps(options, collecting(requests, answer))));
}
