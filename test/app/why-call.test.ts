// `why` over calls that were really decided, by the stages, and really recorded, in a journal: what it says of them is what was so.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { whyCall } from '../../src/app/why-call.ts';
import type { WhyReport } from '../../src/app/why-report.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import type { KillOverride } from '../../src/core/override.ts';
import { err } from '../../src/core/result.ts';
import type { Settings } from '../../src/core/settings.ts';
import { journalReader } from '../../src/stores/journal/reader.ts';
import { journalIn, sampleRefusal, temporaryFolder } from '../stores/sample.ts';
import { allowAll, backendSettings, principal, settings } from '../support/world.ts';
import { AUTH, scene } from './why-world.ts';

const developer = { ...allowAll, permissions: [], allow: ['alpha/read'] };
const admin = { ...allowAll, name: roleName('admin') };

function lines(report: WhyReport): readonly string[] {
  return report.changes.map(({ text, run }) => (run === undefined ? text : `${text}: ${run.join(' ')}`));
}

const kill = (over: Partial<KillOverride> = {}): KillOverride => ({ kind: 'kill', id: '0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60', scope: { kind: 'tool', pattern: 'alpha/*' }, by: 'ann', reason: 'incident 7', at: timestamp(1_700_000_000_500), until: undefined, ...over });
const head = { by: 'ann', revision: 3 };
const killedEvent = (at: number, until?: number): LifecycleEvent => ({ ...head, id: `k${at}`, wall: timestamp(at), kind: 'killed', scope: 'tool alpha/*', reason: 'incident 7', until: until === undefined ? undefined : timestamp(until), cancelled: 0, tasks: 0 });

describe('a refusal by the roles', () => {
  const roles = settings({ auth: AUTH, roles: [developer, admin] });

  test('names the roles that allow it, and with one of them it is allowed', async (t) => {
    const { w, explained } = scene(t, { settings: roles });
    await w.callTool('alpha__echo', { secret: 'hush' });
    const report = await explained();
    assert.deepEqual([report.decision, report.ruling, report.decidedBy.stage, report.decidedBy.rule, report.decidedBy.mode], ['deny', 'deny', 'role', 'role:none', 'enforce']);
    assert.equal(report.because, 'no `allow` of role developer names alpha/echo');
    assert.deepEqual(lines(report), [
      'no role of this subject allows alpha/echo; roles that do, by the present configuration: admin. A token with one of them as well: sentinel token issue --subject alice --role developer --role admin',
      'or add "alpha/echo" to `allow` of [rbac.roles.developer] in /etc/sentinel.toml, then: sentinel reload',
    ]);
    assert.deepEqual(report.present, { decision: 'deny', rule: 'role:none' });
    assert.equal(report.end.docs, 'SEN-0302');
    assert.ok(!JSON.stringify(report).includes('hush'), 'no values');
    await w.callTool('alpha__echo', {}, { principal: principal({ roles: [roleName('developer'), roleName('admin')] }) });
    const allowed = await explained();
    assert.deepEqual([allowed.decision, allowed.because], ['allow', 'role admin allows it: its `allow` has *']);
    assert.deepEqual(allowed.changes, []);
  });

  test('by a deny names the pattern, and that more roles would not help', async (t) => {
    const { w, explained } = scene(t, { settings: settings({ auth: AUTH, roles: [{ ...developer, deny: ['beta/*', 'alpha/ec*'] }, admin] }) });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.equal(report.because, 'role developer denies alpha/echo: its `deny` has alpha/ec*');
    assert.deepEqual(lines(report), [
      'roles that allow alpha/echo, by the present configuration, in place of developer: admin. A token with one of them: sentinel token issue --subject alice --role admin',
      'or take alpha/ec* out of `deny` of [rbac.roles.developer], and add "alpha/echo" to `allow` of [rbac.roles.developer] in /etc/sentinel.toml, then: sentinel reload',
    ]);
    const both = scene(t, { settings: settings({ roles: [{ ...allowAll, deny: ['alpha/*', 'echo'] }] }) });
    await both.w.callTool('alpha__echo');
    assert.equal(lines(await both.explained()).at(-1), 'or take alpha/*, echo out of `deny` of [rbac.roles.developer] in /etc/sentinel.toml, then: sentinel reload');
  });

  test('for a role that the configuration did not know says so', async (t) => {
    const { w, explained } = scene(t, { settings: settings({ roles: [developer] }) });
    await w.callTool('alpha__echo', {}, { principal: principal({ roles: [roleName('ghost')] }) });
    const report = await explained();
    assert.equal(report.because, 'the caller had role ghost, which the configuration did not know');
    assert.deepEqual(lines(report), ['no other role of the present configuration allows alpha/echo', 'or define [rbac.roles.ghost] with allow = ["alpha/echo"] in /etc/sentinel.toml, then: sentinel reload']);
  });

  test('that the present configuration would not repeat says that', async (t) => {
    const { w, explained } = scene(t, { settings: roles });
    await w.callTool('alpha__echo');
    const report = await explained({ settings: settings({ roles: [allowAll] }), hash: 'hash-2' });
    assert.deepEqual(lines(report), ['the present configuration lets developer use it: role:developer:allow']);
    assert.deepEqual(report.present, { decision: 'allow', rule: 'role:developer:allow' });
    assert.deepEqual([report.configuration.same, report.configuration.from, report.limits], [false, 'file', undefined]);
  });

  test('of a role that is only watched was not done, and is said to be so', async (t) => {
    const { w, explained } = scene(t, { settings: settings({ roles: [{ ...developer, mode: 'monitor' }] }) });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.deepEqual([report.decision, report.ruling, report.decidedBy.mode, report.end.code], ['allow', 'deny', 'monitor', 'ok']);
    assert.equal(report.because, 'no `allow` of role developer names alpha/echo; it was made all the same, for the rule is only watched (monitor)');
    assert.deepEqual(report.stages.find(({ stage }) => stage === 'role'), { stage: 'role', decision: 'deny', rule: 'role:none', mode: 'monitor', note: undefined });
  });
});

