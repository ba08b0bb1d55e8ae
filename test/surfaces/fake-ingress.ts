// An Ingress of known behaviour for tests of the surfaces: two people with tokens, a few tools, everything it was told kept.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { AgentIo, Answer, Handle, Inbound, Ingress, ListName, RefusedRequest, Viewer } from '../../src/core/inbound.ts';
import type { Question, QuestionMethod, QuestionReply } from '../../src/core/capabilities.ts';
import { instant, roleName, timestamp } from '../../src/core/ids.ts';
import { arrayOf, objectOf, quote, toRaw } from '../../src/core/json/compose.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import { members, safeIntegerOf, stringOf } from '../../src/core/json/slice.ts';
import type { AuthFailure, Principal } from '../../src/core/principal.ts';
import { compilePattern, type Pattern } from '../../src/core/policy/globs.ts';
import { EMPTY_CATALOG } from '../../src/core/policy/catalog.ts';
import { err, ok } from '../../src/core/result.ts';
import type { Policy, Snapshot } from '../../src/core/snapshot.ts';
import type { BoundsSettings, GatewaySettings, Settings } from '../../src/core/settings.ts';
import { discoverResult, initializeResult, negotiatedVersion, type OfferedCapabilities } from '../../src/relay/hello.ts';
import { readLogLevel } from '../../src/relay/capabilities.ts';
import { META } from '../../src/relay/meta.ts';
import { notFound } from '../../src/pipeline/answer.ts';
import { isOffered, methodOf } from '../../src/relay/methods.ts';
import { ownResult } from '../../src/relay/results.ts';
import { errorMessage, notificationMessage, resultMessage } from '../../src/relay/rpc.ts';
import { testSettings } from './settings.ts';

const IDENTITY = { name: 'sentinel', title: 'Sentinel', version: '0.0.0' };
const HOUR = 3_600_000;
const DEVELOPER = roleName('developer');

function patternOf(text: string): Pattern {
  const compiled = compilePattern(text);
  if (!compiled.ok) throw new Error(`${text}: ${compiled.error.code}`);
  return compiled.value;
}

export const ALICE = 'alice.token.1';
export const ALICE_AGAIN = 'alice.token.2';
export const BOB = 'bob.token.1';
/** Verified only after a moment, like a token that is not cached yet. */
export const LATE_ALICE = 'late.alice.token';

const SUBJECTS: Readonly<Record<string, string>> = { [ALICE]: 'alice', [ALICE_AGAIN]: 'alice', [BOB]: 'bob', [LATE_ALICE]: 'alice' };

export function principalOf(token: string, subject: string): Principal {
  return {
    subject,
    roles: [DEVELOPER],
    scopes: [],
    issuer: 'test',
    tokenId: undefined,
    keyId: undefined,
    via: 'jwt',
    expiresAt: timestamp(Date.now() + HOUR),
    credential: createHash('sha256').update(token).digest('hex'),
  };
}

export interface Watcher {
  readonly viewer: Viewer;
  readonly changed: (list: ListName) => void;
}

export interface FakeIngress extends Ingress {
  readonly seen: Inbound[];
  /** The way back of each of them. */
  readonly ios: AgentIo[];
  readonly refused: RefusedRequest[];
  readonly watchers: Set<Watcher>;
  /** Reasons of the signals of calls that were cancelled, in order. */
  readonly cancelled: string[];
  readonly revoked: Set<string>;
  /** How often authenticate was asked. */
  authentications: number;
  change(settings: { readonly policy?: Partial<Policy>; readonly gateway?: Partial<GatewaySettings>; readonly bounds?: Partial<BoundsSettings> }): void;
}

export interface FakeOptions {
  readonly settings?: Settings;
  readonly handle?: Handle;
}

