import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLevel } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { okText, origin, parse, read, world, type World } from '../support/world.ts';

const line = (level: string, data: unknown = 'x', logger?: string): ReturnType<typeof toRaw> => toRaw({ level, data, ...(logger === undefined ? {} : { logger }) });

function logging(...lines: readonly ReturnType<typeof line>[]): World {
  return world({ respond: (_permit, io) => { for (const one of lines) io.onLog?.(one); return okText('ok'); } });
}

async function heard(w: World, logLevel: LogLevel | undefined, over: Parameters<typeof origin>[0] = {}): Promise<readonly unknown[]> {
  const said: unknown[] = [];
  const answer = await w.callTool(over.endpoint === undefined ? 'alpha__echo' : 'echo', {}, { origin: origin({ logLevel, ...over }), io: { notify: (message) => said.push(parse(message)) } });
  assert.equal(read(answer).error, undefined);
  return said;
}

test('T100 log lines reach the request that asked for them, at or above its level, under the name of their backend [S20]', async () => {
  const w = logging(line('debug'), line('warning', { a: 1 }, 'db'), line('error'));
  for (const over of [{}, { era: 'legacy', version: '2025-11-25' }] as const) {
    assert.deepEqual(await heard(w, 'warning', over), [
      { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'warning', data: { a: 1 }, logger: 'alpha/db' } },
      { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'error', data: 'x', logger: 'alpha' } },
    ]);
  }
  assert.equal((await heard(w, 'debug')).length, 3);
});

test('T100 without a level nobody listens, however much the backend says', async () => {
  let listened: unknown;
  const w = world({ respond: (_permit, io) => { listened = io.onLog; return okText('ok'); } });
  assert.deepEqual(await heard(w, undefined), []);
  assert.equal(listened, undefined);
});

test('what is no log line is not told', async () => {
  assert.deepEqual(await heard(logging(line('loud'), toRaw({ level: 'error' }), toRaw({ data: 'x' })), 'debug'), []);
});

test('a flood of log lines is fifty in a second of one call [SEC48]', async () => {
  const w = logging(...Array.from({ length: 500 }, () => line('error')));
  assert.equal((await heard(w, 'debug')).length, 50);
});

test('on a single-backend endpoint a logger keeps its name', async () => {
  const [one] = await heard(logging(line('error', 'x', 'db')), 'debug', { endpoint: { kind: 'single', backend: backendId('alpha') } });
  assert.match(JSON.stringify(one), /"logger":"db"/);
});

test('nothing is logged to a request that was answered [S20]', async () => {
  let late: ((params: ReturnType<typeof line>) => void) | undefined;
  const w = world({ respond: (_permit, io) => { late = io.onLog; return okText('ok'); } });
  const said = await heard(w, 'debug');
  late?.(line('error'));
  assert.deepEqual(said, []);
});

test('logging/setLevel takes the levels of RFC 5424 and nothing else', async () => {
  const w = world();
  assert.deepEqual(read(await w.ask('logging/setLevel', { level: 'notice' }, { era: 'legacy' })).result, {});
  for (const level of ['loud', 7, undefined]) assert.equal(read(await w.ask('logging/setLevel', { level }, { era: 'legacy' })).error?.code, -32602);
});
