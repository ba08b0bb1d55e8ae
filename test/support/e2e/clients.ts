// MCP clients as agents have them: the SDK of the first generation, and of the second in both protocol eras, behind one small face.
import { Client as ClientV2, ProtocolError, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from 'mcp-sdk-v1/client/index.js';
import { StdioClientTransport as StdioV1 } from 'mcp-sdk-v1/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from 'mcp-sdk-v1/client/streamableHttp.js';
import { CallToolResultSchema, ListToolsResultSchema, McpError, ToolListChangedNotificationSchema } from 'mcp-sdk-v1/types.js';
import type { Env } from './processes.ts';

declare global {
  /** The first SDK's types name the browser's; Node's own types have it under another name. */
  type HeadersInit = NonNullable<RequestInit['headers']>;
}

export type Generation = 'v1' | 'v2-legacy' | 'v2-modern';
export const GENERATIONS: readonly Generation[] = ['v1', 'v2-legacy', 'v2-modern'];

export type Way =
  | { readonly via: 'http'; readonly url: string; readonly token: string; readonly onBytes?: (text: string) => void }
  | { readonly via: 'stdio'; readonly argv: readonly string[]; readonly env: Env; readonly cwd: string };

export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: object;
}

/** The answer to a call: a result, or the JSON-RPC error the server sent. */
export type Answer =
  | { readonly kind: 'result'; readonly isError: boolean; readonly text: string; readonly whole: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: unknown };

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number) => void;
}