export function fakeIngress(options: FakeOptions = {}): FakeIngress {
  let snapshot = snapshotOf(options.settings ?? testSettings());
  const listeners = new Set<(next: Snapshot, previous: Snapshot) => void>();
  const cancelled: string[] = [];
  const revoked = new Set<string>();
  const fake: FakeIngress = {
    seen: [],
    ios: [],
    refused: [],
    watchers: new Set(),
    cancelled,
    revoked,
    authentications: 0,
    authenticator: {
      authenticate: (token) => {
        fake.authentications += 1;
        const subject = token === undefined ? undefined : SUBJECTS[token];
        if (token === undefined || subject === undefined) return err<AuthFailure>({ code: token === undefined ? 'missing' : 'signature', detail: 'test' });
        const principal = principalOf(token, subject);
        if (revoked.has(principal.credential)) return err<AuthFailure>({ code: 'revoked', detail: 'test' });
        return token === LATE_ALICE ? Promise.resolve(ok(principal)) : ok(principal);
      },
      recheck: (principal) => (revoked.has(principal.credential) ? { code: 'revoked', detail: 'test' } : undefined),
    },
    runtime: {
      current: () => snapshot,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    clock: { mono: () => instant(performance.now()), wall: () => timestamp(Date.now()) },
    random: { uuid: () => randomUUID(), token: (bytes) => randomBytes(bytes).toString('base64url'), float: () => 0.5 },
    handle: async (inbound, io) => {
      // As the pipeline has it, whatever a test answers with.
      if (!isOffered(inbound.method, inbound.origin.era)) return notFound(inbound);
      fake.seen.push(inbound);
      fake.ios.push(io);
      // A handle of the test's own says itself when it has decided.
      if (options.handle === undefined) io.begun?.();
      io.signal.addEventListener('abort', () => cancelled.push(String(io.signal.reason)));
      return (options.handle ?? answerTools)(inbound, io);
    },
    watch: (viewer, changed) => {
      const watcher = { viewer, changed };
      fake.watchers.add(watcher);
      return () => fake.watchers.delete(watcher);
    },
    refuse: (refused) => void fake.refused.push(refused),
    change: ({ policy, gateway, bounds }) => {
      const previous = snapshot;
      const { settings } = previous;
      snapshot = { ...previous, revision: previous.revision + 1, policy: policy === undefined ? previous.policy : { ...previous.policy, ...policy }, settings: { ...settings, gateway: { ...settings.gateway, ...gateway }, bounds: { ...settings.bounds, ...bounds } } };
      for (const listener of listeners) listener(snapshot, previous);
    },
  };
  return fake;
}

function snapshotOf(settings: Settings): Snapshot {
  return {
    revision: 1,
    configHash: 'test',
    settings,
    policy: { roles: new Map([[DEVELOPER, { name: DEVELOPER, mode: 'enforce', allow: [patternOf('*')], deny: [patternOf('secret/*')] }]]), kills: [], toolLimits: [], scopes: [] },
    catalog: EMPTY_CATALOG,
    down: new Set(),
  };
}

const OFFERED: OfferedCapabilities = { prompts: true, resources: true, subscribe: true, completions: true, logging: true, tasks: true, apps: false };

/**
 * Tools: `echo` gives its arguments back, `wait` answers after `ms`, `progress` tells `steps` steps first, `hang` never answers, `big` answers `bytes`,
 * `noise` (unlisted) tells `steps` steps with `padding` as fast as it can,
 * `ask` (unlisted) asks the agent `questions` at once and answers what it was told. Prompts and resources say who was asked for.
 */
export async function answerTools(inbound: Inbound, io: AgentIo): Promise<Answer> {
  const done = (body: RawJson, cacheable = false): Answer => ({ message: resultMessage(inbound.id, ownResult(inbound.origin.era, body, IDENTITY, cacheable)), status: 200 });
  switch (methodOf(inbound.method)?.plan) {
    case 'initialize': {
      const version = negotiatedVersion(inbound.params);
      if (version === undefined) return { message: errorMessage(inbound.id, -32602, 'Invalid initialize params'), status: 200 };
      return { message: resultMessage(inbound.id, initializeResult(version, IDENTITY, 'hello', OFFERED)), status: 200 };
    }
    case 'ping': return done(objectOf([]));
    case 'discover': return done(discoverResult('hello', OFFERED), true);
    case 'list_tools': return done(objectOf([['tools', arrayOf(TOOLS)]]), true);
    case 'listen': return listen(inbound, io);
    case 'call_tool': return call(inbound, io, done);
    case 'list_prompts': return done(objectOf([['prompts', arrayOf([])]]), true);
    case 'list_resources': return done(objectOf([['resources', arrayOf([])]]), true);
    case 'list_templates': return done(objectOf([['resourceTemplates', arrayOf([])]]), true);
    case 'get_prompt': return done(objectOf([['description', memberNamed(inbound, 'name')], ['messages', arrayOf([])]]));
    case 'read_resource': return done(objectOf([['contents', arrayOf([objectOf([['uri', memberNamed(inbound, 'uri')], ['text', quote('read')]])])]]), true);
    case 'complete': return done(objectOf([['completion', toRaw({ values: [] })]]));
    case 'set_level':
      return readLogLevel(members(inbound.params)?.get('level')) === undefined ? { message: errorMessage(inbound.id, -32602, 'Unknown level'), status: 200 } : done(objectOf([]));
    case 'subscribe':
    case 'unsubscribe': return done(objectOf([]));
    case 'task_get':
    case 'task_result':
    case 'task_update':
    case 'task_cancel': return done(objectOf([['taskId', memberNamed(inbound, 'taskId')]]));
    case 'list_tasks': return done(objectOf([['tasks', arrayOf([])]]));
    case undefined: return { message: errorMessage(inbound.id, -32601, 'the surface should have said this'), status: 500 };
  }
}

function memberNamed(inbound: Inbound, name: string): RawJson {
  return members(inbound.params)?.get(name) ?? quote('');
}

const TOOLS = ['echo', 'wait', 'progress', 'hang', 'big'].map((name) => toRaw({ name, description: name, inputSchema: { type: 'object' } }));

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}

