// One run's place in the audit: makes the tables, claims the epoch, numbers the rows. It does not queue and does not retry.
import { err, ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import { claimEpoch, closeOpenIntents, endEpoch, type EpochDeps } from './epoch.ts';
import { guarded, type WriteFault } from './fault.ts';
import { migrate } from './migrate.ts';
import type { AuditRow, Unplaced } from './schema.ts';
import { insertRows } from './writer.ts';

/** A row keeps the number of its first attempt, so that a second attempt after a doubtful commit is the same row. */
export interface Numbered {
  readonly row: Unplaced;
  seq: number | undefined;
}

export class Ledger {
  readonly #deps: EpochDeps;
  #opening: Promise<Result<number, StoreFault>> | undefined;
  #epoch: number | undefined;
  #seq = 0;

  constructor(deps: EpochDeps) {
    this.#deps = deps;
  }

  /** Once; a failed attempt is forgotten, so the next call tries again. */
  async open(): Promise<Result<number, StoreFault>> {
    if (this.#epoch !== undefined) return ok(this.#epoch);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async write(rows: readonly Numbered[]): Promise<Result<void, WriteFault>> {
    const epoch = await this.open();
    if (!epoch.ok) return err({ fault: epoch.error, row: false });
    return insertRows(this.#deps.database, rows.map((one) => this.#place(one, epoch.value)));
  }

  /** Whether the database answers. */
  async ping(): Promise<Result<void, WriteFault>> {
    const epoch = await this.open();
    if (!epoch.ok) return err({ fault: epoch.error, row: false });
    const asked = await guarded(async () => ok(await this.#deps.database.db.selectFrom('audit_epoch').select('epoch').limit(1).execute()));
    return asked.ok ? ok(undefined) : err({ fault: asked.error, row: false });
  }

  /** Only when nothing is left to write: an epoch without an end is what the next run looks through. */
  async end(): Promise<void> {
    if (this.#epoch !== undefined) await endEpoch(this.#deps, this.#epoch).catch(() => undefined);
  }

  #place(one: Numbered, epoch: number): AuditRow {
    one.seq ??= this.#seq += 1;
    return { ...one.row, node: this.#deps.node, epoch, seq: one.seq };
  }

  async #open(): Promise<Result<number, StoreFault>> {
    const { database, clock } = this.#deps;
    const migrated = await migrate(database, { now: () => clock.wall() });
    if (!migrated.ok) return migrated;
    return guarded(async () => {
      const epoch = await claimEpoch(this.#deps);
      await closeOpenIntents(this.#deps, epoch, async (rows) => {
        const written = await insertRows(database, rows.map((row) => this.#place({ row, seq: undefined }, epoch)));
        if (!written.ok) throw new Error(written.error.fault.detail);
      });
      this.#epoch = epoch;
      return ok(epoch);
    });
  }
}
