// Why a call was refused, and what would change that: a sentence and ways out for each reason, made from the record and the present configuration.
import type { LimitScope } from '../core/decision.ts';
import { matches } from '../core/policy/globs.ts';
import type { AuthFailureCode } from '../core/principal.ts';
import { DOCTOR, moment, nameOf, quoted, RELOAD, STATUS, type Advice, type Advise, type Case, type Change, type Reason } from './why-case.ts';
import { forbidden, insufficientScope, killed } from './why-policy.ts';
import type { Told } from './why-told.ts';

/** By kind of reason. Each deny and each refusal has one: a new reason is a compile error here. */
const BY_REASON: Readonly<Record<Reason, Advise>> = {
  killed, forbidden, insufficient_scope: insufficientScope, limited, busy, invalid_arguments: invalidArguments,
  header_mismatch: ({ told }) => ({
    because: `a header that repeats an argument does not say the same: ${told.detail}`,
    changes: [{ text: 'the agent must send what the arguments say in that header, or leave it out; lists say which arguments are repeated' }],
  }),
  guarded: ({ told }) => ({
    because: `a content guard found something: ${told.deciding?.rule ?? told.detail}${noteIn(told)}`,
    changes: [{ text: 'arguments without that' }],
  }),
  circuit_open: (one) => ({
    because: `the circuit of backend ${one.told.last.backend ?? ''} was open: it had failed too often${backendWords(one)}`,
    changes: [...passedAgain(one), { text: 'after a while it lets one call try, and closes when that succeeds; how it is now', run: STATUS }],
  }),
  backend_down: (one) => ({
    because: `backend ${one.told.last.backend ?? ''} was not available${one.told.detail === '' ? '' : `: ${one.told.detail}`}${backendWords(one)}`,
    changes: [{ text: 'how it is now', run: STATUS }],
  }),
  audit_unavailable: () => ({
    because: 'the audit could not be written, and nothing is done that cannot be recorded',
    changes: [{ text: 'what is wrong with the audit, and what mends it', run: DOCTOR }],
  }),
  stage_failed: ({ told }) => ({
    because: `it could not be decided${told.deciding === undefined ? '' : `: stage ${told.deciding.stage}, ${told.deciding.rule}`}${noteIn(told)}`,
    changes: [{ text: 'the same call again, if it was crowded; what is wrong otherwise', run: DOCTOR }],
  }),
  unauthenticated,
  unknown_name: (one) => ({
    because: `nothing was exposed under the name ${nameOf(one)}`,
    changes: [{ text: 'a name that lists show; those of now', run: ['sentinel', 'tools', '--all-kinds'] }],
  }),
  bad_handle: ({ told }) => ({
    because: `what the agent gave back (a cursor, a requestState or a task id) is ${told.detail === '' ? 'not good' : told.detail}`,
    changes: [{ text: 'the agent must begin again: list from the first page, or make the call anew' }],
  }),
  unknown_method: ({ told }) => ({
    because: `the agent asked for a method that is not offered to it${told.last.method === null ? '' : `: ${told.last.method}`}`,
    changes: [{ text: 'an agent that speaks a revision of MCP which has that method, and a backend that offers what it is about' }],
  }),
  invalid_request: ({ told }) => ({
    because: `what the agent sent with ${told.last.method ?? 'its request'} is not what that method takes`,
    changes: [{ text: 'the answer that the agent got says what is missing or malformed' }],
  }),
  foreign_session: () => ({
    because: 'the session belongs to somebody else',
    changes: [{ text: 'the agent must begin a session with its own token' }],
  }),
  origin: () => ({
    because: 'the request came from a web page of an origin that may not connect',
    changes: [{ text: 'add that origin to [gateway] allowed_origins, if the page is trusted; then', run: RELOAD }],
  }),
  host: () => ({
    because: 'the request named a host that is not this gateway',
    changes: [{ text: 'add that name to [gateway] allowed_hosts, if it is one of this gateway; then', run: RELOAD }],
  }),
  probe_limited: (one) => ({
    because: `too many requests of ${one.told.last.subject ?? 'this subject'} were refused, so that all are for a while`,
    changes: [...passedAgain(one), {
      text: 'what was refused before', run: ['sentinel', 'audit', 'query', `decision = deny${one.told.last.subject === null ? '' : ` and subject = ${quoted(one.told.last.subject)}`} and ts <= ${moment(one.told.last.ts)}`],
    }],
  }),
};

