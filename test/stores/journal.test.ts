import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import type { AuditRow } from '../../src/stores/schema.ts';
import type { Database } from '../../src/stores/database.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import { ENGINES, denied, journalOver, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal } from './sample.ts';

function rowsOf({ db }: Database): Promise<AuditRow[]> {
  return db.selectFrom('audit_record').selectAll().orderBy('row_id').execute();
}

const LOG_COLUMNS = ['id', 'request_id', 'timestamp', 'client_subject', 'client_role', 'tool_name', 'backend_name', 'request_args', 'response_status', 'error_message', 'latency_ms', 'created_at'];

for (const engine of ENGINES) {
  describe(`the journal on ${engine.name}`, { skip: engine.skip }, () => {
    test('an intent that resolved can be read by another connection, and its outcome follows it', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const journal = journalOver(open(), sampleNode(folder));
      assert.deepEqual(await journal.start(), { ok: true, value: undefined });
      const call = sampleCall();
      assert.deepEqual(await journal.intend(sampleIntent(call)), { ok: true, value: undefined });
      const other = open();
      const [intent] = await rowsOf(other);
      assert.equal(intent?.kind, 'intent');
      assert.equal(intent.call_id, call.id);
      assert.equal(intent.subject, 'alice');
      assert.equal(intent.roles, '["developer"]');
      assert.equal(intent.object_name, 'read_file');
      assert.equal(intent.args, '{"path":"/tmp/a"}');
      assert.equal(intent.args_bytes, 17);
      assert.equal(intent.decision, 'allow');
      assert.equal(intent.rule, 'role:developer:allow:fs/*');
      assert.equal(intent.peer, '192.0.2.0');
      assert.equal(intent.trace_id, 'a'.repeat(32));
      await journal.conclude(sampleOutcome(call));
      const outcome = (await rowsOf(other))[1];
      assert.equal(outcome?.kind, 'outcome');
      assert.equal(outcome.status, 'success');
      assert.equal(outcome.code, 'ok');
      assert.equal(outcome.dispatch_us, 12_500);
      assert.equal(outcome.args, null, 'the arguments are on the intent already');
      assert.deepEqual([intent.seq, outcome.seq], [1, 2]);
      assert.deepEqual(journal.health(), { enabled: true, queued: 0, failed: 0, fault: undefined });
      await journal.close();
    });

    test('concurrent intents are committed in groups, each resolves, and their numbers have no gap', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      let statements = 0;
      const execute = database.db.executeQuery.bind(database.db);
      t.mock.method(database.db, 'executeQuery', (...given: Parameters<typeof execute>) => {
        statements += 1;
        return execute(...given);
      });
      const results = await Promise.all(Array.from({ length: 500 }, () => journal.intend(sampleIntent())));
      assert.ok(results.every((one) => one.ok));
      assert.ok(statements > 0 && statements <= 8, `500 intents took ${statements} statements`);
      const rows = await rowsOf(database);
      assert.deepEqual(rows.map((row) => row.seq), Array.from({ length: 500 }, (_, at) => at + 1));
      await journal.close();
    });

    test('D1: NUL and lone surrogates in arguments, tool names, subjects and roles are stored, visibly escaped', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      const evil = 'a\u0000b\ud800c';
      const call = sampleCall({ tool: evil, args: toRaw({ [evil]: evil }), client: { name: evil, version: evil } });
      const intent = sampleIntent({ ...call, principal: { ...call.principal, subject: evil, roles: [...call.principal.roles, roleName(evil)] } });
      assert.deepEqual(await journal.intend(intent), { ok: true, value: undefined });
      assert.equal((await journal.conclude(sampleRefusal({ name: evil, method: 'tools/call' }))).ok, true);
      const [row, refused] = await rowsOf(database);
      assert.equal(row?.object_name, 'a\\u0000b\\ud800c');
      assert.equal(row.subject, 'a\\u0000b\\ud800c');
      assert.deepEqual(JSON.parse(row.args ?? ''), { 'a\\u0000b\\ud800c': 'a\\u0000b\\ud800c' });
      assert.equal(refused?.exposed, 'a\\u0000b\\ud800c');
      const log = await sql<Record<string, unknown>>`select * from audit_log order by id`.execute(database.db);
      assert.equal(log.rows.length, 2);
      assert.equal(log.rows[0]?.['client_role'], 'developer,a\\u0000b\\ud800c');
      await journal.close();
    });

    test('the audit_log view has the original columns, in order, with one row per tool call', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      const [done, refused, hanging] = [sampleCall(), sampleCall({ tool: 'write_file' }), sampleCall({ tool: 'list' })];
      await journal.intend(sampleIntent(done));
      await journal.conclude(sampleOutcome(done));
      await journal.conclude(denied(refused));
      await journal.intend(sampleIntent(hanging));
      await journal.conclude(sampleRefusal({ name: 'nope' }));
      await journal.conclude(sampleRefusal({ method: 'tools/list', name: undefined }));
      await journal.note({ id: 'e1', wall: timestamp(1), by: 'system', revision: 1, kind: 'stopped', reason: 'SIGTERM' });
      const { rows } = await sql<Record<string, unknown>>`select * from audit_log order by id`.execute(database.db);
      assert.deepEqual(Object.keys(rows[0] ?? {}), LOG_COLUMNS);
      assert.deepEqual(rows.map((row) => [row['request_id'] === done.id, row['tool_name'], row['backend_name'], row['response_status'], row['error_message'], row['latency_ms']]), [
        [true, 'fs__read_file', 'fs', 'success', null, 13],
        [false, 'fs__write_file', 'fs', 'denied', 'forbidden: role:developer:deny:fs/write*', 0],
        [false, 'fs__list', 'fs', 'error', 'indeterminate', 0],
        [false, 'nope', 'unknown', 'denied', 'unauthenticated: expired', 0],
      ]);
      const args = rows[0]?.['request_args'];
      assert.deepEqual(typeof args === 'string' ? JSON.parse(args) : args, { name: 'fs__read_file', arguments: { path: '/tmp/a' } });
      assert.equal(rows[0]?.['client_subject'], 'alice');
      assert.equal(rows[0]['client_role'], 'developer');
      assert.equal(rows[3]?.['client_subject'], 'anonymous');
      await journal.close();
    });

    test('the records refuse update and delete', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      await journal.intend(sampleIntent());
      await assert.rejects(() => sql`update audit_record set subject = 'mallory'`.execute(database.db), /insert-only/);
      await assert.rejects(() => sql`delete from audit_record`.execute(database.db), /insert-only/);
      if (database.engine === 'postgres') await assert.rejects(() => sql`truncate audit_record`.execute(database.db), /insert-only/);
      assert.equal((await rowsOf(database))[0]?.subject, 'alice');
      await journal.close();
    });

    test('a row that the database refuses takes no other row of its group with it', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      const event = { id: 'same', wall: timestamp(1), by: 'system', revision: 1, kind: 'stopped', reason: 'x' } as const;
      await (database.engine === 'sqlite'
        ? sql`create trigger refuse before insert on audit_record when new.object_name = 'poison' begin select raise(abort, 'poison'); end`
        : sql`alter table audit_record add constraint poison check (object_name is distinct from 'poison')`).execute(database.db);
      const results = await Promise.all([journal.intend(sampleIntent()), journal.intend(sampleIntent(sampleCall({ tool: 'poison' }))), journal.note(event)]);
      assert.deepEqual(results.map((one) => one.ok), [true, false, true]);
      assert.equal(results[1]?.ok === false && results[1].error.code, 'corrupt');
      assert.equal(journal.health().fault, undefined);
      await journal.close();
    });

    test('a call has one outcome, whoever else reports one (J07)', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      const call = sampleCall();
      await journal.conclude(sampleOutcome(call));
      await journal.conclude(sampleOutcome(call, { kind: 'cancelled', by: 'timeout' }));
      assert.deepEqual((await rowsOf(database)).map((row) => row.code), ['ok']);
      await journal.close();
    });

    test('two processes of one node write side by side under epochs of their own', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const node = sampleNode(folder);
      const [one, two] = [journalOver(open(), node), journalOver(open(), node)];
      assert.deepEqual((await Promise.all([one.start(), two.start()])).map((started) => started.ok), [true, true]);
      const all = await Promise.all(Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? one : two).intend(sampleIntent())));
      assert.ok(all.every((result) => result.ok));
      const reader = open();
      const rows = await rowsOf(reader);
      assert.equal(rows.length, 60);
      assert.deepEqual([...new Set(rows.map((row) => row.epoch))].toSorted(), [1, 2]);
      await Promise.all([one.close(), two.close()]);
    });
  });
}
