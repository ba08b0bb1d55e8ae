// The official requester of tasks, which speaks either form by itself (ext-tasks): over the second SDK's client, and in 2026-07-28, which that
// client has no words for, over exchanges by hand.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { MODERN } from './clients.ts';
import { modernEnvelope, postModern, record, type Answered, type Body, type Reach } from './task-agents.ts';
import { consent } from './task-world.ts';

/** What the tests use of the package. Its own types contradict each other under a strict compiler, so its name is not one the compiler follows. */
interface Requester {
  createTaskSessionFromClient(client: Client, options: SessionOptions): Session;
  createApplicationInputHandler(callbacks: { readonly [Kind in 'elicitation' | 'sampling' | 'roots']: (request: { readonly params: Body }) => object }): object;
}
interface SessionOptions {
  readonly endpointId: string;
  readonly onInputRequest: object;
  readonly v2RequestFraming?: { readonly protocolVersion: string; readonly clientInfo: object; readonly clientCapabilities: unknown };
  readonly rawDispatch?: (request: Body) => Promise<{ readonly kind: 'result'; readonly result: Body } | { readonly kind: 'error'; readonly error: object }>;
}
type Outcome = { readonly status: 'completed'; readonly result: unknown } | { readonly status: 'failed' | 'cancelled' };
interface Execution {
  settle(): Promise<{ readonly outcome: Outcome }>;
  cancel(): Promise<void>;
}
interface Session {
  callTool(name: string, args: object, options?: { readonly task: { readonly preference: 'prefer' } }): Promise<Execution>;
  close(): Promise<void>;
}

const PACKAGE: string = '@modelcontextprotocol/ext-tasks/client';

export interface TaskSession extends AsyncDisposable {
  readonly session: Session;
  /** What its user was asked. */
  readonly asked: readonly Body[];
}

const dispatched = (said: Answered): Awaited<ReturnType<NonNullable<SessionOptions['rawDispatch']>>> =>
  (said.kind === 'error' ? { kind: 'error', error: { code: said.code, message: said.message } } : { kind: 'result', result: said.body });

export async function taskSession(era: 'modern' | 'legacy', reach: Pick<Reach, 'url' | 'token'>): Promise<TaskSession> {
  const requester: Requester = await import(PACKAGE);
  const asked: Body[] = [];
  const modern = era === 'modern';
  const client = new Client({ name: 'ext-tasks', version: '1.0.0' }, { capabilities: { elicitation: {} }, versionNegotiation: { mode: modern ? { pin: MODERN } : 'legacy' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(reach.url), { requestInit: { headers: reach.token === undefined ? {} : { Authorization: `Bearer ${reach.token}` } } }));
  const { 'io.modelcontextprotocol/clientInfo': clientInfo, 'io.modelcontextprotocol/clientCapabilities': clientCapabilities } = modernEnvelope(true, true);
  let last = 0;
  const session = requester.createTaskSessionFromClient(client, {
    endpointId: reach.url,
    onInputRequest: requester.createApplicationInputHandler({
      elicitation: ({ params }) => {
        asked.push(params);
        return consent(params);
      },
      sampling: () => {
        throw new Error('no model');
      },
      roots: () => ({ roots: [] }),
    }),
    ...(modern ? {
      v2RequestFraming: { protocolVersion: MODERN, clientInfo: record(clientInfo), clientCapabilities },
      rawDispatch: async (request) => dispatched(await postModern(reach, { id: (last += 1), ...request })),
    } : {}),
  });
  return {
    session, asked,
    [Symbol.asyncDispose]: async () => {
      await session.close();
      await client.close();
    },
  };
}
