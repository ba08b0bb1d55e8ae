import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readConfigurationFile } from '../../src/app/configuration.ts';
import { recordFact } from '../../src/app/record.ts';
import { timestamp } from '../../src/core/ids.ts';
import type { Settings } from '../../src/core/settings.ts';
import { openDatabase } from '../../src/stores/database.ts';
import { journalOver, sampleCall, sampleIntent, sampleNode, sampleOutcome, temporaryFolder } from '../stores/sample.ts';

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
  const node = sampleNode(settings.gateway.stateDir);
  const database = openDatabase(settings.store, { readOnly: false, thread: false });
  t.after(() => database.close());
  const gateway = journalOver(database, node, { life: { mark: '1:another-boot:1', alive: () => true } });
  assert.ok((await gateway.start()).ok);
  const call = sampleCall();
  assert.ok((await gateway.intend(sampleIntent(call))).ok);
  assert.deepEqual(await recordFact(settings, 'tester', FACT), { ok: true, value: undefined });
  assert.ok((await gateway.conclude(sampleOutcome(call))).ok);
  const rows = await database.db.selectFrom('audit_record').select(['kind', 'code']).orderBy('row_id').execute();
  assert.deepEqual(rows.map(({ kind, code }) => `${kind} ${code ?? ''}`), ['intent ', 'lifecycle ', 'outcome ok']);
  const epochs = await database.db.selectFrom('audit_epoch').select('ended_at').orderBy('epoch').execute();
  assert.equal(epochs[0]?.ended_at, null, 'its run goes on: after a crash the next start still looks through it');
  await gateway.close();
});

test('a command leaves the store of an older version as it is, and a newer one too, and says so', async (t) => {
  const settings = settingsIn(t);
  assert.ok((await recordFact(settings, 'tester', FACT)).ok, 'a store that is not there is made');
  const database = openDatabase(settings.store, { readOnly: false, thread: false });
  t.after(() => database.close());
  const { db } = database;
  const names = async (): Promise<readonly string[]> => (await db.selectFrom('sentinel_migration').select('name').execute()).map((row) => row.name);
  const refused = async (follows: boolean): Promise<string> => {
    const recorded = await recordFact(settings, 'tester', FACT, follows);
    return recorded.ok ? 'recorded' : `${recorded.error.exit} ${recorded.error.code} ${recorded.error.message}`;
  };
  await db.deleteFrom('sentinel_migration').where('name', '=', '0002_override').execute();
  await db.schema.dropTable('override').execute();
  const older = await names();
  assert.match(await refused(false), /^15 SEN-0602 .*lacks 0002_override: start the gateway once/);
  assert.deepEqual(await names(), older);
  assert.equal(await refused(true), 'recorded', 'a gateway of this version that follows would do the same');
  assert.equal((await names()).length, older.length + 1);
  await db.insertInto('sentinel_migration').values({ name: '9999_later', applied_at: 1 }).execute();
  for (const follows of [false, true]) assert.match(await refused(follows), /^15 SEN-0602 .*newer version/);
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
