import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOperations } from '../../src/app/operations.ts';
import { killViews } from '../../src/app/kills.ts';
import { objectViews, toolViews, policySentence } from '../../src/app/explain.ts';
import { backendId, roleName } from '../../src/core/ids.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import type { KillRequest, Operations } from '../../src/core/operations.ts';
import type { KillScope, Override } from '../../src/core/override.ts';
import type { OverrideStore } from '../../src/core/ports.ts';
import { err, ok } from '../../src/core/result.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { countTasks, endTasks } from '../../src/pipeline/tasks/end.ts';
import { begin, MODERN, taskWorld } from '../pipeline/tasks/jobs.ts';
import { NO_OFFERS } from '../support/offers.ts';
import { allowAll, backendSettings, passSchemas, principal, read, settings, world, type World } from '../support/world.ts';

function bench(w: World = world()): { readonly w: World; readonly operations: Operations; readonly kept: Override[]; readonly events: LifecycleEvent[]; storeDown: boolean } {
  const kept: Override[] = [];
  const events: LifecycleEvent[] = [];
  const state = { storeDown: false };
  const overrides: OverrideStore = {
    list: () => Promise.resolve(ok(kept)),
    add: (override) => {
      if (state.storeDown) return Promise.resolve(err({ code: 'unavailable', detail: '' }));
      kept.push(override);
      return Promise.resolve(ok(undefined));
    },
    remove: (id) => Promise.resolve(state.storeDown ? err({ code: 'unavailable', detail: '' }) : ok(kept.some((one) => one.id === id))),
  };
  const operations = createOperations({
    cell: w.cell, clock: w.clock, random: w.deps.random, overrides, inflight: w.deps.inflight, endTasks: (which) => endTasks(which, w.deps), countTasks: (which) => countTasks(which, w.deps), schemas: passSchemas, windows: w.deps.windows,
    announce: (event) => { events.push(event); return Promise.resolve(); },
    noted: (event) => {
      events.push(event);
      return Promise.resolve(state.storeDown ? err({ code: 'unavailable', detail: 'disk full' }) : ok(undefined));
    },
    status: () => { throw new Error('not asked'); }, metrics: () => Promise.resolve(''), reload: () => Promise.reject(new Error('not asked')),
    rekey: () => Promise.resolve(ok({ keyId: 'k2', previous: 'k1', until: undefined })), refreshRevocations: () => {}, tail: () => () => {},
  });
  return { w, operations, kept, events, get storeDown() { return state.storeDown; }, set storeDown(down) { state.storeDown = down; } };
}
const request = (over: Partial<KillRequest> = {}): KillRequest => ({ scope: { kind: 'tool', pattern: 'alpha/echo' }, reason: 'incident 7', until: undefined, by: 'op', dryRun: false, ...over });

