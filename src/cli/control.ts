// Asks a running gateway over its control socket (HTTP on a unix socket). One request, one answer; a gateway that is not there is a fault with a way out.
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ATTACH_PROTOCOL } from '../core/operations.ts';
import type { ExplainReport, ExplainRequest, KillReport, KillRequest, KillView, ObjectView, Readiness, ReadRequest, ReloadReport, RevokeRequest, StatusReport, ToolView } from '../core/operations.ts';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { messageIn } from '../core/thrown.ts';
import { printable } from '../core/text.ts';
import { daemonFault, refusedFault, unauthenticatedFault } from './faults.ts';
import type { Fault } from './verb.ts';

type Answer<T> = Promise<Result<T, Fault>>;

export interface Control {
  status(): Answer<StatusReport>;
  readiness(): Answer<Readiness>;
  kills(): Answer<readonly KillView[]>;
  tools(roles: readonly string[]): Answer<readonly ToolView[]>;
  objects(roles: readonly string[]): Answer<readonly ObjectView[]>;
  reload(by: string): Answer<ReloadReport>;
  kill(body: KillRequest): Answer<KillReport>;
  unkill(body: { readonly target: string; readonly reason: string; readonly by: string }): Answer<{ readonly removed: number; readonly revision: number }>;
  revoke(body: RevokeRequest): Answer<unknown>;
  rekey(by: string): Answer<unknown>;
  recordRead(body: ReadRequest): Answer<unknown>;
  explain(body: ExplainRequest): Answer<ExplainReport>;
  /** Follows until `signal` fires or the gateway goes; each line is one LiveEvent as JSON text. */
  tail(onLine: (line: string) => void, signal: AbortSignal): Answer<void>;
  /** The stdio surface of the running gateway: newline-delimited JSON both ways. */
  attach(token: string): Answer<Duplex>;
}

const ANSWER_MS = 15_000;
/** A reload may have to start backends before it answers. */
const RELOAD_MS = 60_000;
const ANSWER_BYTES = 16 * 1024 * 1024;

export function controlOf(socket: string): Control {
  const get = <T>(path: string, is: (value: unknown) => value is T): Answer<T> => exchange(socket, 'GET', path, undefined, ANSWER_MS, is);
  const post = <T>(path: string, body: unknown, is: (value: unknown) => value is T, within: number = ANSWER_MS): Answer<T> => exchange(socket, 'POST', path, body, within, is);
  return {
    status: () => get('/status', hasKeys<StatusReport>(['version', 'pid', 'endpoint', 'readiness', 'backends', 'kills'])),
    readiness: () => get('/readiness', hasKeys<Readiness>(['ready', 'conditions'])),
    kills: () => get('/kills', isList<KillView>(['scope', 'origin'])),
    tools: (roles) => get(`/tools?roles=${roles.map(encodeURIComponent).join(',')}`, isList<ToolView>(['name', 'target', 'visible'])),
    objects: (roles) => get(`/objects?roles=${roles.map(encodeURIComponent).join(',')}`, isList<ObjectView>(['kind', 'name', 'target', 'visible'])),
    reload: (by) => post('/reload', { by }, hasKeys<ReloadReport>(['ok', 'revision', 'changes', 'problems']), RELOAD_MS),
    kill: (body) => post('/kill', body, hasKeys<KillReport>(['id', 'cancelled', 'tools', 'known'])),
    unkill: (body) => post('/unkill', body, hasKeys<{ readonly removed: number; readonly revision: number }>(['removed'])),
    revoke: (body) => post('/revoke', body, isAnything),
    rekey: (by) => post('/rekey', { by }, isAnything),
    recordRead: (body) => post('/audit-read', body, isAnything),
    explain: (body) => post('/explain', body, hasKeys<ExplainReport>(['allowed', 'known', 'trail'])),
    tail: (onLine, signal) => follow(socket, onLine, signal),
    attach: (token) => attach(socket, token),
  };
}

/** Checks the keys a verb reads. Both ends are the same program; this catches a gateway of another version. */
function hasKeys<T>(keys: readonly string[]): (value: unknown) => value is T {
  return (value): value is T => typeof value === 'object' && value !== null && keys.every((key) => key in value);
}

