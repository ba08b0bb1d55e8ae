// What a segment says beside its records: its tables and indexes, its head, where epochs begin, and under what its checkpoints lie. No chain covers
// these, and yet readers go by them: an index that lost an entry hides a record that is there. So each is held to what the records say.
import { DatabaseSync } from 'node:sqlite';
import { parseCheckpoint } from '../tlog/checkpoint.ts';
import { parseNote } from '../tlog/note.ts';
import type { Divergence } from '../tlog/verdict.ts';
import { messageIn } from '../../core/thrown.ts';
import { openSqlite } from '../sqlite-file.ts';
import { NO_PREVIOUS } from './chain.ts';
import { listSegments, type SegmentFile } from './folder.ts';
import { MEMBER_NAMES } from './members.ts';
import { FORMAT, schemaOf } from './segment.ts';

/** Its pages and entries are few: all of each is looked at. */
const SMALL = ['segment', 'epoch', 'checkpoint', 'closed'] as const;
/** One is enough to look, and a ruined file has thousands. */
const MOST = 20;

/** All of a journal. Others have their turn between two segments. */
export async function checkSegmentFiles(directories: readonly string[], signal?: AbortSignal): Promise<readonly Divergence[]> {
  const found: Divergence[] = [];
  for (const file of listSegments(directories)) {
    if (signal?.aborted === true) break;
    found.push(...checkSegmentFile(file));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** `MOST` at most. A segment that somebody writes is looked at as it was at one moment. */
export function checkSegmentFile(file: SegmentFile): readonly Divergence[] {
  const found: Divergence[] = [];
  const tell = (problem: Divergence['problem'], detail: string, { epoch = 0, seq = 0 }: { readonly epoch?: number; readonly seq?: number } = {}): void => {
    if (found.length < MOST) found.push({ node: '', epoch, seq, where: file.path, problem, detail });
  };
  try {
    const database = openSqlite({ path: file.path, readOnly: true });
    try {
      database.exec('begin');
      const look: Look = { database, number: file.number, tell };
      checkSchema(look);
      for (const table of SMALL) checkPages(look, table);
      checkHead(look);
      checkEpochs(look);
      checkNotes(look);
      checkClosed(look);
      checkRows(look);
    } finally {
      database.close();
    }
  } catch (thrown) {
    tell('unreadable', messageIn(thrown));
  }
  return found;
}

interface Look {
  readonly database: DatabaseSync;
  readonly number: number;
  readonly tell: (problem: Divergence['problem'], detail: string, place?: { readonly epoch?: number; readonly seq?: number }) => void;
}

const SCHEMA = 'select type, name, tbl_name, sql from sqlite_schema order by rowid';

/** A column of readers is an expression in the schema: changed there, every record says something else, and none is changed. */
function checkSchema({ database, number, tell }: Look): void {
  const columns = Number(database.prepare("select count(*) as n from pragma_table_xinfo('record')").get()?.['n']);
  // Later versions have more members, at the end; `row` and `record` are none.
  const made = schemaFor(number, columns - 2);
  const said = database.prepare(SCHEMA).all();
  const other = said.find((row, at) => JSON.stringify(row) !== JSON.stringify(made[at])) ?? made[said.length];
  if (other !== undefined) tell('changed', `its tables are not those of a segment: ${String(other['type'])} ${String(other['name'])}`);
}

function schemaFor(number: number, members: number): ReturnType<ReturnType<DatabaseSync['prepare']>['all']> {
  const fresh = new DatabaseSync(':memory:');
  try {
    for (const statement of schemaOf(number, MEMBER_NAMES.slice(0, Math.max(3, members)))) fresh.exec(statement);
    return fresh.prepare(SCHEMA).all();
  } finally {
    fresh.close();
  }
}

function checkPages({ database, tell }: Look, table: string): void {
  for (const row of database.prepare(`pragma integrity_check(${table})`).all()) {
    const said = String(row['integrity_check']);
    if (said !== 'ok') tell('unreadable', `table ${table}: ${said}`);
  }
}

function checkHead({ database, number, tell }: Look): void {
  const heads = database.prepare('select number, node, format, base_epoch, previous from segment').all();
  const head = heads[0];
  if (head === undefined || heads.length > 1) return tell('changed', `it has ${heads.length} heads`);
  if (head['number'] !== number) tell('changed', `its head says that it is segment ${String(head['number'])}`);
  if (head['format'] !== FORMAT) tell('changed', `its head says that it has format ${String(head['format'])}`);
  const record = String(database.prepare('select cast(record as text) as record from record order by row limit 1').get()?.['record'] ?? '');
  const node = PLACE.exec(record)?.[1];
  if (node !== undefined && head['node'] !== node) tell('changed', `its head says that it is of node ${String(head['node'])}, and its records are of ${node}`);
  if (head['previous'] !== null && !isPrevious(String(head['previous']), number)) tell('changed', `its head does not say what was before it: ${String(head['previous'])}`);
  const base = Number(head['base_epoch']);
  // Not the other way round: while a segment is made, another process may still begin an epoch in the one before.
  const early = database.prepare('select epoch from epoch where first_seq = 1 and epoch <= ? limit 1').get(base);
  if (early !== undefined) tell('changed', `its head says that epoch ${base} was begun before it, and epoch ${String(early['epoch'])} began in it`, { epoch: Number(early['epoch']), seq: 1 });
}

function isPrevious(text: string, number: number): boolean {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('number' in value) || typeof value.number !== 'number') return false;
  if (!Number.isInteger(value.number) || value.number < 1 || value.number >= number) return false;
  return Object.entries(value).every(([name, said]) => name === 'number' || (name === 'abandoned' && typeof said === 'string'));
}

const PLACE = /^\{"v":2,"node":"([^"]*)","epoch":(\d+),"seq":(\d+),"prev":"([^"]*)","id":"[^"]*","ts":(\d+),/;

/** Of each epoch its first record here, as its row in `epoch` has it. */
function checkEpochs({ database, tell }: Look): void {
  const firsts = new Map(database.prepare('select epoch, min(seq) as seq from record indexed by record_place group by epoch').all().map((row) => [Number(row['epoch']), Number(row['seq'])]));
  const first = database.prepare('select cast(record as text) as record from record where epoch = ? and seq = ?');
  for (const row of database.prepare('select * from epoch order by epoch').all()) {
    const [epoch, seq] = [Number(row['epoch']), Number(row['first_seq'])];
    const place = { epoch, seq };
    const say = (what: string): void => tell('changed', `what it says of the beginning of epoch ${epoch} is not what its records say: ${what}`, place);
    const found = firsts.get(epoch);
    firsts.delete(epoch);
    // One that came here only to be signed has no record here, and did not begin here.
    if (found === undefined ? seq === 1 : found !== seq) {
      say('first_seq');
      continue;
    }
    const [, , ofEpoch, ofSeq, prev, ts] = PLACE.exec(String(first.get(epoch, seq)?.['record'] ?? '')) ?? [];
    // One that is not in its place is the verifier's.
    if (Number(ofEpoch) !== epoch || Number(ofSeq) !== seq) continue;
    if (prev !== undefined && row['prev'] !== prev) say('prev');
    if (ts !== undefined && seq === 1 && row['started_at'] !== Number(ts)) say('started_at');
    const [frontier, open] = [hashes(row['frontier']), hashes(row['open'])];
    if (frontier !== hashesBefore(seq) || open === undefined || (seq === 1 && (open > 0 || row['prev'] !== NO_PREVIOUS))) say('frontier or open');
  }
  for (const [epoch, seq] of firsts) tell('changed', `it does not say where epoch ${epoch} begins`, { epoch, seq });
}

/** How many texts there are in a list; undefined: it is none. */
function hashes(value: unknown): number | undefined {
  const list: unknown = JSON.parse(String(value));
  return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list.length : undefined;
}

/** Of the tree of all before this one: one for each bit of their number. */
function hashesBefore(seq: number): number {
  return (seq - 1).toString(2).replaceAll('0', '').length;
}

/** Exports look for checkpoints by these columns. */
function checkNotes({ database, tell }: Look): void {
  for (const { epoch, size, note } of database.prepare('select epoch, size, note from checkpoint order by epoch, size').all()) {
    const parsed = parseNote(String(note));
    const checkpoint = parsed.ok ? parseCheckpoint(parsed.value.text) : parsed;
    // One that cannot be read is the verifier's.
    if (checkpoint.ok && (checkpoint.value.epoch !== epoch || checkpoint.value.size !== size)) {
      tell('changed', `the checkpoint of ${checkpoint.value.size} records of epoch ${checkpoint.value.epoch} lies under ${String(epoch)}/${String(size)}`, { epoch: checkpoint.value.epoch, seq: checkpoint.value.size });
    }
  }
}

function checkClosed({ database, tell }: Look): void {
  for (const row of database.prepare('select epoch, closed_by from closed where closed_by = epoch or closed_by not in (select epoch from epoch)').all()) {
    tell('changed', `it says that epoch ${String(row['closed_by'])}, which was not here, closed epoch ${String(row['epoch'])}`, { epoch: Number(row['epoch']) });
  }
}

/**
 * Each record must be found by its row, by its place and by its call, and nothing else by any of them. This instead of SQLite's own check of the
 * table, which makes every column of every record: measured, 14 µs for each instead of 3.
 */
// `+x.row`: read from the end of the index's entry, as for whoever goes on to the table; the comparison before reads it from where it should be.
const BY_ROW = 'exists (select 1 from record x not indexed where x.row = r.row)';
const BY_PLACE = 'exists (select 1 from record x indexed by record_place where x.epoch = r.epoch and x.seq = r.seq and x.row = r.row and +x.row = r.row)';
const byCall = (call: string): string => `exists (select 1 from record x indexed by record_call where x.call_id = ${call} and x.row = r.row and +x.row = r.row)`;
/** Where the call of a record stands is tried first: to read it as JSON takes ten times as long. */
const CALL_AT = `substr(r.record, instr(r.record, '"call_id":"') + 11, 36)`;
/** What is hidden and what has a call, in one number: each of these looks is made once for each record. */
const HIDDEN = 2 ** 40;
const STATE = `case when typeof(record) <> 'text' or typeof(epoch) <> 'integer' or typeof(seq) <> 'integer' or not ${BY_ROW} or not ${BY_PLACE} then ${HIDDEN}
  when ${byCall(CALL_AT)} then 1 when not json_valid(r.record) or r.call_id is null then 0 when ${byCall('r.call_id')} then 1 else ${HIDDEN} end`;
const COUNTS = `select count(*) as records, coalesce(min(row), 1) as first, coalesce(max(row), 0) as last, coalesce(sum(${STATE}), 0) as states,
  (select count(epoch) from record indexed by record_place) as places, (select count(*) from record indexed by record_call where call_id is not null) as called from record r not indexed`;

function checkRows({ database, tell }: Look): void {
  const { records, first, last, states, places, called } = database.prepare(COUNTS).get() ?? {};
  const calls = Number(states) % HIDDEN;
  const isHidden = Number(states) >= HIDDEN;
  if (isHidden) {
    for (const row of database.prepare(`select row, epoch, seq from record r not indexed where ${STATE} = ${HIDDEN} limit ?`).all(MOST)) {
      tell('unreadable', `row ${String(row['row'])} is there, and is not found by its number, its place or its call`, { epoch: Number(row['epoch']), seq: Number(row['seq']) });
    }
  }
  if (first !== 1 || last !== records) tell('missing', `its rows go from ${String(first)} to ${String(last)}, and there are ${String(records)}`);
  if (places !== records) tell('unreadable', `its index of places has ${String(places)} entries for ${String(records)} records`);
  // One that is hidden may be what the index lacks.
  if (!isHidden && called !== calls) tell('unreadable', `its index of calls has ${String(called)} entries for ${String(calls)} records of calls`);
}