export interface Peer extends AsyncDisposable {
  readonly generation: Generation;
  /** The protocol revision that was agreed. */
  readonly version: string;
  readonly serverName: string;
  /** Every page. */
  list(): Promise<readonly Tool[]>;
  page(cursor?: string): Promise<{ readonly tools: readonly Tool[]; readonly nextCursor: string | undefined }>;
  call(name: string, args?: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Answer>;
  ping(): Promise<void>;
  /** Times the server said that the list of tools changed. */
  changes(): number;
  /** The child of a stdio client. */
  readonly pid: number | undefined;
  stderr(): string;
  close(): Promise<void>;
}

const WHO = { name: 'e2e', version: '1.0.0' };
const CALL_MS = 60_000;
export const MODERN = '2026-07-28';

export async function connect(generation: Generation, way: Way): Promise<Peer> {
  return generation === 'v1' ? connectV1(way) : connectV2(generation, way);
}

function answerOf(result: unknown): Answer {
  const whole = result as Readonly<Record<string, unknown>>;
  const content = (whole['content'] ?? []) as readonly { readonly text?: string }[];
  return { kind: 'result', isError: whole['isError'] === true, text: content.map((block) => block.text ?? '').join('\n'), whole };
}

/** What the server sent as an error is an answer; everything else (transport, abort, validation) stays a throw. */
async function answered(work: Promise<unknown>): Promise<Answer> {
  try {
    return answerOf(await work);
  } catch (error) {
    if (error instanceof ProtocolError) return { kind: 'error', code: error.code, message: error.message, data: error.data };
    // -32000 and -32001 are what the first SDK calls its own lost connection, and its own timeout or abort; a gateway sends neither.
    const local = error instanceof McpError && (error.code === -32_000 || error.code === -32_001);
    if (error instanceof McpError && !local) return { kind: 'error', code: error.code, message: error.message.replace(/^MCP error -?\d+: /, ''), data: error.data };
    throw error;
  }
}

function requestInit(way: Extract<Way, { via: 'http' }>): { requestInit: { headers: Record<string, string> }; fetch: typeof fetch } {
  const tapped: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    way.onBytes?.([...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n'));
    if (way.onBytes === undefined || response.body === null) return response;
    const decoder = new TextDecoder();
    const tap = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        way.onBytes?.(decoder.decode(chunk, { stream: true }));
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(tap), response);
  };
  return { requestInit: { headers: { Authorization: `Bearer ${way.token}` } }, fetch: tapped };
}

async function connectV1(way: Way): Promise<Peer> {
  const stdio = way.via === 'stdio' ? new StdioV1({ command: way.argv[0] ?? '', args: way.argv.slice(1), env: { ...way.env }, cwd: way.cwd, stderr: 'pipe' }) : undefined;
  const transport = stdio ?? new HttpV1(new URL(way.via === 'http' ? way.url : ''), way.via === 'http' ? requestInit(way) : {});
  const client = new ClientV1(WHO, { capabilities: {} });
  let changes = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1));
  const stderr = collect(stdio?.stderr);
  await orExplain(client.connect(transport), stderr);
  const page: Peer['page'] = async (cursor) => {
    const listed = await client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } }, ListToolsResultSchema);
    return { tools: listed.tools, nextCursor: listed.nextCursor };
  };
  const close = async (): Promise<void> => {
    if (transport instanceof HttpV1) await transport.terminateSession().catch(() => undefined);
    await client.close();
  };
  return {
    generation: 'v1', version: (transport instanceof HttpV1 ? transport.protocolVersion : undefined) ?? 'legacy', serverName: client.getServerVersion()?.name ?? '', page,
    list: async () => allPages(page),
    call: async (name, args, options = {}) => answered(client.callTool({ name, ...(args === undefined ? {} : { arguments: args }) }, CallToolResultSchema, { timeout: CALL_MS, ...own(options) })),
    ping: async () => void (await client.ping()),
    changes: () => changes,
    pid: stdio?.pid ?? undefined,
    stderr,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function connectV2(generation: Exclude<Generation, 'v1'>, way: Way): Promise<Peer> {
  const modern = generation === 'v2-modern';
  const stdio = way.via === 'stdio' ? new StdioV2({ command: way.argv[0] ?? '', args: way.argv.slice(1), env: { ...way.env }, cwd: way.cwd, stderr: 'pipe' }) : undefined;
  const transport = stdio ?? new HttpV2(new URL(way.via === 'http' ? way.url : ''), way.via === 'http' ? requestInit(way) : {});
  const client = new ClientV2(WHO, { capabilities: {}, versionNegotiation: { mode: modern ? { pin: MODERN } : 'legacy' } });
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void (changes += 1));
  const stderr = collect(stdio?.stderr);
  await orExplain(client.connect(transport), stderr);
  const subscription = modern ? await client.listen({ toolsListChanged: true }) : undefined;
  const page: Peer['page'] = async (cursor) => {
    const listed = await client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } });
    return { tools: listed.tools, nextCursor: listed.nextCursor };
  };
  const close = async (): Promise<void> => {
    await subscription?.close();
    if (transport instanceof HttpV2 && !modern) await transport.terminateSession().catch(() => undefined);
    await client.close();
  };
  return {
    generation, version: client.getNegotiatedProtocolVersion() ?? '', serverName: client.getServerVersion()?.name ?? '', page,
    list: async () => allPages(page),
    call: async (name, args, options = {}) => answered(client.callTool({ name, ...(args === undefined ? {} : { arguments: { ...args } }) }, { timeout: CALL_MS, ...own(options) })),
    // The modern era has no ping; its cheapest question is who is there.
    ping: async () => void (await (modern ? client.discover() : client.ping())),
    changes: () => changes,
    pid: stdio?.pid ?? undefined,
    stderr,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function own({ signal, onProgress }: CallOptions): { signal?: AbortSignal; onprogress?: (progress: { progress: number }) => void } {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onprogress: ({ progress }: { progress: number }) => onProgress(progress) }),
  };
}

async function allPages(page: Peer['page']): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(cursor);
    tools.push(...next.tools);
    cursor = next.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

function collect(stream: { on(event: 'data', listener: (chunk: Buffer) => void): unknown } | null | undefined): () => string {
  let text = '';
  stream?.on('data', (chunk) => (text = (text + chunk.toString('utf8')).slice(-65_536)));
  return () => text;
}

async function orExplain(work: Promise<unknown>, stderr: () => string): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw stderr() === '' ? error : new Error(`${error instanceof Error ? error.message : String(error)}; its stderr: ${stderr()}`, { cause: error });
  }
}
