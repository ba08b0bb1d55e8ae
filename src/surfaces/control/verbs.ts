// The verbs of the control socket, one to one with Operations: reads a body, asks, and hands back what was said.
import { backendId, roleName } from '../../core/ids.ts';
import type { ExplainRequest, KillRequest, OperationFault, Operations, ReadRequest, RevokeRequest } from '../../core/operations.ts';
import type { KillScope } from '../../core/override.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Fields } from './fields.ts';

export interface ControlFault {
  readonly status: number;
  readonly code: 'invalid' | 'not_found' | 'unavailable' | 'unauthorized' | 'method' | 'too_large';
  readonly message: string;
}

type Reply = Result<unknown, ControlFault>;

/** `operator`: who is written down when the request does not say; the socket's mode lets nobody in but the gateway's own user and root. */
export type Verb = (operations: Operations, body: Uint8Array, operator: string) => Promise<Reply>;

export const POST_VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['/reload', async (operations, body, operator) => {
    const by = actorOf(body, operator);
    return by.ok ? ok(await operations.reload(by.value)) : by;
  }],
  ['/rekey', async (operations, body, operator) => {
    const by = actorOf(body, operator);
    return by.ok ? done(await operations.rekey(by.value)) : by;
  }],
  ['/kill', async (operations, body, operator) => {
    const request = killOf(body, operator);
    return request.ok ? told(await operations.kill(request.value)) : request;
  }],
  ['/unkill', async (operations, body, operator) => {
    const request = unkillOf(body, operator);
    return request.ok ? told(await operations.unkill(request.value)) : request;
  }],
  ['/revoke', async (operations, body, operator) => {
    const request = revokeOf(body, operator);
    return request.ok ? done(await operations.revoke(request.value)) : request;
  }],
  ['/audit-read', async (operations, body, operator) => {
    const request = readOf(body, operator);
    return request.ok ? done(await operations.recordRead(request.value)) : request;
  }],
  ['/explain', async (operations, body) => {
    const request = explainOf(body);
    return request.ok ? ok(await operations.explain(request.value)) : request;
  }],
]);

function told<T>(result: Result<T, OperationFault>): Reply {
  return result.ok ? result : err({ status: STATUS[result.error.code], code: result.error.code, message: result.error.message });
}

function done(result: Result<void, OperationFault>): Reply {
  return result.ok ? ok({ ok: true }) : told(result);
}

const STATUS: Readonly<Record<OperationFault['code'], number>> = { invalid: 400, not_found: 404, unavailable: 409 };
const NAME_MAX = 128;

function actorOf(body: Uint8Array, operator: string): Result<string, ControlFault> {
  return parse(body, ['by'], (fields) => fields.optionalText('by', NAME_MAX) ?? operator);
}

function killOf(body: Uint8Array, operator: string): Result<KillRequest, ControlFault> {
  return parse(body, ['scope', 'reason', 'until', 'by', 'dryRun'], (fields) => ({
    scope: scopeOf(fields),
    reason: fields.text('reason'),
    until: fields.optionalTime('until'),
    by: fields.optionalText('by', NAME_MAX) ?? operator,
    dryRun: fields.flag('dryRun'),
  }));
}

const SCOPE_MEMBER: ReadonlyMap<string, string | undefined> = new Map([
  ['tool', 'pattern'], ['backend', 'backend'], ['role', 'role'], ['subject', 'subject'], ['all', undefined],
]);

/** Each kind has its one member and no other: a scope that says two things would kill something else than was meant. */
function scopeOf(fields: Fields): KillScope {
  const kind = fields.object('scope', ['kind', ...SCOPE_MEMBER.values()].filter((name) => name !== undefined))?.text('kind', NAME_MAX) ?? '';
  if (!SCOPE_MEMBER.has(kind)) fields.problems.push(`scope.kind must be one of ${[...SCOPE_MEMBER.keys()].join(', ')}`);
  const member = SCOPE_MEMBER.get(kind);
  const scope = fields.object('scope', member === undefined ? ['kind'] : ['kind', member]);
  const value = member === undefined || scope === undefined ? '' : scope.text(member);
  fields.problems.push(...(scope?.problems ?? []).map((problem) => `scope: ${problem}`));
  switch (kind) {
    case 'backend': return { kind, backend: backendId(value) };
    case 'role': return { kind, role: roleName(value) };
    case 'subject': return { kind, subject: value };
    case 'all': return { kind };
    // An unknown kind has been told as a problem, so this is then never used.
    default: return { kind: 'tool', pattern: value };
  }
}

function unkillOf(body: Uint8Array, operator: string): Result<{ readonly target: string; readonly reason: string; readonly by: string }, ControlFault> {
  return parse(body, ['target', 'reason', 'by'], (fields) => ({
    target: fields.text('target'),
    reason: fields.text('reason'),
    by: fields.optionalText('by', NAME_MAX) ?? operator,
  }));
}

function revokeOf(body: Uint8Array, operator: string): Result<RevokeRequest, ControlFault> {
  return parse(body, ['what', 'value', 'reason', 'until', 'by'], (fields) => {
    const what = fields.text('what', NAME_MAX);
    if (what !== 'token' && what !== 'key') fields.problems.push('what must be token or key');
    return {
      what: what === 'key' ? 'key' : 'token',
      value: fields.text('value'),
      reason: fields.text('reason'),
      until: fields.optionalTime('until'),
      by: fields.optionalText('by', NAME_MAX) ?? operator,
    };
  });
}

function readOf(body: Uint8Array, operator: string): Result<ReadRequest, ControlFault> {
  return parse(body, ['verb', 'asked', 'by'], (fields) => ({
    verb: fields.text('verb', NAME_MAX),
    asked: fields.optionalText('asked') ?? '',
    by: fields.optionalText('by', NAME_MAX) ?? operator,
  }));
}

const ARGS_MAX = 1024 * 1024;

function explainOf(body: Uint8Array): Result<ExplainRequest, ControlFault> {
  return parse(body, ['tool', 'roles', 'scopes', 'subject', 'args'], (fields) => ({
    tool: fields.text('tool'),
    roles: fields.texts('roles'),
    scopes: fields.texts('scopes'),
    subject: fields.text('subject'),
    args: fields.optionalText('args', ARGS_MAX),
  }));
}

function parse<T>(body: Uint8Array, known: readonly string[], read: (fields: Fields) => T): Result<T, ControlFault> {
  const fields = Fields.read(body, known);
  if (!fields.ok) return err({ status: 400, code: 'invalid', message: fields.error });
  const value = read(fields.value);
  const { problems } = fields.value;
  return problems.length === 0 ? ok(value) : err({ status: 400, code: 'invalid', message: problems.join('; ') });
}
