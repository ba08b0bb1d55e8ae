// A record and its row: the bytes that were hashed, made again from the columns, and the proof beforehand that they can be.
import { skipValue, walkMembers } from '../../core/json/slice.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { isMember, MEMBER_NAMES, type Member, typeOf } from '../journal/members.ts';

/** A row of `audit_record`, as it is read: whole numbers as numbers or as their digits, JSON as its text. */
export type ShippedRow = Readonly<Partial<Record<Member, string | number | null>>>;

/** Where a record stands, and what tells it from another one that claims the same place. */
export interface Place {
  readonly v: number;
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly id: string;
  readonly ts: number;
}

const COLUMNS: readonly (readonly [name: Member, key: string, isText: boolean])[] = MEMBER_NAMES.map((name) => [name, `"${name}":`, typeOf(name) === 'text']);

export function recordOf(row: ShippedRow): string {
  let text = '';
  for (const [name, key, isText] of COLUMNS) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    text += `${text === '' ? '{' : ','}${key}${isText ? JSON.stringify(value) : value}`;
  }
  return `${text}}`;
}

const NESTED = MEMBER_NAMES.filter((name) => typeOf(name) === 'json');

/**
 * A column that should hold one JSON value and does not; undefined when all do. Its text could hold other members too: the record would be the same
 * byte by byte, and the columns of those members, by which people ask, empty.
 */
export function spoiltColumn(row: ShippedRow): Member | undefined {
  for (const name of NESTED) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    try {
      JSON.parse(String(value));
    } catch {
      return name;
    }
  }
  return undefined;
}

/** Letters of its nested values: of all columns only these may be long. */
export function nestedLength(row: ShippedRow): number {
  return NESTED.reduce((sum, name) => sum + String(row[name] ?? '').length, 0);
}

/** Refuses what would not come back from the table byte by byte: it would be a record that no longer proves anything. */
export function placeIn(record: string): Result<Place, string> {
  const row: Partial<Record<Member, string | number>> = {};
  try {
    const value: unknown = JSON.parse(record);
    if (typeof value !== 'object' || value === null) return err('it is no JSON object');
    walkMembers(record, 0, (key, at) => {
      const end = skipValue(record, at);
      const value = isMember(key) ? valueIn(record.slice(at, end), key) : undefined;
      if (isMember(key) && value !== undefined) row[key] = value;
      return end;
    });
  } catch (thrown) {
    return err(thrown instanceof SyntaxError ? 'it is no JSON' : String(thrown));
  }
  const { v, node, epoch, seq, id, ts } = row;
  if (recordOf(row) !== record) return err('its columns do not give it back');
  if (typeof node !== 'string' || typeof id !== 'string' || !isNumber(v) || !isNumber(epoch) || !isNumber(seq) || !isNumber(ts)) return err('it has no place');
  return ok({ v, node, epoch, seq, id, ts });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** PostgreSQL takes the text of a nested value as it stands, but decodes a string and makes nothing of null. */
function valueIn(text: string, member: Member): string | number | undefined {
  switch (typeOf(member)) {
    case 'integer': return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
    case 'json': return text.startsWith('"') || text === 'null' ? undefined : text;
    case 'text': {
      const value: unknown = JSON.parse(text);
      return typeof value === 'string' ? value : undefined;
    }
  }
}
