import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { verifyAudit } from '../../../src/app/audit-verify.ts';
import { timestamp } from '../../../src/core/ids.ts';
import { openFirstForm } from '../../../src/stores/import/first-form.ts';
import { importAll, type Imported, pendingIn } from '../../../src/stores/import/importer.ts';
import { jsonMember } from '../../../src/stores/import/json-text.ts';
import type { ImportSource } from '../../../src/stores/import/source.ts';
import { isMember } from '../../../src/stores/journal/members.ts';
import type { JournalSession } from '../../../src/stores/journal/session.ts';
import { takeLock } from '../../../src/stores/lock.ts';
import { createEncoder } from '../../../src/stores/record.ts';
import { AUDIT, CLOCK, journalIn, RANDOM, rawRecordsIn, recordsIn, sampleNode, sessionIn, temporaryFolder } from '../sample.ts';
import { HOSTILE, OLD_NODE, oldRow, oldRows, oldStore } from './old-store.ts';

interface Place {
  readonly state: string;
  readonly old: string;
  source(): Promise<ImportSource>;
  /** As one process does it: with a session of its own. */
  run(parts?: { readonly wrap?: (session: JournalSession) => JournalSession; readonly signal?: AbortSignal }): Promise<Imported>;
  /** Of imported rows, in the order of the journal. */
  ids(): readonly string[];
  told(): readonly unknown[];
}

function place(t: TestContext): Place {
  const state = temporaryFolder(t);
  const old = join(state, 'sentinel.db');
  const source = async (): Promise<ImportSource> => {
    const opened = await openFirstForm(old);
    assert.ok(opened.ok && opened.value !== undefined, JSON.stringify(opened));
    return opened.value;
  };
  return {
    state, old, source,
    run: async ({ wrap = (one: JournalSession) => one, signal = new AbortController().signal } = {}) => {
      const node = sampleNode(state);
      const from = await source();
      let session: JournalSession | undefined;
      const encoder = createEncoder({ node, clock: CLOCK, random: RANDOM });
      try {
        const done = await importAll({
          source: from, directories: [join(state, 'journal')], session: () => session ??= wrap(sessionIn(state, node)), onProgress: () => {}, signal,
          told: (records) => encoder.lifecycle({ id: RANDOM.uuid(), wall: CLOCK.wall(), by: 'tester', revision: 0, kind: 'imported', from: 'v1', records }),
        });
        if (!done.ok) throw new Error(done.error.detail);
        return done.value;
      } finally {
        await session?.end();
        await from.close();
      }
    },
    ids: () => recordsIn(state).filter(({ detail }) => detail?.startsWith('{"imported"') === true).map(({ id }) => id ?? ''),
    told: () => recordsIn(state).filter(({ event, actor }) => event === 'imported' && actor === 'tester').map(({ detail }) => JSON.parse(detail ?? '')),
  };
}

async function verified(state: string): Promise<readonly unknown[]> {
  const settings = { gateway: { stateDir: state }, audit: AUDIT };
  const done = await verifyAudit(settings as Parameters<typeof verifyAudit>[0], { files: [], anchors: [], keys: [], strict: true, stdin: Readable.from([]), onProgress: () => {}, signal: new AbortController().signal });
  assert.ok(done.ok, JSON.stringify(done));
  return done.value.problems;
}

test('every row of the first form is in the journal once, in order, with all that it said, and verifies', async (t) => {
  const { state, old, run, ids, told } = place(t);
  const rows = oldRows(700);
  await oldStore(old, rows);
  assert.deepEqual(await run(), { records: 700, interrupted: false });
  assert.deepEqual(ids(), rows.map(({ id }) => id));
  assert.deepEqual(told(), [{ from: 'v1', records: 700 }]);
  assert.deepEqual(await verified(state), []);
  const imported = recordsIn(state).filter(({ detail }) => detail?.startsWith('{"imported"') === true);
  for (const [at, row] of rows.entries()) {
    const { epoch, seq, detail, ...values } = imported[at] ?? { seq: 0, epoch: 0 };
    for (const [name, value] of Object.entries(row)) if (!['v', 'node', 'epoch', 'seq', 'args'].includes(name) && isMember(name)) assert.equal(Object.entries(values).find(([one]) => one === name)?.[1], value, name);
    assert.deepEqual(JSON.parse(detail ?? ''), { imported: { from: 'v1', node: OLD_NODE, epoch: 1, seq: at + 1 } });
    assert.deepEqual([epoch, seq], [1, at + 2]);
  }
  const [record = ''] = rawRecordsIn(state).map((one) => one.record).filter((one) => one.includes('"args"'));
  assert.ok(record.includes('"args":{"a":1.0,"b":12345678901234567890}'), record);
});

