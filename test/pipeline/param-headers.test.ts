import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../src/app/explain.ts';
import { backendId } from '../../src/core/ids.ts';
import type { ParamHeaders } from '../../src/core/inbound.ts';
import { statusOf } from '../../src/core/outcome.ts';
import type { SchemaChecker } from '../../src/core/ports.ts';
import { allowAll, read, settings, world, type World } from '../support/world.ts';

const REGION = { name: 'look', inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } };
const PLAIN = { name: 'plain', inputSchema: { type: 'object' } };
const BROKEN = { name: 'broken', inputSchema: { type: 'object', properties: { n: { type: 'number', 'x-mcp-header': 'N' }, s: { type: 'string', 'x-mcp-header': 'S' } } } };
const tools = { alpha: [REGION, PLAIN, BROKEN] };
const headers = (...entries: readonly (readonly [string, string])[]): { readonly paramHeaders: ParamHeaders } => ({ paramHeaders: new Map(entries) });
const made = (w: World): number => w.backends.get(backendId('alpha'))?.calls.length ?? 0;
const RIGHT = headers(['mcp-param-region', 'eu']);
const WRONG = headers(['mcp-param-region', 'us']);

test('a header that says what the argument says lets the call through, and travels no further [SH9, CH1]', async () => {
  const w = world({ tools });
  assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, RIGHT)).error, undefined);
  assert.equal(made(w), 1);
  assert.equal(JSON.stringify(w.backends.get(backendId('alpha'))?.calls).toLowerCase().includes('mcp-param'), false);
});

test('a header that says something else is -32020 with HTTP 400; nothing is intended, sent or charged, and the record says why [SH9]', async () => {
  const limits = { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  const w = world({ tools, settings: settings({ limits }) });
  const answer = await w.callTool('alpha__look', { region: 'eu' }, WRONG);
  assert.equal(answer.status, 400);
  assert.deepEqual(read(answer).error, { code: -32020, message: 'Header mismatch: mcp-param-region is not the argument in the body', data: { sentinel: { code: 'SEN-0312', reason: 'header_mismatch', callId: 'call-1' } } });
  assert.deepEqual([made(w), w.intents.length], [0, 0]);
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call' && outcome.end.kind === 'denied');
  assert.deepEqual(outcome.end.reason, { code: 'header_mismatch', header: 'mcp-param-region', problem: 'different' });
  assert.equal(statusOf(outcome), 'invalid_args');
  assert.deepEqual(outcome.trail.map(({ stage, decision }) => [stage, decision]), [['kill', 'pass'], ['role', 'pass'], ['limit', 'pass'], ['arguments', 'deny']]);
  assert.equal(outcome.trail.at(-1)?.note, 'mcp-param-region different');
  assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, RIGHT)).error, undefined, 'the one call of the limit is still there');
});

test('the answer and the record name the header and never a value of it [SH9]', async () => {
  const w = world({ tools });
  const answer = await w.callTool('alpha__look', { region: 'body-canary' }, headers(['mcp-param-region', 'header-canary'], ['mcp-param-other', 'other-canary']));
  assert.doesNotMatch(answer.message ?? '', /canary/);
  const [outcome] = w.outcomes;
  assert.ok(outcome?.kind === 'call');
  assert.doesNotMatch(JSON.stringify({ ...outcome, call: { ...outcome.call, args: undefined } }), /canary/);
});

test('the same under the original\'s error codes: a modern client must know what to do [SH9]', async () => {
  const w = world({ tools, settings: settings({ errorCodes: 'original' }) });
  const answer = await w.callTool('alpha__look', { region: 'eu' }, headers());
  assert.deepEqual([answer.status, read(answer).error?.code], [400, -32020]);
});

test('where a transport has no such headers, none is missed: stdio, the socket, the 2025 revisions [SH9]', async () => {
  const w = world({ tools });
  for (const era of ['legacy', 'modern'] as const) assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, { era, paramHeaders: undefined })).error, undefined);
  assert.equal(made(w), 2);
});

test('explain misses no header: it asks about a call that nobody sent', async () => {
  const w = world({ tools });
  const report = await explain({ tool: 'alpha/look', subject: 'alice', roles: ['developer'], scopes: [], args: '{"region":"eu"}' }, w.cell.current(), { clock: w.clock, schemas: w.deps.schemas, windows: undefined });
  assert.equal(report.allowed, true);
});

test('a tool without such annotations, or with ones that break the rules, recognises no header [SH9]', async () => {
  const w = world({ tools });
  const any = headers(['mcp-param-region', '=?base64?!?='], ['mcp-param-n', '7'], ['mcp-param-s', 'x']);
  for (const name of ['alpha__plain', 'alpha__broken']) assert.equal(read(await w.callTool(name, { region: 'eu', n: 1, s: 'y' }, any)).error, undefined, name);
  assert.equal(made(w), 2);
});

test('C01 a hidden tool says nothing of its headers: the same bytes and status as for a name that does not exist', async () => {
  const hidden = world({ tools, settings: settings({ roles: [{ ...allowAll, deny: ['alpha/look'] }] }) });
  const absent = world({ tools: { alpha: [] } });
  for (const sent of [WRONG, RIGHT, headers(), headers(['mcp-param-region', '=?base64?!?='])]) {
    assert.deepEqual(await hidden.callTool('alpha__look', { region: 'eu' }, sent), await absent.callTool('alpha__look', { region: 'eu' }, sent));
  }
  assert.equal(made(hidden), 0);
});

test('no header changes who may call what, and none stands in for an argument [SEC31]', async () => {
  const seen: unknown[] = [];
  const schemas: SchemaChecker = { check: (_schema, _digest, args) => (seen.push(args), Promise.resolve({ kind: 'valid' })) };
  const w = world({ tools, schemas });
  await w.callTool('alpha__look', {}, headers(['mcp-param-role', 'admin'], ['mcp-param-subject', 'root']));
  await w.callTool('alpha__plain', {}, RIGHT);
  assert.deepEqual(seen, ['{}', '{}']);
  assert.deepEqual(w.outcomes.map((outcome) => (outcome.kind === 'call' ? outcome.call.principal.subject : '')), ['alice', 'alice']);
  assert.equal(read(await w.callTool('alpha__look', {}, RIGHT)).error?.code, -32020, 'a header without its argument is refused, not believed');
});

test('the header is compared whatever mode the schema check has, and before its worker is asked', async () => {
  let asked = 0;
  const schemas: SchemaChecker = { check: () => ((asked += 1), Promise.resolve({ kind: 'valid' })) };
  for (const mode of ['enforce', 'monitor'] as const) {
    const w = world({ tools, schemas, settings: settings({ arguments: { mode, deadlineMs: 100, schemaBytes: 65_536, onUnusable: 'deny' } }) });
    assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, WRONG)).error?.code, -32020, mode);
  }
  assert.equal(asked, 0);
});

test('a client that learns of headers only by being refused is not shut out as a guesser at once', async () => {
  const limits = { perTool: 1000, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 2, mode: 'enforce' } as const;
  const w = world({ tools, settings: settings({ limits }) });
  for (let call = 0; call < 10; call += 1) {
    assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, headers())).error?.code, -32020);
    assert.equal(read(await w.callTool('alpha__look', { region: 'eu' }, RIGHT)).error, undefined);
  }
});
