// An agent that writes and reads the lines of stdio by hand: sees every byte, and may break every rule.
import { start, until, type Env, type Running } from './processes.ts';

export interface Line {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface LineAgent extends Disposable {
  readonly process: Running;
  /** An object is written as JSON-RPC; text as it stands, with a newline. */
  say(message: object | string): void;
  /** Every line of stdout, each of which must be JSON. */
  lines(): readonly Line[];
  /** The bytes of the answer with this id. */
  raw(id: unknown): string;
  answer(id: unknown): Promise<Line>;
  ask(id: unknown, method: string, params?: object): Promise<Line>;
}

export function startLines(argv: readonly string[], options: { readonly env: Env; readonly cwd: string }): LineAgent {
  const running = start(argv, options);
  const texts = (): readonly string[] => running.stdout().split('\n').slice(0, -1);
  const lines = (): readonly Line[] => texts().map((line): Line => JSON.parse(line));
  const isAnswer = (line: Line, id: unknown): boolean => line.id === id && line.method === undefined;
  const say: LineAgent['say'] = (message) => void running.child.stdin?.write(`${typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const answer: LineAgent['answer'] = async (id) => until(() => {
    if (running.hasEnded()) throw new Error(`it ended: ${running.stderr()}`);
    return lines().find((line) => isAnswer(line, id));
  }, `an answer to ${JSON.stringify(id)}`);
  return {
    process: running, say, lines, answer,
    raw: (id) => texts().find((text) => isAnswer(JSON.parse(text), id)) ?? '',
    ask: async (id, method, params) => {
      say({ id, method, ...(params === undefined ? {} : { params }) });
      return answer(id);
    },
    [Symbol.dispose]: () => running.signal('SIGKILL'),
  };
}

export const INITIALIZE = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'by hand', version: '1' } };

/** `params` of a request of the modern era. */
export function modern(params: object = {}, meta: object = {}): object {
  return {
    ...params,
    _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {}, ...meta },
  };
}
