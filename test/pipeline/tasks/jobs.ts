// A backend of either form whose tasks are moved on by hand, and agents of both forms before it.
import assert from 'node:assert/strict';
import { NO_CAPABILITIES, type ClientCapabilities, type Question } from '../../../src/core/capabilities.ts';
import type { Era } from '../../../src/core/call.ts';
import { backendId } from '../../../src/core/ids.ts';
import type { Answer } from '../../../src/core/inbound.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { BACKEND_LIMITS } from '../../../src/core/json/raw.ts';
import { scan, type RawJson } from '../../../src/core/json/scan.ts';
import type { BackendAnswer, BackendFault, BackendReply, CallIo, TaskStep } from '../../../src/core/ports.ts';
import { err, ok, type Result } from '../../../src/core/result.ts';
import type { BackendSettings, Settings } from '../../../src/core/settings.ts';
import { NO_OFFERS } from '../../support/offers.ts';
import { backendSettings, fakeBackend, okText, origin, parse, read, settings, world, type FakeBackend, type Message, type RespondStep, type World } from '../../support/world.ts';

export function raw(text: string): RawJson {
  const scanned = scan(text, BACKEND_LIMITS);
  if (!scanned.ok) throw new Error(text);
  return scanned.value;
}

export interface Job {
  readonly task: string;
  readonly args: RawJson | undefined;
  status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
  result: string;
  /** In place of a result. */
  error: { readonly code: number; readonly message: string } | undefined;
  questions: Readonly<Record<string, Question>>;
  /** What came of them: by key (extension), or in the order asked. */
  readonly answers: unknown[];
}

export const FORM: Question = { method: 'elicitation/create', params: toRaw({ message: 'Sure?', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } } } }) };
export const ACCEPT: { readonly action: string; readonly content: object } = { action: 'accept', content: { ok: true } };

export class Jobs {
  readonly era: Era;
  readonly all: Job[] = [];
  /** The answer in place of a task. */
  atOnce: RawJson | undefined;
  /** Calls without leave are refused. */
  only: boolean = false;
  ttl: number | null = 60_000;
  /** When its tasks say they began. */
  born: string = '2026-11-21T00:00:00Z';
  /** What neither form knows, and how the fields are written. */
  extra: string = '';
  /** Answers steps in place of the tasks. */
  instead: ((...given: Parameters<RespondStep>) => ReturnType<RespondStep> | undefined) | undefined;
  readonly #moved = new Set<() => void>();

  constructor(era: Era) {
    this.era = era;
  }

  get last(): Job {
    const job = this.all.at(-1);
    assert.ok(job);
    return job;
  }

  move(job: Job, to: Partial<Pick<Job, 'status' | 'result' | 'error' | 'questions'>>): void {
    job.status = to.status ?? job.status;
    job.result = to.result ?? job.result;
    job.error = to.error ?? job.error;
    job.questions = to.questions ?? job.questions;
    for (const wake of [...this.#moved]) wake();
  }

  backend(): FakeBackend {
    return fakeBackend('alpha', ({ call }) => {
      if (call.kind !== 'tool') return okText('no tool');
      if (this.atOnce !== undefined) return ok<BackendAnswer>({ kind: 'result', raw: this.atOnce });
      if (call.task === undefined) return this.only ? ok<BackendAnswer>({ kind: 'error', code: -32021, message: 'as a task only', data: toRaw({ requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } }) }) : okText('plain');
      const job: Job = { task: `job-${this.all.length + 1}`, args: call.args, status: 'working', result: '{"content":[{"type":"text","text":"done"}]}', error: undefined, questions: {}, answers: [] };
      this.all.push(job);
      return ok<BackendAnswer>({ kind: 'task', raw: this.era === 'modern' ? raw(`{"resultType":"task",${this.#fields(job)}}`) : raw(`{"task":{${this.#fields(job)}}}`) });
    }, (step, permit, io) => this.instead?.(step, permit, io) ?? this.#step(step, io));
  }

  #fields({ task, status }: Job): string {
    const words = this.era === 'modern' ? ['ttlMs', 'pollIntervalMs'] : ['ttl', 'pollInterval'];
    return `"taskId":"${task}","status":"${status}","createdAt":"${this.born}","lastUpdatedAt":"2026-11-21T00:00:01Z",${this.extra}"${words[0]}":${this.ttl},"${words[1]}":500`;
  }

  #told(job: Job): RawJson {
    const inlined = this.era === 'legacy' ? '' : job.status === 'input_required' ? `,"inputRequests":${JSON.stringify(Object.fromEntries(Object.entries(job.questions).map(([key, { method, params }]) => [key, { method, params: params === undefined ? undefined : parse(params) }])))}`
      : job.error !== undefined ? `,"error":${JSON.stringify(job.error)}` : job.status === 'completed' ? `,"result":${job.result}` : '';
    return raw(`{${this.era === 'modern' ? '"resultType":"complete",' : ''}${this.#fields(job)}${inlined}}`);
  }

