// One segment of the journal: a SQLite file of records in the order in which they were committed. Written by whoever holds its lock for the
// length of one commit, read by anybody.
import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openSqlite } from '../sqlite-file.ts';
import { type Member, MEMBER_NAMES, typeOf } from './members.ts';

export const FORMAT = 2;

export interface SegmentHead {
  readonly number: number;
  readonly node: string;
  readonly createdAt: number;
  /** The highest epoch that was claimed before. */
  readonly baseEpoch: number;
  /** Why there is this one: the one before is full, or could not be written any more. */
  readonly previous: { readonly number: number; readonly abandoned: string | undefined } | undefined;
}

/** Where an epoch stands when it comes to a segment. */
export interface EpochStart {
  readonly epoch: number;
  readonly mark: string;
  readonly startedAt: number;
  readonly firstSeq: number;
  readonly prev: string;
  readonly frontier: readonly string[];
  /** Calls with an intent and no outcome. */
  readonly open: readonly string[];
}

/** Rows of one segment that may have a global number. */
const ROWS = 2 ** 32;

export function rowIdOf(number: number, row: number): number {
  return number * ROWS + row;
}

/** Segment and row of a number. */
export function placeOf(rowId: number): { readonly number: number; readonly row: number } {
  const number = Math.floor(rowId / ROWS);
  return { number, row: rowId - number * ROWS };
}

/** A segment at `path`, complete and closed again. */
export function makeSegment(path: string, head: SegmentHead): void {
  const database = openSqlite({ path, readOnly: false });
  try {
    database.exec('begin immediate');
    for (const statement of schemaOf(head.number)) database.exec(statement);
    database.prepare('insert into segment (number, node, format, created_at, base_epoch, previous, sealed_at) values (?, ?, ?, ?, ?, ?, null)')
      .run(head.number, head.node, FORMAT, head.createdAt, head.baseEpoch, head.previous === undefined ? null : JSON.stringify(head.previous));
    database.exec('commit');
    database.exec('pragma wal_checkpoint(truncate)');
  } finally {
    database.close();
  }
}

/** The columns of the original's table: one row for each `tools/call` that has its first record here. */
const AUDIT_LOG = `create view audit_log as select
    r.row_id as id, r.call_id as request_id, strftime('%Y-%m-%dT%H:%M:%fZ', r.ts / 1000.0, 'unixepoch') as timestamp,
    coalesce(r.subject, 'anonymous') as client_subject,
    coalesce((select group_concat(value, ',') from json_each(r.roles)), '') as client_role,
    coalesce(r.exposed, r.object_name, '') as tool_name, coalesce(r.backend, 'unknown') as backend_name,
    json_object('name', coalesce(r.exposed, r.object_name), 'arguments', json(coalesce(r.args, '{}'))) as request_args,
    case when r.kind = 'intent' then coalesce(o.status, 'error') else r.status end as response_status,
    case when r.kind = 'intent' and o.row is null then 'indeterminate' else coalesce(o.fault, r.fault) end as error_message,
    cast((coalesce(o.admit_us, 0) + coalesce(o.queue_us, 0) + coalesce(o.dispatch_us, 0) + coalesce(o.screen_us, 0)) / 1000 as integer) as latency_ms,
    strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(o.ts, r.ts) / 1000.0, 'unixepoch') as created_at
  from audit_record r left join audit_record o on r.kind = 'intent' and o.kind = 'outcome' and o.call_id = r.call_id
  where (r.kind = 'intent' and r.object_type = 'tool') or (r.kind = 'refused' and r.method = 'tools/call')
    or (r.kind = 'outcome' and r.object_type = 'tool' and not exists (select 1 from audit_record i where i.kind = 'intent' and i.call_id = r.call_id))`;

/** `names`: those that the version which made it knew. */
export function schemaOf(number: number, names: readonly Member[] = MEMBER_NAMES): readonly string[] {
  const members = names.filter((name) => name !== 'epoch' && name !== 'seq');
  // Never stored: they are what the record says, and cannot say anything else.
  const columns = members.map((name) => `"${name}" ${typeOf(name) === 'integer' ? 'integer' : 'text'} generated always as (json_extract(record, '$.${name}')) virtual`);
  return [
    `create table segment (number integer primary key, node text not null, format integer not null, created_at integer not null, base_epoch integer not null, previous text, sealed_at integer) strict`,
    `create table epoch (epoch integer primary key, mark text not null, started_at integer not null, ended_at integer, first_seq integer not null, prev text not null, frontier text not null, open text not null) strict`,
    `create table record (row integer primary key, epoch integer not null, seq integer not null, record text not null, ${columns.join(', ')}) strict`,
    'create unique index record_place on record (epoch, seq)',
    'create index record_call on record (call_id) where call_id is not null',
    'create table checkpoint (epoch integer not null, size integer not null, note text not null, primary key (epoch, size)) strict',
    // Epochs of the dead, of which the open calls were closed here.
    'create table closed (epoch integer primary key, closed_by integer not null) strict',
    `create view audit_record as select ${number} * ${ROWS} + row as row_id, row, ${names.map((name) => `"${name}"`).join(', ')} from record`,
    AUDIT_LOG,
    ...['update', 'delete'].map((change) => `create trigger record_no_${change} before ${change} on record begin select raise(abort, 'the journal is insert-only'); end`),
  ];
}

