import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import { statusOf } from '../../src/core/outcome.ts';
import { err } from '../../src/core/result.ts';
import { ALL_OFFERS } from '../support/offers.ts';
import { allowAll, backendSettings, fakeBackend, okText, principal, read, settings, type FakeBackend, type World } from '../support/world.ts';
import { backendOf, full, listen, session, subscribe, tick } from './following.ts';

test('a backend that a reload has replaced is followed again, decided anew, and its agent is told once', async () => {
  const w = full();
  const { heard } = await listen(w, { resourceSubscriptions: ['alpha+file:///a'] });
  const before = backendOf(w);
  const after = fakeBackend('alpha', () => okText('ok'));
  after.listing = () => ({ prompts: [], resources: [], templates: [], tools: [], offers: ALL_OFFERS, instructions: undefined, era: 'legacy', version: '2025-11-25', server: 's' });
  w.backends.set(backendId('alpha'), after);
  w.cell.override([]);
  await tick();
  assert.deepEqual([[...before.follows.keys()], [...after.follows.keys()]], [[], ['file:///a']]);
  assert.deepEqual(heard.slice(1).map(({ params }) => params?.['uri']), ['alpha+file:///a']);
  assert.equal(w.outcomes.length, 2);
  const { follow } = after;
  const third = fakeBackend('alpha', () => okText('ok'));
  third.listing = after.listing;
  third.follow = () => Promise.resolve(err({ code: 'not_ready', detail: 'yet' }));
  w.backends.set(backendId('alpha'), third);
  w.cell.override([]);
  await tick();
  assert.equal(heard.length, 2);
  third.follow = follow;
  w.cell.override([]);
  await tick();
  assert.equal(heard.length, 3, 'a fault passes, and it is asked again at the next change');
});

/** Puts another in the place of `alpha`, as a reload of the configuration does. */
function replaceBackend(w: World, changed: () => void = () => void w.cell.override([]), follow?: FakeBackend['follow']): FakeBackend {
  const next = fakeBackend('alpha', () => okText('ok'));
  next.listing = () => ({ prompts: [], resources: [], templates: [], tools: [], offers: ALL_OFFERS, instructions: undefined, era: 'legacy', version: '2025-11-25', server: 's' });
  if (follow !== undefined) next.follow = follow;
  w.backends.set(backendId('alpha'), next);
  changed();
  return next;
}

test('two reloads close after one another leave nothing followed at the backend in between, however late it answers', async () => {
  const w = full();
  const { heard, stop } = await listen(w, { resourceSubscriptions: ['alpha+file:///a'] });
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => { open = resolve; });
  const slow = fakeBackend('alpha', () => okText('ok'));
  const between = replaceBackend(w, undefined, async (permit, updated) => {
    await opened;
    return slow.follow(permit, updated);
  });
  await tick();
  const last = replaceBackend(w);
  await tick();
  open();
  await tick();
  assert.deepEqual([between.follows.size, slow.follows.size, [...last.follows.keys()], w.deps.subscriptions.open], [0, 0, ['file:///a'], 1]);
  assert.equal(heard.length, 2, 'told once, for the one that is followed now');
  stop.abort('agent');
  await tick();
  assert.equal(last.follows.size, 0);
});

test('a late fault of a backend that is replaced already does not have its successor asked again', async () => {
  const w = full();
  await listen(w, { resourceSubscriptions: ['alpha+file:///a'] });
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => { open = resolve; });
  replaceBackend(w, undefined, async () => {
    await opened;
    return err({ code: 'not_ready', detail: 'yet' });
  });
  await tick();
  replaceBackend(w);
  await tick();
  open();
  await tick();
  const before = w.outcomes.length;
  w.cell.override([]);
  await tick();
  assert.equal(w.outcomes.length, before);
});

const ghost = { ...allowAll, name: roleName('ghost'), permissions: [], allow: [] };

