import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import { scan } from '../../src/core/json/scan.ts';
import { AGENT_LIMITS } from '../../src/core/json/raw.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { isPermit } from '../../src/core/permit.ts';
import { err } from '../../src/core/result.ts';
import type { KillOverride } from '../../src/core/override.ts';
import { statusOf } from '../../src/core/outcome.ts';
import { allowAll, auditSettings, backendSettings, okText, origin, principal, read, settings, world } from '../support/world.ts';

const kill = (scope: KillOverride['scope']): KillOverride => ({ kind: 'kill', id: 'k1', scope, by: 'op', reason: 'test', at: timestamp(0), until: undefined });
const echo = { name: 'echo', inputSchema: { type: 'object' } };

test('the size of a result on record is its bytes, not its letters', async () => {
  const text = 'é€😀'.repeat(100);
  const w = world({ respond: () => okText(text) });
  await w.callTool('alpha__echo', {});
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call' && outcome.end.kind === 'answered');
  assert.equal(outcome.end.bytes, Buffer.byteLength(toRaw({ content: [{ type: 'text', text }] })));
});

test('an allowed call reaches its backend once, with a permit, after a durable intent', async () => {
  const w = world();
  const answer = read(await w.callTool('alpha__echo', { a: 1 }));
  assert.equal(answer.result?.['resultType'], 'complete');
  const calls = w.backends.get(backendId('alpha'))?.calls ?? [];
  assert.equal(calls.length, 1);
  assert.ok(isPermit(calls[0]));
  assert.equal(w.intents.length, 1);
  assert.deepEqual(w.outcomes.map(statusOf), ['success']);
  assert.deepEqual(calls[0].trail.map((row) => row.stage), ['kill', 'role', 'limit', 'arguments', 'guards']);
});

test('the arguments arrive byte for byte: numbers, key order and unknown fields survive (T151)', async () => {
  const w = world();
  const text = '{"name":"alpha__echo","arguments":{"z":12345678901234567890,"a":1.0,"n":-0,"e":1e400}}';
  const scanned = scan(text, AGENT_LIMITS);
  assert.ok(scanned.ok);
  await w.handle({ principal: principal(), origin: origin(), id: toRaw('x'), method: 'tools/call', params: scanned.value, paramHeaders: undefined }, { signal: new AbortController().signal, notify: () => {}, ask: undefined, session: undefined });
  const [permit] = w.backends.get(backendId('alpha'))?.calls ?? [];
  assert.equal(permit?.call.kind === 'tool' ? permit.call.args : undefined, '{"z":12345678901234567890,"a":1.0,"n":-0,"e":1e400}');
});

test('C01 a hidden tool and a tool that does not exist answer with the same bytes, and neither reaches a backend [S25, SEC49]', async () => {
  const role = { ...allowAll, deny: ['alpha/echo'] };
  const hidden = world({ settings: settings({ roles: [role] }) });
  const absent = world({ tools: { alpha: [] } });
  const one = await hidden.callTool('alpha__echo');
  const two = await absent.callTool('alpha__echo');
  assert.equal(one.message, two.message);
  assert.equal(one.status, two.status);
  assert.equal(read(one).error?.code, -32602);
  assert.equal(hidden.backends.get(backendId('alpha'))?.calls.length, 0);
  assert.equal(hidden.intents.length, 0);
  assert.deepEqual(hidden.outcomes.map(statusOf), ['denied']);
});

test('nothing of what was sent to a hidden tool is kept: work on it would tell hidden from unknown by the time it takes [SEC49]', async () => {
  const w = world({ settings: settings({ roles: [{ ...allowAll, deny: ['alpha/secret'] }] }), tools: { alpha: [echo, { ...echo, name: 'secret' }] } });
  await w.callTool('alpha__secret', { s: 'x' });
  w.cell.override([kill({ kind: 'all' })]);
  await w.callTool('alpha__secret', { s: 'x' });
  await w.callTool('alpha__echo', { s: 'x' });
  const kept = w.outcomes.map((outcome) => (outcome.kind === 'call' && outcome.call.kind === 'tool' ? outcome.call.args : 'none'));
  assert.deepEqual(kept, [undefined, undefined, '{"s":"x"}']);
});

