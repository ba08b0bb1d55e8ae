// What stands in a segment beside its records is what the records say; and of a journal that nobody touched nothing is said, however it came about.
import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { listSegments } from '../../../src/stores/journal/folder.ts';
import { checkSegmentFile, checkSegmentFiles } from '../../../src/stores/journal/segment-check.ts';
import { Segment } from '../../../src/stores/journal/segment.ts';
import { diskError } from './broken-disk.ts';
import { type Desk, desk, entry } from './desk.ts';

test('a journal of several segments, of processes that write side by side, die, and leave a segment behind, is as it should be', async (t) => {
  const at = desk(t);
  const scribes = ['a', 'b', 'c'].map((mark) => at.scribe(mark, { segmentBytes: 200_000 }));
  for (let round = 0; round < 60; round += 1) {
    for (const scribe of scribes) {
      assert.ok(scribe.append(Array.from({ length: 8 }, (_, n) => entry({ kind: n % 2 === 0 ? 'intent' : 'outcome', call_id: `call-${round}-${n >> 1}-${scribes.indexOf(scribe)}` }))).ok);
      // As it is while others write.
      if (round % 20 === 0) assert.deepEqual(await checkSegmentFiles(at.directories), []);
    }
    if (round === 30) {
      const broken = mock.method(Segment.prototype, 'commit', () => {
        broken.mock.restore();
        throw diskError(10);
      });
      assert.ok(scribes[0]?.append([entry()]).ok);
      assert.equal(at.abandoned.length, 1);
    }
  }
  at.dead.add('a').add('b');
  assert.ok(at.scribe('d', { segmentBytes: 200_000 }).open().ok);
  for (const scribe of scribes) assert.ok(scribe.end().ok);
  assert.ok(listSegments(at.directories).length > 3, String(listSegments(at.directories).length));
  assert.deepEqual(await checkSegmentFiles(at.directories), []);
});

/** One run of ten calls; what is said after `change`. */
function after(t: TestContext, change: (database: DatabaseSync) => void): readonly string[] {
  const at: Desk = desk(t);
  const scribe = at.scribe('a');
  assert.ok(scribe.append(Array.from({ length: 20 }, (_, n) => entry({ kind: n % 2 === 0 ? 'intent' : 'outcome', call_id: `call-${n >> 1}` }))).ok);
  assert.ok(scribe.end().ok);
  const [file] = listSegments(at.directories);
  assert.ok(file !== undefined);
  assert.deepEqual(checkSegmentFile(file), []);
  const database = new DatabaseSync(file.path);
  database.enableDefensive(false);
  change(database);
  database.close();
  return checkSegmentFile(file).map(({ problem, detail }) => `${problem}: ${detail}`);
}

/** Rewrites a part of the schema, as a changed byte in it does. */
function bend(database: DatabaseSync, name: string, from: string, to: string): void {
  database.exec('pragma writable_schema = on');
  assert.equal(Number(database.prepare('update sqlite_schema set sql = replace(sql, ?, ?) where name = ?').run(from, to, name).changes), 1);
}

test('a column that says something else than the record, a view, a trigger that is gone', (t) => {
  assert.deepEqual(after(t, (database) => bend(database, 'record', "'$.decision'", "'$.ruling'")), ['changed: its tables are not those of a segment: table record']);
  assert.deepEqual(after(t, (database) => bend(database, 'audit_record', '"subject"', '"actor"')), ['changed: its tables are not those of a segment: view audit_record']);
  assert.deepEqual(after(t, (database) => database.exec('drop trigger record_no_delete')), ['changed: its tables are not those of a segment: trigger record_no_delete']);
  assert.deepEqual(after(t, (database) => database.exec('create view more as select 1')), ['changed: its tables are not those of a segment: view more']);
});

test('a head, a beginning of an epoch, a place of a checkpoint, a word on who closed what', (t) => {
  const found = (statement: string): string => after(t, (database) => database.exec(statement)).join('\n');
  assert.match(found('update segment set number = 2'), /head says that it is segment 2$/);
  assert.match(found("update segment set node = 'another'"), /head says that it is of node another/);
  assert.match(found('update segment set format = 3'), /format 3$/);
  assert.match(found('update segment set base_epoch = 7'), /epoch 7 was begun before it, and epoch 1 began in it$/);
  assert.match(found(`update segment set previous = '{"number":1}'`), /what was before it/);
  assert.match(found('update epoch set first_seq = 2'), /beginning of epoch 1 .*first_seq$/);
  assert.match(found("update epoch set prev = 'x'"), /prev/);
  assert.match(found('update epoch set started_at = started_at + 1'), /started_at$/);
  assert.match(found(`update epoch set open = '["call-1"]'`), /frontier or open$/);
  assert.match(found(`update epoch set frontier = '["x"]'`), /frontier or open$/);
  assert.match(found('delete from epoch'), /does not say where epoch 1 begins$/);
  assert.match(found('update checkpoint set size = size + 1'), /the checkpoint of 21 records of epoch 1 lies under 1\/22$/);
  assert.match(found('insert into closed (epoch, closed_by) values (1, 9)'), /epoch 9, which was not here, closed epoch 1$/);
});

test('an index that hides a record', (t) => {
  // Made without it, then called what it should be.
  const hide = (name: string, sql: string) => (database: DatabaseSync): void => {
    database.exec(`drop index ${name}; ${sql.replace(/( where .*)?$/, (where) => `${where === '' ? ' where' : `${where} and`} row <> 5`)}; pragma writable_schema = on`);
    database.prepare('update sqlite_schema set sql = ? where name = ?').run(sql.replace(/^create( unique)? index/, (words) => words.toUpperCase()), name);
  };
  const hidden = 'unreadable: row 5 is there, and is not found by its number, its place or its call';
  const places = after(t, hide('record_place', 'create unique index record_place on record (epoch, seq)'));
  assert.ok(places.includes(hidden) && places.includes('unreadable: its index of places has 20 entries for 21 records'), places.join('\n'));
  const calls = after(t, hide('record_call', 'create index record_call on record (call_id) where call_id is not null'));
  assert.ok(calls.includes(hidden), calls.join('\n'));
});
