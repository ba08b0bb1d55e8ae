// `why` of calls whose records do not tell everything, or stand beside those of others: it says what is known, and of the rest that it is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyCall } from '../../src/app/why-call.ts';
import { predicateOf } from '../../src/core/audit/predicate.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { ok } from '../../src/core/result.ts';
import type { AuditEntry } from '../../src/app/audit.ts';
import { NO_OFFERS } from '../support/offers.ts';
import { allowAll, principal, settings } from '../support/world.ts';
import { AUTH, scene, type Scene } from './why-world.ts';

const NOT_WHOLE = 'the record does not name all roles of the caller whole';

test('where a record may not name all roles, what they would be allowed now is not said, nor which role would help', async (t) => {
  const roles = Array.from({ length: 40 }, (_, at) => ({ ...allowAll, name: roleName(`r${at}`), permissions: [], allow: at === 39 ? ['alpha/*'] : ['beta/x'] }));
  const { w, explained } = scene(t, { settings: settings({ auth: AUTH, roles }) });
  await w.callTool('alpha__echo', {}, { principal: principal({ roles: roles.map(({ name }) => name) }) });
  const allowed = await explained();
  assert.deepEqual([allowed.decision, allowed.present, allowed.unjudged, allowed.limits], ['allow', undefined, NOT_WHOLE, undefined]);
  await w.callTool('alpha__echo', {}, { principal: principal({ roles: roles.slice(0, 32).map(({ name }) => name) }) });
  const denied = await explained();
  assert.deepEqual([denied.decision, denied.present, denied.unjudged], ['deny', undefined, NOT_WHOLE]);
  assert.deepEqual(denied.changes, [{ text: `a role whose \`allow\` names it; which ones do is not said here, for ${NOT_WHOLE}` }]);
  await w.callTool('alpha__echo', {}, { principal: principal({ roles: roles.slice(0, 31).map(({ name }) => name) }) });
  assert.deepEqual((await explained()).present, { decision: 'deny', rule: 'role:none' });
});

test('where a record has a part of a role\u2019s name, or of the caller\u2019s, it is not judged by that', async (t) => {
  const name = roleName('r'.repeat(80));
  const { w, explained } = scene(t, { settings: settings({ auth: AUTH, roles: [{ ...allowAll, name, permissions: [], allow: ['alpha/*'] }] }) });
  await w.callTool('alpha__echo', {}, { principal: principal({ roles: [name] }) });
  const report = await explained();
  assert.deepEqual([report.decision, report.present, report.unjudged], ['allow', undefined, NOT_WHOLE]);
  const other = scene(t);
  await other.w.callTool('alpha__echo', {}, { principal: principal({ subject: 's'.repeat(300) }) });
  const cut = await other.explained();
  assert.deepEqual([cut.present, cut.unjudged], [undefined, 'the record does not name the caller whole']);
});

function completion(t: Parameters<typeof scene>[0], allow: readonly string[]): Scene {
  const offers = { ...NO_OFFERS, prompts: true, completions: true };
  return scene(t, { settings: settings({ auth: AUTH, roles: [{ ...allowAll, permissions: [], allow: [...allow] }] }), listings: { alpha: { prompts: [toRaw({ name: 'git:commit', arguments: [{ name: 'lang' }] })], offers } } });
}

test('a completion of a prompt whose name has a colon is judged as one of a prompt', async (t) => {
  const { w, explained } = completion(t, ['prompt:alpha/*']);
  await w.ask('prompts/list');
  await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__git_commit_a5be326c' }, argument: { name: 'lang', value: 'p' } });
  const report = await explained();
  assert.deepEqual([report.decision, report.asked.target, report.present], ['allow', 'prompt:alpha/git:commit', { decision: 'allow', rule: 'role:developer:allow' }]);
});

test('where a record does not tell a prompt from a resource, it is judged only if both are judged alike', async (t) => {
  for (const [allow, expected] of [[['prompt:alpha/*'], undefined], [['prompt:alpha/*', 'resource:alpha/*'], { decision: 'allow', rule: 'role:developer:allow' }]] as const) {
    const { w, explained } = completion(t, allow);
    await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__git_commit_a5be326c' }, argument: { name: 'lang', value: 'p' } });
    // As an endpoint of one backend has it: the prompt goes by its own name.
    const [outcome] = w.outcomes;
    assert.ok(outcome?.kind === 'call' && outcome.call.kind === 'completion');
    const call = { ...outcome.call, exposed: 'git:commit' };
    w.intents.splice(0, w.intents.length, ...w.intents.map((intent) => ({ ...intent, call })));
    w.outcomes[0] = { ...outcome, call };
    const report = await explained();
    assert.deepEqual([report.decision, report.present], ['allow', expected]);
    assert.equal(report.unjudged, expected === undefined ? 'the record does not tell whether it was of a prompt or of a resource, which differ' : undefined);
  }
});