test('a token with too small a scope is told which it needs, which includes it, and what it had', async (t) => {
  const grants = [{ name: 'issues:write', allow: ['alpha/echo'], includes: [] }, { name: 'issues', allow: [], includes: ['issues:write'] }];
  const { w, explained } = scene(t, { settings: settings({ auth: AUTH, scopes: { baseline: [], grants } }) });
  await w.callTool('alpha__echo', {}, { principal: principal({ scopes: ['issues:read'] }) });
  const report = await explained();
  assert.equal(report.because, 'alpha/echo needs the scope issues:write; the token has issues:read');
  assert.deepEqual(report.who.scopes, ['issues:read']);
  assert.deepEqual(lines(report), ['a token with the scope issues:write or one that includes it (issues), besides those it has: sentinel token issue --subject alice --role developer --scope issues:read --scope issues:write']);
  assert.deepEqual(report.present, { decision: 'deny', rule: 'scope:issues:write' });
});

describe('a kill', () => {
  test('of an operator is told with who, why, until and the id that undoes it', async (t) => {
    const { w, explained, note } = scene(t);
    const until = 1_700_000_007_000;
    w.cell.override([kill({ until: timestamp(until) })]);
    note(killedEvent(1_700_000_000_500, until));
    await w.callTool('alpha__echo');
    const report = await explained({ overrides: [kill({ until: timestamp(until) })] });
    assert.equal(report.because, 'ann stopped tool alpha/* at 2023-11-14T22:13:20.500Z, until 2023-11-14T22:13:27.000Z: incident 7; this call was refused for it');
    assert.deepEqual(lines(report), ['tool alpha/* is still stopped, until 2023-11-14T22:13:27.000Z (kill 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 by ann: incident 7); to undo it: sentinel unkill 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 --reason …']);
    assert.deepEqual(report.present, { decision: 'deny', rule: 'kill:operator:tool alpha/*' });
  });

  test('that was undone, or is over, needs nothing more', async (t) => {
    const { w, explained, note } = scene(t);
    w.cell.override([kill()]);
    note(killedEvent(1_700_000_000_500));
    note({ ...head, id: 'u', wall: timestamp(1_700_000_050_000), kind: 'unkilled', scope: 'tool alpha/*', reason: 'closed' });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.deepEqual(lines(report), ['ann undid the kill at 2023-11-14T22:14:10.000Z: closed']);
    assert.equal(report.present?.decision, 'allow');
    const over = scene(t);
    over.w.cell.override([kill({ until: timestamp(1_700_000_001_500) })]);
    over.note(killedEvent(1_700_000_000_500, 1_700_000_001_500));
    await over.w.callTool('alpha__echo');
    assert.deepEqual(lines(await over.explained({ overrides: [kill({ until: timestamp(1_700_000_001_500) })], now: 1_700_000_002_000 })), ['the kill was over at 2023-11-14T22:13:21.500Z']);
  });

  test('that came on record a moment after it came in force is found all the same, and not the one before', async (t) => {
    const { w, explained, note } = scene(t);
    w.cell.override([kill()]);
    note({ ...killedEvent(1_699_999_000_000), by: 'bob' });
    note({ ...head, id: 'u', wall: timestamp(1_699_999_500_000), kind: 'unkilled', scope: 'tool alpha/*', reason: 'closed' });
    note(killedEvent(1_700_000_001_002));
    await w.callTool('alpha__echo');
    assert.match((await explained()).because, /^ann stopped tool alpha\/\* at 2023-11-14T22:13:21\.002Z: incident 7/);
  });

  test('of the file is undone in the file', async (t) => {
    const kills = { ...settings().kills, tools: ['alpha/echo'] };
    const { w, explained } = scene(t, { settings: settings({ kills }) });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.equal(report.because, '[kill_switch] of the configuration stops tool alpha/echo');
    assert.deepEqual(lines(report), ['remove it from [kill_switch] of /etc/sentinel.toml, then: sentinel reload']);
    assert.deepEqual(lines(await explained({ settings: settings() })), ['[kill_switch] of /etc/sentinel.toml no longer stops it']);
  });

  test('is not guessed at where what operators said cannot be read', async (t) => {
    const { w, explained } = scene(t);
    w.cell.override([kill()]);
    await w.callTool('alpha__echo');
    const report = await explained({ overrides: undefined });
    assert.equal(report.because, 'an operator had stopped tool alpha/*');
    assert.deepEqual(lines(report), ['what operators said could not be read here; what is stopped now: sentinel kills']);
  });
});

