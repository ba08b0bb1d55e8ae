// `sentinel why`: one call or refused request explained from its records, and what would change it from the present configuration. Needs no
// running gateway, asks no backend and writes nothing.
import { targetKey, type ToolCall } from '../core/call.ts';
import { NO_CAPABILITIES } from '../core/capabilities.ts';
import { callId, instant, roleName, timestamp } from '../core/ids.ts';
import type { Override } from '../core/override.ts';
import { EMPTY_CATALOG } from '../core/policy/catalog.ts';
import { limitClaims, WINDOW_MS } from '../core/policy/limits.ts';
import type { StoreFault } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import type { Policy } from '../core/snapshot.ts';
import { DENIAL_CODES, FAULT_CODES, UNKNOWN_NAME_CODE } from '../core/wire/denials.ts';
import { compilePolicy } from '../config/compile.ts';
import type { Audit } from './audit.ts';
import { adviceOn } from './why-advice.ts';
import type { Case, Change } from './why-case.ts';
import type { WhyReport } from './why-report.ts';
import { adviceOnEnd } from './why-end.ts';
import { backendTold, killTold } from './why-past.ts';
import { presentOf, unjudgedFor } from './why-present.ts';
import { toldBy, type Told } from './why-told.ts';
import { whyAllowed } from './why-policy.ts';

export interface WhyDeps {
  readonly audit: Pick<Audit, 'show' | 'query' | 'after'>;
  readonly settings: Settings;
  readonly file: string;
  /** SHA-256 of the file as it is now. */
  readonly hash: string;
  /** Undefined: they could not be read. */
  readonly overrides: readonly Override[] | undefined;
  /** What a running gateway has in force; undefined where none answers. */
  readonly running: { readonly revision: number; readonly configHash: string } | undefined;
  readonly now: number;
}

export async function whyCall(id: string, deps: WhyDeps): Promise<Result<WhyReport | undefined, StoreFault>> {
  const story = await deps.audit.show(id);
  if (!story.ok) return story;
  const told = story.value === undefined ? undefined : toldBy(id, story.value);
  if (told === undefined) return ok(undefined);
  const overrides = deps.overrides ?? [];
  const policy = policyOf(deps.settings, overrides);
  const principal = principalOf(told, deps.now);
  const kill = await killTold(deps.audit, told, { overrides: overrides.filter(({ until }) => until === undefined || until > deps.now), principal });
  if (!kill.ok) return kill;
  const backend = await backendTold(deps.audit, told);
  if (!backend.ok) return backend;
  const unjudged = unjudgedFor(told, { policy, principal, now: deps.now });
  return ok(reportOf({ told, principal, policy, unjudged, settings: deps.settings, file: deps.file, now: deps.now, overridesKnown: deps.overrides !== undefined, kill: kill.value, backend: backend.value }, deps));
}

function policyOf(settings: Settings, overrides: readonly Override[]): Policy {
  const policy = compilePolicy(settings, overrides);
  if (policy.ok) return policy.value;
  throw new Error(`policy could not be compiled: ${policy.error.map((one) => one.rule).join(', ')}`);
}

/** As it was on record. With a token, for who has none is held to no scopes: whether there was one is not told apart here. */
function principalOf({ last, roles, scopes }: Told, now: number): Principal {
  return { subject: last.subject ?? '', roles: roles.map(roleName), scopes: scopes ?? [], issuer: last.issuer ?? '', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(now + 60_000), credential: '' };
}

