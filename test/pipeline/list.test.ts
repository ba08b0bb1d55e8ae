import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_OFFERS } from '../support/offers.ts';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import type { KillScope } from '../../src/core/override.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import { allowAll, backendSettings, origin, parse, principal, read, settings, world } from '../support/world.ts';

const tool = (name: string): unknown => ({ name, inputSchema: { type: 'object' } });

test('C03 whatever the policy, listed and callable are the same set', async () => {
  const names = ['read', 'write', 'a.b', 'list'];
  const patternArb = fc.constantFrom('*', 'alpha/*', 'beta/*', 'alpha/read', 'write', 'beta/?ead', 'alpha/w*', '*/list', 'beta__read');
  const scopeArb: fc.Arbitrary<KillScope> = fc.oneof(
    patternArb.map((pattern) => ({ kind: 'tool' as const, pattern })),
    fc.constantFrom('alpha', 'beta').map((id) => ({ kind: 'backend' as const, backend: backendId(id) })),
    fc.constantFrom('developer', 'other').map((id) => ({ kind: 'role' as const, role: roleName(id) })),
    fc.constantFrom('alice', 'bob').map((subject) => ({ kind: 'subject' as const, subject })),
  );
  const roleArb = fc.record({ name: fc.constantFrom('developer', 'other').map(roleName), permissions: fc.constantFrom([], ['*']), allow: fc.array(patternArb, { maxLength: 3 }), deny: fc.array(patternArb, { maxLength: 2 }), mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'monitor' as const), owner: fc.constant(undefined) });
  await fc.assert(fc.asyncProperty(fc.array(roleArb, { maxLength: 2 }), fc.array(scopeArb, { maxLength: 1 }), fc.subarray(['developer', 'other', 'ghost']), async (roles, scopes, held) => {
    const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: roles.filter((role, at) => roles.findIndex((one) => one.name === role.name) === at) }), tools: { alpha: names.map(tool), beta: names.map(tool) } });
    w.cell.override(scopes.map((scope, at) => ({ kind: 'kill', id: String(at), scope, by: 'op', reason: 'r', at: timestamp(0), until: undefined })));
    const who = { principal: principal({ roles: held.map(roleName) }) };
    const listed = new Set((read(await w.ask('tools/list', {}, who)).result?.tools ?? []).map((one) => one.name));
    for (const entry of w.cell.current().catalog.tools) {
      const answer = read(await w.callTool(entry.exposed, {}, who));
      const callable = answer.result?.isError === undefined && answer.error === undefined;
      assert.equal(callable, listed.has(entry.exposed), entry.exposed);
    }
  }), { numRuns: 200 });
});

test('T1 a modern list carries resultType and private, stale-at-once cache hints; a legacy list carries none (T50)', async () => {
  const w = world();
  const modern = read(await w.ask('tools/list')).result;
  assert.deepEqual([modern?.['resultType'], modern?.['ttlMs'], modern?.['cacheScope']], ['complete', 0, 'private']);
  const legacy = read(await w.ask('tools/list', {}, { era: 'legacy' })).result;
  assert.deepEqual(Object.keys(legacy ?? {}), ['tools']);
});

test('T125 T126 two backends with one name: both are prefixed, and adding a third renames nobody', async () => {
  const two = world({ settings: settings({ backends: [backendSettings('gh'), backendSettings('fs')] }), tools: { gh: [tool('search')], fs: [tool('search')] } });
  const three = world({ settings: settings({ backends: [backendSettings('gh'), backendSettings('fs'), backendSettings('cc')] }), tools: { gh: [tool('search')], fs: [tool('search')], cc: [tool('search')] } });
  const names = async (w: ReturnType<typeof world>): Promise<string[]> => (read(await w.ask('tools/list')).result?.tools ?? []).map((one) => one.name);
  assert.deepEqual(await names(two), ['gh__search', 'fs__search']);
  assert.deepEqual(await names(three), ['gh__search', 'fs__search', 'cc__search']);
});

test('T127 T128 lossy and long names stay distinct, at most 64 characters, and the call reaches the original [S31]', async () => {
  const long = 'x'.repeat(120);
  const w = world({ tools: { alpha: [tool('a.b'), tool('a_b'), tool(long), tool(`${long}y`)] } });
  const names = (read(await w.ask('tools/list')).result?.tools ?? []).map((one) => one.name);
  assert.equal(new Set(names).size, 4);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{1,64}$/);
  await w.callTool(names[2] ?? '');
  assert.equal(w.backends.get(backendId('alpha'))?.calls[0]?.call.target.name, long);
});

test('C07 with bare names, a name two backends claim is exposed by neither', async () => {
  const w = world({ settings: settings({ names: 'bare', backends: [backendSettings('alpha'), backendSettings('beta')] }), tools: { alpha: [tool('x'), tool('y')], beta: [tool('x')] } });
  assert.deepEqual((read(await w.ask('tools/list')).result?.tools ?? []).map((one) => one.name), ['y']);
  assert.equal(w.cell.current().catalog.problems.filter((row) => row.code === 'collision').length, 2);
});

test('C06 names are exact bytes: case, width, spaces, dots and percent-encoding are unknown tools', async () => {
  const w = world();
  for (const name of ['Alpha__echo', 'alpha__Echo', 'alpha__echo ', ' alpha__echo', 'alpha__echo.', 'alpha.echo', 'alpha/echo', 'alpha%5F_echo', 'alpha__ech\uff4f', 'alpha__e\u200bcho', 'echo', '__proto__', 'constructor']) {
    assert.equal(read(await w.callTool(name)).error?.code, -32602, JSON.stringify(name));
  }
  assert.equal(w.intents.length, 0);
});