async function listen(inbound: Inbound, io: AgentIo): Promise<Answer> {
  const tag = objectOf([[META.subscriptionId, inbound.id]]);
  io.notify(notificationMessage('notifications/subscriptions/acknowledged', objectOf([['notifications', toRaw({ toolsListChanged: true })], ['_meta', tag]])));
  await aborted(io.signal);
  return { message: resultMessage(inbound.id, objectOf([['resultType', quote('complete')], ['_meta', tag]])), status: 200 };
}

async function call(inbound: Inbound, io: AgentIo, done: (body: RawJson) => Answer): Promise<Answer> {
  const params = inbound.params === undefined ? undefined : members(inbound.params);
  const name = stringOf(params?.get('name') ?? quote(''));
  const args = members(params?.get('arguments') ?? objectOf([])) ?? new Map<string, RawJson>();
  const number = (key: string): number => safeIntegerOf(args.get(key) ?? toRaw(0)) ?? 0;
  const text = (said: string): Answer => done(objectOf([['content', arrayOf([objectOf([['type', quote('text')], ['text', quote(said)]])])]]));
  switch (name) {
    case 'echo': return text(params?.get('arguments') ?? 'none');
    case 'big': return text('x'.repeat(number('bytes')));
    case 'wait':
      await Promise.race([setTimeout(number('ms'), undefined, { signal: io.signal }).catch(() => undefined), aborted(io.signal)]);
      return text(params?.get('arguments') ?? 'none');
    case 'ask': return text(JSON.stringify(await askAll(io, number('questions') || 1)));
    case 'progress': {
      const token = members(params?.get('_meta') ?? objectOf([]))?.get('progressToken') ?? quote('none');
      for (let step = 1; step <= number('steps') && !io.signal.aborted; step += 1) {
        io.notify(notificationMessage('notifications/progress', objectOf([['progressToken', token], ['progress', toRaw(step)]])));
        await setTimeout(1);
      }
      return text('progressed');
    }
    case 'noise':
      for (let step = 1; step <= number('steps'); step += 1) {
        io.notify(notificationMessage('notifications/progress', objectOf([['progressToken', quote('p')], ['progress', toRaw(step)], ['message', args.get('padding') ?? quote('')]])));
        await setTimeout(0);
      }
      return text('said');
    case 'hang':
      await aborted(io.signal);
      return { message: undefined, status: 200 };
    default: return { message: errorMessage(inbound.id, -32602, `Unknown tool: ${name}`), status: 200 };
  }
}

export const ELICIT: Question = { method: 'elicitation/create', params: toRaw({ message: 'Merge?', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } }) };

export function question(method: QuestionMethod, params?: object): Question {
  return { method, params: params === undefined ? undefined : toRaw(params) };
}

const NEVER = new AbortController().signal;

function askAll(io: AgentIo, times: number): Promise<readonly (QuestionReply | 'cannot ask')[]> {
  return Promise.all(Array.from({ length: times }, async () => io.ask?.(ELICIT, NEVER) ?? 'cannot ask'));
}
