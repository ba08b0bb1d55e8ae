// What is said first, and what the answers mean: the era, the revision and the offer of a backend. Words only; each transport sends them itself.
// Sources: MCP 2026-07-28 versioning (discover, -32022), MCP 2025-11-25 lifecycle (initialize).
import type { LogLevel } from '../core/capabilities.ts';
import type { ClientInfo, Era } from '../core/call.ts';
import type { ListName } from '../core/inbound.ts';
import { objectOf, quote, toRaw, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendReply, BackendOffers } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import { APPS_EXTENSION, declaredCapabilities, EVERY_CAPABILITY, SHOWS_APPS_ONLY, TASKS_EXTENSION } from '../relay/capabilities.ts';
import { META } from '../relay/meta.ts';
import { CODE } from '../relay/rpc.ts';
import { eraOf, isSince, LATEST_LEGACY, LATEST_MODERN, LEGACY_VERSIONS, MODERN_VERSIONS, type Spoken } from '../relay/versions.ts';
import { shortText } from './text.ts';

/** What was agreed with a backend, and what it said about itself. */
export interface Link {
  readonly era: Era;
  readonly version: string;
  /** Name and version it claims. Untrusted. */
  readonly server: string;
  readonly instructions: string | undefined;
  readonly offers: BackendOffers;
  /** The lists whose changes it announces. */
  readonly changes: Readonly<Record<ListName, boolean>>;
}

/** Published servers of the first revision serve tools unchanged; agents are never offered it. */
const ACCEPTED_LEGACY: readonly string[] = [...LEGACY_VERSIONS, '2024-11-05'];
const INSTRUCTIONS_CHARS = 16 * 1024;

const NOTHING_TO_ASK = toRaw({});

/** Whether the operator or an agent has an answer to `roots/list`. */
export function answersRoots({ asks, roots }: Pick<BackendSettings, 'asks' | 'roots'>): boolean {
  return asks.roots || roots.length > 0;
}

export function initializeParams(client: ClientInfo, settings: Pick<BackendSettings, 'asks' | 'roots'>): RawJson {
  return objectOf([
    ['protocolVersion', quote(LATEST_LEGACY)],
    ['capabilities', declaredCapabilities({ ...settings.asks, roots: answersRoots(settings) }, EVERY_CAPABILITY)],
    ['clientInfo', toRaw({ name: client.name, version: client.version })],
  ]);
}

/** The `_meta` members every modern request carries. What the gateway asks for itself claims no capability: nobody could be asked. */
export function envelopeOf(version: string, client: ClientInfo, capabilities: RawJson = NOTHING_TO_ASK, logLevel?: LogLevel): ReadonlyMap<string, RawJson> {
  const envelope = new Map<string, RawJson>([
    [META.protocolVersion, quote(version)],
    [META.clientInfo, toRaw({ name: client.name, version: client.version })],
    [META.clientCapabilities, capabilities],
  ]);
  if (logLevel !== undefined) envelope.set(META.logLevel, quote(logLevel));
  return envelope;
}

const NO_ENVELOPE: ReadonlyMap<string, RawJson> = new Map();

/** The envelope of what the gateway asks for itself, in the era of this link. Of a server with apps it lists what it shows to agents that have them. */
export function ownEnvelope({ era, version, offers }: Link, client: ClientInfo): ReadonlyMap<string, RawJson> {
  return era === 'modern' ? envelopeOf(version, client, offers.apps ? SHOWS_APPS_ONLY : NOTHING_TO_ASK) : NO_ENVELOPE;
}

export function withEnvelope(params: RawJson, envelope: ReadonlyMap<string, RawJson>): RawJson {
  return envelope.size === 0 ? params : withMembers(params, { set: { _meta: objectOf(envelope) } });
}

export function discoverParams(client: ClientInfo, version: string = LATEST_MODERN): RawJson {
  return objectOf([['_meta', objectOf(envelopeOf(version, client))]]);
}

/** A counter-offer is taken when it is a revision we know, else the backend is left alone (CH12). */
export function readInitialize(answer: BackendReply): Result<Link, string> {
  if (answer.kind === 'error') return err(`initialize was refused: ${answer.code} ${shortText(answer.message, 200)}`);
  const all = members(answer.raw);
  const version = stringOf(all?.get('protocolVersion'));
  if (all === undefined || version === undefined || !ACCEPTED_LEGACY.includes(version)) {
    return err(`initialize was answered with the unknown revision ${shortText(version ?? '', 40)}`);
  }
  return ok({ era: 'legacy', version, ...offerOf({ era: 'legacy', version }, all, all.get('serverInfo')) });
}

