import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Secret } from '../../src/core/secret.ts';
import { openDatabase } from '../../src/stores/database.ts';
import { freePort } from '../support/postgres.ts';
import type { JournalHealth } from '../../src/stores/journal.ts';
import { AUDIT, journalOver, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal, temporaryFolder } from './sample.ts';

test('a store that cannot be opened at the start refuses intents, keeps outcomes, and has them all when it is back', async (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, 'audit.db');
  mkdirSync(join(place, 'in the way'), { recursive: true });
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: place }, { readOnly: false, thread: true });
  t.after(() => database.close());
  const told: JournalHealth[] = [];
  const journal = journalOver(database, sampleNode(folder), { onChange: (health) => void told.push(health) });
  const started = await journal.start();
  assert.equal(!started.ok && started.error.code, 'unavailable');
  const call = sampleCall();
  assert.equal((await journal.intend(sampleIntent(call))).ok, false);
  assert.equal((await journal.conclude(sampleOutcome(call))).ok, false);
  assert.equal((await journal.conclude(sampleRefusal())).ok, false);
  assert.equal(journal.health().queued, 2);
  rmSync(place, { recursive: true });
  const until = Date.now() + 20_000;
  while (journal.health().queued > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(journal.health(), { enabled: true, queued: 0, failed: 0, fault: undefined });
  const rows = await database.db.selectFrom('audit_record').select(['kind', 'args']).orderBy('row_id').execute();
  assert.deepEqual(rows, [{ kind: 'outcome', args: '{"path":"/tmp/a"}' }, { kind: 'refused', args: null }]);
  assert.ok(told.some((health) => health.fault !== undefined) && told.at(-1)?.fault === undefined, 'the owner was told of both');
  assert.equal((await journal.intend(sampleIntent())).ok, true);
  await journal.close();
});

test('a PostgreSQL that is not there is a fault of the start, without the password in it', async (t) => {
  const url = `postgres://sentinel:very-secret-word@127.0.0.1:${await freePort()}/none`;
  const database = openDatabase({ postgresUrl: new Secret(url), maxConnections: 2, sqlitePath: '' }, { readOnly: false, thread: true });
  t.after(() => database.close());
  const journal = journalOver(database, sampleNode(temporaryFolder(t)));
  const started = await journal.start();
  assert.ok(!started.ok && started.error.code === 'unavailable', JSON.stringify(started));
  assert.ok(!started.error.detail.includes('very-secret-word'));
  await journal.close();
});

test('an audit that is switched off answers at once, writes nothing, and says that it is off', async (t) => {
  const folder = temporaryFolder(t);
  const sqlitePath = join(folder, 'none', 'audit.db');
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath }, { readOnly: false, thread: true });
  t.after(() => database.close());
  const journal = journalOver(database, sampleNode(folder), { settings: () => ({ ...AUDIT, enabled: false }) });
  const call = sampleCall();
  assert.deepEqual([await journal.start(), await journal.intend(sampleIntent(call)), await journal.conclude(sampleOutcome(call))].map((one) => one.ok), [true, true, true]);
  assert.deepEqual(journal.health(), { enabled: false, queued: 0, failed: 0, fault: undefined });
  await journal.close();
  const { existsSync } = await import('node:fs');
  assert.equal(existsSync(sqlitePath), false);
});