test('a single-backend endpoint lists original names and calls by them', async () => {
  const w = world({ tools: { alpha: [tool('a.b')] } });
  const at = { origin: origin({ endpoint: { kind: 'single', backend: backendId('alpha') } }) };
  assert.deepEqual((read(await w.ask('tools/list', {}, at)).result?.tools ?? []).map((one) => one.name), ['a.b']);
  assert.equal(read(await w.callTool('a.b', {}, at)).error, undefined);
  assert.equal(read(await w.callTool('alpha__a_b', {}, at)).error?.code, -32602);
});

test('T129 T131 pages are sealed: together they are the whole list, and a foreign, old or bent cursor is refused [S18, SEC13]', async () => {
  const base = settings();
  const w = world({ settings: { ...base, bounds: { ...base.bounds, pageSize: 3 } }, tools: { alpha: Array.from({ length: 8 }, (_, at) => tool(`t${at}`)) } });
  const seen: string[] = [];
  let cursor: string | undefined;
  let first: string | undefined;
  do {
    const page = read(await w.ask('tools/list', cursor === undefined ? {} : { cursor })).result;
    seen.push(...(page?.tools ?? []).map((one) => one.name));
    cursor = page?.nextCursor;
    first ??= cursor;
  } while (cursor !== undefined);
  assert.deepEqual(seen, Array.from({ length: 8 }, (_, at) => `alpha__t${at}`));
  const ask = async (value: unknown, subject = 'alice'): Promise<number | undefined> => read(await w.ask('tools/list', { cursor: value }, { principal: principal({ subject }) })).error?.code;
  assert.equal(await ask(first), undefined);
  assert.equal(await ask(first, 'mallory'), -32602);
  assert.equal(await ask(`${first?.slice(0, -2)}AA`), -32602);
  assert.equal(await ask(''), -32602);
  assert.equal(await ask(7), -32602);
  w.cell.listed(backendId('alpha'), { prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: [], instructions: undefined, era: 'legacy', version: '2025-11-25', server: 's' });
  assert.equal(await ask(first), -32602);
});

test('C05 methods are looked up in a map: what is not offered is -32601, with 404 in the modern era [S23]', async () => {
  const w = world();
  for (const method of ['tools/callx', '__proto__', 'constructor', 'toString', 'initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/get']) {
    const answer = await w.ask(method);
    assert.equal(read(answer).error?.code, -32601, method);
    assert.equal(answer.status, 404, method);
  }
  assert.equal((await w.ask('server/discover', {}, { era: 'legacy' })).status, 200);
  assert.equal(read(await w.ask('server/discover', {}, { era: 'legacy' })).error?.code, -32601);
});

test('T137 instructions name only backends of which the principal sees a tool [C17]', async () => {
  const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: [{ ...allowAll, deny: ['beta/*'] }] }) });
  for (const id of ['alpha', 'beta']) w.cell.listed(backendId(id), { prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: (w.cell.current().catalog.tools.filter((row) => row.target.backend === id)).map((row) => row.definition), instructions: `use \u0007${id} well`, era: 'legacy', version: '2025-11-25', server: id });
  const text = String(read(await w.ask('server/discover')).result?.['instructions']);
  assert.match(text, /use alpha well/);
  assert.doesNotMatch(text, /beta/);
});

test('T40 T41 initialize answers a supported legacy revision, else the latest legacy one', async () => {
  const w = world();
  const ask = async (protocolVersion: string): Promise<unknown> => read(await w.ask('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } }, { era: 'legacy' })).result?.['protocolVersion'];
  assert.equal(await ask('2025-06-18'), '2025-06-18');
  assert.equal(await ask('2099-01-01'), '2025-11-25');
  assert.equal(await ask('2026-07-28'), '2025-11-25');
  assert.equal(read(await w.ask('initialize', { protocolVersion: '2025-06-18' }, { era: 'legacy' })).error?.code, -32602);
});

test('a listener hears of a change of its own list once, tagged with its id, and of nothing it cannot see', async () => {
  const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: [{ ...allowAll, deny: ['beta/*'] }] }) });
  const stop = new AbortController();
  const heard: RawJson[] = [];
  const pending = w.ask('subscriptions/listen', { notifications: { toolsListChanged: true, promptsListChanged: true } }, { io: { signal: stop.signal, notify: (message) => heard.push(message) } });
  await new Promise((resolve) => setImmediate(resolve));
  const [ack] = heard;
  assert.deepEqual(ack === undefined ? undefined : parse(ack).params?.['notifications'], { toolsListChanged: true });
  const listing = (count: number): Parameters<typeof w.cell.listed>[1] => ({ prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: w.cell.current().catalog.tools.slice(0, count).map((row) => row.definition), instructions: undefined, era: 'legacy', version: '2025-11-25', server: 's' });
  w.cell.listed(backendId('beta'), listing(0));
  w.clock.advance(1000);
  assert.equal(heard.length, 1, 'a change of hidden tools is not announced');
  w.cell.listed(backendId('alpha'), listing(0));
  w.cell.listed(backendId('alpha'), listing(0));
  w.clock.advance(1000);
  assert.equal(heard.length, 2);
  const [, notice] = heard;
  assert.equal(notice === undefined ? undefined : parse(notice).method, 'notifications/tools/list_changed');
  stop.abort('shutdown');
  assert.equal(read(await pending).result?.['resultType'], 'complete');
});

test('a list that was not served is not counted as one', async () => {
  const counted: number[] = [];
  const w = world({ tools: { alpha: [tool('a'), tool('b')] }, deps: { listed: (_principal, _method, shown) => counted.push(shown) } });
  await w.ask('tools/list');
  assert.equal(read(await w.ask('tools/list', { cursor: 'forged' })).error?.code, -32602);
  assert.deepEqual(counted, [2]);
});