  async #step(step: TaskStep, io: CallIo): Promise<Result<BackendReply, BackendFault>> {
    const job = this.all.find(({ task }) => task === step.task);
    if (job === undefined) return ok({ kind: 'error', code: -32602, message: `Task not found: ${step.task}`, data: undefined });
    switch (step.verb) {
      case 'get': return ok({ kind: 'result', raw: this.#told(job) });
      case 'result': return this.#end(job, io);
      case 'update':
        job.answers.push(parse(step.responses));
        this.move(job, { status: 'working', questions: {} });
        return ok({ kind: 'result', raw: toRaw({ resultType: 'complete' }) });
      case 'cancel':
        if (['completed', 'failed', 'cancelled'].includes(job.status)) return this.era === 'modern' ? ok({ kind: 'result', raw: toRaw({ resultType: 'complete' }) }) : ok({ kind: 'error', code: -32602, message: 'over', data: undefined });
        this.move(job, { status: 'cancelled' });
        return ok({ kind: 'result', raw: this.era === 'modern' ? toRaw({ resultType: 'complete' }) : this.#told(job) });
    }
  }

  /** `tasks/result` of 2025-11-25: asks what there is to ask, and waits. */
  async #end(job: Job, io: CallIo): Promise<Result<BackendReply, BackendFault>> {
    for (;;) {
      if (io.signal.aborted) return err({ code: 'cancelled' });
      if (job.status === 'input_required') {
        const { questions } = job;
        const replies = Object.values(questions).map((question) => io.ask?.(question, io.signal));
        for (const reply of replies) job.answers.push(await reply);
        if (!io.signal.aborted) this.move(job, { status: 'working', questions: {} });
      }
      if (job.status === 'cancelled') return ok({ kind: 'error', code: -32603, message: 'cancelled', data: undefined });
      if (job.error !== undefined) return ok({ kind: 'error', ...job.error, data: undefined });
      if (job.status === 'completed' || job.status === 'failed') return ok({ kind: 'result', raw: raw(job.result) });
      await new Promise<void>((resolve) => {
        this.#moved.add(resolve);
        io.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

export type Over = NonNullable<Parameters<World['ask']>[2]>;
const ELICITS: ClientCapabilities = { ...NO_CAPABILITIES, elicitForm: true };
/** The extension; 2025-11-25, which says so with each call; and agents that know no tasks. */
export const MODERN: Over = { origin: origin({ capabilities: { ...ELICITS, tasks: true } }) };
export const LEGACY: Over = { origin: origin({ era: 'legacy', version: '2025-11-25', capabilities: ELICITS }) };
export const PLAIN: Over = { origin: origin({ capabilities: ELICITS }) };
export const agentOf = (era: Era): Over => (era === 'modern' ? MODERN : LEGACY);

export interface TaskWorld {
  readonly w: World;
  readonly jobs: Jobs;
  readonly backend: FakeBackend;
}

/** A backend that may ask everything. */
export const asks: BackendSettings['asks'] = { elicitation: true, sampling: true, roots: true };

export type Support = 'optional' | 'required' | 'forbidden';

export function taskWorld(era: Era, over: Partial<Settings> = {}, support: Support = 'optional', deps: Parameters<typeof world>[0] = {}): TaskWorld {
  const w = world({
    ...deps,
    settings: settings({ backends: [backendSettings('alpha', { asks })], ...over }),
    tools: { alpha: [{ name: 'job', inputSchema: { type: 'object' }, execution: { taskSupport: support } }] },
    listings: { alpha: { era, version: era === 'modern' ? '2026-07-28' : '2025-11-25', offers: { ...NO_OFFERS, tasks: true } } },
  });
  const jobs = new Jobs(era);
  const backend = jobs.backend();
  w.backends.set(backendId('alpha'), backend);
  return { w, jobs, backend };
}

export const eraOf = ({ origin: from }: Over): Era => from?.era ?? 'modern';

export function call({ w }: Pick<TaskWorld, 'w'>, who: Over, args: unknown = {}, more: object = eraOf(who) === 'legacy' ? { task: {} } : {}): Promise<Answer> {
  return w.ask('tools/call', { name: 'alpha__job', arguments: args, ...more }, who);
}

/** The id of a task that was begun. */
export function idOf(answer: Answer): string {
  const { result } = read(answer);
  const task: unknown = result?.['resultType'] === 'task' ? result : result?.['task'];
  assert.ok(typeof task === 'object' && task !== null && 'taskId' in task && typeof task.taskId === 'string', answer.message);
  return task.taskId;
}

export async function begin(world_: Pick<TaskWorld, 'w'>, who: Over, args: unknown = {}): Promise<string> {
  return idOf(await call(world_, who, args));
}

export async function ask({ w }: Pick<TaskWorld, 'w'>, verb: 'get' | 'result' | 'update' | 'cancel' | 'list', who: Over, id?: string, more: object = {}): Promise<Message> {
  return read(await w.ask(`tasks/${verb}`, { ...(id === undefined ? {} : { taskId: id }), ...more }, who));
}

export const verbsOf = ({ steps }: FakeBackend): readonly string[] => steps.map(({ verb, task }) => `${verb} ${task}`);
