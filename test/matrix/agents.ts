// The official clients as agents of one revision each, over HTTP and over stdio, that can be asked; behind one face, so that the matrix is written once.
import { Client as ClientV2, ProtocolError, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from 'mcp-sdk-v1/client/index.js';
import { StdioClientTransport as StdioV1 } from 'mcp-sdk-v1/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from 'mcp-sdk-v1/client/streamableHttp.js';
import type { Transport } from 'mcp-sdk-v1/shared/transport.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, isInitializeRequest, McpError, ResourceUpdatedNotificationSchema } from 'mcp-sdk-v1/types.js';
import type { Env } from '../support/e2e/processes.ts';
import type { Able, Legacy, Revision } from './verdicts.ts';

export type Way = { readonly via: 'http'; readonly url: string; readonly token: string } | { readonly via: 'stdio'; readonly argv: readonly string[]; readonly env: Env; readonly cwd: string };

/** What came back, in one line: the texts of a result, or an error's code and message. */
export interface Said {
  readonly kind: 'result' | 'tool error' | 'error';
  readonly text: string;
  readonly structured?: unknown;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number) => void;
}

export interface Agent extends AsyncDisposable {
  /** What was agreed. */
  readonly revision: string | undefined;
  /** Methods it was asked, oldest first. */
  readonly asked: readonly string[];
  /** Names of tools and prompts, URIs of resources and templates. */
  list(): Promise<readonly string[]>;
  call(name: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Said>;
  read(uri: string): Promise<Said>;
  prompt(name: string, args: Readonly<Record<string, string>>): Promise<Said>;
  complete(prompt: string, argument: string, value: string): Promise<Said>;
  /** URIs that were said to have changed. */
  readonly updated: readonly string[];
  /** The end of the subscription, or why there is none. */
  follow(uri: string): Promise<(() => Promise<unknown>) | Said>;
}

const WHO = { name: 'matrix', version: '1.0.0' };
const CALL_MS = 20_000;
const ELICITED = { action: 'accept', content: { ok: true } } as const;
const SAMPLED = { model: 'm', role: 'assistant', content: { type: 'text', text: 'spoken' } } as const;

/** Sampling and roots are as old as the table; elicitation came with 2025-06-18. */
function capabilitiesOf(revision: Revision, able: Able): { sampling?: Record<string, never>; roots?: Record<string, never>; elicitation?: Record<string, never> } {
  if (able === 'mute') return {};
  return { sampling: {}, roots: {}, ...(revision === '2025-03-26' ? {} : { elicitation: {} }) };
}

export async function connect(revision: Revision, able: Able, way: Way): Promise<Agent> {
  return revision === '2026-07-28' ? connectV2(able, way) : connectV1(revision, able, way);
}

interface Parts {
  readonly content?: readonly { readonly text?: string }[];
  readonly contents?: readonly { readonly text?: string }[];
  readonly messages?: readonly { readonly content: { readonly text?: string } }[];
  readonly completion?: { readonly values: readonly string[] };
  readonly isError?: boolean;
  readonly structuredContent?: unknown;
}

async function said(work: Promise<unknown>): Promise<Said> {
  try {
    const result = (await work) as Parts;
    const blocks = result.content ?? result.contents ?? result.messages?.map(({ content }) => content) ?? [];
    return { kind: result.isError === true ? 'tool error' : 'result', text: result.completion?.values.join(' ') ?? blocks.map(({ text }) => text ?? '').join(' '), ...(result.structuredContent === undefined ? {} : { structured: result.structuredContent }) };
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof McpError) return { kind: 'error', text: `${error.code} ${error.message.replace(/^MCP error -?\d+: /, '')}` };
    return { kind: 'error', text: String(error) };
  }
}

function own({ signal, onProgress }: CallOptions = {}): { timeout: number; signal?: AbortSignal; onprogress?: (progress: { progress: number }) => void } {
  return { timeout: CALL_MS, ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onprogress: ({ progress }: { progress: number }) => onProgress(progress) }) };
}

const headers = (way: Extract<Way, { via: 'http' }>): { requestInit: { headers: Record<string, string> } } => ({ requestInit: { headers: { Authorization: `Bearer ${way.token}` } } });

/** The first SDK offers its newest revision only; an older client is the same with another word in its first message. */
function pinned(transport: Transport, revision: Legacy): Transport {
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => send(isInitializeRequest(message) ? { ...message, params: { ...message.params, protocolVersion: revision } } : message, options);
  return transport;
}

