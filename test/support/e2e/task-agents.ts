// Agents that know tasks, and some that do not, as real peers have them: by hand in 2026-07-28, where no SDK has the extension, and the first
// SDK's client for 2025-11-25. One face for all, so that the same is asked of each.
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'mcp-sdk-v1/client/index.js';
import { StreamableHTTPClientTransport } from 'mcp-sdk-v1/client/streamableHttp.js';
import { ElicitRequestSchema, McpError, ResultSchema } from 'mcp-sdk-v1/types.js';
import { MODERN } from './clients.ts';

export type Body = Readonly<Record<string, unknown>>;
export type Said = { readonly kind: 'result'; readonly body: Body } | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: unknown };
/** `status`: of HTTP, where the agent sees it. */
export type Answered = Said & { readonly status?: number };

/** What was asked of the agent's user, as it came. */
export interface Question {
  readonly method: string;
  readonly params: Body;
}

export type Begun = { readonly kind: 'task'; readonly id: string; readonly task: Body } | Said;
/** How a task ended, in its own era's words. */
export interface Ended {
  readonly status: string;
  readonly said: Said | undefined;
}

export interface TaskAgent extends AsyncDisposable {
  readonly name: string;
  readonly era: 'modern' | 'legacy';
  /** Whether it asks for tasks, or declares that it can have them. */
  readonly tasks: boolean;
  /** Every question it was asked, in order. */
  readonly asked: readonly Question[];
  ask(method: string, params?: Body, headers?: Readonly<Record<string, string>>): Promise<Answered>;
  /** A call, as a task where this agent can have one; what is asked before there is a task is answered. */
  begin(tool: string, args?: Body): Promise<Begun>;
  /** Until it has ended; what is asked meanwhile is answered. */
  settle(id: string): Promise<Ended>;
}

export interface Reach {
  readonly url: string;
  readonly token?: string;
  readonly tasks: boolean;
  /** Of the user, to each question; without it there is none. */
  readonly user?: (question: Question) => Body;
}

export const TASKS = 'io.modelcontextprotocol/tasks';
export const RELATED = 'io.modelcontextprotocol/related-task';
const POLL_MS = 25;
const WHO = { name: 'task-agent', version: '1.0.0' };
const OVER: readonly unknown[] = ['completed', 'failed', 'cancelled'];

export const record = (value: unknown): Body => (typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {});
/** The text of a result of a tool. */
export const textOf = (body: Body): string => (Array.isArray(body['content']) ? body['content'] : []).map((block: unknown) => record(block)['text'] ?? '').join('\n');

export function modernEnvelope(tasks: boolean, elicitation: boolean): Body {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': WHO,
    'io.modelcontextprotocol/clientCapabilities': { ...(elicitation ? { elicitation: {} } : {}), ...(tasks ? { extensions: { [TASKS]: {} } } : {}) },
  };
}

/** One exchange of 2026-07-28. */
export async function postModern(reach: Pick<Reach, 'url' | 'token'>, message: Body, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  const params = record(message['params']);
  const name = params['name'] ?? params['taskId'] ?? params['uri'];
  const response = await fetch(reach.url, {
    method: 'POST',
    headers: {
      ...(reach.token === undefined ? {} : { Authorization: `Bearer ${reach.token}` }),
      'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': MODERN, 'Mcp-Method': String(message['method']),
      ...(typeof name === 'string' ? { 'Mcp-Name': name } : {}), ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
  const text = await response.text();
  const sent = /^\s*[[{]/.test(text) ? [text] : text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
  const answer = sent.map((one) => record(JSON.parse(one))).find((one) => one['result'] !== undefined || one['error'] !== undefined) ?? {};
  return { ...saidOf(answer), status: response.status };
}

export function saidOf(answer: Body): Said {
  if (answer['result'] !== undefined) return { kind: 'result', body: record(answer['result']) };
  const error = record(answer['error']);
  return { kind: 'error', code: Number(error['code']), message: String(error['message']), data: error['data'] };
}

export function modernAgent(reach: Reach): TaskAgent {
  const { user, tasks } = reach;
  const asked: Question[] = [];
  let last = 0;
  const ask: TaskAgent['ask'] = async (method, params = {}, headers = {}) =>
    postModern(reach, { id: (last += 1), method, params: { ...params, _meta: { ...modernEnvelope(tasks, user !== undefined), ...record(params['_meta']) } } }, headers);
  const answers = (requests: unknown): Body => Object.fromEntries(Object.entries(record(requests)).map(([key, one]) => {
    const question = { method: String(record(one)['method']), params: record(record(one)['params']) };
    asked.push(question);
    return [key, user?.(question) ?? { action: 'cancel' }];
  }));
  return {
    name: tasks ? '2026-07-28 with tasks' : '2026-07-28', era: 'modern', tasks, asked, ask,
    begin: async (name, args = {}) => {
      let said = await ask('tools/call', { name, arguments: args });
      while (said.kind === 'result' && said.body['resultType'] === 'input_required') {
        const { inputRequests, requestState } = said.body;
        said = await ask('tools/call', { name, arguments: args, inputResponses: answers(inputRequests), ...(requestState === undefined ? {} : { requestState }) });
      }
      return said.kind === 'result' && said.body['resultType'] === 'task' ? { kind: 'task', id: String(said.body['taskId']), task: said.body } : said;
    },
    settle: async (taskId) => {
      for (;;) {
        const said = await ask('tasks/get', { taskId });
        if (said.kind === 'error') return { status: 'refused', said };
        const { status, result, error, inputRequests } = said.body;
        if (OVER.includes(status)) return { status: String(status), said: result === undefined && error === undefined ? undefined : saidOf({ result, error }) };
        if (status === 'input_required') await ask('tasks/update', { taskId, inputResponses: answers(inputRequests) });
        await delay(POLL_MS);
      }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** `client`: for what the SDK does by itself. */
export async function legacyAgent(reach: Reach): Promise<TaskAgent & { readonly client: Client }> {
  const { user, tasks } = reach;
  const asked: Question[] = [];
  const transport = new StreamableHTTPClientTransport(new URL(reach.url), { requestInit: { headers: reach.token === undefined ? {} : { Authorization: `Bearer ${reach.token}` } } });
  const client = new Client(WHO, { capabilities: user === undefined ? {} : { elicitation: {} } });
  if (user !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
      const question = { method, params: { ...params } };
      asked.push(question);
      return { action: 'cancel', ...user(question) };
    });
  }
  await client.connect(transport);
  const ask: TaskAgent['ask'] = async (method, params = {}) => {
    try {
      return { kind: 'result', body: await client.request({ method, params: { ...params } }, ResultSchema) };
    } catch (error) {
      if (!(error instanceof McpError)) throw error;
      return { kind: 'error', code: error.code, message: error.message.replace(/^MCP error -?\d+: /, ''), data: error.data };
    }
  };
  return {
    name: tasks ? '2025-11-25 with tasks' : '2025-11-25', era: 'legacy', tasks, asked, ask, client,
    begin: async (name, args = {}) => {
      const said = await ask('tools/call', { name, arguments: args, ...(tasks ? { task: { ttl: 60_000 } } : {}) });
      const task = said.kind === 'result' ? record(said.body['task']) : {};
      return typeof task['taskId'] === 'string' ? { kind: 'task', id: task['taskId'], task } : said;
    },
    settle: async (taskId) => {
      const said = await ask('tasks/result', { taskId });
      const now = await ask('tasks/get', { taskId });
      return { status: now.kind === 'result' ? String(now.body['status']) : 'refused', said };
    },
    [Symbol.asyncDispose]: async () => {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}