test('a call of another gateway\u2019s audit without a decision is not said to be allowed', async (t) => {
  const { w, explained, reader } = scene(t);
  await w.callTool('alpha__echo');
  const { call } = await explained();
  const show = async (id: string): ReturnType<typeof reader.show> => {
    const found = await reader.show(id);
    if (!found.ok || found.value === undefined) return found;
    const blank = <T extends AuditEntry | undefined>(one: T): T => (one === undefined ? one : { ...one, decision: null, ruling: null, rule: null, trail: null });
    return ok({ records: found.value.records.map(blank), intent: blank(found.value.intent), outcome: blank(found.value.outcome) });
  };
  const found = await whyCall(call, { audit: { ...reader, show }, settings: settings(), file: 'f', hash: 'hash-1', overrides: [], running: undefined, now: w.clock.wall() });
  assert.ok(found.ok && found.value !== undefined);
  const { decision, ruling, because } = found.value;
  assert.deepEqual([decision, ruling, because], [undefined, undefined, 'the record does not say what was decided, or by which rule']);
});

const killed = (at: number, by: string, reason: string): LifecycleEvent => ({ by, revision: 3, id: `k${at}`, wall: timestamp(at), kind: 'killed', scope: 'tool alpha/*', reason, until: undefined, cancelled: 1, tasks: 0 });

test('of two kills after a call began, the first is the one that cancelled it', async (t) => {
  const { w, note, explained } = scene(t);
  await w.callTool('alpha__echo');
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  w.outcomes[0] = { ...outcome, end: { kind: 'cancelled', by: 'kill' } };
  const began = outcome.call.wall;
  note(killed(began + 1000, 'ann', 'the one that cancelled it'));
  note(killed(began + 31_000, 'bob', 'thirty seconds later'));
  assert.match((await explained()).end.because ?? '', /^ann stopped tool alpha\/\* at .*: the one that cancelled it; this call was cancelled for it$/);
});

test('a rule of a role belongs to who answers for that role, also where another role\u2019s name is the beginning of its own', async (t) => {
  const dev = { ...allowAll, name: roleName('dev'), permissions: [], allow: ['beta/*'], owner: 'team-dev' };
  const ops = { ...allowAll, name: roleName('dev:ops'), owner: 'team-ops' };
  const { w, explained } = scene(t, { settings: settings({ roles: [dev, ops] }) });
  await w.callTool('alpha__echo', {}, { principal: principal({ roles: [roleName('dev:ops')] }) });
  const { decidedBy } = await explained();
  assert.deepEqual([decidedBy.rule, decidedBy.owner], ['role:dev:ops:allow', 'team-ops']);
});

test('in a store of several nodes, kills and backends of others explain nothing', async (t) => {
  const { w, explained, reader } = scene(t, { respond: () => ({ ok: false, error: { code: 'not_ready', detail: 'starting' } }) });
  await w.callTool('alpha__echo');
  const { call } = await explained();
  const own = await reader.show(call);
  const [any] = own.ok ? (own.value?.records ?? []) : [];
  assert.ok(any !== undefined);
  const foreign: readonly AuditEntry[] = [
    { ...any, node: 'another', kind: 'lifecycle', event: 'backend', ts: w.clock.wall() - 1, actor: 'system', row_id: 999, detail: JSON.stringify({ backend: 'alpha', state: 'failed', note: 'spawn_failed' }) },
    { ...any, node: 'another', kind: 'lifecycle', event: 'killed', ts: w.clock.wall() + 1, actor: 'bob@other-site', row_id: 1000, detail: JSON.stringify({ scope: 'tool alpha/*', reason: 'elsewhere', cancelled: 0 }) },
  ];
  const query: typeof reader.query = async (filter, page) => {
    const found = await reader.query(filter, page);
    const isMeant = predicateOf(filter);
    return found.ok ? ok({ entries: [...foreign.filter((one) => isMeant({ ...one })), ...found.value.entries], next: undefined }) : found;
  };
  const found = await whyCall(call, { audit: { ...reader, query }, settings: settings(), file: 'f', hash: 'hash-1', overrides: [], running: undefined, now: w.clock.wall() });
  assert.ok(found.ok);
  assert.equal(found.value?.end.because, 'backend alpha was not ready: starting');
});
