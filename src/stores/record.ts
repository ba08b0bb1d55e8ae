// Turns what happened into rows: who, what, why, how it ended. No secrets, no raw bodies, no text a database could refuse.
import ipaddr from 'ipaddr.js';
import { Buffer } from 'node:buffer';
import type { Call } from '../core/call.ts';
import type { Trail } from '../core/decision.ts';
import type { RawJson } from '../core/json/scan.ts';
import { shapeOf } from '../core/json/shape.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { statusOf, type CallOutcome, type Refusal, type Took } from '../core/outcome.ts';
import type { Clock, Intent, Random } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { codeOf, rulingOf, verdictOf } from '../core/ruling.ts';
import type { AuditSettings } from '../core/settings.ts';
import { cut, storable } from '../core/text.ts';
import { faultText, refusalText } from './reasons.ts';
import type { Node } from './node.ts';
import { redactJson } from './redact.ts';
import type { Unplaced } from './schema.ts';
import { LONGEST_SECRET, maskSecrets } from './secrets.ts';

export interface RecordDeps {
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: () => AuditSettings;
}

export interface Encoder {
  intent(intent: Intent): Unplaced;
  /** `withArguments`: no intent of this call holds them already. */
  outcome(outcome: CallOutcome, withArguments: boolean): Unplaced;
  refusal(refusal: Refusal): Unplaced;
  lifecycle(event: LifecycleEvent): Unplaced;
}

const VERSION = 1;
/** An index entry of PostgreSQL holds 2704 bytes: three of these at three bytes each fit, so no name can make a row unstorable. */
const NAME_UNITS = 256;
const NOTE_UNITS = 1024;
const ROLES = 32;
const ROLE_UNITS = 64;
const SHAPE_PATHS = 64;
const SHAPE_BYTES = 4096;
const TRAIL_BYTES = 8192;
const DETAIL_BYTES = 8192;

const EMPTY: Omit<Unplaced, 'v' | 'id' | 'ts' | 'mono_ns' | 'kind'> = Object.freeze({
  event: null, call_id: null, subject: null, issuer: null, roles: null, jti_hmac: null, kid: null, actor: null, client: null,
  session: null, surface: null, protocol: null, peer: null, method: null, backend: null, object_type: null, object_name: null,
  exposed: null, decision: null, reason: null, rule: null, mode: null, severity: null, trail: null, revision: null,
  config_hash: null, args_hmac: null, args_bytes: null, args_shape: null, args: null, status: null, is_error: null, code: null,
  result_hmac: null, result_bytes: null, admit_us: null, queue_us: null, dispatch_us: null, screen_us: null, trace_id: null,
  fault: null, detail: null,
});

export function createEncoder(deps: RecordDeps): Encoder {
  const { clock, random } = deps;
  const head = (kind: Unplaced['kind'], ts: number) => ({
    ...EMPTY, v: VERSION, id: random.uuid(), ts, mono_ns: Math.round(clock.mono() * 1e6), kind,
  });
  return {
    intent: ({ call, trail, revision, configHash }) => ({
      ...head('intent', call.wall), ...ofCall(deps, call), ...ofArguments(deps, call), ...ofTrail(trail, 'allow'),
      revision, config_hash: configHash,
    }),
    outcome: (outcome, withArguments) => ({
      ...head('outcome', clock.wall()), ...ofCall(deps, outcome.call), ...(withArguments ? ofArguments(deps, outcome.call) : {}),
      ...ofTrail(outcome.trail, verdictOf(outcome)), revision: outcome.revision, config_hash: outcome.configHash,
      ...ofEnd(deps, outcome), ...ofTimes(outcome.took),
    }),
    refusal: (refusal) => ofRefusal(deps, refusal, head('refused', refusal.wall)),
    lifecycle: ({ id, wall, by, revision, kind, ...rest }) => ({
      ...head('lifecycle', wall), id, actor: name(by), event: kind, revision, detail: detailText(rest),
    }),
  };
}

function ofPrincipal({ node }: RecordDeps, { subject, issuer, roles, tokenId, keyId }: Principal): Partial<Unplaced> {
  return {
    subject: identity(node, subject), issuer: identity(node, issuer), roles: jsonText(roles.slice(0, ROLES).map((role) => cut(role, ROLE_UNITS))),
    jti_hmac: tokenId === undefined ? null : node.hmac(tokenId), kid: nameOr(keyId),
  };
}

function ofCall(deps: RecordDeps, call: Call): Partial<Unplaced> {
  const { origin, target } = call;
  return {
    ...ofPrincipal(deps, call.principal),
    call_id: call.id,
    client: origin.client === undefined ? null : name(`${origin.client.name} ${origin.client.version}`),
    session: origin.session === undefined ? null : deps.node.hmac(origin.session),
    surface: origin.surface, protocol: name(origin.version), peer: truncatePeer(origin.peer),
    backend: name(target.backend), object_type: call.kind, object_name: identity(deps.node, target.name),
    exposed: call.kind === 'tool' ? name(call.exposed) : null,
    trace_id: traceId(origin.trace?.traceparent),
  };
}