test('a kill is in force when it is acknowledged, kept, announced, and undone by its id or its words', async () => {
  const b = bench();
  const killed = await b.operations.kill(request());
  assert.ok(killed.ok);
  assert.equal(killed.value.hits, 1);
  assert.equal(read(await b.w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
  assert.equal(b.kept.length, 1);
  assert.deepEqual(b.operations.kills().map((one) => [one.scope, one.origin, one.by, one.reason]), [['tool alpha/echo', 'operator', 'op', 'incident 7']]);
  assert.ok((await b.operations.unkill({ target: 'tool alpha/echo', reason: 'over', by: 'op' })).ok);
  assert.equal(read(await b.w.callTool('alpha__echo')).result?.isError, undefined);
  assert.deepEqual(b.events.map((event) => event.kind), ['killed', 'unkilled']);
});

test('a dry run tells and changes nothing', async () => {
  const b = bench();
  const told = await b.operations.kill(request({ dryRun: true, scope: { kind: 'backend', backend: backendId('alpha') } }));
  assert.ok(told.ok && told.value.hits === 1);
  assert.equal(b.kept.length, 0);
  assert.equal(read(await b.w.callTool('alpha__echo')).result?.isError, undefined);
});

test('a kill tells what it hits: of a role what it may call, of an unknown name that it is unknown, of a subject nothing', async () => {
  const b = bench(world({ settings: settings({ roles: [allowAll, { ...allowAll, name: roleName('nobody'), permissions: [] }] }) }));
  const told = async (scope: KillScope): Promise<unknown> => {
    const done = await b.operations.kill(request({ dryRun: true, scope }));
    return done.ok ? [done.value.hits, done.value.tools, done.value.known] : done.error;
  };
  assert.deepEqual(await told({ kind: 'role', role: roleName('developer') }), [1, 1, true]);
  assert.deepEqual(await told({ kind: 'role', role: roleName('nobody') }), [0, 1, true]);
  assert.deepEqual(await told({ kind: 'role', role: roleName('nosuch') }), [0, 1, false]);
  assert.deepEqual(await told({ kind: 'backend', backend: backendId('alpah') }), [0, 1, false]);
  assert.deepEqual(await told({ kind: 'tool', pattern: 'alpah/*' }), [0, 1, false]);
  assert.deepEqual(await told({ kind: 'subject', subject: 'ann' }), [undefined, 1, true]);
  assert.deepEqual(await told({ kind: 'all' }), [1, 1, true]);
});

test('keys that were read again are announced by name', async () => {
  const b = bench();
  assert.ok((await b.operations.rekey('op')).ok);
  assert.deepEqual(b.events.map((event) => (event.kind === 'key_rotated' ? [event.by, event.keyId, event.previous, event.until] : event.kind)), [['op', 'k2', 'k1', undefined]]);
});

test('a kill that cannot be kept is in force all the same, and says that it will not survive a restart', async () => {
  const b = bench();
  b.storeDown = true;
  const killed = await b.operations.kill(request());
  assert.ok(!killed.ok);
  assert.match(killed.error.message, /in force/);
  assert.equal(read(await b.w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
});

test('an unkill that cannot be kept changes nothing, or it would come back at the next start', async () => {
  const b = bench();
  await b.operations.kill(request());
  b.storeDown = true;
  assert.ok(!(await b.operations.unkill({ target: 'tool alpha/echo', reason: 'over', by: 'op' })).ok);
  assert.equal(b.operations.kills().length, 1);
});

test('a kill without a reason, with a bad pattern, and an unkill of nothing are refused', async () => {
  const b = bench();
  assert.ok(!(await b.operations.kill(request({ reason: ' ' }))).ok);
  assert.ok(!(await b.operations.kill(request({ scope: { kind: 'tool', pattern: '' } }))).ok);
  assert.ok(!(await b.operations.unkill({ target: 'tool nope', reason: 'x', by: 'op' })).ok);
  assert.equal(b.kept.length, 0);
});

test('a kill of the configuration file is shown, and unkill says where it stands', async () => {
  const base = settings();
  const b = bench(world({ settings: settings({ kills: { ...base.kills, tools: ['echo'] } }) }));
  assert.deepEqual(killViews(b.w.cell.current(), [], 0).map((one) => [one.scope, one.origin]), [['tool echo', 'config']]);
  const answer = await b.operations.unkill({ target: 'tool echo', reason: 'x', by: 'op' });
  assert.match(answer.ok ? '' : answer.error.message, /kill_switch/);
});

test('explain runs the real stages and charges nobody', async () => {
  const base = settings();
  const b = bench(world({ settings: settings({ limits: { ...base.limits, perTool: 1 } }) }));
  const ask = (roles: readonly string[], tool = 'alpha__echo'): ReturnType<Operations['explain']> => b.operations.explain({ tool, roles, scopes: [], subject: 'alice', args: '{}' });
  for (let i = 0; i < 3; i++) assert.equal((await ask(['developer'])).allowed, true);
  assert.deepEqual((await ask(['developer'], 'alpha/echo')).trail.map((row) => row.stage), ['kill', 'role', 'limit', 'arguments', 'guards']);
  const denied = await ask(['ghost']);
  assert.deepEqual([denied.allowed, denied.code, denied.trail.at(-1)?.rule], [false, 'SEN-0302', 'role:unknown']);
  assert.equal((await ask(['developer'], 'nope')).known, false);
  const unchecked = await b.operations.explain({ tool: 'alpha__echo', roles: ['developer'], scopes: [], subject: 'alice', args: undefined });
  assert.deepEqual(unchecked.trail.map((row) => row.rule).slice(3), ['arguments:not-given', 'guards:none']);
  assert.equal(b.w.intents.length, 0);
  assert.equal(read(await b.w.callTool('alpha__echo')).result?.isError, undefined);
});

const OFFERING = { ...NO_OFFERS, prompts: true, resources: true };
const many = (): World => world({
  settings: settings({ backends: [backendSettings('alpha', { hide: ['prompt:hidden', 'resource:file:///srv/hidden/**'] })], roles: [{ ...allowAll, permissions: [], allow: ['alpha/*'], deny: ['prompt:alpha/debug_*', 'resource:alpha/file:///srv/private/**'] }] }),
  listings: { alpha: { offers: OFFERING, prompts: ['review', 'debug_x', 'hidden'].map((name) => toRaw({ name })), resources: ['file:///srv/a', 'file:///srv/private/b'].map((uri) => toRaw({ name: 'r', uri })), templates: [toRaw({ name: 't', uriTemplate: 'file:///srv/{p}' })] } },
});

test('explain tells of prompts and resources by their kind, by either name, and of URIs that nobody lists', async () => {
  const b = bench(many());
  const ask = async (tool: string): Promise<readonly unknown[]> => {
    const report = await b.operations.explain({ tool, roles: ['developer'], scopes: [], subject: 'alice', args: undefined });
    return [report.known, report.allowed, report.target];
  };
  for (const name of ['prompt:alpha/review', 'prompt:alpha__review']) assert.deepEqual(await ask(name), [true, true, 'prompt:alpha/review'], name);
  assert.deepEqual(await ask('prompt:alpha/debug_x'), [true, false, 'prompt:alpha/debug_x']);
  for (const uri of ['resource:alpha/file:///srv/z', 'resource:alpha+file:///srv/z', 'resource:alpha/FILE:/srv/%7A']) assert.deepEqual(await ask(uri), [true, true, 'resource:alpha/file:///srv/z'], uri);
  assert.deepEqual(await ask('resource:alpha/file:///srv/priv%61te/z'), [true, false, 'resource:alpha/file:///srv/private/z']);
  assert.deepEqual(await ask('tool:alpha/echo'), [true, true, 'alpha/echo']);
  for (const unknown of ['prompt:alpha/hidden', 'prompt:alpha/echo', 'alpha/review', 'resource:alpha/file:///srv/hidden/x', 'resource:alpha/file:///srv/../x', 'resource:beta/file:///x', 'resource:file:///x', 'prompt:', 'resource:']) {
    assert.deepEqual(await ask(unknown), [false, false, undefined], unknown);
  }
  const report = await b.operations.explain({ tool: 'prompt:alpha/review', roles: ['developer'], scopes: [], subject: 'alice', args: undefined });
  assert.deepEqual(report.trail.map((row) => row.stage), ['kill', 'role', 'limit', 'arguments', 'guards']);
});

test('what is listed besides tools is shown with the same decision as the lists', () => {
  const w = many();
  const shown = objectViews(w.cell.current(), ['developer'], w.clock).map((view) => `${view.kind} ${view.name} ${view.target} ${view.visible}`);
  assert.deepEqual(shown, [
    'prompt alpha__review prompt:alpha/review true', 'prompt alpha__debug_x prompt:alpha/debug_x false', 'resource alpha+file:///srv/a resource:alpha/file:///srv/a true',
    'resource alpha+file:///srv/private/b resource:alpha/file:///srv/private/b false', 'template alpha+file:///srv/{p} resource:alpha/file:///srv/{p} true',
  ]);
});

test('a kill of prompts or resources counts those, and of resources more can be hit than are listed', async () => {
  const b = bench(many());
  const told = async (pattern: string): Promise<unknown> => {
    const done = await b.operations.kill(request({ dryRun: true, scope: { kind: 'tool', pattern } }));
    return done.ok ? [done.value.hits, done.value.known] : done.error;
  };
  assert.deepEqual(await told('prompt:alpha/*'), [2, true]);
  assert.deepEqual(await told('prompt:alpha/nope'), [0, false]);
  assert.deepEqual(await told('resource:alpha/file:///srv/**'), [3, true]);
  assert.deepEqual(await told('resource:alpha/mem:*'), [0, true]);
  assert.deepEqual(await told('tool:alpha/*'), [1, true]);
});

test('a kill of a whole backend is known by whatever the backend has', async () => {
  const listings = { alpha: { offers: OFFERING, tools: [] } };
  const told = async (over: Parameters<typeof world>[0]): Promise<unknown> => {
    const done = await bench(world(over)).operations.kill(request({ dryRun: true, scope: { kind: 'tool', pattern: 'alpha/*' } }));
    return done.ok ? [done.value.hits, done.value.known] : done.error;
  };
  assert.deepEqual(await told({ listings: { alpha: { ...listings.alpha, prompts: [toRaw({ name: 'review' })] } } }), [0, true]);
  assert.deepEqual(await told({ listings: { alpha: { ...listings.alpha, resources: [toRaw({ name: 'r', uri: 'file:///a' })] } } }), [0, true]);
  assert.deepEqual(await told({ listings }), [0, false]);
});

test('explain sees the windows a subject has used up, under the issuer its tokens come from', async () => {
  const base = settings();
  const issuer = { directory: '/nonexistent', issuer: 'ours', audience: 'a', graceMs: 0 };
  const b = bench(world({ settings: settings({ limits: { ...base.limits, perTool: 1 }, auth: { ...base.auth, ownKeys: issuer } }) }));
  const ask = (subject: string): ReturnType<Operations['explain']> => b.operations.explain({ tool: 'alpha__echo', roles: ['developer'], scopes: [], subject, args: '{}' });
  assert.equal((await ask('alice')).allowed, true);
  await b.w.callTool('alpha__echo', {}, { principal: principal({ issuer: 'ours' }) });
  const used = await ask('alice');
  assert.deepEqual([used.allowed, used.code], [false, 'SEN-0303']);
  assert.equal((await ask('bob')).allowed, true);
});

test('the policy sentence and the tool views count with the same decision as the lists', () => {
  const w = world({ settings: settings({ roles: [{ ...allowAll, deny: ['alpha/echo'] }] }), tools: { alpha: [{ name: 'echo' }, { name: 'read' }] } });
  assert.equal(policySentence(w.cell.current(), w.clock), 'default deny: role developer may call 1 of 2 tools');
  assert.deepEqual(toolViews(w.cell.current(), ['developer'], w.clock).map((view) => view.visible), [false, true]);
  assert.deepEqual(toolViews(w.cell.current(), [], w.clock).map((view) => view.visible), [false, false]);
});

test('a kill says how many tasks it told to end, a dry run how many it would, and the record of it too', async () => {
  for (const cancelInFlight of [true, false]) {
    const at = taskWorld('modern', { kills: { ...settings().kills, cancelInFlight } });
    const b = bench(at.w);
    await begin(at, MODERN);
    await begin(at, MODERN);
    const scope: KillScope = { kind: 'backend', backend: backendId('alpha') };
    const dry = await b.operations.kill(request({ dryRun: true, scope }));
    const done = await b.operations.kill(request({ scope }));
    const expected = cancelInFlight ? 2 : 0;
    assert.ok(dry.ok && done.ok);
    assert.deepEqual([dry.value.tasks, done.value.tasks], [expected, expected]);
    assert.partialDeepStrictEqual(b.events[0], { kind: 'killed', tasks: expected });
  }
});

test('a reading of the audit is on record with its operator, or refused with the reason', async () => {
  const b = bench();
  assert.ok((await b.operations.recordRead({ verb: 'audit query', asked: 'decision = deny', by: 'ann' })).ok);
  const [event] = b.events;
  assert.ok(event?.kind === 'audit_read');
  assert.deepEqual([event.by, event.verb, event.asked], ['ann', 'audit query', 'decision = deny']);
  b.storeDown = true;
  const refused = await b.operations.recordRead({ verb: 'why', asked: 'x', by: 'ann' });
  assert.deepEqual(refused, err({ code: 'unavailable', message: 'the audit could not be written: disk full' }));
});
