// A store of the release before the journal, made by the migrations that made it then.
import assert from 'node:assert/strict';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { openDatabase } from '../../../src/stores/database.ts';
import { loadMigrations, migrate, MIGRATIONS } from '../../../src/stores/migrate.ts';
import { CLOCK } from '../sample.ts';

export type OldRow = Readonly<Record<string, SQLInputValue>>;

export const OLD_NODE = '0198c0de-0000-4000-8000-00000000000a';

export function oldRow(n: number, parts: OldRow = {}): OldRow {
  return {
    v: 1, node: OLD_NODE, epoch: 1, seq: n, id: `0190c0de-0000-7000-8000-${String(n).padStart(12, '0')}`, ts: 1_700_000_000_000 + n, mono_ns: n * 1000,
    kind: n % 2 === 1 ? 'intent' : 'outcome', call_id: `call-${Math.ceil(n / 2)}`, subject: 'alice', roles: '["dev","ops"]', method: 'tools/call', backend: 'fs', object_type: 'tool',
    object_name: 'read', exposed: 'fs__read', decision: 'allow', trail: '[{"stage":"role","rule":"r","decision":"pass"}]', ...(n % 2 === 1 ? { args: '{"a":1.0,"b":12345678901234567890}' } : { status: 'success', code: 'ok' }), ...parts,
  };
}

export function oldRows(count: number, from = 1): readonly OldRow[] {
  return Array.from({ length: count }, (_, at) => oldRow(from + at));
}

/** What nobody's gateway wrote, but a file can hold. */
export const HOSTILE: readonly OldRow[] = [
  { subject: 'a\u0000b\nnot a line\u001b[2J', fault: 'x'.repeat(50_000), object_name: '"},{"v":2', exposed: '%n\u2028' },
  { roles: 'not json', trail: '{"no":"array"}', args_shape: '[', args: '{"a":"\\u0000","\\u0000":[1 , 2]}', detail: '{"imported":{"from":"v1"},"event":"imported"}' },
  { roles: '[\n"a",\n"b"]', detail: '{"kept":1.50,\n"more":["x y"]}', trail: `[${'['.repeat(300)}${']'.repeat(300)}]`, args: '{"a":1,"a":2}' },
  { id: 'no"id\u0000', kind: 'strange', ts: 9_000_000_000_000_000n, mono_ns: 'text', node: 'n"', revision: 9_223_372_036_854_775_807n, is_error: 1.5 },
  { id: '', ts: -5, subject: new Uint8Array([0x61, 0xff, 0x62]), args: 'x'.repeat(1_100_000), args_hmac: '\ud800'.toWellFormed() },
  { detail: '{"a":"\\\\u0000","n":1.0}', event: 'imported', kind: 'lifecycle', call_id: null },
];

/** Inserts behind what is there; makes the store where there is none. */
export async function oldStore(path: string, rows: readonly OldRow[]): Promise<void> {
  const known = await loadMigrations(MIGRATIONS);
  assert.ok(known.ok);
  const made = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: path }, { readOnly: false, thread: false });
  const migrated = await migrate(made, { now: CLOCK.wall, migrations: known.value.slice(0, 2) });
  await made.close();
  assert.ok(migrated.ok, JSON.stringify(migrated));
  const database = new DatabaseSync(path);
  database.exec('begin');
  for (const row of rows) {
    const names = Object.keys(row);
    database.prepare(`insert into audit_record (${names.map((one) => `"${one}"`).join(', ')}) values (${names.map(() => '?').join(', ')})`).run(...Object.values(row));
  }
  database.exec('commit');
  database.close();
}
