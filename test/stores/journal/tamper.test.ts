// Whatever is done to the files of a journal is found by a check of it, and where: every byte of a segment turned, every record deleted, doubled,
// moved, replaced by one of another node. Lines instead of files are in tlog/tamper.test.ts.
import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { NODE } from './desk.ts';
import { FIRST_RUN, forget, problemsOf, RECORDS, restore, shownBy, writeJournal } from './tampering.ts';

const FULL = process.env['SENTINEL_TEST_FULL'] === '1';
/** `2/8`: the second of eight parts of the bytes. All of them, twice, take hours: `1/1`. */
const [PART = 1, PARTS = 100] = (process.env['SENTINEL_TEST_SHARD'] ?? '1/100').split('/').map(Number);
const PAGE = 4096;
const OTHER = '0198c0de-2222-7000-8000-000000000002';

const journal = writeJournal(NODE);
const other = writeJournal(OTHER);
after(() => {
  forget(journal);
  forget(other);
});

/** The same bytes at each run, spread evenly: xorshift32. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

const SEED = Number(process.env['SENTINEL_TEST_SEED'] ?? 20_260_728);
const SAMPLE = 300;

/** All, or in the short form some of the pages that hold tables' beginnings, where most is at stake, and of all others. */
function places(size: number): readonly number[] {
  if (FULL) return Array.from({ length: size }, (_, at) => at).filter((at) => at % PARTS === PART - 1);
  const random = numbers(SEED);
  const head = Array.from({ length: 50 }, (_, at) => at * 2);
  return [...head, ...Array.from({ length: SAMPLE }, (_, at) => random.next().value % (at % 2 === 0 ? 10 * PAGE : size))];
}

function shownNow(): string {
  try {
    return shownBy(journal);
  } catch (thrown) {
    return `nothing: ${String(thrown)}`;
  }
}

describe('every byte of the file of a segment', () => {
  test('turned, whole or in one bit, is found, or changes nothing that anybody is shown', async () => {
    restore(journal);
    const shown = shownBy(journal);
    assert.deepEqual(await problemsOf(journal), []);
    const random = numbers(SEED + 1);
    const file = openSync(journal.path, 'r+');
    const tally = { found: 0, unchanged: 0 };
    try {
      for (const at of places(journal.whole.length)) {
        const was = journal.whole[at] ?? 0;
        const bit = 1 << (random.next().value % 8);
        for (const flip of FULL ? [0xff, bit] : [random.next().value % 2 === 0 ? 0xff : bit]) {
          writeSync(file, Uint8Array.of(was ^ flip), 0, 1, at);
          const [found] = await problemsOf(journal);
          if (found === undefined) {
            assert.equal(shownNow(), shown, `byte ${at} of ${journal.whole.length} turned by ${flip} is not found`);
            tally.unchanged += 1;
          } else {
            assert.ok(found.where.startsWith(journal.path) || found.seq > 0, `byte ${at} turned by ${flip}: ${JSON.stringify(found)}`);
            tally.found += 1;
          }
          writeSync(file, Uint8Array.of(was), 0, 1, at);
        }
      }
    } finally {
      closeSync(file);
    }
    // The pages of small tables are mostly empty.
    assert.ok(tally.found * 3 > tally.unchanged, JSON.stringify(tally));
    assert.deepEqual(await problemsOf(journal), []);
  });
});

const PLACES = Array.from({ length: RECORDS }, (_, at) => at + 1).filter((row) => FULL || row % 20 === 0 || row < 3 || row === RECORDS);

/** Row → place, as they were written. */
const rows = ((): ReadonlyMap<number, { readonly epoch: number; readonly seq: number }> => {
  const database = new DatabaseSync(journal.path, { readOnly: true });
  try {
    return new Map(database.prepare('select row, epoch, seq from record').all().map((one) => [Number(one['row']), { epoch: Number(one['epoch']), seq: Number(one['seq']) }]));
  } finally {
    database.close();
  }
})();

const strange = ((): readonly string[] => {
  const database = new DatabaseSync(other.path, { readOnly: true });
  try {
    return database.prepare('select record from record order by row').all().map((one) => String(one['record']));
  } finally {
    database.close();
  }
})();

/** By somebody who can write the file: no trigger stops them, and they put the triggers back. */
function tamper(act: (database: DatabaseSync) => void): void {
  restore(journal);
  const database = new DatabaseSync(journal.path);
  try {
    database.exec('pragma journal_mode = off');
    database.exec('pragma synchronous = off');
    const triggers = database.prepare("select name, sql from sqlite_schema where type = 'trigger'").all();
    for (const { name } of triggers) database.exec(`drop trigger ${String(name)}`);
    act(database);
    for (const { sql } of triggers) database.exec(String(sql));
    database.exec('pragma journal_mode = wal');
  } finally {
    database.close();
  }
}

/** Does it to each record; `expected`: what must be found first. */
async function each(act: (database: DatabaseSync, row: number) => void, expected: (row: number) => readonly unknown[] | undefined): Promise<void> {
  for (const row of PLACES) {
    const wanted = expected(row);
    if (wanted === undefined) continue;
    tamper((database) => act(database, row));
    const problems = await problemsOf(journal);
    assert.ok(problems.some(({ problem, epoch, seq }) => JSON.stringify([problem, epoch, seq]) === JSON.stringify(wanted)), `row ${row}, ${JSON.stringify(wanted)}: ${JSON.stringify(problems.slice(0, 4))}`);
    assert.deepEqual(problems.filter(({ node, epoch, seq }) => node === NODE && epoch === wanted[1] && seq > 0 && seq < Number(wanted[2])), [], 'nothing before it is blamed');
  }
}

