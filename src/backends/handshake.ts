// What is said first, and what the answers mean: the era, the revision and the offer of a backend. Words only; each transport sends them itself.
// Sources: MCP 2026-07-28 versioning (discover, -32022), MCP 2025-11-25 lifecycle (initialize).
import type { ClientInfo, Era } from '../core/call.ts';
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, members, stringOf } from '../core/json/slice.ts';
import type { BackendAnswer } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { META } from '../relay/meta.ts';
import { CODE } from '../relay/rpc.ts';
import { eraOf, LATEST_LEGACY, LATEST_MODERN, LEGACY_VERSIONS, MODERN_VERSIONS } from '../relay/versions.ts';
import { shortText } from './text.ts';

/** What was agreed with a backend, and what it said about itself. */
export interface Link {
  readonly era: Era;
  readonly version: string;
  /** Name and version it claims. Untrusted. */
  readonly server: string;
  readonly instructions: string | undefined;
  readonly tools: boolean;
  /** It announces changes of its tool list. */
  readonly listChanged: boolean;
}

/** Published servers of the first revision serve tools unchanged; agents are never offered it. */
const ACCEPTED_LEGACY: readonly string[] = [...LEGACY_VERSIONS, '2024-11-05'];
const INSTRUCTIONS_CHARS = 16 * 1024;

export function initializeParams(client: ClientInfo): RawJson {
  return toRaw({ protocolVersion: LATEST_LEGACY, capabilities: {}, clientInfo: { name: client.name, version: client.version } });
}

/** The `_meta` members every modern request carries. No capability is claimed, so no correct server asks anything of us. */
export function envelopeOf(version: string, client: ClientInfo): ReadonlyMap<string, RawJson> {
  return new Map([
    [META.protocolVersion, quote(version)],
    [META.clientInfo, toRaw({ name: client.name, version: client.version })],
    [META.clientCapabilities, toRaw({})],
  ]);
}

export function discoverParams(client: ClientInfo, version: string = LATEST_MODERN): RawJson {
  return objectOf([['_meta', objectOf(envelopeOf(version, client))]]);
}

/** A counter-offer is taken when it is a revision we know, else the backend is left alone (CH12). */
export function readInitialize(answer: BackendAnswer): Result<Link, string> {
  if (answer.kind === 'error') return err(`initialize was refused: ${answer.code} ${shortText(answer.message, 200)}`);
  const all = members(answer.raw);
  const version = stringOf(all?.get('protocolVersion'));
  if (all === undefined || version === undefined || !ACCEPTED_LEGACY.includes(version)) {
    return err(`initialize was answered with the unknown revision ${shortText(version ?? '', 40)}`);
  }
  return ok({ era: 'legacy', version, ...offerOf(all, all.get('serverInfo')) });
}

export type ProbeVerdict =
  | { readonly kind: 'modern'; readonly link: Link }
  /** It does not know `server/discover`. */
  | { readonly kind: 'legacy' }
  | { readonly kind: 'retry'; readonly version: string }
  | { readonly kind: 'fault'; readonly detail: string };

const LEGACY: ProbeVerdict = { kind: 'legacy' };

/** Falling back is never keyed to one error code (CI1); only errors that a modern server alone can send prevent it (C4). */
export function judgeProbe(answer: BackendAnswer): ProbeVerdict {
  if (answer.kind === 'error') return judgeProbeError(answer.code, answer.data);
  const all = members(answer.raw);
  const versions = stringsOf(all?.get('supportedVersions'));
  const version = MODERN_VERSIONS.find((known) => versions.includes(known));
  if (all === undefined || version === undefined) return LEGACY;
  const server = members(all.get('_meta'))?.get(META.serverInfo);
  return { kind: 'modern', link: { era: 'modern', version, ...offerOf(all, server) } };
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

function offerOf(all: ReadonlyMap<string, RawJson>, server: RawJson | undefined): Omit<Link, 'era' | 'version'> {
  const options = members(members(all.get('capabilities'))?.get('tools'));
  const info = members(server);
  return {
    server: shortText(`${stringOf(info?.get('name')) ?? ''} ${stringOf(info?.get('version')) ?? ''}`, 120),
    instructions: stringOf(all.get('instructions'))?.slice(0, INSTRUCTIONS_CHARS),
    tools: options !== undefined,
    listChanged: options?.get('listChanged') === 'true',
  };
}

function stringsOf(raw: RawJson | undefined): readonly string[] {
  return (elements(raw) ?? []).flatMap((item) => stringOf(item) ?? []);
}