describe('a limit', () => {
  const limited = settings({ limits: { ...settings().limits, perTool: 1 } });

  test('is told with its window, when it would have passed, and where it is set', async (t) => {
    const { w, explained } = scene(t, { settings: limited });
    await w.callTool('alpha__echo');
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.equal(report.because, 'the limit of this subject for this target was reached: 1 in 60 s');
    assert.match(lines(report)[0] ?? '', /^(?:a counted call is forgotten after 61 s at most: without other calls this one would have passed by|it would have passed from) 2023-11-14T22:14:2/);
    assert.equal(lines(report)[1], 'the limit is [rate_limits] default_rpm = 1 of /etc/sentinel.toml; a higher one there, then: sentinel reload');
    assert.deepEqual(report.limits, [{ scope: 'principal', limit: 1, windowS: 60 }]);
    w.clock.advance(61_000);
    await w.callTool('alpha__echo');
    assert.equal((await explained()).decision, 'allow', 'and by then it does');
  });

  test('of a pattern, a role, a backend or the gateway is named by its own key', async (t) => {
    const { limits } = limited;
    const cases: readonly (readonly [Settings['limits'], string])[] = [
      [{ ...limits, perTool: 9, tools: [{ pattern: 'alpha/e*', limit: 0 }] }, '[rate_limits.per_tool] "alpha/e*" = 0'],
      [{ ...limits, perTool: 9, roles: { developer: 0 } }, '[rate_limits.per_role] developer = 0'],
      [{ ...limits, perTool: 9, backends: { alpha: 0 } }, '[rate_limits.per_backend] alpha = 0'],
      [{ ...limits, perTool: 9, global: 0 }, '[rate_limits] global_rpm = 0'],
    ];
    for (const [own, key] of cases) {
      const { w, explained } = scene(t, { settings: settings({ limits: own }) });
      await w.callTool('alpha__echo');
      const [wait, edit] = lines(await explained());
      assert.equal(wait, 'the limit lets nothing pass: no wait helps');
      assert.equal(edit, `the limit is ${key} of /etc/sentinel.toml; a higher one there, then: sentinel reload`);
    }
  });
});