function reportOf(one: Case, deps: WhyDeps): WhyReport {
  const { told } = one;
  const { first, last, deciding } = told;
  const ruled = told.ruling === 'deny' ? adviceOn(told.reason ?? '', one) : undefined;
  const ended = told.decision === 'allow' ? adviceOnEnd(one) : undefined;
  const watched = told.ruling === 'deny' && told.decision === 'allow';
  const { configuration, same } = configurationOf(told, deps);
  return {
    call: told.call, at: first.ts,
    asked: { method: last.method ?? undefined, type: last.object_type ?? undefined, target: told.target === undefined ? undefined : targetKey(told.target), exposed: last.exposed ?? undefined, class: last.class ?? undefined, argsBytes: first.args_bytes ?? last.args_bytes ?? undefined },
    who: { subject: last.subject ?? undefined, issuer: last.issuer ?? undefined, roles: told.roles, scopes: told.scopes, client: last.client ?? undefined, surface: last.surface ?? undefined, peer: last.peer ?? undefined },
    decision: told.decision, ruling: told.ruling,
    because: told.decision === undefined ? 'the record does not say what was decided, or by which rule' : ruled === undefined ? whyAllowed(one) : watched ? `${ruled.because}; it was made all the same, for the rule is only watched (${deciding?.mode ?? ''})` : ruled.because,
    decidedBy: ruled === undefined ? allowedBy(told) : { stage: deciding?.stage, rule: last.rule ?? deciding?.rule, mode: last.mode ?? deciding?.mode, severity: last.severity ?? deciding?.severity, owner: last.owner ?? undefined },
    stages: told.trail.map(({ stage, decision, rule, mode, note }) => ({ stage, decision, rule, mode, note })),
    end: {
      concluded: told.concluded, status: last.status ?? undefined, code: last.code ?? undefined, isError: last.is_error === null ? undefined : last.is_error === 1, because: ended?.because,
      fault: last.fault ?? undefined, resultBytes: last.result_bytes ?? undefined, attempts: last.attempts ?? undefined, docs: pageOf(last.reason ?? last.code ?? ''),
    },
    tookMs: { admit: ms(last.admit_us), queue: ms(last.queue_us), dispatch: ms(last.dispatch_us), screen: ms(last.screen_us) },
    configuration, limits: same === true ? limitsOf(one) : undefined, present: presentOf(one), unjudged: one.unjudged,
    changes: [...(ruled?.changes ?? []), ...(ended?.changes ?? []), ...(configuration.fileChanged ? [FILE_CHANGED] : [])],
    traceId: last.trace_id ?? undefined,
  };
}

const FILE_CHANGED: Change = { text: 'the file was changed since the running gateway read it, and what is said of the present configuration is of the file; to put it in force', run: ['sentinel', 'reload'] };

/** Of what was allowed, the last word of a trail is only that of the last stage: the role is what let it in. */
function allowedBy({ trail, last, deciding }: Told): WhyReport['decidedBy'] {
  const role = trail.find(({ stage }) => stage === 'role') ?? deciding;
  return { stage: role?.stage, rule: role?.rule, mode: role?.mode, severity: role?.severity, owner: last.owner ?? undefined };
}

function configurationOf({ last }: Told, { running, hash }: WhyDeps): { readonly configuration: WhyReport['configuration']; readonly same: boolean | undefined } {
  const then = last.config_hash ?? undefined;
  const hashNow = running?.configHash ?? hash;
  const same = then === undefined ? undefined : then === hashNow;
  return { same, configuration: { revision: last.revision ?? undefined, hash: then, hashNow, same, from: running === undefined ? 'file' : 'gateway', revisionNow: running?.revision, fileChanged: running !== undefined && running.configHash !== hash } };
}

function ms(us: number | null): number | undefined {
  return us === null ? undefined : us / 1000;
}

function pageOf(code: string): string | undefined {
  if (code === 'unknown_name') return UNKNOWN_NAME_CODE;
  const codes: Readonly<Record<string, string>> = { ...DENIAL_CODES, ...FAULT_CODES };
  return Object.hasOwn(codes, code) ? codes[code] : undefined;
}

/** The windows the call counts in, by the same function that charges them. Requests about tasks have one of their own. */
function limitsOf({ told: { target, last }, settings, policy, principal, unjudged, now }: Case): WhyReport['limits'] {
  if (target === undefined || unjudged !== undefined || last.object_type === 'task') return undefined;
  const call: ToolCall = {
    kind: 'tool', id: callId(''), principal, target, exposed: '', at: instant(0), wall: timestamp(now), args: undefined, meta: undefined, wantsProgress: false, continuation: undefined, task: undefined,
    origin: { surface: 'http', endpoint: { kind: 'merged' }, era: 'modern', version: '', session: undefined, client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined, peer: '', trace: undefined },
  };
  const claims = limitClaims({ revision: 0, configHash: '', settings, policy, catalog: EMPTY_CATALOG, down: new Set() }, call);
  return claims.map(({ scope, limit }) => ({ scope, limit, windowS: WINDOW_MS / 1000 }));
}