test('a second run finds nothing to do and writes nothing', async (t) => {
  const { state, old, run } = place(t);
  await oldStore(old, oldRows(300));
  await run();
  const before = rawRecordsIn(state);
  assert.deepEqual(await run(), { records: 0, interrupted: false });
  assert.deepEqual(rawRecordsIn(state), before);
});

test('what nobody could have written is taken too, as far as it can be said, and no line is broken by it', async (t) => {
  const { state, old, run, ids } = place(t);
  const rows = HOSTILE.map((parts, at) => oldRow(at + 1, parts));
  await oldStore(old, rows);
  assert.equal((await run()).records, HOSTILE.length);
  assert.deepEqual(await verified(state), []);
  assert.equal(new Set(ids()).size, HOSTILE.length);
  const records = rawRecordsIn(state).map(({ record }) => record);
  for (const record of records) {
    assert.doesNotMatch(record, /[\u0000-\u001f]|(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i);
    assert.ok(record.length < 80_000, String(record.length));
    assert.doesNotThrow(() => JSON.parse(record));
  }
  const [, first, second, third, fourth, fifth, sixth] = recordsIn(state);
  assert.equal(first?.subject, 'a\\u0000b\nnot a line\u001b[2J');
  assert.deepEqual([second?.roles, second?.trail, second?.args_shape], ['["not json"]', '["{\\"no\\":\\"array\\"}"]', '{"unreadable":"["}']);
  assert.deepEqual(JSON.parse(second?.args ?? ''), { a: '\\u0000', '\\u0000': [1, 2] });
  assert.deepEqual(JSON.parse(second?.detail ?? ''), { imported: { from: 'v1', node: OLD_NODE, epoch: 1, seq: 2 }, detail: { imported: { from: 'v1' }, event: 'imported' } });
  assert.equal(third?.roles, '["a","b"]');
  assert.match(rawRecordsIn(state)[3]?.record ?? '', /"kept":1\.50,"more":\["x y"\]/);
  assert.equal(fourth?.kind, 'lifecycle');
  assert.deepEqual(JSON.parse(fourth?.detail ?? '').imported, { from: 'v1', node: 'n"', epoch: 1, seq: 4, id: 'no"id\\u0000', kind: 'strange', ts: '9000000000000000' });
  assert.equal(new Date(fourth?.ts ?? Number.NaN).getUTCFullYear(), 9999);
  assert.deepEqual([fifth?.ts, fifth?.subject], [0, 'a\ufffdb']);
  assert.deepEqual(JSON.parse(sixth?.detail ?? '').a, '\\u0000');
  assert.deepEqual((await run()).records, 0);
});

test('broken off between two groups and run again, nothing is lost and nothing is there twice', async (t) => {
  const rows = oldRows(1000);
  // Before the second group reaches the disk; after it did, but nobody was told.
  for (const cut of ['before', 'after'] as const) {
    for (const group of [1, 2, 4]) {
      const { state, old, run, ids, told } = place(t);
      await oldStore(old, rows);
      let groups = 0;
      const breaking = (session: JournalSession): JournalSession => ({
        ...session,
        append: async (entries) => {
          groups += 1;
          if (groups === group && cut === 'before') throw new Error('killed');
          const done = await session.append(entries);
          if (groups === group) throw new Error('killed');
          return done;
        },
      });
      await assert.rejects(run({ wrap: breaking }), /killed/);
      await run();
      assert.deepEqual(ids(), rows.map(({ id }) => id), `${cut} ${group}`);
      assert.deepEqual(told(), [{ from: 'v1', records: 1000 }], `${cut} ${group}`);
      assert.deepEqual(await verified(state), []);
    }
  }
});

test('without its file, with a damaged one, or read from a copy elsewhere, it knows what is there by its ids', async (t) => {
  const { state, old, run, ids } = place(t);
  await oldStore(old, oldRows(600));
  await run();
  const file = join(state, 'journal', 'imported.json');
  const change: readonly (() => void)[] = [() => rmSync(file), () => writeFileSync(file, '{"v1'), () => writeFileSync(file, JSON.stringify({ [`v1 ${old}`]: { row: 3, id: 'another', at: 0, untold: 0 } }))];
  for (const one of change) {
    one();
    assert.deepEqual(await run(), { records: 0, interrupted: false });
  }
  assert.equal(ids().length, 600);
  assert.ok(readFileSync(file, 'utf8').includes('"row":600'));
});

test('rows that came since are imported by the next run, and told of by themselves', async (t) => {
  const { old, run, ids, told } = place(t);
  await oldStore(old, oldRows(256));
  await run();
  await oldStore(old, oldRows(10, 257));
  assert.equal((await run()).records, 10);
  assert.equal(ids().length, 266);
  assert.deepEqual(told(), [{ from: 'v1', records: 256 }, { from: 'v1', records: 10 }]);
});

test('another store in the place of the one that was read is read from its beginning', async (t) => {
  const { old, run, ids } = place(t);
  await oldStore(old, oldRows(20));
  await run();
  for (const ending of ['', '-wal', '-shm']) rmSync(`${old}${ending}`, { force: true });
  await oldStore(old, oldRows(30, 1000));
  assert.equal((await run()).records, 30);
  assert.equal(ids().length, 50);
});

test('calls of the live journal and imported ones stand beside each other', async (t) => {
  const { state, old, run, ids } = place(t);
  await oldStore(old, oldRows(10));
  const journal = journalIn(state);
  await journal.start();
  await journal.note({ id: RANDOM.uuid(), wall: timestamp(1), by: 'system', revision: 1, kind: 'stopped', reason: 'x' });
  assert.equal((await run()).records, 10);
  await journal.note({ id: RANDOM.uuid(), wall: timestamp(2), by: 'system', revision: 1, kind: 'stopped', reason: 'y' });
  await journal.close();
  assert.equal(ids().length, 10);
  assert.deepEqual(await verified(state), []);
});

test('two imports at once do not write the same rows: the second is refused', async (t) => {
  const { state, old, run } = place(t);
  await oldStore(old, oldRows(10));
  await run();
  const lock = takeLock(join(state, 'journal', 'import.lock'));
  assert.ok(lock.ok && lock.value !== undefined);
  await assert.rejects(run(), /another process/);
  lock.value.release();
  assert.equal((await run()).records, 0);
});

test('a signal ends it between two groups, and the next run goes on', async (t) => {
  const { old, run, ids } = place(t);
  await oldStore(old, oldRows(600));
  const stop = new AbortController();
  const wrap = (session: JournalSession): JournalSession => ({ ...session, append: (entries) => (stop.abort(), session.append(entries)) });
  assert.deepEqual(await run({ wrap, signal: stop.signal }), { records: 256, interrupted: true });
  assert.deepEqual(await run(), { records: 344, interrupted: false });
  assert.equal(new Set(ids()).size, 600);
});

test('room that is kept for calls is not filled', async (t) => {
  const { old, run, ids } = place(t);
  await oldStore(old, oldRows(10));
  await assert.rejects(run({ wrap: (session) => ({ ...session, space: () => ({ space: 'low', bytes: 9, free: 1 }) }) }), /audit\.quota/);
  assert.deepEqual(ids(), []);
});

test('what is pending is counted without a change, also when a run was broken off', async (t) => {
  const { state, old, source, run } = place(t);
  await oldStore(old, oldRows(600));
  const pending = async (): Promise<unknown> => {
    const from = await source();
    const counted = await pendingIn(from, [join(state, 'journal')]);
    await from.close();
    return counted;
  };
  assert.deepEqual(await pending(), { ok: true, value: 600 });
  let groups = 0;
  await assert.rejects(run({ wrap: (session) => ({
    ...session,
    append: async (entries) => {
      const done = await session.append(entries);
      if ((groups += 1) === 2) throw new Error('killed');
      return done;
    },
  }) }));
  assert.deepEqual(await pending(), { ok: true, value: 88 });
});

test('a store of a newer version is refused; one without an audit of the first form has nothing', async (t) => {
  const { state, old } = place(t);
  await oldStore(old, []);
  const database = new DatabaseSync(old);
  database.exec("insert into sentinel_migration values ('9999_later', 1)");
  database.close();
  const newer = await openFirstForm(old);
  assert.ok(!newer.ok && newer.error.code === 'schema' && newer.error.detail.includes('9999_later'), JSON.stringify(newer));
  await journalIn(state).start();
  assert.deepEqual(await openFirstForm(join(state, 'journal', '00000001.db')), { ok: true, value: undefined });
  writeFileSync(join(state, 'text'), 'no database at all, but long enough to be looked at as one');
  assert.equal((await openFirstForm(join(state, 'text'))).ok, false);
});

test('any text as JSON of a record is valid, on one line, of its kind, and valid JSON keeps its value', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.array(fc.string()).map((one) => JSON.stringify(one, undefined, 2))), fc.constantFrom('array', 'object'), (text, kind) => {
    const made = jsonMember(text, kind);
    assert.doesNotMatch(made, /[\n\r\u0000]/);
    assert.equal(Array.isArray(JSON.parse(made)), kind === 'array');
    assert.ok(made.isWellFormed());
    assert.equal(jsonMember(made, kind), made);
  }));
});

test('numbers that a database could not take stand as texts, and others as they were written', () => {
  assert.equal(jsonMember('{ "a": 1e999999, "b": [1.50, -0, 12345678901234567890, 1E+400], "c": "1e999999 \\"x" }', 'object'), '{"a":"1e999999","b":[1.50,-0,12345678901234567890,1E+400],"c":"1e999999 \\"x"}');
  assert.equal(jsonMember('{"\\u0000": 1e400, "n": 1.0}', 'object'), '{"\\\\u0000":1e400,"n":1.0}');
});
