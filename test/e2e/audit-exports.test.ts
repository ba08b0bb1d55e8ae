// What a running gateway sends elsewhere: every record, and the checkpoints that vouch for them; what is set anew by a reload; what a rule captures.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../support/e2e/clients.ts';
import { startGateway } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { rawRecordsIn } from '../stores/sample.ts';

const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');

test('exports follow the journal, checkpoints anchor it, a reload adds one, and a captured value is revealed and then forgotten', async () => {
  await using bin = new AsyncDisposableStack();
  const head = [stdioBackend('near', [process.execPath, QUICK, 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', 'owner = "team-near"', ''];
  const capture = ['[[audit.capture]]', 'targets = ["near/echo"]', 'arguments = ["/text"]', 'reason = "to see that it works"', ''];
  const exportOf = (name: string, path: string, rest: string): readonly string[] => ['[[audit.exports]]', `name = "${name}"`, 'kind = "file"', `path = "${path}"`, rest, ''];
  const gateway = bin.use(await startGateway({ toml: [...head, ...capture].join('\n') }));
  const [records, anchor, denials] = ['records.jsonl', 'anchor.jsonl', 'denials.jsonl'].map((name) => join(gateway.folder, name));
  assert.ok(records !== undefined && anchor !== undefined && denials !== undefined);
  gateway.write([...head, ...capture, ...exportOf('all', records, ''), ...exportOf('anchor', anchor, 'format = "checkpoints"'), ...exportOf('denials', denials, 'filter = "decision = deny"')].join('\n'));
  assert.equal((await gateway.cli(['reload'])).code, 0);

  const peer = await connect('v2-modern', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'all') });
  for (const text of ['one', 'two', 'three']) {
    const answer = await peer.call('near__echo', { text });
    assert.ok(answer.kind === 'result' && answer.text === text);
  }
  const lines = (path: string): readonly string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter((line) => line !== '') : []);
  await until(() => lines(records).filter((line) => line.includes('"kind":"outcome"')).length >= 3 || undefined, 'the calls are exported');
  await until(() => lines(anchor).length > 0 || undefined, 'a checkpoint is kept elsewhere');
  const journal = rawRecordsIn(gateway.state).map(({ record }) => record);
  assert.deepEqual(lines(records), journal.slice(0, lines(records).length), 'byte for byte, in order');
  assert.equal(lines(denials).length, 0);
  const intents = lines(records).filter((line) => line.includes('"kind":"intent"'));
  assert.ok(intents.every((line) => line.includes('"owner":"team-near"') && line.includes('"class":"changing"')), intents[0]);
  assert.ok(!journal.join('').includes('"two"'), 'no value stands in a record');

  const call = /"call_id":"([^"]+)"/.exec(intents[1] ?? '')?.[1] ?? '';
  const revealed = await gateway.cli(['audit', 'reveal', call]);
  assert.match(revealed.stdout, /two/);
  assert.equal((await gateway.cli(['audit', 'verify', '--anchor', anchor])).code, 0);
  assert.equal((await gateway.cli(['audit', 'verify', records, '--anchor', anchor])).code, 0);
  assert.match((await gateway.page('/metrics')).body, /^sentinel_audit_export_up\{export="anchor"\} 1$/m);
  assert.match((await gateway.cli(['why', call])).stdout, /team-near/);
  const today = new Date().toISOString().slice(0, 10);
  assert.equal((await gateway.cli(['audit', 'forget', '--day', today, '--yes'])).code, 0);
  assert.doesNotMatch((await gateway.cli(['audit', 'reveal', call])).stdout, /two/);
  assert.equal((await gateway.cli(['audit', 'verify', '--anchor', anchor])).code, 0, 'what was destroyed was a key, not a record');
});