test('a killed tool that the role may see says so; one it may not see stays unknown [SEC51]', async () => {
  const w = world();
  w.cell.override([kill({ kind: 'tool', pattern: 'alpha/echo' })]);
  const seen = read(await w.callTool('alpha__echo'));
  assert.equal(seen.result?.isError, true);
  assert.equal(seen.result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
  const unseen = read(await w.callTool('alpha__echo', {}, { principal: principal({ roles: [roleName('nobody')] }) }));
  assert.equal(unseen.error?.code, -32602);
});

test('an unknown role may call nothing [S27, R13, SEC9]', async () => {
  const w = world();
  const answer = read(await w.callTool('alpha__echo', {}, { principal: principal({ roles: [roleName('ghost')] }) }));
  assert.equal(answer.error?.message, 'Unknown tool: alpha__echo');
});

test('a call over the limit is refused with the time to wait and charges nothing [S27, SEC48]', async () => {
  const w = world({ settings: settings({ limits: { perTool: 2, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } }) });
  await w.callTool('alpha__echo');
  await w.callTool('alpha__echo');
  const third = read(await w.callTool('alpha__echo'));
  assert.equal(third.result?._meta?.['sentinel/denial']?.['code'], 'SEN-0303');
  const wait = third.result?._meta?.['sentinel/denial']?.['retryAfterMs'];
  assert.ok(typeof wait === 'number' && wait > 0);
  w.clock.advance(wait);
  assert.equal(read(await w.callTool('alpha__echo')).result?.isError, undefined);
});

test('a call that is refused after the limit stage gets its charge back', async () => {
  const schemas = { check: () => Promise.resolve({ kind: 'invalid' as const, errors: [{ path: '/a', steps: ['a'], keyword: 'type', message: 'must be string' }] }) };
  const w = world({ schemas, settings: settings({ limits: { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } }) });
  for (let i = 0; i < 5; i++) {
    const answer = read(await w.callTool('alpha__echo'));
    assert.equal(answer.result?._meta?.['sentinel/denial']?.['code'], 'SEN-0305', `call ${i}`);
  }
});

test('refusals have a limit of their own, and then every name is answered alike', async () => {
  const w = world({ settings: settings({ limits: { perTool: 100, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 3, mode: 'enforce' }, roles: [{ ...allowAll, deny: ['alpha/secret'] }] }), tools: { alpha: [echo, { ...echo, name: 'secret' }] } });
  for (let i = 0; i < 3; i++) await w.callTool(`alpha__guess${i}`);
  const code = async (name: string): Promise<unknown> => read(await w.callTool(name)).result?._meta?.['sentinel/denial']?.['code'];
  assert.equal(await code('alpha__other'), 'SEN-0303');
  assert.equal(await code('alpha__secret'), 'SEN-0303');
  assert.equal(await code('alpha__echo'), 'SEN-0303');
  w.clock.advance(62_000);
  assert.equal(read(await w.callTool('alpha__echo')).result?.isError, undefined);
});

test('J01 an agent that goes on against its limit is told to wait, and its records end while the counting goes on', async () => {
  const w = world({ settings: settings({ limits: { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 3, mode: 'enforce' } }) });
  const scopes = new Set<unknown>();
  for (let i = 0; i < 200; i += 1) scopes.add(/limit for (\w+ \w+)/.exec(JSON.stringify(read(await w.callTool('alpha__echo')).result))?.[1]);
  assert.deepEqual(scopes, new Set([undefined, 'this tool', 'refused calls']));
  // One call, thirty refusals by its own limit, three by the limit for refusals.
  assert.equal(w.outcomes.length, 34);
  assert.equal(w.heard.length, 200);
  w.clock.advance(62_000);
  assert.equal(read(await w.callTool('alpha__echo')).result?.isError, undefined);
});

test('invalid arguments are a tool error that names the path, and nothing is executed [S25, S27]', async () => {
  const schemas = { check: () => Promise.resolve({ kind: 'invalid' as const, errors: [{ path: '/count', steps: ['count'], keyword: 'type', message: 'must be integer' }] }) };
  const w = world({ schemas });
  const answer = read(await w.callTool('alpha__echo', { count: 'x' }));
  assert.equal(answer.result?.isError, true);
  assert.match(JSON.stringify(answer.result), /\/count must be integer/);
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 0);
});

