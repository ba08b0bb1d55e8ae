import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFERS } from '../support/offers.ts';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { statusOf } from '../../src/core/outcome.ts';
import type { BackendListing } from '../../src/core/ports.ts';
import { allowAll, backendSettings, origin, principal, read, settings } from '../support/world.ts';
import { backendOf, denied, full, FULL, listen, session, subscribe, tick } from './following.ts';

const TAG = { 'io.modelcontextprotocol/subscriptionId': 1 };

test('T113 T117 the acknowledgement comes first and lists what is honoured: no URI that may not be read, no kind that is not offered [S19]', async () => {
  const w = full({ settings: denied('resource:alpha/file:///secret'), listings: { alpha: { ...FULL, offers: { ...ALL_OFFERS, prompts: false } } } });
  const wanted = ['alpha+file:///a', 'alpha+file:///secret', 'alpha+file:///refused', 'gamma+file:///a', 'alpha+file:///x/../y', 'alpha+file:///a'];
  const { heard, stop, pending } = await listen(w, { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: false, resourceSubscriptions: wanted });
  assert.deepEqual(heard, [{ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['alpha+file:///a'] }, _meta: TAG } }]);
  assert.deepEqual([...backendOf(w).follows.keys()], ['file:///a']);
  assert.deepEqual(w.outcomes.map(statusOf).toSorted(), ['denied', 'denied', 'denied', 'error', 'success']);
  stop.abort('shutdown');
  assert.equal(read(await pending).result?.['resultType'], 'complete');
  assert.deepEqual([backendOf(w).follows.size, w.deps.inflight.size], [0, 0]);
});

test('T115 an update of a part of what is followed is told by the name the agent knows; what was not followed is no news', async () => {
  const w = full();
  const { heard } = await listen(w, { resourceSubscriptions: ['alpha+file:///dir'] });
  const told = backendOf(w).follows.get('file:///dir');
  for (const uri of ['file:///dir/x', 'file:///dir', 'file:///directory', 'file:///other', 'file:///dir/../etc']) told?.(uri);
  assert.deepEqual(heard.slice(1).map(({ params }) => params), [{ uri: 'alpha+file:///dir/x', _meta: TAG }, { uri: 'alpha+file:///dir', _meta: TAG }]);
});

test('T117 each delivery is judged by the newest policy: what may not be seen any more is not told', async () => {
  const w = full({ settings: denied('resource:alpha/file:///dir/secret') });
  const { heard } = await listen(w, { resourceSubscriptions: ['alpha+file:///dir'] });
  const told = backendOf(w).follows.get('file:///dir');
  told?.('file:///dir/secret');
  assert.equal(heard.length, 1);
  w.cell.override([{ kind: 'kill', id: 'k', scope: { kind: 'backend', backend: backendId('alpha') }, by: 'op', reason: 'r', at: timestamp(0), until: undefined }]);
  told?.('file:///dir');
  assert.equal(heard.length, 1);
  w.cell.override([]);
  told?.('file:///dir');
  assert.equal(heard.length, 2);
});

test('news that come before the acknowledgement are told after it, once', async () => {
  const w = full();
  const { follow } = backendOf(w);
  backendOf(w).follow = async (permit, updated) => {
    for (let time = 0; time < 3; time += 1) updated('file:///a');
    return follow(permit, updated);
  };
  const { heard } = await listen(w, { resourceSubscriptions: ['alpha+file:///a'] });
  assert.deepEqual(heard.map(({ method }) => method), ['notifications/subscriptions/acknowledged', 'notifications/resources/updated']);
});

test('one stream follows a bounded number of URIs, and each is charged [SEC48]', async () => {
  const base = settings();
  const limits = { perTool: 3, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  const many = Array.from({ length: 10 }, (_, at) => `alpha+file:///f${at}`);
  const bounded = full({ settings: { ...base, bounds: { ...base.bounds, follows: 4, tasks: 100, tasksPerPrincipal: 10, taskMs: 3_600_000, taskBytes: 1 << 20 } } });
  await listen(bounded, { resourceSubscriptions: many });
  assert.equal(backendOf(bounded).follows.size, 4);
  const charged = full({ settings: { ...base, limits } });
  await listen(charged, { resourceSubscriptions: many });
  assert.equal(backendOf(charged).follows.size, 3);
});

test('a filter that is no filter is -32602', async () => {
  const w = full();
  for (const params of [{}, { notifications: [] }, { notifications: { resourceSubscriptions: 'x' } }, { notifications: { resourceSubscriptions: [7] } }]) {
    assert.equal(read(await w.ask('subscriptions/listen', params)).error?.code, -32602);
  }
});

test('T120 each list has its own notice, told once and only to who sees the change', async () => {
  const w = full({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: [{ ...allowAll, deny: ['beta/*'] }] }) });
  const { heard } = await listen(w, { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true });
  const relist = (id: string, over: Partial<BackendListing>): void => {
    const tools = w.cell.current().catalog.tools.filter((row) => row.target.backend === id).map((row) => row.definition);
    w.cell.listed(backendId(id), { prompts: [], resources: [], templates: [], tools, instructions: undefined, era: 'legacy', version: '2025-11-25', server: id, offers: ALL_OFFERS, ...FULL, ...over });
  };
  relist('beta', { prompts: [], resources: [] });
  w.clock.advance(1000);
  assert.equal(heard.length, 1);
  const changes: readonly (readonly [Partial<BackendListing>, string])[] = [
    [{ prompts: [] }, 'prompts'], [{ prompts: [], resources: [] }, 'resources'], [{ prompts: [], resources: [], templates: [toRaw({ uriTemplate: 'x:{a}', name: 't' })] }, 'resources'],
  ];
  for (const [over, list] of changes) {
    const before: number = heard.length;
    relist('alpha', over);
    relist('alpha', over);
    w.clock.advance(1000);
    assert.deepEqual(heard.slice(before).map(({ method, params }) => [method, params]), [[`notifications/${list}/list_changed`, { _meta: TAG }]]);
  }
});