export interface EpochRow extends EpochStart {
  readonly endedAt: number | undefined;
}

/** For writing. Each method may throw what SQLite says; the caller rolls back. */
export class Segment {
  readonly number: number;
  readonly path: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly createdAt: number;
  readonly #database: DatabaseSync;
  readonly #inode: number;
  #walInode: number | undefined;
  readonly #insert: StatementSync;
  readonly #sealed: StatementSync;
  readonly #pages: StatementSync;
  readonly #begun = new Set<number>();
  #highest = 0;

  constructor(number: number, path: string) {
    this.number = number;
    this.path = path;
    // First: to open a file that is gone would make an empty one.
    this.#inode = statSync(path).ino;
    this.#database = openSqlite({ path, readOnly: false });
    try {
      this.#insert = this.#database.prepare('insert into record (epoch, seq, record) values (?, ?, ?)');
      this.#sealed = this.#database.prepare('select sealed_at from segment');
      this.#pages = this.#database.prepare('pragma page_count');
      this.#sealed.get();
      this.#walInode = statSync(`${path}-wal`, { throwIfNoEntry: false })?.ino;
      this.createdAt = Number(this.#database.prepare('select created_at from segment').get()?.['created_at']);
    } catch (thrown) {
      this.#database.close();
      throw thrown;
    }
  }

  /** Waits for its turn among processes. */
  begin(): void {
    this.#database.exec('begin immediate');
  }

  commit(): void {
    this.#database.exec('commit');
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  isSealed(): boolean {
    return this.#sealed.get()?.['sealed_at'] !== null;
  }

  /** Nothing is written to it any more. */
  seal(at: number): void {
    this.#database.prepare('update segment set sealed_at = ? where sealed_at is null').run(at);
  }

  /** Whether the file and its -wal are still where they were: what is written to a file that somebody removed is lost with it. Only a hand takes the -wal of an open one. */
  isThere(): boolean {
    try {
      const wal = statSync(`${this.path}-wal`).ino;
      this.#walInode ??= wal;
      return wal === this.#walInode && statSync(this.path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  bytes(): number {
    return Number(this.#pages.get()?.['page_count'] ?? 0) * 4096;
  }

  head(): { readonly node: string; readonly format: number } {
    const row = this.#database.prepare('select node, format from segment').get();
    return { node: String(row?.['node']), format: Number(row?.['format']) };
  }

  /** Whether its first record is of this node: what the head says could be damaged. */
  hasRecordsOf(node: string): boolean {
    return String(this.#database.prepare('select record from record order by row limit 1').get()?.['record']).startsWith(`{"v":2,"node":"${node}",`);
  }

  /** The highest epoch that was claimed here or before. */
  highestEpoch(): number {
    const row = this.#database.prepare('select max(base_epoch, coalesce((select max(epoch) from epoch), 0)) as epoch from segment').get();
    this.#highest = Number(row?.['epoch'] ?? 0);
    return this.#highest;
  }

  /** The same, as it was seen last where it cannot be read any more. */
  highestKnown(): number {
    try {
      return this.highestEpoch();
    } catch {
      return this.#highest;
    }
  }

  hasBegun(epoch: number): boolean {
    return this.#begun.has(epoch);
  }

  /** Within the transaction of its first record here. */
  beginEpoch({ epoch, mark, startedAt, firstSeq, prev, frontier, open }: EpochStart): void {
    this.#database.prepare('insert into epoch (epoch, mark, started_at, ended_at, first_seq, prev, frontier, open) values (?, ?, ?, null, ?, ?, ?, ?)')
      .run(epoch, mark, startedAt, firstSeq, prev, JSON.stringify(frontier), JSON.stringify(open));
  }

  /** After the commit. */
  begun(epoch: number): void {
    this.#begun.add(epoch);
  }

  endEpoch(epoch: number, at: number): void {
    this.#database.prepare('update epoch set ended_at = ? where epoch = ?').run(at, epoch);
  }

  insert(epoch: number, seq: number, record: string): void {
    this.#insert.run(epoch, seq, record);
  }

  checkpoint(epoch: number, size: number, note: string): void {
    this.#database.prepare('insert into checkpoint (epoch, size, note) values (?, ?, ?) on conflict do nothing').run(epoch, size, note);
  }

  closeEpoch(epoch: number, by: number): void {
    this.#database.prepare('insert into closed (epoch, closed_by) values (?, ?) on conflict do nothing').run(epoch, by);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