function isList<T>(keys: readonly string[]): (value: unknown) => value is readonly T[] {
  const each = hasKeys<T>(keys);
  return (value): value is readonly T[] => Array.isArray(value) && value.every(each);
}

function isAnything(_value: unknown): _value is unknown {
  return true;
}

async function exchange<T>(socket: string, method: 'GET' | 'POST', path: string, body: unknown, within: number, is: (value: unknown) => value is T): Answer<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const sent = request({ socketPath: socket, host: 'localhost', method, path, headers, timeout: within });
  sent.on('timeout', () => sent.destroy(new Error(`no answer within ${within} ms`)));
  sent.end(text);
  const response = await responseOf(sent, socket);
  if (!response.ok) return response;
  const read = await bodyOf(response.value);
  if (!read.ok) return err(daemonFault(socket, read.error));
  if ((response.value.statusCode ?? 500) >= 400) return err(refusal(read.value, response.value.statusCode));
  const value = parsed(read.value);
  return is(value) ? ok(value) : err(refusedFault('the gateway answered in a form this version does not know', 'run the same version of sentinel as the gateway: sentinel status'));
}

function responseOf(sent: ClientRequest, socket: string): Answer<IncomingMessage> {
  return new Promise((resolve) => {
    sent.once('response', (response) => resolve(ok(response)));
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(err(connectFault(socket, error))));
  });
}

function connectFault(socket: string, error: NodeJS.ErrnoException): Fault {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    const fault = daemonFault(socket, 'permission denied');
    return { ...fault, help: 'the control socket belongs to the user that runs the gateway: run this as that user' };
  }
  if (error.code === 'ENOENT') return daemonFault(socket, 'there is no such socket');
  if (error.code === 'ECONNREFUSED') return daemonFault(socket, 'nothing listens on it');
  return daemonFault(socket, error.message);
}

async function bodyOf(response: IncomingMessage): Promise<Result<string, string>> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      size += bytes.length;
      if (size > ANSWER_BYTES) {
        response.destroy();
        return err(`the answer is larger than ${ANSWER_BYTES} bytes`);
      }
      chunks.push(bytes);
    }
  } catch (error) {
    return err(messageIn(error));
  }
  return ok(Buffer.concat(chunks).toString('utf8'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(text: string, status: number | undefined): Fault {
  const value = parsed(text);
  const inner = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  const message = typeof inner === 'object' && inner !== null && 'message' in inner ? inner.message : undefined;
  const said = typeof message === 'string' ? printable(message) : `the gateway refused (status ${status ?? 'unknown'})`;
  return status === 401 ? unauthenticatedFault(said) : refusedFault(said);
}

async function follow(socket: string, onLine: (line: string) => void, signal: AbortSignal): Answer<void> {
  const sent = request({ socketPath: socket, host: 'localhost', path: '/tail', signal });
  sent.end();
  const response = await responseOf(sent, socket);
  if (!response.ok) return signal.aborted ? ok(undefined) : response;
  let rest = '';
  response.value.setEncoding('utf8');
  try {
    for await (const chunk of response.value) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > ANSWER_BYTES) return err(daemonFault(socket, 'a line of the live tail never ended'));
      for (const line of lines) if (line !== '') onLine(line);
    }
  } catch {
    // falls through: whether this was our own signal or the gateway's end is told below
  }
  return signal.aborted ? ok(undefined) : err(daemonFault(socket, 'the gateway closed the live tail'));
}

function attach(socket: string, token: string): Answer<Duplex> {
  const headers = { connection: 'Upgrade', upgrade: ATTACH_PROTOCOL, authorization: `Bearer ${token}` };
  return new Promise((resolve) => {
    const sent = request({ socketPath: socket, host: 'localhost', path: '/attach', headers, timeout: ANSWER_MS });
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    sent.once('upgrade', (_response, stream, head) => {
      stream.setTimeout(0);
      if (head.length > 0) stream.unshift(head);
      resolve(ok(stream));
    });
    sent.once('response', (response) => {
      void bodyOf(response).then((read) => resolve(err(refusal(read.ok ? read.value : '', response.statusCode))));
    });
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(err(connectFault(socket, error))));
    sent.end();
  });
}