test('a session follows until it takes it back', async () => {
  const w = full();
  const own = session();
  assert.deepEqual(read(await subscribe(w, own, 'alpha+file:///a')).result, {});
  assert.deepEqual(read(await subscribe(w, own, 'alpha+file:///a')).result, {});
  assert.equal(w.outcomes.length, 1, 'the second time is no second subscription');
  backendOf(w).follows.get('file:///a')?.('file:///a');
  assert.deepEqual(own.heard, [{ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'alpha+file:///a' } }]);
  assert.deepEqual(read(await subscribe(w, own, 'alpha+file:///a', 'resources/unsubscribe')).result, {});
  assert.equal(backendOf(w).follows.size, 0);
});

test('the end of a session ends what it follows, also what is just being opened', async () => {
  const w = full();
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  let open = (): void => {};
  const { follow } = backendOf(w);
  backendOf(w).follow = async (permit, updated) => {
    await new Promise<void>((resolve) => { open = resolve; });
    return follow(permit, updated);
  };
  const pending = subscribe(w, own, 'alpha+file:///b');
  await tick();
  own.end();
  open();
  await pending;
  assert.equal(backendOf(w).follows.size, 0);
});

test('one taken back while it is opened is not followed', async () => {
  const w = full();
  const own = session();
  const pending = subscribe(w, own, 'alpha+file:///a');
  await subscribe(w, own, 'alpha+file:///a', 'resources/unsubscribe');
  await pending;
  assert.equal(backendOf(w).follows.size, 0);
});

test('C01 to subscribe tells as little as to read: hidden and unknown are the same bytes, and a denial names its reason', async () => {
  const uri = 'alpha+file:///a';
  const [hidden, absent] = [full({ settings: denied('resource:alpha/*') }), full({ listings: {} })];
  assert.deepEqual(await subscribe(hidden, session(), uri), await subscribe(absent, session(), uri));
  assert.equal(read(await subscribe(hidden, session(), uri)).error?.code, -32002);
  assert.deepEqual(read(await subscribe(hidden, session(), uri, 'resources/unsubscribe')).result, {});
  const limits = { perTool: 0, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  assert.match(String(read(await subscribe(full({ settings: settings({ limits }) }), session(), uri)).error?.message), /SEN-0303/);
  assert.match(String(read(await subscribe(full(), session(), 'alpha+file:///refused')).error?.message), /Backend error/);
});

test('a session has a bound of what it follows, and without a session nothing is followed', async () => {
  const base = settings();
  const w = full({ settings: { ...base, bounds: { ...base.bounds, follows: 1, tasks: 100, tasksPerPrincipal: 10, taskMs: 3_600_000, taskBytes: 1 << 20 } } });
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  assert.match(String(read(await subscribe(w, own, 'alpha+file:///b')).error?.message), /Too many/);
  assert.equal(read(await w.ask('resources/subscribe', { uri: 'alpha+file:///a' }, { era: 'legacy' })).error?.code, -32602);
  assert.equal(read(await subscribe(w, own, 7)).error?.code, -32602);
});

test('on a single-backend endpoint URIs are the backend\'s own', async () => {
  const w = full();
  const { heard } = await listen(w, { resourceSubscriptions: ['file:///a'] }, { origin: origin({ endpoint: { kind: 'single', backend: backendId('alpha') } }) });
  backendOf(w).follows.get('file:///a')?.('file:///a');
  assert.deepEqual(heard.map(({ params }) => params?.['uri'] ?? params?.['notifications']), [{ resourceSubscriptions: ['file:///a'] }, 'file:///a']);
});

test('T117 a session that goes on with a token of fewer roles hears no more than that token may see', async () => {
  const viewer = { ...allowAll, name: roleName('viewer'), permissions: [], allow: ['resource:alpha/file:///public/**'] };
  const w = full({ settings: settings({ roles: [allowAll, viewer] }) });
  const one = session();
  for (const uri of ['alpha+file:///secret', 'alpha+file:///public/a']) await subscribe(w, one, uri);
  await w.ask('ping', {}, { era: 'legacy', principal: principal({ roles: [viewer.name], credential: 'refreshed' }), io: { session: one.io } });
  for (const uri of ['file:///secret', 'file:///public/a']) backendOf(w).follows.get(uri)?.(`${uri}/x`);
  assert.deepEqual(one.heard.map(({ params }) => params), [{ uri: 'alpha+file:///public/a/x' }]);
});

test('how much is followed is counted, and how often it would have been too much', async () => {
  const base = settings();
  const w = full({ settings: { ...base, bounds: { ...base.bounds, follows: 2 } } });
  const { subscriptions } = w.deps;
  const own = session();
  for (const name of ['a', 'b', 'c']) await subscribe(w, own, `alpha+file:///${name}`);
  assert.deepEqual([subscriptions.open, subscriptions.hits], [2, 1]);
  const { stop, pending } = await listen(w, { resourceSubscriptions: ['alpha+file:///a', 'alpha+file:///b', 'alpha+file:///c', 'alpha+file:///d'] });
  assert.deepEqual([subscriptions.open, subscriptions.hits], [4, 2]);
  stop.abort('agent');
  await pending;
  await subscribe(w, own, 'alpha+file:///a', 'resources/unsubscribe');
  assert.equal(subscriptions.open, 1);
  own.end();
  assert.equal(subscriptions.open, 0);
});
