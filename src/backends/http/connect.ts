// Which era an HTTP backend speaks, and the handshake in it (CH3, CH5, CH12). Only answers are evidence of an era: no 401, 5xx or silence.
import { objectOf, withMembers } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import { type Mirror, readMirrors } from '../../core/mirrors.ts';
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { LATEST_MODERN } from '../../relay/versions.ts';
import type { BackendDeps } from '../deps.ts';
import { discoverParams, envelopeOf, initializeParams, judgeProbe, type Link, readInitialize } from '../handshake.ts';
import { readTools, toolName } from '../listing.ts';
import type { Manner, Reply } from './call.ts';
import type { HttpConversation } from './conversation.ts';

/** A backend that has been greeted. */
export interface HttpLink {
  readonly link: Link;
  readonly manner: Manner;
  /** `_meta` members of every request in this era. */
  readonly envelope: ReadonlyMap<string, RawJson>;
}

/** What was listed, with the headers its tools ask for. */
export interface HttpList {
  readonly tools: readonly RawJson[];
  readonly mirrors: ReadonlyMap<string, readonly Mirror[]>;
  readonly notes: readonly string[];
}

export interface ConnectInput {
  readonly conversation: HttpConversation;
  readonly settings: HttpBackendSettings;
  readonly deps: BackendDeps;
}

const FIRST_MODERN: Manner = { era: 'modern', version: LATEST_MODERN, session: undefined };
const FIRST_LEGACY: Manner = { era: 'legacy', version: undefined, session: undefined };
const NO_ENVELOPE: ReadonlyMap<string, RawJson> = new Map();

export type EraPlan = HttpBackendSettings['era'];

export async function connect(input: ConnectInput, plan: EraPlan): Promise<Result<HttpLink, BackendFault>> {
  if (plan === 'legacy') return initialize(input);
  const probed = await discover(input);
  if (probed !== 'legacy') return probed;
  return plan === 'modern' ? err({ code: 'protocol', detail: 'it does not speak the modern era it is pinned to' }) : initialize(input);
}

export async function say(input: ConnectInput, manner: Manner, method: string, params: RawJson, resultBytes: number): Promise<Reply> {
  const { timeoutMs } = input.settings;
  return input.conversation.ask({
    manner, method, name: undefined, params: () => params, extra: [], signal: undefined, onProgress: undefined,
    timeoutMs, maxTimeoutMs: timeoutMs, resultBytes, cancellable: method !== 'initialize',
  });
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
      return ok({ link, manner: { era: 'modern', version: link.version, session: undefined }, envelope: envelopeOf(link.version, deps.client) });
    }
  }
}

/** A refusal of the request itself, or an answer that is not one; not a refusal of us (401, 403, 429), not trouble (5xx, silence). */
function isEvidence(fault: BackendFault): boolean {
  if (fault.code === 'protocol') return true;
  return fault.code === 'http_status' && fault.status >= 400 && fault.status < 500 && fault.status !== 408 && fault.status !== 429;
}

async function initialize(input: ConnectInput): Promise<Result<HttpLink, BackendFault>> {
  const { conversation, deps } = input;
  const { asked, session } = await say(input, FIRST_LEGACY, 'initialize', initializeParams(deps.client), deps.limits.lineBytes);
  if (!asked.ok) return asked;
  const link = readInitialize(asked.value);
  if (!link.ok) return err({ code: 'protocol', detail: link.error });
  const manner: Manner = { era: 'legacy', version: link.value.version, session };
  await conversation.notify(manner, 'notifications/initialized');
  return ok({ link: link.value, manner, envelope: NO_ENVELOPE });
}

/** Modern tools whose header annotations break the rules are left out over HTTP (C14, T71). */
export async function list(input: ConnectInput, { link, manner, envelope }: HttpLink): Promise<Result<HttpList, BackendFault>> {
  if (!link.tools) return ok({ tools: [], mirrors: new Map(), notes: [] });
  const read = await readTools(async (params) => {
    const { asked, status } = await say(input, manner, 'tools/list', withEnvelope(params, envelope), input.deps.limits.lineBytes);
    return status === 404 && manner.session !== undefined && !asked.ok ? err(SESSION_LOST) : asked;
  }, input.deps.limits);
  if (!read.ok) return read;
  const tools: RawJson[] = [];
  const mirrors = new Map<string, readonly Mirror[]>();
  const notes = [...read.value.notes];
  for (const tool of read.value.tools) {
    const schema = link.era === 'modern' ? members(tool)?.get('inputSchema') : undefined;
    const found = schema === undefined ? ok([]) : readMirrors(schema);
    if (found.ok) {
      tools.push(tool);
      if (found.value.length > 0) mirrors.set(toolName(tool), found.value);
    } else notes.push(`tool ${toolName(tool).slice(0, 64)} is left out: ${found.error}`);
  }
  return ok({ tools, mirrors, notes });
}

export const SESSION_LOST: BackendFault = { code: 'not_ready', detail: 'the backend has forgotten the session; a new one is being opened' };

export function withEnvelope(params: RawJson, envelope: ReadonlyMap<string, RawJson>): RawJson {
  return envelope.size === 0 ? params : withMembers(params, { set: { _meta: objectOf(envelope) } });
}

