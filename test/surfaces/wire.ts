// How tests speak to an HTTP listener: whole requests with exact headers, raw bytes on a socket, and event streams read as they come.
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { ALICE } from './fake-ingress.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface Asking {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  /** Replaces the default headers of the same name; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Further lines, name and value by turns. */
  readonly lines?: readonly string[];
  readonly body?: string | Buffer;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  'Host': 'localhost',
  'Authorization': `Bearer ${ALICE}`,
  'Content-Type': 'application/json',
  'Accept': 'application/json, text/event-stream',
};

function headerLines({ headers, lines, body }: Asking): string[] {
  const all = new Map<string, string>(Object.entries(DEFAULTS));
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === undefined) all.delete(name);
    else all.set(name, value);
  }
  if (body !== undefined) all.set('Content-Length', String(Buffer.byteLength(body)));
  return [...[...all].flat(), ...(lines ?? [])];
}

/** One request, its whole answer. */
export function ask(asking: Asking): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: asking.port, method: asking.method ?? 'POST', path: asking.path ?? '/mcp', headers: headerLines(asking), agent: false, setHost: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    sent.end(asking.body);
  });
}

export interface OpenStream {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Everything received so far. */
  text(): string;
  /** The `data:` payloads received so far. */
  events(): unknown[];
  /** Waits until the text holds this, or fails after two seconds. */
  until(part: string): Promise<void>;
  readonly ended: Promise<void>;
  pause(): void;
  /** Cuts the connection. */
  cut(): void;
}

/** A request whose answer is read while it comes. */
export function openStream(asking: Asking): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: asking.port, method: asking.method ?? 'POST', path: asking.path ?? '/mcp', headers: headerLines(asking), agent: false, setHost: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      const waiters = new Set<() => void>();
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        for (const wake of waiters) wake();
      });
      response.on('error', () => undefined);
      const ended = new Promise<void>((done) => response.on('close', () => done()));
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: () => text,
        events: () => text.split('\n').filter((line) => line.startsWith('data: ') && line.length > 6).map((line): unknown => JSON.parse(line.slice(6))),
        until: (part) => waitFor(() => text.includes(part), waiters, () => `waited for ${part}, got ${text}`),
        ended,
        pause: () => void response.pause(),
        cut: () => sent.destroy(),
      });
    });
    sent.end(asking.body);
  });
}

async function waitFor(met: () => boolean, waiters: Set<() => void>, why: () => string): Promise<void> {
  if (met()) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      waiters.delete(check);
      reject(new Error(why()));
    }, 2000);
    const check = (): void => {
      if (!met()) return;
      clearTimeout(timer);
      waiters.delete(check);
      resolve();
    };
    waiters.add(check);
  });
}

/** Waits until something is so. */
export async function eventually(met: () => boolean, what: string): Promise<void> {
  const until = Date.now() + 3000;
  while (!met()) {
    if (Date.now() > until) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface RawReply {
  readonly text: string;
  /** The first status line's number; 0 when nothing came. */
  readonly status: number;
  /** The server closed the connection by itself. */
  readonly closed: boolean;
}

function isWhole(text: string): boolean {
  const split = text.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
  // A server that says that it will close is given the time to do so.
  return split >= 0 && length !== undefined && text.length - split - 4 >= Number(length) && !/\r\nconnection: close\r\n/i.test(text);
}

/** Bytes as they are; reads until the server closes, or until a whole answer and a little silence. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<RawReply> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const settle = (closed: boolean): void => {
      clearTimeout(silence);
      socket.destroy();
      resolve({ text, status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), closed });
    };
    let silence = setTimeout(() => settle(false), 1500);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      clearTimeout(silence);
      silence = setTimeout(() => settle(false), isWhole(text) ? 20 : 1000);
    });
    socket.on('close', () => settle(true));
    socket.on('error', () => undefined);
    socket.write(bytes);
  });
}
