// What lists say while a backend is down: what is known, what can be called, or an error. T136.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { backendId, roleName, type BackendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { Settings } from '../../src/core/settings.ts';
import { ALL_OFFERS, NO_OFFERS } from '../support/offers.ts';
import { allowAll, backendSettings, origin, principal, read, settings, world, type Message, type World } from '../support/world.ts';

const ALPHA = backendId('alpha');
const BETA = backendId('beta');
const SEES_ALPHA = { principal: principal({ subject: 'bob', roles: [roleName('some')] }) };
const ROLES = [allowAll, { ...allowAll, name: roleName('some'), deny: ['beta/*'] }];
const NOTHING = { principal: principal({ subject: 'eve', roles: [roleName('ghost')] }) };

function two(whenDown: Settings['whenDown'], more: Parameters<typeof world>[0] = {}): World {
  return world({ settings: settings({ whenDown, backends: [backendSettings('alpha'), backendSettings('beta')], roles: ROLES }), tools: { alpha: [{ name: 'a' }], beta: [{ name: 'b' }] }, ...more });
}

type Over = Parameters<World['ask']>[2];
const namesIn = ({ result, error }: Message): readonly string[] | number | undefined => (error === undefined ? result?.tools?.map(({ name }) => name) : error.code);
const tools = async (w: World, over?: Over): Promise<readonly string[] | number | undefined> => namesIn(read(await w.ask('tools/list', {}, over)));

describe('T136 while a backend is down', () => {
  test('"known": its tools stay listed, and no notice is given', async () => {
    const w = two('known');
    const told: string[] = [];
    w.deps.watch({ principal: principal(), endpoint: { kind: 'merged' } }, (list) => told.push(list));
    w.cell.unavailable(BETA);
    w.cell.available(BETA);
    w.cell.unavailable(BETA);
    w.clock.advance(1000);
    assert.deepEqual([await tools(w), told], [['alpha__a', 'beta__b'], []]);
  });

  test('"omit": its tools are left out and come back, each told once to who sees them and to nobody else', async () => {
    const w = two('omit');
    const told: string[] = [];
    for (const who of [principal(), SEES_ALPHA.principal]) w.deps.watch({ principal: who, endpoint: { kind: 'merged' } }, (list) => told.push(`${who.subject} ${list}`));
    w.cell.unavailable(BETA);
    w.clock.advance(1000);
    assert.deepEqual(await tools(w), ['alpha__a']);
    w.cell.available(BETA);
    w.clock.advance(1000);
    assert.deepEqual([await tools(w), told], [['alpha__a', 'beta__b'], ['alice tools', 'alice tools']]);
  });

  test('"omit": what it had is still decided as it was, and its instructions are left out', async () => {
    const w = two('omit', { listings: { beta: { instructions: 'Ask beta.' } } });
    w.cell.unavailable(BETA);
    assert.equal(read(await w.callTool('beta__b')).error, undefined);
    assert.doesNotMatch(String(read(await w.ask('server/discover')).result?.['instructions']), /Ask beta/);
  });

  test('"omit": an error, and no empty list, when all that one may see are down', async () => {
    const w = two('omit');
    w.cell.unavailable(ALPHA);
    assert.deepEqual([await tools(w), await tools(w, SEES_ALPHA)], [['beta__b'], -32603]);
    w.cell.unavailable(BETA);
    assert.deepEqual([await tools(w), await tools(w, NOTHING)], [-32603, []]);
  });

  test('"fail": an error as long as it is down, that names nobody; who may not see it gets the list', async () => {
    const w = two('fail');
    w.cell.unavailable(BETA);
    const refused = await w.ask('tools/list');
    assert.deepEqual([refused.status, read(refused).error?.code, read(refused).error?.data], [200, -32603, { sentinel: { code: 'SEN-0403', fault: 'not_ready' } }]);
    assert.doesNotMatch(refused.message ?? '', /beta/);
    assert.deepEqual(await tools(w, SEES_ALPHA), ['alpha__a']);
    w.cell.available(BETA);
    assert.deepEqual(await tools(w), ['alpha__a', 'beta__b']);
  });

  test('"fail": a backend that has listed nothing yet is missing too; one that is switched off, or offers no such thing, is not', async () => {
    const w = world({ settings: settings({ whenDown: 'fail', backends: [backendSettings('alpha')] }), listings: { alpha: { offers: NO_OFFERS } } });
    w.cell.configure({ settings: settings({ whenDown: 'fail', backends: [backendSettings('alpha'), backendSettings('beta')], roles: ROLES }), configHash: 'h' });
    assert.deepEqual([await tools(w), await tools(w, SEES_ALPHA)], [-32603, ['alpha__echo']]);
    w.cell.override([{ kind: 'kill', id: '1', scope: { kind: 'backend', backend: BETA }, by: 'op', reason: 'broken', at: w.clock.wall(), until: undefined }]);
    assert.deepEqual(await tools(w), ['alpha__echo']);
    w.cell.unavailable(ALPHA);
    assert.equal(await tools(w), -32603);
    for (const method of ['prompts/list', 'resources/list', 'resources/templates/list']) assert.equal(read(await w.ask(method)).error, undefined, method);
  });

  test('"fail" and "omit": the endpoint of one backend asks after that one alone', async () => {
    for (const whenDown of ['fail', 'omit'] as const) {
      const w = two(whenDown);
      w.cell.unavailable(BETA);
      const at = (backend: BackendId): Over => ({ origin: origin({ endpoint: { kind: 'single', backend } }) });
      assert.deepEqual([await tools(w, at(ALPHA)), await tools(w, at(BETA))], [['a'], -32603]);
    }
  });

  test('"fail": each change between list and error is told once to who sees the backend', async () => {
    const w = two('fail');
    const told: string[] = [];
    for (const who of [principal(), SEES_ALPHA.principal]) w.deps.watch({ principal: who, endpoint: { kind: 'merged' } }, (list) => told.push(`${who.subject} ${list}`));
    for (const change of ['unavailable', 'available'] as const) {
      w.cell[change](BETA);
      w.clock.advance(1000);
    }
    assert.deepEqual(told, ['alice tools', 'alice tools']);
  });

  test('a cursor of the list before is not good for the list after', async () => {
    const base = settings();
    const w = two('omit', { settings: settings({ whenDown: 'omit', bounds: { ...base.bounds, pageSize: 1 }, backends: [backendSettings('alpha'), backendSettings('beta')] }) });
    const cursor = read(await w.ask('tools/list')).result?.nextCursor;
    assert.deepEqual(namesIn(read(await w.ask('tools/list', { cursor }))), ['beta__b']);
    w.cell.unavailable(BETA);
    assert.equal(read(await w.ask('tools/list', { cursor })).error?.code, -32602);
  });

  test('the setting may change while a backend is down, and what it was before is known then', async () => {
    const w = two('known');
    w.cell.unavailable(BETA);
    const { settings: before, configHash } = w.cell.current();
    w.cell.configure({ settings: { ...before, whenDown: 'omit' }, configHash });
    assert.deepEqual(await tools(w), ['alpha__a']);
  });
});