function ofArguments({ node, settings }: RecordDeps, call: Call): Partial<Unplaced> {
  const raw = argumentsOf(call);
  if (raw === undefined) return {};
  const { argumentBytes, redactKeys } = settings();
  return {
    args_hmac: node.hmac(raw), args_bytes: Buffer.byteLength(raw), args_shape: shapeText(raw),
    args: redactJson(raw, { bytes: argumentBytes, keys: redactKeys }),
  };
}

function argumentsOf(call: Call): RawJson | undefined {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return call.args;
    case 'completion': return call.ref;
    case 'listen': return call.filter;
    case 'model': return call.body;
    case 'resource':
    case 'task': return undefined;
  }
}

/** Paths are dropped from the end until they fit. */
function shapeText(raw: RawJson): string {
  const { paths: found, truncated } = shapeOf(raw, SHAPE_PATHS);
  const paths = found.map(({ path, ...rest }) => ({ path: maskPath(path), ...rest }));
  for (let count = paths.length; count > 0; count = Math.floor(count / 2)) {
    const text = jsonText({ paths: paths.slice(0, count), truncated: truncated || count < paths.length });
    if (Buffer.byteLength(text) <= SHAPE_BYTES) return text;
  }
  return JSON.stringify({ paths: [], truncated: true });
}

/** A key may be a secret too; its shape shows only without the pointer's escapes. */
function maskPath(path: string): string {
  return path.split('/').map((segment) => {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    const masked = maskSecrets(key);
    return masked === key ? segment : masked;
  }).join('/');
}

function ofTrail(trail: Trail, decision: 'allow' | 'deny'): Partial<Unplaced> {
  const ruling = rulingOf(trail);
  return {
    decision, rule: ruling === undefined ? null : name(ruling.rule), mode: ruling?.mode ?? null, severity: ruling?.severity ?? null,
    trail: trailText(trail),
  };
}

function trailText(trail: Trail): string {
  for (let count = trail.length; count > 0; count = Math.floor(count / 2)) {
    const text = jsonText(trail.slice(0, count));
    if (Buffer.byteLength(text) <= TRAIL_BYTES) return text;
  }
  return '[]';
}

function ofEnd({ node }: RecordDeps, outcome: CallOutcome): Partial<Unplaced> {
  const { end } = outcome;
  return {
    status: statusOf(outcome), code: codeOf(outcome), reason: end.kind === 'denied' ? end.reason.code : null,
    is_error: end.kind === 'answered' ? Number(end.isError) : null,
    result_hmac: end.kind === 'answered' ? node.hmac(end.digest) : null,
    result_bytes: end.kind === 'answered' || end.kind === 'errored' ? end.bytes : null,
    fault: noteOr(faultText(end)),
  };
}

function ofTimes({ admitMs, queueMs, dispatchMs, screenMs }: Took): Partial<Unplaced> {
  return { admit_us: micros(admitMs), queue_us: micros(queueMs), dispatch_us: micros(dispatchMs), screen_us: micros(screenMs) };
}

function ofRefusal(deps: RecordDeps, refusal: Refusal, head: Unplaced): Unplaced {
  return {
    ...head,
    ...(refusal.principal === undefined ? {} : ofPrincipal(deps, refusal.principal)),
    call_id: refusal.id, surface: refusal.surface, peer: truncatePeer(refusal.peer), method: nameOr(refusal.method),
    exposed: nameOr(refusal.name), decision: 'deny', reason: refusal.reason.code, revision: refusal.revision,
    status: statusOf(refusal), code: codeOf(refusal), fault: note(refusalText(refusal.reason)),
  };
}

function micros(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.max(0, Math.round(ms * 1000));
}

function detailText(rest: object): string {
  const text = jsonText(rest);
  return Buffer.byteLength(text) <= DETAIL_BYTES ? text : jsonText({ truncated: true, head: text.slice(0, DETAIL_BYTES / 4) });
}

/** JSON that any database and any cast accepts: what is unstorable is escaped inside the strings, before JSON escapes it again. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === 'string' ? storable(maskSecrets(member)) : member));
}

/** Identities are never masked; over-long ones stay apart by a piece of their digest. */
function identity(node: Node, text: string): string {
  const stored = storable(text);
  return stored.length <= NAME_UNITS ? stored : `${cut(stored, NAME_UNITS - 32)}#${node.hmac(text).slice(0, 12)}`;
}

function name(text: string): string {
  return cut(storable(maskSecrets(text.slice(0, NAME_UNITS + LONGEST_SECRET))), NAME_UNITS);
}

function nameOr(text: string | undefined): string | null {
  return text === undefined ? null : name(text);
}

function note(text: string): string {
  return cut(storable(maskSecrets(text.slice(0, NOTE_UNITS + LONGEST_SECRET))), NOTE_UNITS);
}

function noteOr(text: string | undefined): string | null {
  return text === undefined ? null : note(text);
}

/** W3C trace context: version-traceid-parentid-flags. */
function traceId(traceparent: string | undefined): string | null {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? '')?.[1] ?? null;
}

/** The network, not the person: /24 of IPv4, /48 of IPv6. Anything that is no address stays as it is (`local`). */
export function truncatePeer(peer: string): string {
  if (!ipaddr.isValid(peer)) return name(peer);
  const address = ipaddr.process(peer);
  return address.kind() === 'ipv4'
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address.toString()}/24`).toString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/48`).toString();
}
