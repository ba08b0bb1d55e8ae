import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { readConfigurationFile } from '../../src/app/configuration.ts';
import { recordFact } from '../../src/app/record.ts';
import { timestamp } from '../../src/core/ids.ts';
import type { Settings } from '../../src/core/settings.ts';
import { journalIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sessionIn, temporaryFolder } from '../stores/sample.ts';

const FACT = { kind: 'token_issued', subject: 'x', roles: ['developer'], scopes: [], tokenId: 'jti', expiresAt: timestamp(1) } as const;

function settingsIn(t: TestContext): Settings {
  const file = join(temporaryFolder(t), 'sentinel.toml');
  writeFileSync(file, '[gateway]\nstate_dir = "state"\n', { mode: 0o600 });
  const read = readConfigurationFile(file, { JWT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-bytes', HOME: '/nowhere' });
  assert.ok(read.ok);
  return read.value.settings;
}

test('a command that writes to the audit closes no call of a gateway whose process it cannot see, as in another container', async (t) => {
  const settings = settingsIn(t);
  const folder = settings.gateway.stateDir;
  const node = sampleNode(folder);
  const gateway = journalIn(folder, { node, session: sessionIn(folder, node, { mark: '1:another-boot:1', alive: () => true }) });
  assert.ok((await gateway.start()).ok);
  const call = sampleCall();
  assert.ok((await gateway.intend(sampleIntent(call))).ok);
  assert.deepEqual(await recordFact(settings, 'tester', FACT), { ok: true, value: undefined });
  assert.ok((await gateway.conclude(sampleOutcome(call))).ok);
  assert.deepEqual(recordsIn(folder).map(({ epoch, kind, event, code }) => `${epoch} ${kind} ${event ?? code ?? ''}`),
    ['1 lifecycle epoch_opened', '1 intent ', '2 lifecycle epoch_opened', '2 lifecycle token_issued', '1 outcome ok']);
  await gateway.close();
});

test('a command leaves the journal of a newer version as it is, and says so', async (t) => {
  const settings = settingsIn(t);
  assert.ok((await recordFact(settings, 'tester', FACT)).ok, 'a journal that is not there is made');
  const database = new DatabaseSync(join(settings.gateway.stateDir, 'journal', '00000001.db'));
  database.exec('update segment set format = 99');
  database.close();
  const recorded = await recordFact(settings, 'tester', FACT);
  assert.ok(!recorded.ok);
  assert.match(`${recorded.error.exit} ${recorded.error.code} ${recorded.error.message}`, /^15 SEN-0602 .*format 99/);
});

test('root makes no files in the folder of a gateway that never ran, which could not open them', { skip: process.geteuid?.() !== 0 }, async (t) => {
  const settings = settingsIn(t);
  const { stateDir } = settings.gateway;
  mkdirSync(stateDir, { mode: 0o700 });
  chmodSync(stateDir, 0o700);
  chownSync(stateDir, 4711, 4711);
  const recorded = await recordFact(settings, 'tester', FACT);
  assert.ok(!recorded.ok);
  assert.match(recorded.error.message, /belongs to user 4711/);
  assert.deepEqual(readdirSync(stateDir), []);
});