test('a stage that throws denies [S32]', async () => {
  const w = world({ schemas: { check: () => Promise.reject(new Error('boom /etc/secret')) } });
  const answer = await w.callTool('alpha__echo');
  assert.equal(read(answer).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0310');
  assert.doesNotMatch(answer.message ?? '', /boom|secret/);
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 0);
});

test('arguments that cannot be checked now are refused even where an unusable schema is let through', async () => {
  const rules = { mode: 'enforce', deadlineMs: 100, schemaBytes: 1, onUnusable: 'allow' } as const;
  const verdict = (kind: 'unusable' | 'unchecked'): Parameters<typeof world>[0] => ({ settings: settings({ arguments: rules }), schemas: { check: () => Promise.resolve({ kind, note: 'x' }) } });
  assert.equal(read(await world(verdict('unusable')).callTool('alpha__echo')).result?.isError, undefined);
  const w = world(verdict('unchecked'));
  assert.equal(read(await w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0310');
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 0);
});

test('without a durable intent nothing is executed when the audit is required', async () => {
  const w = world();
  w.auditDown = true;
  assert.equal(read(await w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0309');
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 0);
});

test('audit.on_failure = "continue" lets a read-only tool be called without its intent, and no other', async () => {
  const reads = { ...echo, name: 'look', annotations: { readOnlyHint: true } };
  const w = world({ settings: settings({ audit: auditSettings({ onFailure: 'continue' }) }), tools: { alpha: [echo, reads] } });
  w.auditDown = true;
  assert.equal(read(await w.callTool('alpha__look')).result?.isError, undefined);
  assert.equal(read(await w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0309');
  assert.deepEqual(w.backends.get(backendId('alpha'))?.calls.map((permit) => permit.call.target.name), ['look']);
});

test('a call that waits to be sent again is not sent after a kill, even where kills do not cancel', async () => {
  const w = world({
    settings: settings({ backends: [backendSettings('alpha', { idempotent: ['echo'] })], kills: { tools: [], backends: [], roles: [], subjects: [], all: false, cancelInFlight: false } }),
    respond: () => err({ code: 'unreachable', detail: 'refused' }),
  });
  const running = w.callTool('alpha__echo');
  while (w.clock.timers.size === 0) await new Promise((resolve) => setImmediate(resolve));
  w.cell.override([kill({ kind: 'tool', pattern: 'alpha/echo' })]);
  w.clock.advance(10_000);
  assert.equal(read(await running).error?.code, -32603);
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 1);
});

test('a backend client that throws ends the call on record, and gives its place back', async () => {
  const w = world({ settings: settings({ concurrency: { perPrincipal: 1, global: 1 } }), respond: () => { throw new Error('bug'); } });
  for (let i = 0; i < 2; i++) assert.equal(read(await w.callTool('alpha__echo')).error?.code, -32603);
  assert.deepEqual(w.outcomes.map(statusOf), ['error', 'error']);
  assert.equal(w.deps.inflight.size, 0);
});

test('a failing backend opens its breaker: the next call is refused without reaching it, a probe closes it again', async () => {
  let healthy = false;
  const w = world({ respond: () => (healthy ? okText('ok') : err({ code: 'timeout', afterMs: 1000 })) });
  for (let i = 0; i < 3; i++) assert.equal(read(await w.callTool('alpha__echo')).error?.code, -32603);
  const calls = w.backends.get(backendId('alpha'))?.calls ?? [];
  assert.equal(read(await w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0307');
  assert.equal(calls.length, 3);
  healthy = true;
  w.clock.advance(1001);
  assert.equal(read(await w.callTool('alpha__echo')).result?.isError, undefined);
  assert.equal(read(await w.callTool('alpha__echo')).result?.isError, undefined);
});

test('one agent cannot open a breaker for others with calls that fail by their arguments; a backend that fails all does', async () => {
  let down = false;
  const w = world({ respond: (permit) => (down || (permit.call.kind === 'tool' && permit.call.args === '{"sleep":9}') ? err({ code: 'timeout', afterMs: 1000 }) : okText('ok')) });
  const mallory = principal({ subject: 'mallory' });
  const code = async (args: unknown, who = principal()): Promise<unknown> => read(await w.callTool('alpha__echo', args, { principal: who })).result?._meta?.['sentinel/denial']?.['code'];
  assert.equal(await code({}), undefined);
  for (let i = 0; i < 20; i += 1) await code({ sleep: 9 }, mallory);
  assert.equal(await code({}), undefined);
  down = true;
  for (let i = 0; i < 2; i += 1) for (const who of [principal(), mallory]) await code({}, who);
  assert.equal(await code({}), 'SEN-0307');
});

test('an error answer of a backend does not open its breaker (E8)', async () => {
  const w = world({ respond: () => ({ ok: true, value: { kind: 'error', code: -32602, message: 'no', data: undefined } }) });
  for (let i = 0; i < 10; i++) assert.equal(read(await w.callTool('alpha__echo')).error?.code, -32602);
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 10);
});

test('a call that may change something is sent once, whatever goes wrong (F1) [CH7]', async () => {
  const w = world({ respond: () => err({ code: 'unreachable', detail: '' }) });
  await w.callTool('alpha__echo');
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 1);
});

test('a tool declared idempotent by the operator is tried again after a fault [CH7]', async () => {
  let times = 0;
  const w = world({ settings: settings({ backends: [backendSettings('alpha', { idempotent: ['echo'], retries: 2 })] }), respond: () => (++times < 3 ? err({ code: 'unreachable', detail: '' }) : okText('third')) });
  const pending = w.callTool('alpha__echo');
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    w.clock.advance(200);
  }
  assert.match(JSON.stringify(read(await pending).result), /third/);
  assert.equal(times, 3);
});

test('a kill while the call is in flight cancels it at the backend and is answered as killed', async () => {
  const w = world({ respond: (_permit, io) => new Promise((resolve) => { io.signal.addEventListener('abort', () => resolve(err({ code: 'cancelled' }))); }) });
  const pending = w.callTool('alpha__echo');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(w.deps.inflight.size, 1);
  w.deps.inflight.cancel(() => true, 'kill');
  assert.equal(read(await pending).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
  assert.deepEqual(w.outcomes.map(statusOf), ['killed']);
  assert.equal(w.deps.inflight.size, 0);
});

test('a kill that comes between the decision and the dispatch still wins', async () => {
  const w = world({ schemas: { check: () => { w.cell.override([kill({ kind: 'all' })]); return Promise.resolve({ kind: 'valid' }); } } });
  assert.equal(read(await w.callTool('alpha__echo')).result?._meta?.['sentinel/denial']?.['code'], 'SEN-0301');
  assert.equal(w.backends.get(backendId('alpha'))?.calls.length, 0);
});

test('a call the agent cancelled is not answered, and is recorded as cancelled', async () => {
  const agent = new AbortController();
  const w = world({ respond: (_permit, io) => new Promise((resolve) => { io.signal.addEventListener('abort', () => resolve(err({ code: 'cancelled' }))); }) });
  const pending = w.callTool('alpha__echo', {}, { io: { signal: agent.signal } });
  await new Promise((resolve) => setImmediate(resolve));
  agent.abort('agent');
  assert.equal((await pending).message, undefined);
  assert.deepEqual(w.outcomes.map((row) => (row.kind === 'call' ? row.end : row)), [{ kind: 'cancelled', by: 'agent' }]);
});

test('compat.error_codes = "original" gives the original codes and stems', async () => {
  const base = { errorCodes: 'original' as const };
  const forbidden = world({ settings: settings({ ...base, roles: [{ ...allowAll, deny: ['echo'] }] }) });
  assert.deepEqual(read(await forbidden.callTool('alpha__echo')).error?.code, -32003);
  const limited = world({ settings: settings({ ...base, limits: { perTool: 0, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } }) });
  assert.equal(read(await limited.callTool('alpha__echo')).error?.code, -32004);
  const killed = world({ settings: settings(base) });
  killed.cell.override([kill({ kind: 'backend', backend: backendId('alpha') })]);
  const error = read(await killed.callTool('alpha__echo')).error;
  assert.equal(error?.code, -32005);
  assert.equal(error?.message, 'Backend is disabled: alpha');
});

test('a result type that was not offered is not passed on (T73); a result without one is complete (T74)', async () => {
  const odd = world({ respond: () => ({ ok: true, value: { kind: 'result', raw: toRaw({ resultType: 'zzz', content: [] }) } }) });
  assert.equal(read(await odd.callTool('alpha__echo')).error?.code, -32603);
  const old = world();
  assert.equal(read(await old.callTool('alpha__echo')).result?.['resultType'], 'complete');
});

test('a legacy agent sees no member of the modern envelope, and vendor fields arrive untouched (T152) [SL11]', async () => {
  const raw = toRaw({ resultType: 'complete', ttlMs: 5, cacheScope: 'public', content: [{ type: 'hologram', depth: 3 }], 'com.acme/x': 1, _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'b', version: '1' }, 'com.acme/y': 2, 'sentinel/denial': {} } });
  const w = world({ respond: () => ({ ok: true, value: { kind: 'result', raw } }) });
  const answer = read(await w.callTool('alpha__echo', {}, { era: 'legacy' }));
  assert.deepEqual(answer.result, { content: [{ type: 'hologram', depth: 3 }], 'com.acme/x': 1, _meta: { 'com.acme/y': 2 } });
});

test('a backend cannot pass off an error of its own as one of the gateway [C17]', async () => {
  const w = world({ respond: () => ({ ok: true, value: { kind: 'error', code: -32603, message: 'x', data: toRaw({ sentinel: { code: 'SEN-0404' }, why: 'mine' }) } }) });
  assert.deepEqual(read(await w.callTool('alpha__echo')).error?.data, { why: 'mine' });
});

test('codes that belong to the backend hop are not relayed as our own', async () => {
  const w = world({ respond: () => ({ ok: true, value: { kind: 'error', code: -32020, message: 'header mismatch', data: undefined } }) });
  assert.equal(read(await w.callTool('alpha__echo')).error?.code, -32603);
});

test('a missing name and arguments that are no object are invalid params', async () => {
  const w = world();
  assert.equal(read(await w.ask('tools/call', {})).error?.code, -32602);
  assert.equal(read(await w.ask('tools/call', { name: 'alpha__echo', arguments: [1] })).error?.code, -32602);
  assert.equal(w.intents.length, 0);
});

test('hidden text in arguments is recorded and changes nothing on the wire', async () => {
  const w = world();
  assert.equal(read(await w.callTool('alpha__echo', { text: 'hi\u{e0041}\u{e0042}' })).result?.isError, undefined);
  const [outcome] = w.outcomes;
  const seen = outcome?.kind === 'call' ? outcome.trail.find((row) => row.stage === 'guards') : undefined;
  assert.equal(seen?.rule, 'hidden-text:tags');
  assert.equal(seen?.mode, 'monitor');
});
