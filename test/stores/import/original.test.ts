import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { importAll } from '../../../src/stores/import/importer.ts';
import { openOriginal, placeIn } from '../../../src/stores/import/original.ts';
import type { JournalSession } from '../../../src/stores/journal/session.ts';
import { createEncoder } from '../../../src/stores/record.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { CLOCK, RANDOM, rawRecordsIn, recordsIn, sampleNode, sessionIn, temporaryFolder } from '../sample.ts';
import { DDL, inDatabase, insertLog, type LogRow, requestId } from './original-table.ts';

const server = testServer();

async function table(rows: readonly LogRow[]): Promise<string> {
  if ('skip' in server) throw new Error(server.skip);
  const url = await createDatabase(server.url);
  await inDatabase(url, async (client) => {
    await client.query(DDL);
    await insertLog(client, rows);
  });
  return url;
}

async function run(state: string, url: string, wrap: (session: JournalSession) => JournalSession = (one) => one): Promise<number> {
  const node = sampleNode(state);
  const source = await openOriginal(url, node);
  if (!source.ok) throw new Error(source.error.detail);
  let session: JournalSession | undefined;
  const encoder = createEncoder({ node, clock: CLOCK, random: RANDOM });
  try {
    const done = await importAll({
      source: source.value, directories: [join(state, 'journal')], session: () => session ??= wrap(sessionIn(state, node)), onProgress: () => {}, signal: new AbortController().signal,
      told: (records) => encoder.lifecycle({ id: RANDOM.uuid(), wall: CLOCK.wall(), by: 'tester', revision: 0, kind: 'imported', from: 'audit_log', records }),
    });
    if (!done.ok) throw new Error(done.error.detail);
    return done.value.records;
  } finally {
    await session?.end();
    await source.value.close();
  }
}

function imported(t: string): ReturnType<typeof recordsIn> {
  return recordsIn(t).filter(({ detail }) => detail?.startsWith('{"imported"') === true);
}

function folder(t: TestContext): string {
  return temporaryFolder(t);
}

