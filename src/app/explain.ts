// `sentinel explain`: the real stages over a call that is not made. Nothing is charged, recorded or sent.
import { NO_CAPABILITIES } from '../core/capabilities.ts';
import { callId, roleName, timestamp } from '../core/ids.ts';
import { scan, type RawJson } from '../core/json/scan.ts';
import { AGENT_LIMITS } from '../core/json/raw.ts';
import { plainSegment } from '../core/json/segment.ts';
import { kindOf } from '../core/json/slice.ts';
import type { Entry } from '../core/catalog.ts';
import { targetKey } from '../core/call.ts';
import type { Evidence } from '../core/decision.ts';
import type { ExplainReport, ExplainRequest, ObjectView, ToolView } from '../core/operations.ts';
import type { Clock, SchemaChecker } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { WindowTable } from '../core/policy/window.ts';
import { isVisible } from '../core/policy/decide.ts';
import { limitWindows } from '../core/policy/limits.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { DENIAL_CODES, UNKNOWN_NAME_CODE } from '../core/wire/denials.ts';
import { admit } from '../pipeline/admit.ts';
import type { StageContext } from '../pipeline/stage.ts';
import { REQUEST_STAGES } from '../pipeline/stages.ts';
import { withWhy } from './why.ts';
import { explainedAt, type CallBasis, type ExplainedCall } from './explain-target.ts';

export interface ExplainDeps {
  readonly clock: Clock;
  readonly schemas: SchemaChecker;
  /** The live windows: asked, never charged. Undefined where no gateway runs. */
  readonly windows: WindowTable | undefined;
}

export async function explain(request: ExplainRequest, snapshot: Snapshot, deps: ExplainDeps): Promise<ExplainReport> {
  const meant = explainedAt(snapshot, request.tool);
  if (meant === undefined) return { allowed: false, known: false, target: undefined, code: UNKNOWN_NAME_CODE, revision: snapshot.revision, trail: [] };
  const args = readArguments(request.args);
  if (args === 'invalid') return { allowed: false, known: true, target: targetKey(meant.target), code: DENIAL_CODES.invalid_arguments, revision: snapshot.revision, trail: [NOT_AN_OBJECT] };
  // A subject is one per issuer, and so are its windows: with several issuers, the first that would refuse is shown.
  let report: ExplainReport | undefined;
  for (const issuer of issuersOf(snapshot)) {
    report = await explainFor(meant.call(hypothetical(request, issuer, deps.clock), args), snapshot, deps, args !== undefined);
    if (!report.allowed) break;
  }
  return report ?? { allowed: false, known: true, target: targetKey(meant.target), code: undefined, revision: snapshot.revision, trail: [] };
}

const NOT_AN_OBJECT: Evidence = { stage: 'arguments', rule: 'arguments:not-an-object', decision: 'deny', mode: 'enforce', severity: 'low', note: 'arguments must be one JSON object' };
const NOT_GIVEN: Evidence = { stage: 'arguments', rule: 'arguments:not-given', decision: 'pass', mode: 'enforce', severity: 'info', note: 'not checked: no arguments were given' };

function issuersOf({ settings }: Snapshot): readonly string[] {
  const { ownKeys, hmac, issuers } = settings.auth;
  const named = [ownKeys?.issuer, hmac?.issuer, ...issuers.map((one) => one.issuer)].filter((issuer) => issuer !== undefined);
  return named.length === 0 ? ['local'] : [...new Set(named)];
}