test('what a reload has put out of reach is followed no more: the session can ask for it again, and is refused by name', async () => {
  const w = full({ settings: settings({ roles: [allowAll, ghost] }) });
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  await w.ask('ping', {}, { era: 'legacy', principal: principal({ roles: [ghost.name] }), io: { session: own.io } });
  const after = replaceBackend(w);
  await tick();
  assert.equal(after.follows.size, 0);
  assert.equal(read(await w.ask('resources/subscribe', { uri: 'alpha+file:///a' }, { era: 'legacy', principal: principal({ roles: [ghost.name] }), io: { session: own.io } })).error?.code, -32002);
  assert.deepEqual(read(await subscribe(w, own, 'alpha+file:///a')).result, {});
  assert.deepEqual([...after.follows.keys()], ['file:///a'], 'allowed again, it is followed again');
});

const killed = (w: World): void => void w.cell.override([{ kind: 'kill', id: 'k', scope: { kind: 'backend', backend: backendId('alpha') }, by: 'op', reason: 'r', at: timestamp(0), until: undefined }]);
const BETA = { backends: [backendSettings('alpha'), backendSettings('beta')] };

test('a stream of which a resource cannot be followed any more ends with its result, for its acknowledgement is not true any more', async () => {
  const w = full({ settings: settings(BETA) });
  const { heard, pending } = await listen(w, { resourceSubscriptions: ['alpha+file:///a', 'beta+file:///a'] });
  killed(w);
  await tick();
  assert.equal(backendOf(w, 'beta').follows.size, 1, 'a kill alone is no end: it is judged at each delivery');
  replaceBackend(w, () => killed(w));
  const ended = await Promise.race([pending, tick().then(() => undefined)]);
  assert.ok(ended);
  assert.equal(read(ended).result?.['resultType'], 'complete');
  assert.deepEqual([heard.length, backendOf(w, 'beta').follows.size, w.deps.inflight.size], [1, 0, 0]);
});

test('what is followed of a backend that a reload has removed is over', async () => {
  const w = full({ settings: settings(BETA) });
  const own = session();
  await subscribe(w, own, 'beta+file:///a');
  w.cell.configure({ settings: settings(), configHash: 'hash-2' });
  assert.equal(backendOf(w, 'beta').follows.size, 0);
  assert.equal(w.deps.subscriptions.open, 0);
  assert.equal(read(await subscribe(w, own, 'beta+file:///a')).error?.code, -32002);
});

test('a full house passes: what was refused for it is asked for again at the next change', async () => {
  let finish = (): void => {};
  const w = full({ settings: settings({ concurrency: { perPrincipal: 1, global: 10 } }), respond: async () => {
    await new Promise<void>((resolve) => { finish = resolve; });
    return okText('ok');
  } });
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  const pending = w.callTool('alpha__echo');
  await tick();
  const after = replaceBackend(w);
  await tick();
  assert.deepEqual([after.follows.size, w.outcomes.map(statusOf)], [0, ['success', 'rate_limited']]);
  finish();
  await pending;
  w.cell.override([]);
  await tick();
  assert.deepEqual([...after.follows.keys()], ['file:///a']);
});

test('a limit of the agent passes too: what a reload cost is asked for again after a while, without another change', async () => {
  const w = full({ settings: settings({ limits: { ...settings().limits, perTool: 1 } }) });
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  const after = replaceBackend(w);
  await tick();
  assert.equal(after.follows.size, 0, 'its one call of the minute was the first');
  assert.equal(w.deps.subscriptions.open, 1);
  for (let n = 0; n < 8; n += 1) {
    w.clock.advance(20_000);
    await tick();
  }
  assert.deepEqual([...after.follows.keys()], ['file:///a']);
});

test('a backend that fails to follow for ever is asked a few times, whatever changes meanwhile: each is on record and charged', async () => {
  const w = full();
  const own = session();
  await subscribe(w, own, 'alpha+file:///a');
  const before = w.outcomes.length;
  replaceBackend(w, undefined, () => Promise.resolve(err({ code: 'protocol', detail: 'never' })));
  await tick();
  for (let n = 0; n < 40; n += 1) {
    w.cell.override([]);
    await tick();
    w.clock.advance(20_000);
    await tick();
  }
  assert.deepEqual([w.outcomes.length - before, w.deps.subscriptions.open], [7, 0]);
});