describe("the original's audit_log", { skip: 'skip' in server ? server.skip : false }, () => {
  test('each row is an outcome with who, what and how it ended, in words of this version', async (t) => {
    const statuses = ['success', 'error', 'killed', 'rate_limited', 'denied', 'invalid_args', 'circuit_open', 'strange'];
    const url = await table([...statuses.map((status) => ({ status, error: 'why' })), { backend: 'unknown', tool: 'fs__read', args: null }, { backend: 'fs', tool: 'read' }, { backend: 'a', tool: 'a__', role: '' }]);
    const state = folder(t);
    assert.equal(await run(state, url), 11);
    const records = imported(state);
    assert.deepEqual(records.map(({ status, code, decision, reason }) => [status, code, decision, reason]), [
      ['success', 'ok', 'allow', undefined], ['error', 'backend_error', 'allow', undefined], ['killed', 'killed', 'deny', 'killed'], ['rate_limited', 'limited', 'deny', 'limited'],
      ['denied', 'forbidden', 'deny', 'forbidden'], ['invalid_args', 'invalid_arguments', 'deny', 'invalid_arguments'], ['circuit_open', 'circuit_open', 'deny', 'circuit_open'], ['strange', undefined, undefined, undefined],
      ...Array.from({ length: 3 }, () => ['success', 'ok', 'allow', undefined]),
    ]);
    const [first, , , , , , , , unknown, bare, empty] = records;
    const { id, args_hmac, seq, epoch, ...said } = first ?? { seq: 0, epoch: 0 };
    assert.match(id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(args_hmac ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual([epoch, seq], [1, 2]);
    const { args_shape, detail, ...plain } = said;
    assert.deepEqual(plain, {
      v: 2, node: sampleNode(state).id, prev: plain['prev' as keyof typeof plain], ts: Date.parse('2025-01-02T03:04:05.678Z'), mono_ns: 0, kind: 'outcome', call_id: requestId(1), subject: 'alice', roles: '["developer"]', method: 'tools/call', backend: 'fs',
      object_type: 'tool', object_name: 'read', exposed: 'fs__read', decision: 'allow', args_bytes: 14, status: 'success', code: 'ok', dispatch_us: 12_000, fault: 'why',
    });
    assert.deepEqual(JSON.parse(detail ?? ''), { imported: { from: 'audit_log', row: 1 } });
    assert.match(args_shape ?? '', /"path":"\/~3[0-9a-f]{8}"/);
    assert.deepEqual([unknown?.backend, unknown?.object_name, unknown?.args_hmac], [undefined, 'fs__read', undefined]);
    assert.deepEqual([bare?.object_name, empty?.object_name, empty?.roles], ['read', 'a__', undefined]);
  });

  test('no value of any argument is in the journal, whatever the parameters look like', async (t) => {
    const canary = 'CANARY-7f31';
    const params = [
      { name: 'fs__read', arguments: { path: canary, deep: [{ token: canary }, canary] }, _meta: { progressToken: canary } },
      { name: canary.slice(0, 3), _meta: { said: canary } }, [canary, { a: canary }], canary, { arguments: canary }, { strange: canary }, null,
      { arguments: { long: canary.repeat(20_000) } }, { arguments: { ['sk-' + 'a'.repeat(30)]: 1 } },
    ];
    const deep = `${'['.repeat(300)}"${canary}"${']'.repeat(300)}`;
    const url = await table([...params.map((one) => ({ args: JSON.stringify(one) })), { args: deep }, { error: 'password=hunter2-hunter2 for postgres://u:hunter2@h/d' }]);
    const state = folder(t);
    assert.equal(await run(state, url), params.length + 2);
    const text = rawRecordsIn(state).map(({ record }) => record).join('\n');
    for (const secret of [canary, 'hunter2', 'a'.repeat(30)]) assert.ok(!text.includes(secret), secret);
    assert.ok(!text.includes('"args":'));
    const long = imported(state)[7];
    assert.equal(long?.args_bytes, canary.length * 20_000 + '{"long": ""}'.length);
    assert.match(long?.args_shape ?? '', /"maxLength":220000/);
  });

  test('hostile names, texts, times and numbers are stored, escaped and bounded', async (t) => {
    const nasty = 'a\n{"v":2}\u001b[2J\u202e%n\u2028';
    const url = await table([
      { subject: nasty, role: nasty, tool: nasty, backend: nasty, status: nasty, error: nasty }, { subject: 'x'.repeat(5000), tool: 'y'.repeat(5000), error: 'z'.repeat(100_000), role: 'r'.repeat(5000) },
      { timestamp: 'infinity', latency: '9223372036854775807' }, { timestamp: '-infinity', latency: '-5' }, { timestamp: '0044-03-15 BC' },
    ]);
    const state = folder(t);
    assert.equal(await run(state, url), 5);
    const records = rawRecordsIn(state).map(({ record }) => record);
    for (const record of records) {
      assert.doesNotMatch(record, /[\u0000-\u001f]/);
      assert.ok(record.length < 10_000, String(record.length));
    }
    const [first, second, late, early, old] = imported(state);
    assert.deepEqual([first?.subject, first?.backend, first?.fault], [nasty, nasty, nasty]);
    assert.match(second?.subject ?? '', /#[0-9a-f]{12}$/);
    assert.deepEqual([late?.ts, late?.dispatch_us, early?.ts, early?.dispatch_us, old?.ts], [253_402_300_799_999, Number.MAX_SAFE_INTEGER, 0, 0, 0]);
  });

  test('broken off and run again, nothing is lost and nothing is there twice; the same rows in another place are known too', async (t) => {
    const rows = Array.from({ length: 600 }, (): LogRow => ({}));
    const [url, copy] = [await table(rows), await table(rows)];
    const state = folder(t);
    let groups = 0;
    await assert.rejects(run(state, url, (session) => ({
      ...session,
      append: async (entries) => {
        const done = await session.append(entries);
        if ((groups += 1) === 2) throw new Error('killed');
        return done;
      },
    })), /killed/);
    assert.equal(await run(state, url), 88);
    assert.deepEqual(imported(state).map(({ call_id }) => call_id), rows.map((_, at) => requestId(at + 1)));
    assert.equal(await run(state, url), 0);
    assert.equal(await run(state, copy), 0);
    await inDatabase(url, async (client) => {
      await client.query('delete from audit_log where id < 600');
      await insertLog(client, rows.slice(0, 5), 601);
    });
    assert.equal(await run(state, url), 5);
    assert.deepEqual(recordsIn(state).filter(({ event }) => event === 'imported').map(({ detail }) => JSON.parse(detail ?? '')), [{ from: 'audit_log', records: 600 }, { from: 'audit_log', records: 5 }]);
  });

  test('the table itself is not touched, and neither user nor password is kept', async (t) => {
    const url = await table([{}]);
    const before = await inDatabase(url, async (client) => (await client.query('select * from audit_log')).rows);
    const state = folder(t);
    await run(state, url);
    assert.deepEqual(await inDatabase(url, async (client) => (await client.query('select * from audit_log')).rows), before);
    assert.ok(!readFileSync(join(state, 'journal', 'imported.json'), 'utf8').includes(new URL(url).password));
  });

  test('it is read under the name that it has to have where its database becomes that of this gateway', async (t) => {
    const url = await table([{}, {}]);
    await inDatabase(url, (client) => client.query('alter table audit_log rename to audit_log_original; create view audit_log as select 1 as id'));
    assert.equal(await run(folder(t), url), 2);
  });

  test('columns of other types than the original had are read as far as they can be: no number is none, and every text is masked and bounded', async (t) => {
    const url = await table([]);
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
    await inDatabase(url, async (client) => {
      await client.query(`alter table audit_log alter latency_ms type double precision, alter request_id type text`);
      await insertLog(client, [{ latency: 'NaN' }, { latency: '1.5' }, { latency: 'Infinity' }]);
      await client.query(`update audit_log set request_id = $1 where id = 1`, [`Bearer ${token}`]);
      await client.query(`update audit_log set request_id = repeat('x', 3000000) where id = 2`);
    });
    const state = folder(t);
    assert.equal(await run(state, url), 3);
    const records = imported(state);
    assert.deepEqual(records.map(({ dispatch_us }) => dispatch_us), [undefined, 1500, Number.MAX_SAFE_INTEGER]);
    assert.ok(!String(records[0]?.call_id).includes(token) && String(records[1]?.call_id).length < 1000);
    await inDatabase(url, (client) => client.query('alter table audit_log alter latency_ms type numeric using 2.25'));
    assert.equal(await run(folder(t), url), 3);
  });

  test("no table, this version's own view, and a table of somebody else are told apart and refused", async (t) => {
    const url = await table([]);
    const said = async (...statements: string[]): Promise<string> => {
      await inDatabase(url, async (client) => {
        for (const one of statements) await client.query(one);
      });
      return run(folder(t), url).then(() => '', (thrown: unknown) => String(thrown));
    };
    assert.match(await said('alter table audit_log drop constraint audit_log_pkey'), /id of the table audit_log there is not unique.*create unique index on audit_log \(id\)/);
    assert.match(await said('create unique index part on audit_log (id) where id > 5', 'create unique index pair on audit_log (id, latency_ms)', 'create index plain on audit_log (id)'), /is not unique/);
    assert.equal(await said('create unique index whole on audit_log (id)'), '');
    assert.match(await said('alter table audit_log drop column latency_ms'), /no column latency_ms/);
    assert.match(await said('drop table audit_log'), /no table audit_log/);
    assert.match(await said('create view audit_log as select 1 as id'), /is a view/);
  });
});

test('the name of a source holds no secret', () => {
  assert.equal(placeIn('postgres://user:pass%40word@db.example.com:5432/sentinel?sslmode=require&password=x'), 'db.example.com:5432/sentinel');
  assert.equal(placeIn('postgres://user:x@[bad/'), 'PostgreSQL');
});