async function explainFor(call: ExplainedCall, snapshot: Snapshot, deps: ExplainDeps, given: boolean): Promise<ExplainReport> {
  // Resources have none.
  const withArguments = given || call.kind === 'resource';
  const stages = withArguments ? REQUEST_STAGES : REQUEST_STAGES.filter((stage) => stage.name !== 'arguments');
  const admission = await admit(call, stages, { snapshot, now: call.at, wall: call.wall, windows: looking(deps.windows), schemas: deps.schemas, segment: () => plainSegment, paramHeaders: undefined, onRefusal: () => {} });
  const rows = admission.kind === 'admitted' ? admission.permit.trail : admission.trail;
  const trail = rows.map((row) => withWhy(row, snapshot.policy, call.principal.roles, call.target));
  return {
    allowed: admission.kind === 'admitted', known: true, target: targetKey(call.target),
    code: admission.kind === 'denied' ? DENIAL_CODES[admission.reason.code] : undefined, revision: snapshot.revision,
    trail: withArguments ? trail : trail.flatMap((row) => (row.stage === 'guards' ? [NOT_GIVEN, row] : [row])),
  };
}

/** The windows as they are, to look at only. */
function looking(table: WindowTable | undefined): StageContext['windows'] {
  const windows = table ?? limitWindows(64);
  return {
    takeAll: (claims, now) => {
      const seen = windows.peekAll(claims, now);
      return seen.ok ? { ...seen, charge: { keys: [], bucket: 0, refunded: true } } : seen;
    },
    refund: () => {},
  };
}

function readArguments(text: string | undefined): RawJson | undefined | 'invalid' {
  if (text === undefined) return undefined;
  const scanned = scan(text, AGENT_LIMITS);
  return scanned.ok && kindOf(scanned.value) === 'object' ? scanned.value : 'invalid';
}

function hypothetical(request: ExplainRequest, issuer: string, clock: Clock): CallBasis {
  return {
    id: callId('explain'), principal: principalOf(request, issuer, clock), at: clock.mono(), wall: clock.wall(),
    origin: { surface: 'socket', endpoint: { kind: 'merged' }, era: 'modern', version: '2026-07-28', session: undefined, client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined, peer: 'local', trace: undefined },
    meta: undefined, wantsProgress: false, continuation: undefined, task: undefined,
  };
}

/** As if it came with a token: it is held to scopes. */
function principalOf({ subject, roles, scopes }: Pick<ExplainRequest, 'subject' | 'roles' | 'scopes'>, issuer: string, clock: Clock): Principal {
  return { subject, roles: roles.map(roleName), scopes, issuer, tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(clock.wall() + 60_000), credential: '' };
}

/** The catalogue, and what of it holders of these roles see; no roles = nothing visible. */
export function toolViews(snapshot: Snapshot, roles: readonly string[], clock: Clock): readonly ToolView[] {
  return snapshot.catalog.tools.map(viewer(snapshot, roles, clock));
}

/** The same for what is no tool: prompts, then resources, then templates. */
export function objectViews(snapshot: Snapshot, roles: readonly string[], clock: Clock): readonly ObjectView[] {
  const view = viewer(snapshot, roles, clock);
  const { prompts, resources, templates } = snapshot.catalog;
  return [
    ...prompts.map((entry) => ({ kind: 'prompt' as const, ...view(entry) })),
    ...resources.map((entry) => ({ kind: 'resource' as const, ...view(entry) })),
    ...templates.map((entry) => ({ kind: 'template' as const, ...view(entry) })),
  ];
}

function viewer(snapshot: Snapshot, roles: readonly string[], clock: Clock): (entry: Entry) => ToolView {
  const principal = principalOf({ subject: '', roles, scopes: [] }, 'local', clock);
  return (entry) => ({ name: entry.exposed, target: targetKey(entry.target), digest: entry.digest, visible: isVisible(snapshot.policy, principal, entry.target, clock.wall()) });
}

/** One sentence for people: what is the default, and what each role may call. */
export function policySentence(snapshot: Snapshot, clock: Clock): string {
  const all = snapshot.catalog.tools.length;
  const parts = [...snapshot.policy.roles.keys()].map((role) => {
    const visible = toolViews(snapshot, [role], clock).filter((view) => view.visible).length;
    return `role ${role} may call ${visible} of ${all} tools`;
  });
  return `default deny: ${parts.length === 0 ? 'no roles, so nothing may be called' : parts.join(', ')}`;
}