export function adviceOn(reason: string, one: Case): Advice {
  return isReason(reason) ? BY_REASON[reason](one) : { because: one.told.last.fault ?? `it was refused: ${reason}`, changes: [] };
}

function isReason(word: string): word is Reason {
  return Object.hasOwn(BY_REASON, word);
}

function noteIn({ deciding }: Told): string {
  return deciding?.note === undefined ? '' : `: ${deciding.note}`;
}

function backendWords({ backend }: Case): string {
  if (backend === undefined) return '';
  return `; it was ${backend.state} since ${moment(backend.at)}${backend.note === '' ? '' : ` (${backend.note})`}`;
}

// ── limits ──────────────────────────────────────────────────────────────────

const WHOSE: Readonly<Record<LimitScope, string>> = {
  principal: 'of this subject for this target', role: 'of the role', backend: 'of the backend', global: 'of the gateway', probe: 'for refused requests',
};

function isLimitScope(word: string): word is LimitScope {
  return Object.hasOwn(WHOSE, word);
}

function limited(one: Case): Advice {
  const { told } = one;
  const found = /^(\d+) per (\d+) s \((\w+)\)$/.exec(told.detail);
  const word = found?.[3] ?? told.deciding?.rule.replace('limit:', '') ?? '';
  const scope = isLimitScope(word) ? word : 'principal';
  const used = found === null ? '' : `: ${found[1]} in ${found[2]} s`;
  const forgottenMs = (Number(found?.[2] ?? 60) + 1) * 1000;
  const wait = Number(found?.[1] ?? 1) < 1
    ? { text: 'the limit lets nothing pass: no wait helps' }
    : { text: `a counted call is forgotten after ${forgottenMs / 1000} s at most: without other calls this one would have passed by ${moment(told.last.ts + forgottenMs)}` };
  const exact = passedAgain(one);
  return {
    because: `the limit ${WHOSE[scope]} was reached${used}`,
    changes: [...(exact.length > 0 ? exact : [wait]), { text: `the limit is ${limitKey(one, scope)} of ${one.file}; a higher one there, then`, run: RELOAD }],
  };
}

/** Where a record tells how long it would have taken. */
function passedAgain({ told }: Case): readonly Change[] {
  const ms = /again in (\d+(?:\.\d+)?) ms/.exec(`${told.detail} ${told.deciding?.note ?? ''}`)?.[1];
  return ms === undefined ? [] : [{ text: `it would have passed from ${moment(Math.ceil(told.last.ts + Number(ms)))} on, had nothing else come between` }];
}

function limitKey({ settings: { limits }, policy, told: { target, last }, principal }: Case, scope: LimitScope): string {
  switch (scope) {
    case 'principal': {
      if (last.object_type === 'task') return `[rate_limits] tasks_rpm = ${limits.tasks}`;
      const rule = target === undefined ? undefined : policy.toolLimits.find(({ pattern }) => matches(pattern, target));
      return rule === undefined ? `[rate_limits] default_rpm = ${limits.perTool}` : `[rate_limits.per_tool] "${rule.pattern.text}" = ${rule.limit}`;
    }
    case 'role': return `[rate_limits.per_role] ${principal.roles.filter((role) => Object.hasOwn(limits.roles, role)).map((role) => `${role} = ${limits.roles[role] ?? ''}`).join(', ')}`;
    case 'backend': return `[rate_limits.per_backend] ${last.backend ?? ''}${Object.hasOwn(limits.backends, last.backend ?? '') ? ` = ${limits.backends[last.backend ?? ''] ?? ''}` : ''}`;
    case 'global': return `[rate_limits] global_rpm${limits.global === undefined ? '' : ` = ${limits.global}`}`;
    case 'probe': return `[rate_limits] probe_rpm = ${limits.probes}`;
  }
}