async function connectV1(revision: Legacy, able: Able, way: Way): Promise<Agent> {
  const asked: string[] = [];
  const updated: string[] = [];
  const capabilities = capabilitiesOf(revision, able);
  const client = new ClientV1(WHO, { capabilities });
  if (capabilities.elicitation !== undefined) client.setRequestHandler(ElicitRequestSchema, () => (asked.push('elicitation/create'), { ...ELICITED }));
  if (capabilities.sampling !== undefined) client.setRequestHandler(CreateMessageRequestSchema, () => (asked.push('sampling/createMessage'), { ...SAMPLED }));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  let agreed: string | undefined;
  const transport = way.via === 'stdio' ? new StdioV1({ command: way.argv[0] ?? '', args: way.argv.slice(1), env: { ...way.env }, cwd: way.cwd }) : new HttpV1(new URL(way.url), headers(way));
  const told = pinned(transport, revision);
  const set = told.setProtocolVersion?.bind(told);
  told.setProtocolVersion = (version) => {
    agreed = version;
    set?.(version);
  };
  await client.connect(told);
  const close = async (): Promise<void> => {
    if (transport instanceof HttpV1) await transport.terminateSession().catch(() => undefined);
    await client.close();
  };
  return {
    revision: agreed, asked, updated,
    list: async () => {
      const [tools, prompts, resources, templates] = [await client.listTools(), await client.listPrompts(), await client.listResources(), await client.listResourceTemplates()];
      return [...[...tools.tools, ...prompts.prompts].map(({ name }) => name), ...resources.resources.map(({ uri }) => uri), ...templates.resourceTemplates.map(({ uriTemplate }) => uriTemplate)];
    },
    call: async (name, args, options) => said(client.callTool({ name, arguments: { ...args } }, undefined, own(options))),
    read: async (uri) => said(client.readResource({ uri }, own())),
    prompt: async (name, args) => said(client.getPrompt({ name, arguments: { ...args } }, own())),
    complete: async (name, argument, value) => said(client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } }, own())),
    follow: async (uri) => {
      const opened = await said(client.subscribeResource({ uri }, own()));
      return opened.kind === 'error' ? opened : async () => client.unsubscribeResource({ uri }, own());
    },
    [Symbol.asyncDispose]: close,
  };
}

async function connectV2(able: Able, way: Way): Promise<Agent> {
  const asked: string[] = [];
  const updated: string[] = [];
  const capabilities = capabilitiesOf('2026-07-28', able);
  const client = new ClientV2(WHO, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  if (capabilities.elicitation !== undefined) client.setRequestHandler('elicitation/create', () => (asked.push('elicitation/create'), { ...ELICITED }));
  if (capabilities.sampling !== undefined) client.setRequestHandler('sampling/createMessage', () => (asked.push('sampling/createMessage'), { ...SAMPLED }));
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void updated.push(params.uri));
  await client.connect(way.via === 'stdio' ? new StdioV2({ command: way.argv[0] ?? '', args: way.argv.slice(1), env: { ...way.env }, cwd: way.cwd }) : new HttpV2(new URL(way.url), headers(way)));
  return {
    revision: client.getNegotiatedProtocolVersion(), asked, updated,
    list: async () => {
      const [tools, prompts, resources, templates] = [await client.listTools(), await client.listPrompts(), await client.listResources(), await client.listResourceTemplates()];
      return [...[...tools.tools, ...prompts.prompts].map(({ name }) => name), ...resources.resources.map(({ uri }) => uri), ...templates.resourceTemplates.map(({ uriTemplate }) => uriTemplate)];
    },
    call: async (name, args, options) => said(client.callTool({ name, arguments: { ...args } }, own(options))),
    // What it has in its cache would say nothing about the gateway.
    read: async (uri) => said(client.readResource({ uri }, { ...own(), cacheMode: 'bypass' })),
    prompt: async (name, args) => said(client.getPrompt({ name, arguments: { ...args } }, own())),
    complete: async (name, argument, value) => said(client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } }, own())),
    follow: async (uri) => {
      const listening = await client.listen({ resourceSubscriptions: [uri] });
      if (listening.honoredFilter.resourceSubscriptions?.includes(uri) === true) return async () => listening.close();
      await listening.close();
      return { kind: 'error', text: 'not in what was acknowledged' };
    },
    [Symbol.asyncDispose]: async () => client.close(),
  };
}
