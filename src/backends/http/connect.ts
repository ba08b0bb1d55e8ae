// Which era an HTTP backend speaks, and the handshake in it (CH3–CH5, CH12). Only answers are evidence of an era: no 401, 5xx or silence.
import type { ServedCall } from '../../core/call.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import { type Mirror, readMirrors } from '../../core/mirrors.ts';
import type { BackendFault, CallIo } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { LATEST_MODERN } from '../../relay/versions.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import type { EraPlan } from '../era.ts';
import { discoverParams, initializeParams, judgeProbe, type Link, ownEnvelope, readInitialize, withEnvelope } from '../handshake.ts';
import { type Lists, readLists, toolName } from '../listing.ts';
import { SessionLevel } from '../logs.ts';
import type { Manner, Reply } from './ask.ts';
import type { HttpConversation } from './conversation.ts';
import { type EventLine, openEventLine } from './event-line.ts';

/** A backend that has been greeted. */
export interface HttpLink {
  readonly link: Link;
  readonly manner: Manner;
  /** `_meta` members of what the gateway asks for itself, in this era. */
  readonly envelope: ReadonlyMap<string, RawJson>;
  /** HTTP+SSE: the stream this link lives on; undefined elsewhere. */
  readonly line: EventLine | undefined;
  readonly level: SessionLevel;
}

/** What was listed, with the headers its tools ask for. */
export interface HttpList {
  readonly lists: Lists;
  readonly mirrors: ReadonlyMap<string, readonly Mirror[]>;
  readonly notes: readonly string[];
}

export interface ConnectInput {
  readonly conversation: HttpConversation;
  readonly settings: HttpBackendSettings;
  readonly deps: BackendDeps;
}

const LEVEL_MS = 2_000;
const FIRST_MODERN: Manner = { era: 'modern', version: LATEST_MODERN, session: undefined, endpoint: undefined };
const FIRST_LEGACY: Manner = { era: 'legacy', version: undefined, session: undefined, endpoint: undefined };

export async function connect(input: ConnectInput, plan: EraPlan): Promise<Result<HttpLink, BackendFault>> {
  if (plan === 'legacy') return greet(input);
  const probed = await discover(input);
  if (probed !== 'legacy') return probed;
  return plan === 'modern' ? err({ code: 'protocol', detail: 'it does not speak the modern era it is pinned to' }) : greet(input);
}

export async function say(input: ConnectInput, manner: Manner, method: string, params: RawJson, resultBytes: number, sent?: () => void): Promise<Reply> {
  const { timeoutMs } = input.settings;
  return input.conversation.ask({
    manner, method, name: undefined, params: () => params, extra: [], signal: undefined, onProgress: undefined, serving: undefined,
    timeoutMs, maxTimeoutMs: timeoutMs, resultBytes, cancellable: method !== 'initialize', sent,
  });
}

/** A legacy session is told how much to log. A backend that takes its time over it holds the call up only a little. */
export async function setLevel(input: ConnectInput, { link, manner, level: session }: HttpLink, call: ServedCall, io: CallIo): Promise<void> {
  const level = session.next(link, call, io);
  if (level === undefined) return;
  await settlesWithin(input.deps.timers, say(input, manner, 'logging/setLevel', toRaw({ level }), input.deps.limits.lineBytes), LEVEL_MS);
}

/** `legacy`: what came back is no modern answer, but an answer. */
export async function discover(input: ConnectInput, version: string = LATEST_MODERN, again: boolean = true): Promise<Result<HttpLink, BackendFault> | 'legacy'> {
  const { deps } = input;
  const { asked } = await say(input, { ...FIRST_MODERN, version }, 'server/discover', discoverParams(deps.client, version), deps.limits.lineBytes);
  if (!asked.ok) return isEvidence(asked.error) ? 'legacy' : asked;
  const verdict = judgeProbe(asked.value);
  switch (verdict.kind) {
    case 'legacy': return 'legacy';
    case 'fault': return err({ code: 'protocol', detail: verdict.detail });
    case 'retry': return again ? discover(input, verdict.version, false) : err({ code: 'protocol', detail: 'it refuses the revision it supports' });
    case 'modern': {
      const { link } = verdict;
      const manner: Manner = { ...FIRST_MODERN, version: link.version };
      return ok({ link, manner, envelope: ownEnvelope(link, deps.client), line: undefined, level: new SessionLevel() });
    }
  }
}

/** A refusal of the request itself, or an answer that is not one; not a refusal of us (401, 403, 429), not trouble (5xx, silence). */
function isEvidence(fault: BackendFault): boolean {
  if (fault.code === 'protocol') return true;
  return fault.code === 'http_status' && fault.status >= 400 && fault.status < 500 && fault.status !== 408 && fault.status !== 429;
}

async function greet(input: ConnectInput): Promise<Result<HttpLink, BackendFault>> {
  const linked = await initialize(input, undefined);
  if (linked.ok || !input.settings.sse || !isAbsent(linked.error)) return linked;
  const line = await openEventLine(input);
  // Where there is no such stream either, what the newer transport said is the better word.
  if (!line.ok) return line.error.code === 'http_status' ? linked : line;
  const older = await initialize(input, line.value);
  if (!older.ok) line.value.close();
  return older;
}

/** CH4: what a server of before Streamable HTTP says to a POST. */
function isAbsent(fault: BackendFault): boolean {
  return fault.code === 'http_status' && [400, 404, 405].includes(fault.status);
}

async function initialize(input: ConnectInput, line: EventLine | undefined): Promise<Result<HttpLink, BackendFault>> {
  const { conversation, deps } = input;
  const first = line?.first ?? FIRST_LEGACY;
  const { asked, session } = await say(input, first, 'initialize', initializeParams(deps.client, input.settings), deps.limits.lineBytes);
  if (!asked.ok) return asked;
  const link = readInitialize(asked.value);
  if (!link.ok) return err({ code: 'protocol', detail: link.error });
  const manner: Manner = { ...first, version: link.value.version, session: line === undefined ? session : undefined };
  line?.adopt(manner);
  await conversation.notify(manner, 'notifications/initialized');
  return ok({ link: link.value, manner, envelope: ownEnvelope(link.value, deps.client), line, level: new SessionLevel() });
}

/** Modern tools whose header annotations break the rules are left out over HTTP (C14, T71). */
export async function list(input: ConnectInput, { link, manner, envelope }: HttpLink): Promise<Result<HttpList, BackendFault>> {
  const read = await readLists(async (method, params) => {
    const { asked, status } = await say(input, manner, method, withEnvelope(params, envelope), input.deps.limits.lineBytes);
    return status === 404 && manner.session !== undefined && !asked.ok ? err(SESSION_LOST) : asked;
  }, link.offers, input.deps.limits);
  if (!read.ok) return read;
  const tools: RawJson[] = [];
  const mirrors = new Map<string, readonly Mirror[]>();
  const notes = [...read.value.notes];
  for (const tool of read.value.lists.tools) {
    const schema = link.era === 'modern' ? members(tool)?.get('inputSchema') : undefined;
    const found = schema === undefined ? ok([]) : readMirrors(schema);
    if (found.ok) {
      tools.push(tool);
      if (found.value.length > 0) mirrors.set(toolName(tool), found.value);
    } else notes.push(`tool ${toolName(tool).slice(0, 64)} is left out: ${found.error}`);
  }
  return ok({ lists: { ...read.value.lists, tools }, mirrors, notes });
}

export const SESSION_LOST: BackendFault = { code: 'not_ready', detail: 'the backend has forgotten the session; a new one is being opened' };