export type ProbeVerdict =
  | { readonly kind: 'modern'; readonly link: Link }
  /** It does not know `server/discover`. */
  | { readonly kind: 'legacy' }
  | { readonly kind: 'retry'; readonly version: string }
  | { readonly kind: 'fault'; readonly detail: string };

const LEGACY: ProbeVerdict = { kind: 'legacy' };

/** Falling back is never keyed to one error code (CI1); only errors that a modern server alone can send prevent it (C4). */
export function judgeProbe(answer: BackendReply): ProbeVerdict {
  if (answer.kind === 'error') return judgeProbeError(answer.code, answer.data);
  const all = members(answer.raw);
  const versions = stringsOf(all?.get('supportedVersions'));
  const version = MODERN_VERSIONS.find((known) => versions.includes(known));
  if (all === undefined || version === undefined) return LEGACY;
  const server = members(all.get('_meta'))?.get(META.serverInfo);
  return { kind: 'modern', link: { era: 'modern', version, ...offerOf({ era: 'modern', version }, all, server) } };
}

function judgeProbeError(code: number, data: RawJson | undefined): ProbeVerdict {
  if (code === CODE.missingCapability) return { kind: 'fault', detail: 'it asks for a client capability before it says what it is' };
  if (code !== CODE.unsupportedVersion) return LEGACY;
  const supported = supportedVersions(data);
  const version = MODERN_VERSIONS.find((known) => supported.includes(known));
  if (version !== undefined) return { kind: 'retry', version };
  if (supported.some((offered) => eraOf(offered) === 'legacy')) return LEGACY;
  return { kind: 'fault', detail: 'no protocol revision in common' };
}

/** `data.supported` of -32022. */
function supportedVersions(data: RawJson | undefined): readonly string[] {
  return stringsOf(members(data)?.get('supported'));
}

function offerOf({ era, version }: Spoken, all: ReadonlyMap<string, RawJson>, server: RawJson | undefined): Omit<Link, 'era' | 'version'> {
  const capabilities = members(all.get('capabilities'));
  const tools = members(capabilities?.get('tools'));
  const prompts = members(capabilities?.get('prompts'));
  const resources = members(capabilities?.get('resources'));
  const info = members(server);
  const extensions = members(capabilities?.get('extensions'));
  const has = (name: string): boolean => isObject(capabilities?.get(name));
  return {
    server: shortText(`${stringOf(info?.get('name')) ?? ''} ${stringOf(info?.get('version')) ?? ''}`, 120),
    instructions: stringOf(all.get('instructions'))?.slice(0, INSTRUCTIONS_CHARS),
    offers: {
      tools: tools !== undefined,
      prompts: prompts !== undefined,
      resources: resources !== undefined,
      subscribe: resources?.get('subscribe') === 'true',
      completions: has('completions'),
      logging: has('logging'),
      tasks: era === 'modern' ? isObject(extensions?.get(TASKS_EXTENSION)) : isSince(version, '2025-11-25') && isObject(inside(capabilities, 'tasks', 'requests', 'tools', 'call')),
      apps: isObject(extensions?.get(APPS_EXTENSION)),
    },
    changes: { tools: announces(tools), prompts: announces(prompts), resources: announces(resources) },
  };
}

function inside(all: ReadonlyMap<string, RawJson> | undefined, ...path: readonly string[]): RawJson | undefined {
  const [first = '', ...rest] = path;
  const value = all?.get(first);
  return rest.length === 0 ? value : inside(members(value), ...rest);
}

function announces(options: ReadonlyMap<string, RawJson> | undefined): boolean {
  return options?.get('listChanged') === 'true';
}

function isObject(raw: RawJson | undefined): boolean {
  return raw !== undefined && kindOf(raw) === 'object';
}

function stringsOf(raw: RawJson | undefined): readonly string[] {
  return (elements(raw) ?? []).flatMap((item) => stringOf(item) ?? []);
}

/** Whether it announces changes of any list. */
export function announcesChanges({ changes }: Link): boolean {
  return changes.tools || changes.prompts || changes.resources;
}

/** The list that a notification says has changed. */
export function changedList(method: string): ListName | undefined {
  switch (method) {
    case 'notifications/tools/list_changed': return 'tools';
    case 'notifications/prompts/list_changed': return 'prompts';
    case 'notifications/resources/list_changed': return 'resources';
    default: return undefined;
  }
}
