// A gateway that is stopped leaves nothing behind: what it writes last is elsewhere too before it has gone.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGateway } from '../support/e2e/gateway.ts';
import { ROOT } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { rawRecordsIn } from '../stores/sample.ts';

const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');
const HEAD = [stdioBackend('near', [process.execPath, QUICK, 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', ''];

const exportOf = (name: string, ...rest: readonly string[]): readonly string[] => ['[[audit.exports]]', `name = "${name}"`, ...rest, ''];

function lines(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '');
}

test('a file has the last record, and the anchor covers all of the journal, when a gateway has ended', async () => {
  await using gateway = await startGateway({ toml: HEAD.join('\n') });
  const [records, anchor] = [join(gateway.folder, 'records.jsonl'), join(gateway.folder, 'anchor.jsonl')];
  gateway.write([...HEAD, ...exportOf('all', 'kind = "file"', `path = "${records}"`), ...exportOf('anchor', 'kind = "file"', `path = "${anchor}"`, 'format = "checkpoints"')].join('\n'));
  assert.equal((await gateway.cli(['reload'])).code, 0);
  assert.equal((await gateway.stop()).code, 0);
  const journal = rawRecordsIn(gateway.state).map(({ record }) => record);
  assert.deepEqual(lines(records), journal);
  assert.ok(journal.some((record) => record.includes('"event":"stopped"')));
  const { epoch, seq } = JSON.parse(journal.at(-1) ?? '{}');
  const note: unknown = JSON.parse(lines(anchor).at(-1) ?? '{}').checkpoint;
  assert.match(String(note), new RegExp(`^sentinel-audit/[^/]+/${epoch}\n${seq}\n`));
});

test('a receiver that takes the connection and says nothing does not keep a gateway from its end', async (t) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const address = silent.address();
  assert.ok(typeof address === 'object' && address !== null);
  const toml = [...HEAD, ...exportOf('mute', 'kind = "webhook"', `url = "http://127.0.0.1:${address.port}/"`, `secret = { env = "HOOK" }`, 'timeout = "5m"')].join('\n');
  await using gateway = await startGateway({ toml, env: { HOOK: 'x'.repeat(32) } });
  assert.equal((await gateway.stop()).code, 0);
});