const placeOf = (row: number): readonly [number, number] => [rows.get(row)?.epoch ?? 0, rows.get(row)?.seq ?? 0];
/** Of the two runs; a record more than is there has the place of none. */
const isLast = (row: number): boolean => rows.get(row + 1)?.epoch !== rows.get(row)?.epoch;

describe('every record of a thousand', () => {
  after(() => restore(journal));

  test('there are so many, of two runs', () => {
    assert.equal(rows.size, RECORDS);
    assert.deepEqual([placeOf(FIRST_RUN), placeOf(FIRST_RUN + 1), placeOf(RECORDS)], [[1, FIRST_RUN], [2, 1], [2, RECORDS - FIRST_RUN]]);
  });

  test('deleted is missing, there; the last ones are what their checkpoint lacks', async () => {
    await each((database, row) => database.prepare('delete from record where row = ?').run(row), (row) => [isLast(row) ? 'truncated' : 'missing', ...placeOf(row)]);
  });

  test('exchanged with the next one is out of place, there', async () => {
    await each((database, row) => {
      database.exec('create temp table pair as select row, record from record');
      database.prepare('update record set record = (select record from temp.pair p where p.row = ?) where row = ?').run(row + 1, row);
      database.prepare('update record set record = (select record from temp.pair p where p.row = ?) where row = ?').run(row, row + 1);
    }, (row) => (isLast(row) ? undefined : ['out_of_place', placeOf(row)[0], placeOf(row)[1] + 1]));
  });

  test('exchanged with the next one together with the numbers beside it is out of place too', async () => {
    await each((database, row) => {
      database.prepare('update record set row = 1000000 where row = ?').run(row);
      database.prepare('update record set row = ? where row = ?').run(row, row + 1);
      database.prepare('update record set row = ? where row = 1000000').run(row + 1);
    }, (row) => (isLast(row) ? undefined : ['out_of_place', placeOf(row)[0], placeOf(row)[1] + 1]));
  });

  test('doubled in a new row is a duplicate of it', async () => {
    await each((database, row) => {
      database.exec('drop index record_place');
      database.prepare('insert into record (epoch, seq, record) select epoch, seq, record from record where row = ?').run(row);
    }, (row) => ['duplicate', ...placeOf(row)]);
  });

  test('replaced by one of another node is missing, and the other is foreign', async () => {
    await each((database, row) => database.prepare('update record set record = ? where row = ?').run(strange[row - 1] ?? '', row), (row) => [isLast(row) ? 'truncated' : 'missing', ...placeOf(row)]);
    const problems = await problemsOf(journal);
    assert.ok(problems.some(({ problem, node }) => problem === 'foreign' && node === OTHER), JSON.stringify(problems));
  });

  test('replaced by one of another node that was made to look like one of this is changed', async () => {
    await each((database, row) => {
      const own = String(database.prepare('select record from record where row = ?').get(row)?.['record']);
      const put = (strange[row - 1] ?? '').replace(/^.*?"prev":"[^"]*"/, /^.*?"prev":"[^"]*"/.exec(own)?.[0] ?? '');
      assert.notEqual(put, own);
      database.prepare('update record set record = ? where row = ?').run(put, row);
    }, (row) => [isLast(row) ? 'checkpoint_root' : 'changed', ...placeOf(row)]);
  });

  test('of another node put in behind all others is foreign', async () => {
    for (const row of PLACES.filter((_, at) => at % 5 === 0)) {
      tamper((database) => database.prepare('insert into record (epoch, seq, record) values (3, ?, ?)').run(row, strange[row - 1] ?? ''));
      const problems = await problemsOf(journal);
      assert.ok(problems.some(({ problem, node, where }) => problem === 'foreign' && node === OTHER && where === `${journal.path}:${RECORDS + 1}`), JSON.stringify(problems));
    }
  });
});

describe('an end that was cut off, checkpoints too', () => {
  after(() => restore(journal));

  test('is found with an anchor, from the first record on that is not there, and not without', async () => {
    restore(journal);
    const database = new DatabaseSync(journal.path, { readOnly: true });
    const note = String(database.prepare('select note from checkpoint where epoch = 2 order by size desc limit 1').get()?.['note']);
    database.close();
    const anchor = join(journal.folder, 'anchor');
    writeFileSync(anchor, note);
    const size = RECORDS - FIRST_RUN;
    for (const left of FULL ? Array.from({ length: size - 2 }, (_, at) => at + 2) : [2, 3, 64, 200, size - 2, size - 1]) {
      tamper((cut) => {
        cut.prepare('delete from record where epoch = 2 and seq > ?').run(left);
        cut.prepare('delete from checkpoint where epoch = 2 and size > ?').run(left);
      });
      assert.deepEqual(await problemsOf(journal), [], `${left} are left, and nothing tells`);
      const [found] = await problemsOf(journal, [anchor]);
      assert.deepEqual([found?.problem, found?.epoch, found?.seq, found?.where], ['truncated', 2, left + 1, `${anchor} note 1`]);
    }
  });
});
