// Which era one message belongs to, and whether a modern one is well addressed: headers mirror the body, the version is
// spoken here, the envelope is whole. Pure. Sources: MCP 2026-07-28 transports (HTTP), SEP-2243; cases T1–T20, A14–A20, A39.
import type { ClientInfo, Era } from '../../core/call.ts';
import { type ClientCapabilities, type LogLevel, NO_CAPABILITIES } from '../../core/capabilities.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, stringOf } from '../../core/json/slice.ts';
import { readCapabilities, readLogLevel } from '../../relay/capabilities.ts';
import { META, readClientInfo } from '../../relay/meta.ts';
import { methodOf } from '../../relay/methods.ts';
import { decodeMirrored } from '../../relay/mirrored.ts';
import { CODE } from '../../relay/rpc.ts';
import { eraOf, LATEST_LEGACY, MODERN_VERSIONS } from '../../relay/versions.ts';
import type { NotificationEnvelope, RequestEnvelope } from './envelope.ts';
import type { WireHeaders } from './headers.ts';

export type Spoken = RequestEnvelope | NotificationEnvelope;
export type MirrorHeaders = Pick<WireHeaders, 'protocolVersion' | 'method' | 'name' | 'repeated'>;

/** A reason to answer an error before policy is asked. `status` is for HTTP. */
export interface LadderFault {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly data: RawJson | undefined;
}

export interface ModernEnvelope {
  readonly version: string;
  readonly client: ClientInfo | undefined;
  readonly capabilities: ClientCapabilities;
  /** Undefined: this request wants no log messages (S20). */
  readonly logLevel: LogLevel | undefined;
}

type Ladder = { readonly ok: true; readonly value: ModernEnvelope } | { readonly ok: false; readonly error: LadderFault };

export type MetaMembers = ReadonlyMap<string, RawJson> | undefined;

export function metaOf(message: Spoken): MetaMembers {
  return members(members(message.params)?.get('_meta'));
}

/**
 * The body speaks first: `_meta` with the modern envelope is modern. Without it the version header decides, and a revision
 * newer than the last with sessions is modern too, so that it gets an answer a modern client understands.
 */
export function eraOfMessage(meta: MetaMembers, headerVersion: string | undefined): Era {
  if (meta !== undefined && (meta.has(META.protocolVersion) || meta.has(META.clientCapabilities))) return 'modern';
  return headerVersion !== undefined && isModernLooking(headerVersion) ? 'modern' : 'legacy';
}

const REVISION = /^\d{4}-\d{2}-\d{2}$/;

function isModernLooking(version: string): boolean {
  return eraOf(version) === 'modern' || (eraOf(version) === undefined && REVISION.test(version) && version > LATEST_LEGACY);
}

/** All rungs for one modern HTTP message, in the order of the protocol reference: headers, version, envelope. */
export function climbHttp(message: Spoken, meta: MetaMembers, headers: MirrorHeaders): Ladder {
  const mirror = mirrorFault(message, meta, headers);
  if (mirror !== undefined) return { ok: false, error: fault(CODE.headerMismatch, mirror) };
  const version = headers.protocolVersion ?? versionIn(meta);
  if (version !== undefined && eraOf(version) !== 'modern') return { ok: false, error: unsupported(version) };
  return message.kind === 'notification' ? { ok: true, value: { version: version ?? '', client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined } } : climbEnvelope(meta);
}

/** The same without headers: stdio and sockets (2.4 SI2). */
export function climbPlain(meta: MetaMembers): Ladder {
  const version = versionIn(meta);
  if (version !== undefined && eraOf(version) !== 'modern') return { ok: false, error: unsupported(version) };
  return climbEnvelope(meta);
}

function climbEnvelope(meta: MetaMembers): Ladder {
  const version = versionIn(meta);
  if (version === undefined) return { ok: false, error: fault(CODE.invalidParams, `Invalid params: _meta needs ${META.protocolVersion}`) };
  const capabilities = meta?.get(META.clientCapabilities);
  if (capabilities === undefined || kindOf(capabilities) !== 'object') {
    return { ok: false, error: fault(CODE.invalidParams, `Invalid params: _meta needs ${META.clientCapabilities}`) };
  }
  const wanted = meta?.get(META.logLevel);
  const logLevel = readLogLevel(wanted);
  if (wanted !== undefined && logLevel === undefined) return { ok: false, error: fault(CODE.invalidParams, `Invalid params: ${META.logLevel} is not a level`) };
  return { ok: true, value: { version, client: readClientInfo(meta?.get(META.clientInfo)), capabilities: readCapabilities(capabilities, { era: 'modern', version }), logLevel } };
}

/** Words for the first header that is missing, repeated or says something else than the body. */
function mirrorFault(message: Spoken, meta: MetaMembers, headers: MirrorHeaders): string | undefined {
  const repeated = headers.repeated.find((name) => name.startsWith('mcp-'));
  if (repeated !== undefined) return `Header mismatch: ${repeated} was sent more than once`;
  const required = message.kind === 'request';
  if (required && headers.protocolVersion === undefined) return 'Header mismatch: MCP-Protocol-Version is missing';
  const bodyVersion = versionIn(meta);
  if (headers.protocolVersion !== undefined && bodyVersion !== undefined && headers.protocolVersion !== bodyVersion) {
    return 'Header mismatch: MCP-Protocol-Version is not the version in the body';
  }
  if (headers.method === undefined) return required ? 'Header mismatch: Mcp-Method is missing' : undefined;
  if (headers.method !== message.method) return 'Header mismatch: Mcp-Method is not the method in the body';
  return required ? nameFault(message, headers.name) : undefined;
}

function nameFault(message: Spoken, header: string | undefined): string | undefined {
  const member = methodOf(message.method)?.nameMember;
  if (member === undefined) return undefined;
  const body = stringOf(members(message.params)?.get(member));
  if (header === undefined) return body === undefined ? undefined : 'Header mismatch: Mcp-Name is missing';
  const decoded = decodeMirrored(header);
  if (decoded === undefined) return 'Header mismatch: Mcp-Name is not readable';
  return decoded === body ? undefined : `Header mismatch: Mcp-Name is not params.${member}`;
}

function versionIn(meta: MetaMembers): string | undefined {
  return stringOf(meta?.get(META.protocolVersion));
}

function unsupported(requested: string): LadderFault {
  const data = toRaw({ supported: MODERN_VERSIONS, requested: requested.slice(0, 64) });
  return { status: 400, code: CODE.unsupportedVersion, message: 'Unsupported protocol version', data };
}

function fault(code: number, message: string): LadderFault {
  return { status: 400, code, message, data: undefined };
}
