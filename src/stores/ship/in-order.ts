// The records of one epoch in the order of their seq. Mostly one day follows the other; around midnight and where a clock was set back they
// interleave, and so the days are merged, in memory for a page or two of those that overlap.
import { sql } from 'kysely';
import { type Member, MEMBER_NAMES } from '../journal/members.ts';
import { type Db, ofDay, type Stretch, within } from './held.ts';
import { nestedLength, type ShippedRow } from './rebuild.ts';

export interface HeldRow {
  readonly rowId: number;
  readonly seq: number;
  readonly v: number;
  readonly ts: number;
  readonly row: ShippedRow;
}

/** Rows of one table and day that follow each other. */
export interface Batch {
  readonly stretch: Stretch;
  readonly rows: readonly HeldRow[];
}

const MOST_ROWS = 500;
const FIRST_ROWS = 64;
const FEWEST_ROWS = 4;
/** UTF-16 units that the nested values of a page are to have: some 300 for each record mostly, of captured values up to megabytes. */
const PAGE_UNITS = 1 << 20;

const COLUMNS = sql.raw(MEMBER_NAMES.map((name) => `t.${name}`).join(', '));

type PageRow = Partial<Record<Member, string | number | null>> & { readonly row_id: number };

/** `to`: the last seq that is asked for. What stands between `to` and the end was added meanwhile. */
export async function* inOrder(db: Db, stretches: readonly Stretch[], to: number): AsyncGenerator<Batch, void, undefined> {
  const days = stretches.filter(({ low }) => low <= to).map((stretch) => new Day(db, stretch, to));
  try {
    for (;;) {
      const open = days.filter((day) => !day.isOver);
      const first = least(open);
      if (first === undefined) return;
      if (first.rows.length === 0) {
        await first.fill(open.filter(({ rows }) => rows.length > 0).length);
        continue;
      }
      const other = least(open.filter((day) => day !== first));
      yield { stretch: first.stretch, rows: first.take(other?.head ?? Infinity) };
    }
  } finally {
    // The connection is not given back with a question under way.
    for (const day of days) await day.settled();
  }
}

function least(days: readonly Day[]): Day | undefined {
  return days.reduce<Day | undefined>((found, day) => (found === undefined || day.head < found.head ? day : found), undefined);
}

class Day {
  readonly stretch: Stretch;
  readonly #db: Db;
  readonly #to: number;
  /** Where the next page begins; asked for while this one is looked at. */
  #behind: { readonly seq: number; readonly v: number } | undefined;
  #next: Promise<readonly HeldRow[]> | undefined;
  /** Of the nested values of the largest row of the last page. */
  #units = PAGE_UNITS / FIRST_ROWS;
  rows: readonly HeldRow[] = [];
  isOver = false;
  /** No row that is still to come has a smaller seq. */
  head: number;

  constructor(db: Db, stretch: Stretch, to: number) {
    this.#db = db;
    this.stretch = stretch;
    this.#to = to;
    this.head = stretch.low;
  }

  /** `others`: how many days have a page in memory already. */
  async fill(others: number): Promise<void> {
    this.rows = await (this.#next ?? this.#page(this.#most(others)));
    this.#next = undefined;
    this.#units = Math.max(1, ...this.rows.map(({ row }) => nestedLength(row)));
    const last = this.rows.at(-1);
    if (last === undefined) {
      this.isOver = true;
      return;
    }
    this.head = this.rows[0]?.seq ?? this.head;
    this.#behind = { seq: last.seq, v: last.v };
    if (others > 0) return;
    this.#next = this.#page(this.#most(0));
    // Awaited later, or never, where the check ends early.
    this.#next.catch(() => undefined);
  }

  #most(others: number): number {
    return Math.max(FEWEST_ROWS, Math.floor(Math.min(MOST_ROWS, PAGE_UNITS / this.#units) / (1 + others)));
  }

  async settled(): Promise<void> {
    await this.#next?.catch(() => undefined);
  }

  /** Up to and with this seq. */
  take(seq: number): readonly HeldRow[] {
    const end = this.rows.findIndex((row) => row.seq > seq);
    const taken = end < 0 ? this.rows : this.rows.slice(0, end);
    this.rows = end < 0 ? [] : this.rows.slice(end);
    this.head = this.rows[0]?.seq ?? taken.at(-1)?.seq ?? this.head;
    return taken;
  }

  async #page(limit: number): Promise<readonly HeldRow[]> {
    const { table, day, node, epoch } = this.stretch;
    const behind = this.#behind === undefined ? sql`t.seq >= ${Number.MIN_SAFE_INTEGER}` : sql`(t.seq, t.v) > (${this.#behind.seq}, ${this.#behind.v})`;
    const { rows } = await sql<PageRow>`select t.row_id, ${COLUMNS} from ${sql.id(table)} t
      where ${within(this.stretch)} and t.day = ${ofDay(day)} and t.node = ${node} and t.epoch = ${epoch} and ${behind} and t.seq <= ${Math.min(this.#to, Number.MAX_SAFE_INTEGER)}
      order by t.seq, t.v limit ${limit}`.execute(this.#db);
    return rows.map((row) => ({ rowId: row.row_id, seq: Number(row.seq), v: Number(row.v), ts: Number(row.ts), row }));
  }
}
