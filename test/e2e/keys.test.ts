import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/e2e/gateway.ts';
import { fixture } from '../support/e2e/servers.ts';

test('beside a running gateway each token and each rotation is one record in its audit, and it goes on', async () => {
  await using gateway = await startGateway({ toml: `${fixture('only')}\n[rbac.roles.developer]\npermissions = ["*"]\n`, keys: 'own' });
  await gateway.token('ada', 'developer');
  assert.equal((await gateway.cli(['keys', 'rotate'])).code, 0);
  const rows = await gateway.jsonLines(['audit', 'query', '--kind', 'lifecycle']);
  // The first key was made before it ran.
  assert.deepEqual(rows.map((row) => row['event']).filter((event) => event === 'token_issued' || event === 'key_rotated').toSorted(), ['key_rotated', 'key_rotated', 'token_issued']);
  const issued = rows.find((row) => row['event'] === 'token_issued');
  assert.match(JSON.stringify(issued?.['detail']), /"subject":"ada","roles":\["developer"\],"scopes":\[\],"tokenId":"[0-9a-f-]{36}","expiresAt":\d+/);
  assert.equal((await gateway.page('/ready')).status, 200);
});
