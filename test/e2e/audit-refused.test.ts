// A running gateway, and an agent that sends what is no request: a share of records, the rest counted; and keys of its own, which are values.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hmacSha256 } from '../../src/stores/node.ts';
import { startGateway } from '../support/e2e/gateway.ts';
import { ROOT } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { errorOf, modern } from '../surfaces/speak.ts';
import { ask, type Reply } from '../surfaces/wire.ts';

const TOML = [stdioBackend('near', [process.execPath, join(ROOT, 'test/fixtures/backends/quick.ts'), 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', '', '[rate_limits]', 'probe_rpm = 2', ''].join('\n');
const KEY = 'jane.doe@example.org';

test('refusals beyond the share of an agent are in the metric and on record as a number, and a key that no tool names is on record as a digest', async () => {
  await using gateway = await startGateway({ toml: TOML });
  const headers = { Authorization: `Bearer ${await gateway.token('ann', 'all')}` };
  const port = Number(new URL(gateway.endpoint).port);
  const say = (method: string, params: Record<string, unknown>): Promise<Reply> => ask(modern(port, { method, params, headers }));
  for (let n = 0; n < 9; n += 1) assert.equal(errorOf((await say('no/such', {})).text).code, -32601);
  await say('tools/call', { name: 'near__echo', arguments: { text: 'x', [KEY]: 1 } });
  assert.match((await gateway.page('/metrics')).body, /^sentinel_refusals_unrecorded_total 7$/m);
  assert.equal((await gateway.stop()).code, 0);

  const text = (await gateway.cli(['audit', 'export', 'seq > 0'])).stdout;
  const rows: readonly Readonly<Record<string, unknown>>[] = text.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(rows.filter(({ kind }) => kind === 'refused').map(({ method, code }) => [method, code]), [['no/such', 'unknown_method'], ['no/such', 'unknown_method']]);
  const times = rows.flatMap(({ event, detail }) => (event === 'refusals_unrecorded' && typeof detail === 'object' && detail !== null && 'times' in detail ? Number(detail.times) : []));
  assert.equal(times.reduce((sum, one) => sum + one, 0), 7);
  const key = Buffer.from(readFileSync(join(gateway.state, 'audit-hmac.key'), 'utf8').trim(), 'base64url');
  assert.ok(text.includes(`"path":"/~3${hmacSha256(key)(KEY).slice(0, 8)}"`), 'whoever has the key can ask: was it this one?');
  assert.ok(text.includes('"path":"/text"') && !text.includes(KEY));
});
