// Sees to it that each day has its partition: today's and the coming ones in advance, and those of records that come late.
import { codeIn, messageIn } from '../../core/thrown.ts';
import type { Connection } from './connection.ts';
import { dayOf, isOfRow, type Placed } from './sender.ts';

const DAY_MS = 86_400_000;
const RETRY_MS = 600_000;
/** Of the partitions: taken by a long reader or by another node, both of which end. */
const LOCK_NOT_AVAILABLE = '55P03';
/** A default partition that has become large is read through for each new day: that must keep no record waiting. */
const QUERY_CANCELED = '57014';

export class Days {
  readonly #ahead: number;
  readonly #everyMs: number;
  readonly #clock: { mono(): number };
  readonly #seen = new Set<number>();
  #due = -Infinity;
  #trouble: string | undefined;

  constructor(ahead: number, everyMs: number, clock: { mono(): number }) {
    this.#ahead = ahead;
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Another connection may be another server. */
  forget(): void {
    this.#seen.clear();
    this.#due = -Infinity;
  }

  /** Once in a while: for today and the days to come. */
  async ahead(connection: Connection): Promise<void> {
    if (this.#clock.mono() < this.#due) return;
    try {
      const { rows } = await connection.ask('select for_day::text as day, state from sentinel_audit_partitions($1)', [this.#ahead]);
      const stray = rows.filter(({ state }) => state !== 'made' && state !== 'there').map(({ day }) => String(day));
      this.#trouble = stray.length === 0 ? undefined : `records of ${stray.slice(0, 3).join(', ')}${stray.length > 3 ? ', …' : ''} are in the default partition: the owner should run sentinel_audit_settle()`;
      this.#due = this.#clock.mono() + this.#everyMs;
    } catch (thrown) {
      this.#put(thrown);
    }
  }

  /** Without one the default partition takes them: worse to retire, but not lost. */
  async of(connection: Connection, records: readonly Placed[]): Promise<void> {
    for (const { place } of records) {
      const day = Math.floor(place.ts / DAY_MS);
      if (this.#seen.has(day)) continue;
      this.#seen.add(day);
      try {
        await connection.ask(`select sentinel_audit_partition(${dayOf('$1::bigint')})`, [day * DAY_MS]);
      } catch (thrown) {
        this.#put(thrown);
      }
    }
  }

  #put(thrown: unknown): void {
    if (codeIn(thrown) !== LOCK_NOT_AVAILABLE && codeIn(thrown) !== QUERY_CANCELED && !isOfRow(thrown)) throw thrown;
    this.#due = this.#clock.mono() + RETRY_MS;
    this.#trouble = `a partition could not be made: ${messageIn(thrown)}`;
  }
}
