import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import pg from 'pg';
import { connect, TIMEOUTS } from '../../src/stores/ship/connection.ts';
import { bringUpToDate } from '../../src/stores/ship/schema.ts';
import { sendCheckpoints, sendRecords, sortOut } from '../../src/stores/ship/sender.ts';
import { CLOCK, journalIn, rawRecordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome } from '../stores/sample.ts';
import { openSource } from '../../src/stores/journal/source.ts';
import { createDatabase, testServer } from '../support/postgres.ts';
import { configured, start } from './audit-world.ts';

const server = testServer();
const HOSTILE = 'evil\u0000\ud800"\\\n%n\u2028\u{1f600}';

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly folder: string;
  readonly url: string;
  readonly notes: readonly string[];
  run(...argv: string[]): Promise<Ran>;
  tamper(text: string): Promise<void>;
}

/** One ended run of 23 records, in the journal and in PostgreSQL. */
async function place(t: TestContext): Promise<Place> {
  if ('skip' in server) throw new Error(server.skip);
  const folder = configured(t);
  const url = await createDatabase(server.url);
  const state = join(folder, 'state');
  const journal = journalIn(state);
  await journal.start();
  for (let n = 0; n < 11; n += 1) {
    const call = sampleCall({ tool: HOSTILE, client: { name: HOSTILE, version: '1' } });
    await journal.intend(sampleIntent(call));
    await journal.conclude(sampleOutcome(call));
  }
  await journal.close();
  const notes = await ship(url, state);
  const run = async (...argv: string[]): Promise<Ran> => {
    const running = start(folder, ['audit', 'verify', ...argv], { DATABASE_URL: url });
    return { status: await running.status, out: running.out(), err: running.err() };
  };
  const tamper = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('set session_replication_role = replica');
    await client.query(text);
    await client.end();
  };
  return { folder, url, notes, run, tamper };
}

async function ship(url: string, state: string): Promise<readonly string[]> {
  const connection = await connect(url, TIMEOUTS);
  assert.ok(connection.ok);
  const ready = await bringUpToDate(connection.value, url, CLOCK.wall);
  assert.ok(ready.ok);
  const node = sampleNode(state).id;
  const sent = await sendRecords(connection.value, node, sortOut(rawRecordsIn(state)));
  assert.ok(sent.ok && sent.value.refused === 0);
  const source = openSource([join(state, 'journal')], Date.now);
  const checkpoints = source.checkpointsFrom(0, new Map());
  source.close();
  await sendCheckpoints(connection.value, node, checkpoints);
  connection.value.close();
  return checkpoints.map(({ note }) => note);
}

describe('sentinel audit verify --database', { skip: 'skip' in server ? server.skip : false }, () => {
  test('says that what was shipped is what was written, hostile names and all', async (t) => {
    const { run } = await place(t);
    const { status, out, err } = await run('--database');
    assert.equal(status, 0, out + err);
    assert.match(out, /records 1 to 23, signed to 23\n23 records, 1 epoch, 0 problems/);
    const said: { readonly ok?: boolean; readonly database?: unknown } = JSON.parse((await run('--database', '--json', '--strict')).out);
    assert.deepEqual([said.ok, said.database], [true, { version_1: 0, refused: 0, not_checked: [], absent: [], retired_epochs: 0 }]);
  });

  test('names the row of the first divergence, with exit status 22, and the journal beside it still verifies', async (t) => {
    const { run, tamper } = await place(t);
    await tamper(`update audit_record set subject = 'bobby' where seq = 7`);
    const { status, out, err } = await run('--database');
    assert.equal(status, 22);
    assert.match(out, /changed: record 7 of epoch 1 of node [-0-9a-f]+, audit_record:7: /);
    assert.match(err, /SEN-0603.*audit_record:7/s);
    assert.equal((await run()).status, 0);
  });

  test('finds an end that was cut off with its checkpoints by what another gateway has witnessed', async (t) => {
    const { folder, notes, run, tamper } = await place(t);
    const file = join(folder, 'witnessed.jsonl');
    writeFileSync(file, ['{"v":2,"kind":"lifecycle","event":"started"}', ...notes.map((checkpoint) => JSON.stringify({ v: 2, event: 'witnessed', detail: { checkpoint } }))].join('\n'));
    const whole = await run('--database', '--anchor', file);
    assert.equal(whole.status, 0, whole.out + whole.err);
    assert.match(whole.out, /anchored to 23/);
    await tamper('delete from audit_record where seq > 20');
    await tamper('delete from checkpoint where size > 20');
    assert.equal((await run('--database')).status, 0, 'nothing there says that there was more');
    const { status, out } = await run('--database', '--anchor', file);
    assert.equal(status, 22);
    assert.match(out, /truncated: record 21 of epoch 1 /);
  });

  test('says that nothing is there, instead of that nothing is wrong, where everything was deleted or the key is of another', async (t) => {
    const [at, other] = [await place(t), await place(t)];
    copyFileSync(join(other.folder, 'state', 'audit-sign.pub'), join(at.folder, 'other.pub'));
    const strange = await at.run('--database', '--key', join(at.folder, 'other.pub'));
    assert.equal(strange.status, 1);
    assert.match(strange.err, /PostgreSQL holds no record of node /);
    const both = await at.run('--database', '--key', join(at.folder, 'other.pub'), '--key', join(at.folder, 'state', 'audit-sign.pub'));
    assert.equal(both.status, 1, both.out);
    for (const table of ['audit_record', 'checkpoint', 'audit_start']) await at.tamper(`delete from ${table}`);
    assert.equal((await at.run('--database')).status, 1);
  });

  test('says what the command line lacks', async (t) => {
    const at = await place(t);
    assert.equal((await at.run('--database', 'export.jsonl')).status, 2);
    assert.equal((await at.run('--detached')).status, 2);
    const bare = start(at.folder, ['audit', 'verify', '--database']);
    assert.equal(await bare.status, 2);
    assert.match(bare.err(), /no PostgreSQL is configured/);
    const away = start(at.folder, ['audit', 'verify', '--database'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    assert.equal(await away.status, 1);
    await at.tamper(`insert into sentinel_migration values ('9999_later', 1)`);
    assert.equal((await at.run('--database')).status, 15);
  });

  test('an anchor without a checkpoint in it is no anchor', async (t) => {
    const at = await place(t);
    for (const text of ['', '\n\n', '{"v":2,"event":"started"}\n{"detail":{}}\n']) {
      writeFileSync(join(at.folder, 'anchor'), text);
      for (const more of [[], ['--database']]) {
        const { status, err } = await at.run('--anchor', join(at.folder, 'anchor'), ...more);
        assert.equal(status, 2, text);
        assert.match(err, /holds no checkpoint/);
      }
    }
  });
});