test('T136 C03 whatever the setting and whichever are down, who may not see a backend cannot tell whether it is', async () => {
  const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'server/discover'];
  const listing = { prompts: [{ name: 'p' }], resources: [{ uri: 'mem://r', name: 'r' }], templates: [{ uriTemplate: 'mem://{x}', name: 't' }] };
  const offers = { ...ALL_OFFERS };
  const listings = Object.fromEntries(['alpha', 'beta', 'gamma'].map((id) => [id, { offers, instructions: `of ${id}`, prompts: listing.prompts.map(toRaw), resources: listing.resources.map(toRaw), templates: listing.templates.map(toRaw) }]));
  const denied = fc.subarray(['alpha', 'beta', 'gamma'], { minLength: 1 });
  await fc.assert(fc.asyncProperty(fc.constantFrom('known' as const, 'omit' as const, 'fail' as const), denied, fc.subarray(['alpha', 'beta', 'gamma']), fc.array(fc.tuple(fc.constantFrom('unavailable' as const, 'available' as const), fc.nat()), { maxLength: 6 }), async (whenDown, hidden, down, changes) => {
    const role = { ...allowAll, deny: hidden.flatMap((id) => [`${id}/*`, `prompt:${id}/*`, `resource:${id}/*`]) };
    const w = world({ settings: settings({ whenDown, backends: ['alpha', 'beta', 'gamma'].map((id) => backendSettings(id)), roles: [role] }), listings });
    for (const id of down.filter((one) => !hidden.includes(one))) w.cell.unavailable(backendId(id));
    const told: string[] = [];
    w.deps.watch({ principal: principal(), endpoint: { kind: 'merged' } }, (list) => told.push(list));
    const answers = async (): Promise<readonly (string | undefined)[]> => Promise.all(lists.map(async (method) => (await w.ask(method)).message));
    const before = await answers();
    for (const [change, which] of changes) w.cell[change](backendId(hidden[which % hidden.length] ?? ''));
    w.clock.advance(1000);
    assert.deepEqual(await answers(), before);
    assert.deepEqual(told, []);
    for (const id of hidden) assert.ok(!before.some((one) => one?.includes(id)), id);
  }), { numRuns: 100 });
});
