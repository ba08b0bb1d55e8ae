// One gateway keeps the checkpoints of another. What is then done to the journal of the first one is seen with what the second one has on record.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createPrivateKey } from 'node:crypto';
import { signCheckpoint } from '../../src/stores/tlog/checkpoint.ts';
import { type Gateway, logOf, type Row, startGateway } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';

const BASE = [stdioBackend('near', [process.execPath, join(ROOT, 'test/fixtures/backends/quick.ts'), 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', ''];
const lines = (...more: readonly string[]): string => [...BASE, ...more, ''].join('\n');

/** What a gateway has on record of the others. */
async function witnessed(gateway: Gateway): Promise<readonly Row[]> {
  const said = await gateway.cli(['audit', 'export', 'event = witnessed']);
  assert.equal(said.code, 0, said.stderr);
  return said.stdout.split('\n').filter((line) => line !== '').map((line): Row => {
    const record: { readonly detail: Row } = JSON.parse(line);
    return record.detail;
  });
}

test('a gateway whose journal was cut off is found out by what another gateway kept of it, over a reload on both sides', async () => {
  await using bin = new AsyncDisposableStack();
  const [a, b] = [bin.use(await startGateway({ toml: lines() })), bin.use(await startGateway({ toml: lines() }))];
  a.write(lines('[[audit.exports]]', 'name = "other"', 'kind = "replica"', `url = "${new URL(b.endpoint).origin}"`));
  assert.equal((await a.cli(['reload'])).code, 0);
  await until(() => logOf(a).find((line) => line['msg'] === 'an export of the audit fails') ?? undefined, 'nobody takes them yet');
  b.write(lines('[audit.witness]', `keys = ["${join(a.state, 'audit-sign.pub')}"]`));
  b.process.signal('SIGHUP');

  for (let n = 0; n < 20; n += 1) assert.equal((await fetch(a.endpoint, { method: 'POST' })).status, 401);
  const kept = await until(async () => (await witnessed(b)).findLast((one) => Number(one['size']) >= 20), 'a checkpoint of them is on record at the other one');
  const { node, epoch, size } = kept;
  assert.ok(typeof epoch === 'number' && typeof size === 'number');
  assert.equal(`${node}`, readFileSync(join(a.state, 'audit-sign.pub'), 'utf8').split('+')[0]?.replace('sentinel-audit/', ''));
  assert.match((await b.page('/metrics')).body, /^sentinel_audit_witnessed_total\{what="recorded"\} [1-9]/m);
  assert.match((await a.page('/metrics')).body, /^sentinel_audit_export_up\{export="other"\} 1$/m);

  const exported = async (name: string): Promise<string> => {
    const [file, said] = [join(b.folder, name), await b.cli(['audit', 'export', 'event = witnessed'])];
    assert.equal(said.code, 0, said.stderr);
    writeFileSync(file, said.stdout);
    return file;
  };
  const anchor = await exported('witnessed.jsonl');
  await a.stop();
  assert.equal((await a.cli(['audit', 'verify', '--anchor', anchor])).code, 0, 'as it was written');

  // Whoever has the key can sign something else, and is contradicted by what was kept.
  const forged = signCheckpoint({ node: String(node), epoch, size, root: Buffer.alloc(32, 7) }, createPrivateKey(readFileSync(join(a.state, 'audit-sign.key'), 'utf8')));
  const answer = await fetch(new URL('/audit/checkpoints', b.endpoint), { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: `${JSON.stringify({ checkpoint: forged })}\n` });
  assert.equal(answer.status, 409);
  assert.ok(logOf(b).some((line) => line['code'] === 'SEN-0604' && line['level'] === 'error' && line['node'] === node && line['size'] === size), 'said aloud');
  assert.deepEqual((await witnessed(b)).filter((one) => one['conflict'] === true).map((one) => one['checkpoint']), [forged]);
  const both = await a.cli(['audit', 'verify', '--anchor', await exported('both.jsonl')]);
  assert.equal(both.code, 22);
  assert.match(both.stdout, new RegExp(`rewritten: .*epoch ${epoch} `));

  const journal = new DatabaseSync(join(a.state, 'journal', '00000001.db'));
  // By somebody who leaves the tables as they were.
  const guard = String(journal.prepare("select sql from sqlite_schema where name = 'record_no_delete'").get()?.['sql']);
  journal.exec(`drop trigger record_no_delete; delete from record where epoch = ${epoch} and seq >= ${size - 3}; delete from checkpoint; ${guard}`);
  journal.close();
  const alone = await a.cli(['audit', 'verify']);
  assert.equal(alone.code, 0, `nothing there says that there was more: ${alone.stdout}${alone.stderr}`);
  const verified = await a.cli(['audit', 'verify', '--anchor', anchor]);
  assert.equal(verified.code, 22);
  assert.match(verified.stdout, new RegExp(`truncated: record ${size - 3} of epoch ${epoch} `));
  assert.equal((await b.cli(['audit', 'verify'])).code, 0);
});
