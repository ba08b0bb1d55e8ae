// The curious stdio server behind a backend, and what tests of its questions, logs and follows need.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { BackendLimits } from '../../src/backends/deps.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import { NO_CAPABILITIES, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import type { CallOrigin, ToolCall } from '../../src/core/call.ts';
import type { Backend, CallIo } from '../../src/core/ports.ts';
import type { StdioBackendSettings } from '../../src/core/settings.ts';
import { io, json, permit, recorded, type Recorded, stdioSettings, textOf, toolCall, until } from './support.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/backends/curious.ts');

export interface Curious extends Recorded {
  readonly backend: Backend;
  readonly ready: () => Promise<void>;
  /** A call of the one tool, `args.what` says what it does; the text it answered. */
  readonly does: (args: Readonly<Record<string, unknown>>, own?: Partial<CallIo>, over?: Partial<ToolCall>) => Promise<string>;
  /** What the server was sent, requests as method and params. */
  readonly seen: () => Promise<readonly string[]>;
}

export async function curious(flags: readonly string[], settings: Partial<StdioBackendSettings>, body: (run: Curious) => Promise<void>, limits: Partial<BackendLimits> = {}): Promise<void> {
  const recording = recorded(limits);
  const backend = createStdioBackend(stdioSettings([], { args: [FIXTURE, ...flags], stopMs: 1_000, ...settings }), recording.deps);
  const does: Curious['does'] = async (args, own = {}, over = {}) => {
    const result = await backend.call(permit('do', args, over), io(own));
    assert.ok(result.ok && result.value.kind === 'result', JSON.stringify(result));
    return textOf(result.value.raw);
  };
  const ready = async (): Promise<void> => until(() => backend.status().state === 'ready', `ready: ${JSON.stringify(backend.status())}`);
  const seen = async (): Promise<readonly string[]> => JSON.parse(await does({ what: 'seen' }));
  backend.start();
  try {
    await ready();
    await body({ ...recording, backend, ready, does, seen });
  } finally {
    await backend.stop();
    recording.watchdog.close();
  }
}

export const ACCEPT: QuestionReply = { kind: 'result', raw: json({ action: 'accept', content: { n: 1 } }) };

export interface Agent {
  readonly asked: Question[];
  readonly ask: NonNullable<CallIo['ask']>;
}

/** Says the same to everything. */
export function agent(reply: QuestionReply = ACCEPT): Agent {
  const asked: Question[] = [];
  return {
    asked,
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(reply);
    },
  };
}

/** Keeps still until told what to say; `given` fires when it need not any more. */
export function slowAgent(): Agent & { readonly say: (reply: QuestionReply) => void; readonly given: () => boolean } {
  const asked: Question[] = [];
  const { promise, resolve } = Promise.withResolvers<QuestionReply>();
  let given = false;
  return {
    asked,
    say: resolve,
    given: () => given,
    ask: (question, signal) => {
      asked.push(question);
      signal.addEventListener('abort', () => {
        given = true;
      });
      return promise;
    },
  };
}

/** A call of somebody else. */
export function of(subject: string): Partial<ToolCall> {
  return { principal: { ...toolCall('do').principal, subject } };
}

export function origin(over: Partial<CallOrigin>): Partial<ToolCall> {
  return { origin: { ...toolCall('do').origin, capabilities: NO_CAPABILITIES, ...over } };
}