function busy(one: Case): Advice {
  const { told, settings } = one;
  const found = /^(\d+) at a time \((\w+)\)$/.exec(told.detail);
  const backend = settings.backends.find(({ id }) => id === told.last.backend);
  const key = found?.[2] === 'backend'
    ? `\`concurrency\` of [[backends]] ${told.last.backend ?? ''}${backend === undefined ? '' : ` = ${backend.concurrency}`}`
    : found?.[2] === 'global' ? `[concurrency] global = ${settings.concurrency.global}` : `[concurrency] per_principal = ${settings.concurrency.perPrincipal}`;
  return {
    because: `too many calls were under way: ${told.detail === '' ? 'all places were taken' : told.detail}`,
    changes: [{ text: 'the same call when another has ended' }, { text: `the bound is ${key} of ${one.file}; a higher one there, then`, run: RELOAD }],
  };
}

// ── arguments and tokens ────────────────────────────────────────────────────

function invalidArguments(one: Case): Advice {
  const { told } = one;
  const rule = told.deciding?.rule ?? '';
  const places = told.deciding?.note ?? told.detail;
  const name = nameOf(one);
  if (rule === 'arguments:unusable-schema') {
    return { because: `the input schema of ${name} cannot be used: ${places}`, changes: [{ text: `[arguments] on_unusable = "allow" of ${one.file} lets calls of such tools pass unchecked; then`, run: RELOAD }] };
  }
  const roles = one.principal.roles.flatMap((role) => ['--as', role]);
  return {
    because: `the arguments do not fit ${rule === 'arguments:prompt' ? 'what the prompt declares' : `the input schema of ${name}`}: ${places} (path, keyword)`,
    changes: [one.unjudged === undefined ? { text: 'arguments that fit; to try some without a call', run: ['sentinel', 'explain', name, ...roles, '--args', 'arguments.json'] } : { text: 'arguments that fit' }],
  };
}

const CHECKS: Readonly<Record<AuthFailureCode, string>> = {
  missing: 'it carried no token', malformed: 'its token is none that can be read', too_long: 'its token is longer than [auth] token_bytes',
  algorithm: 'its token is signed with an algorithm that is not allowed', unknown_key: 'its token is signed by a key that nobody here knows', signature: 'the signature of its token is wrong',
  type: 'its token is of another type, such as an ID token', issuer: 'its token is of an issuer that is not configured', audience: 'its token was made for another audience',
  expired: 'its token has expired', not_yet_valid: 'its token is not valid yet', issued_in_future: 'its token says that it was issued in the future', lifetime: 'its token lives longer than [auth] max_token_lifetime',
  claims: 'a claim of its token is missing or wrong', role: 'its token names no role', revoked: 'its token or the key of it was revoked', keys_unavailable: 'the keys of its issuer could not be fetched',
};

function isCheck(word: string): word is AuthFailureCode {
  return Object.hasOwn(CHECKS, word);
}

function unauthenticated({ told }: Case): Advice {
  const { detail } = told;
  const because = isCheck(detail) ? `the request was not believed: ${CHECKS[detail]} (${detail})` : `the request was not believed${detail === '' ? '' : `: ${detail}`}`;
  const inspect: Change = { text: 'every check of a token, one by one', run: ['sentinel', 'token', 'inspect', 'agent.token'] };
  const made: Change = { text: 'a new token', run: ['sentinel', 'token', 'issue', '--subject', '…', '--role', '…'] };
  switch (detail) {
    case 'keys_unavailable': return { because, changes: [{ text: 'the address of the keys (jwks_url of [[auth.issuers]]) must answer; what is wrong', run: DOCTOR }] };
    case 'missing': return { because, changes: [{ text: 'the agent must send its token: Authorization: Bearer …' }, made] };
    case 'revoked': return { because, changes: [{ text: 'who revoked it, and why', run: ['sentinel', 'audit', 'query', 'event = token_revoked'] }, made] };
    default: return { because, changes: [inspect, made] };
  }
}