test('arguments that do not fit are told by path and keyword, never by value', async (t) => {
  const errors = [{ path: '/a', steps: ['a'], keyword: 'type', message: 'must be string' }, { path: '', steps: [], keyword: 'required', message: 'must have b' }];
  const { w, explained } = scene(t, { schemas: { check: () => Promise.resolve({ kind: 'invalid', errors }) } });
  await w.callTool('alpha__echo', { a: 'hush' });
  const report = await explained();
  assert.match(report.because, /^the arguments do not fit the input schema of alpha\/echo: \/~3[0-9a-f]{8} type; \/ required \(path, keyword\)$/);
  assert.deepEqual(report.changes[0]?.run, ['sentinel', 'explain', 'alpha/echo', '--as', 'developer', '--args', 'arguments.json']);
  assert.ok(!JSON.stringify(report).includes('hush'));
});

describe('a backend', () => {
  test('whose circuit is open is told with when it may be tried again, and how it was', async (t) => {
    const used = settings({ backends: [backendSettings('alpha', { retries: 0 })] });
    const { w, explained, note } = scene(t, { settings: used, respond: () => err({ code: 'exited', detail: 'status 1' }) });
    note({ ...head, by: 'system', id: 'b', wall: timestamp(1_700_000_000_900), kind: 'backend', backend: backendSettings('alpha').id, state: 'backing_off', note: 'exited' });
    for (let calls = 0; calls < 3; calls += 1) await w.callTool('alpha__echo');
    const failed = await explained();
    assert.deepEqual([failed.decision, failed.end.code, failed.end.docs], ['allow', 'exited', 'SEN-0402']);
    assert.equal(failed.end.because, 'backend alpha ended during the call: status 1; the last that was said of it: backing_off at 2023-11-14T22:13:20.900Z (exited)');
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.match(report.because, /^the circuit of backend alpha was open: it had failed too often; it was backing_off since 2023-11-14T22:13:20\.900Z \(exited\)$/);
    assert.deepEqual(lines(report), ['it would have passed from 2023-11-14T22:13:22.000Z on, had nothing else come between', 'after a while it lets one call try, and closes when that succeeds; how it is now: sentinel status']);
  });

  test('that did not answer in time is told with the time it had', async (t) => {
    const { w, explained } = scene(t, { respond: () => err({ code: 'timeout', afterMs: 1000 }) });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.match(report.end.because ?? '', /^backend alpha did not answer in time: timeout after 1000 ms|^backend alpha did not answer in time/);
    assert.equal(lines(report)[0], 'the time for one call is timeout_secs of [[backends]] alpha = 1 in /etc/sentinel.toml; a longer one there, then: sentinel reload');
    assert.equal(report.because, 'role developer allows it: its `allow` has *');
  });
});

test('a call that could not be recorded leads to the doctor', async (t) => {
  const { w, explained } = scene(t);
  w.auditDown = true;
  await w.callTool('alpha__echo');
  const report = await explained();
  assert.equal(report.because, 'the audit could not be written, and nothing is done that cannot be recorded');
  assert.deepEqual(report.changes[0]?.run, ['sentinel', 'doctor']);
});

