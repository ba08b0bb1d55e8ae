// The two dialects as a test speaks them over HTTP: a modern request with its mirror headers, and a legacy session.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type HttpSurface, startHttp } from '../../src/surfaces/mcp/http.ts';
import { type FakeIngress, fakeIngress, type FakeOptions } from './fake-ingress.ts';
import { ask, type Asking, type Reply } from './wire.ts';

export interface Listener {
  readonly port: number;
  readonly ingress: FakeIngress;
  readonly surface: HttpSurface;
}

export async function listener(t: TestContext, options: FakeOptions = {}): Promise<Listener> {
  const ingress = fakeIngress(options);
  const started = await startHttp(ingress, ingress.runtime.current().settings);
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  return { port: started.value.address.port, ingress, surface: started.value };
}

export const MODERN = '2026-07-28';

export function envelope(version: string = MODERN): Record<string, unknown> {
  return { 'io.modelcontextprotocol/protocolVersion': version, 'io.modelcontextprotocol/clientCapabilities': {}, 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' } };
}

export interface ModernRequest {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly id?: string | number;
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Asking['headers'];
  readonly lines?: readonly string[];
  readonly path?: string;
}

/** The HTTP request of a modern call; `headers` override its mirror headers. */
export function modern(port: number, { method, params, id, meta, headers, lines, path }: ModernRequest): Asking {
  const name = params?.['name'] ?? params?.['uri'] ?? params?.['taskId'];
  return {
    port,
    ...(path === undefined ? {} : { path }),
    headers: { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method, ...(typeof name === 'string' ? { 'Mcp-Name': name } : {}), ...headers },
    ...(lines === undefined ? {} : { lines }),
    body: JSON.stringify({ jsonrpc: '2.0', id: id ?? 1, method, params: { ...params, _meta: meta ?? envelope() } }),
  };
}

export interface LegacySession {
  readonly id: string;
  readonly version: string;
  readonly initialized: Reply;
  /** A request in the session. */
  request(method: string, params?: Readonly<Record<string, unknown>>, id?: string | number): Asking;
  notify(method: string, params?: Readonly<Record<string, unknown>>): Promise<Reply>;
  /** Posts any message, such as a response. */
  post(message: unknown): Promise<Reply>;
  with(headers: Asking['headers']): Asking;
}

export function initialize(port: number, version: string, headers: Asking['headers'] = {}, capabilities: object = {}): Promise<Reply> {
  const params = { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '1' } };
  return ask({ port, headers, body: JSON.stringify({ jsonrpc: '2.0', id: 'init', method: 'initialize', params }) });
}

export async function session(port: number, version: string = '2025-11-25', headers: Asking['headers'] = {}, capabilities: object = {}): Promise<LegacySession> {
  const initialized = await initialize(port, version, headers, capabilities);
  assert.equal(initialized.status, 200, initialized.text);
  const id = String(initialized.headers['mcp-session-id']);
  const base = (extra: Asking['headers'] = {}): Asking => ({ port, headers: { 'Mcp-Session-Id': id, 'MCP-Protocol-Version': version, ...headers, ...extra } });
  const opened: LegacySession = {
    id,
    version,
    initialized,
    request: (method, params, requestId) => ({ ...base(), body: JSON.stringify({ jsonrpc: '2.0', id: requestId ?? 1, method, ...(params === undefined ? {} : { params }) }) }),
    notify: (method, params) => ask({ ...base(), body: JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }) }),
    post: (message) => ask({ ...base(), body: JSON.stringify(message) }),
    with: base,
  };
  const accepted = await opened.notify('notifications/initialized');
  assert.equal(accepted.status, 202);
  return opened;
}

interface ErrorBody {
  readonly id: unknown;
  readonly code: unknown;
  readonly message: unknown;
  readonly data: unknown;
}

/** The JSON-RPC error in an answer; `id` undefined when the member is not there. */
export function errorOf(text: string): ErrorBody {
  const body: unknown = JSON.parse(text);
  assert.ok(typeof body === 'object' && body !== null && 'error' in body, text);
  const { error } = body;
  assert.ok(typeof error === 'object' && error !== null, text);
  const read = (key: string): unknown => Object.entries(error).find(([name]) => name === key)?.[1];
  return { id: 'id' in body ? body.id : undefined, code: read('code'), message: read('message'), data: read('data') };
}

export function resultOf(text: string): Readonly<Record<string, unknown>> {
  const body: unknown = JSON.parse(text);
  assert.ok(typeof body === 'object' && body !== null && 'result' in body && typeof body.result === 'object' && body.result !== null, text);
  return { ...body.result };
}

/** The text of the first content block. */
export function textOf(text: string): string {
  const content = resultOf(text)['content'];
  assert.ok(Array.isArray(content));
  const block: unknown = content[0];
  assert.ok(typeof block === 'object' && block !== null && 'text' in block && typeof block.text === 'string');
  return block.text;
}