test('a request that never became a call is told by the check that it failed', async (t) => {
  const cases = [
    [{ code: 'unauthenticated', failure: 'expired' }, 'the request was not believed: its token has expired (expired)', 'sentinel token inspect agent.token'],
    [{ code: 'unauthenticated', failure: 'revoked' }, 'the request was not believed: its token or the key of it was revoked (revoked)', 'sentinel audit query event = token_revoked'],
    [{ code: 'unknown_name' }, 'nothing was exposed under the name nope', 'sentinel tools --all-kinds'],
    [{ code: 'bad_handle', handle: 'used' }, 'what the agent gave back (a cursor, a requestState or a task id) is used before', undefined],
    [{ code: 'unknown_method' }, 'the agent asked for a method that is not offered to it: tools/call', undefined],
    [{ code: 'invalid_request' }, 'what the agent sent with tools/call is not what that method takes', undefined],
    [{ code: 'origin' }, 'the request came from a web page of an origin that may not connect', 'sentinel reload'],
    [{ code: 'probe_limited', retryAfterMs: 1500 }, 'too many requests of this subject were refused, so that all are for a while', undefined],
  ] as const;
  for (const [reason, because, run] of cases) {
    const { w, explained } = scene(t);
    w.outcomes.push(sampleRefusal({ reason, wall: w.clock.wall() }));
    const report = await explained();
    assert.equal(report.because, because);
    assert.equal(report.decision, 'deny');
    assert.equal(report.changes[0]?.run?.join(' '), run);
    assert.deepEqual(report.stages, []);
    assert.equal(report.present, undefined);
  }
});

test('a call without an outcome is not said to have ended', async (t) => {
  const { w, explained } = scene(t);
  await w.callTool('alpha__echo');
  w.outcomes.length = 0;
  const report = await explained();
  assert.deepEqual([report.end.concluded, report.decision], [false, 'allow']);
  assert.match(report.end.because ?? '', /^it is not concluded/);
});

test('a call that a kill cancelled in flight names the kill', async (t) => {
  const { w, explained, note } = scene(t);
  await w.callTool('alpha__echo');
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  w.outcomes[0] = { ...outcome, end: { kind: 'cancelled', by: 'kill' } };
  note({ ...killedEvent(1_700_000_001_000), id: 'other', kind: 'killed', scope: 'backend beta', reason: 'no matter', until: undefined, cancelled: 0, tasks: 0 });
  note(killedEvent(1_700_000_001_000));
  const report = await explained();
  assert.deepEqual([report.decision, report.end.code], ['allow', 'cancelled_kill']);
  assert.match(report.end.because ?? '', /^ann stopped tool alpha\/\* at .*: incident 7; this call was cancelled for it$/);
});

describe('the configuration', () => {
  test('is compared with the running gateway\u2019s, and a file that was changed since is told', async (t) => {
    const { w, explained } = scene(t);
    await w.callTool('alpha__echo');
    const same = await explained({ running: { revision: 9, configHash: 'hash-1' }, hash: 'hash-1' });
    assert.deepEqual(same.configuration, { revision: w.cell.current().revision, hash: 'hash-1', hashNow: 'hash-1', same: true, from: 'gateway', revisionNow: 9, fileChanged: false });
    assert.deepEqual(same.changes, []);
    const changed = await explained({ running: { revision: 9, configHash: 'hash-1' }, hash: 'hash-2' });
    assert.deepEqual([changed.configuration.same, changed.configuration.fileChanged, changed.changes.at(-1)?.run], [true, true, ['sentinel', 'reload']]);
  });

  test('says who answers for the rule, and whether the call may change something', async (t) => {
    const { w, explained } = scene(t, { settings: settings({ roles: [{ ...developer, owner: 'team-a' }] }) });
    await w.callTool('alpha__echo');
    const report = await explained();
    assert.equal(report.asked.class, 'changing');
    assert.equal(report.decidedBy.owner, undefined, 'nobody answers for what no role says');
    const denying = scene(t, { settings: settings({ roles: [{ ...developer, deny: ['alpha/echo'], owner: 'team-a' }] }) });
    await denying.w.callTool('alpha__echo');
    assert.equal((await denying.explained()).decidedBy.owner, 'team-a');
  });
});

test('an id that is not on record is nothing', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  await journal.start();
  await journal.close();
  assert.deepEqual(await whyCall('x', { audit: journalReader([join(folder, 'journal')]), settings: settings(), file: '', hash: '', overrides: [], running: undefined, now: 0 }), { ok: true, value: undefined });
});
