// A journal in memory with records of the real form, and a shipper over it with short waits.
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { timestamp } from '../../../src/core/ids.ts';
import type { StoredCheckpoint, StoredRecord } from '../../../src/stores/journal/source.ts';
import type { ShipSource } from '../../../src/stores/ship/carrier.ts';
import { connect, type Connection, TIMEOUTS } from '../../../src/stores/ship/connection.ts';
import { type CursorStore, fileCursor } from '../../../src/stores/ship/cursor.ts';
import { bringUpToDate } from '../../../src/stores/ship/schema.ts';
import { Shipper, type ShipBounds, type ShipperDeps, type ShipperHealth } from '../../../src/stores/ship/shipper.ts';

export const NODE = '0198c0de-0000-4000-8000-000000000001';
export const CLOCK: ShipperDeps['clock'] = { mono: (): number => performance.now(), wall: () => timestamp(Date.now()) };
export const DAY = 86_400_000;

export interface Parts {
  readonly ts?: number;
  readonly id?: string;
  readonly more?: string;
}

/** Records of several epochs in one order, as processes on one state directory write them. */
export class Journal implements ShipSource {
  readonly records: StoredRecord[] = [];
  readonly checkpoints: (StoredCheckpoint & { readonly from: number })[] = [];
  readonly #seqs = new Map<number, { seq: number; prev: string }>();
  #row = 0;

  /** One segment is 1000 rows long. */
  add(parts: Parts = {}, epoch = 1): StoredRecord {
    const last = this.#seqs.get(epoch) ?? { seq: 0, prev: hash('sha256', '', 'base64url') };
    const seq = last.seq + 1;
    const [ts, id] = [parts.ts ?? Date.now(), parts.id ?? `0198c0de-0000-7000-8000-${String(epoch).padStart(4, '0')}${String(seq).padStart(8, '0')}`];
    const record = `{"v":2,"node":"${NODE}","epoch":${epoch},"seq":${seq},"prev":"${last.prev}","id":"${id}","ts":${ts},"mono_ns":${seq * 1000},"kind":"lifecycle","event":"e"${parts.more ?? ''}}`;
    return this.put(record, epoch);
  }

  put(record: string, epoch = 1): StoredRecord {
    const seq = (this.#seqs.get(epoch)?.seq ?? 0) + 1;
    this.#seqs.set(epoch, { seq, prev: hash('sha256', `\u0000${record}`, 'base64url') });
    const stored = { rowId: 2 ** 32 * (1 + Math.floor(this.#row / 1000)) + (this.#row % 1000) + 1, record };
    this.#row += 1;
    this.records.push(stored);
    return stored;
  }

  many(count: number, parts: Parts = {}, epoch = 1): void {
    for (let made = 0; made < count; made += 1) this.add(parts, epoch);
  }

  sign(epoch = 1, note?: string): void {
    const size = this.#seqs.get(epoch)?.seq ?? 0;
    this.checkpoints.push({ epoch, size, note: note ?? `note of ${epoch}/${size}\n`, from: this.records.at(-1)?.rowId ?? 0 });
  }

  after(rowId: number, limit: number): readonly StoredRecord[] {
    let [low, high] = [0, this.records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle]?.rowId ?? 0) > rowId) high = middle;
      else low = middle + 1;
    }
    return this.records.slice(low, low + limit);
  }

  checkpointsFrom(rowId: number): readonly StoredCheckpoint[] {
    const segment = Math.floor(rowId / 2 ** 32);
    return this.checkpoints.filter(({ from }) => Math.floor(from / 2 ** 32) >= segment).map(({ epoch, size, note }) => ({ epoch, size, note }));
  }

  behind(rowId: number): number {
    return this.after(rowId, Infinity).length;
  }
}

export function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-ship-'));
  // What runs in it may end only after this.
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return folder;
}

const QUICK: Partial<ShipBounds> = { pollMs: 5, standbyMs: 20, firstWaitMs: 10, longestWaitMs: 100, checkpointMs: 0 };

export interface Shipping {
  readonly shipper: Shipper;
  readonly cursor: CursorStore;
  readonly told: readonly ShipperHealth[];
}

/** Started. A second one on the same folder is another process. */
export function shipping(t: TestContext, url: string, source: ShipSource, parts: { readonly folder?: string; readonly bounds?: Partial<ShipBounds>; readonly deps?: Partial<ShipperDeps> } = {}): Shipping {
  const folder = parts.folder ?? mkdtempSync(join(tmpdir(), 'sentinel-ship-'));
  const told: ShipperHealth[] = [];
  const cursor = parts.deps?.cursor ?? fileCursor(join(folder, 'cursor'));
  const shipper = new Shipper({ url, node: NODE, lockPath: join(folder, 'ship.lock'), bounds: { ...QUICK, ...parts.bounds } }, {
    source, cursor, checkpoints: fileCursor(join(folder, 'checkpoints')), clock: CLOCK, random: { float: () => 0.5 },
    timers: {
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    },
    onChange: (health) => void told.push(health), ...parts.deps,
  });
  t.after(async () => {
    await shipper.close();
    if (parts.folder === undefined) rmSync(folder, { recursive: true, force: true });
  });
  shipper.start();
  return { shipper, cursor, told };
}

/** Until it is so: no bound but the test file's own. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function drained({ shipper }: Shipping): Promise<ShipperHealth> {
  await until(() => shipper.health().state === 'halted' || (shipper.health().lagRecords === 0 && shipper.health().state === 'shipping'));
  return shipper.health();
}

export async function ask(url: string, text: string, values: readonly unknown[] = []): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}

export async function opened(t: TestContext, url: string): Promise<Connection> {
  const made = await connect(url, TIMEOUTS);
  if (!made.ok) throw new Error(made.error.detail);
  t.after(() => made.value.close());
  return made.value;
}

/** The tables, as the first start makes them. */
export async function migrated(t: TestContext, url: string): Promise<Connection> {
  const connection = await opened(t, url);
  const ready = await bringUpToDate(connection, url, CLOCK.wall);
  if (!ready.ok) throw new Error(ready.error.detail);
  return connection;
}

/** Exactly the records of the journal, each once: `missing` and `extra` are seqs. */
export async function compared(url: string, journal: Journal): Promise<{ readonly missing: number; readonly rows: number }> {
  const [row] = await ask(url, `select count(*)::int as rows, count(distinct (node, epoch, seq))::int as places from audit_record where v > 1`);
  return { missing: journal.records.length - Number(row?.['places']), rows: Number(row?.['rows']) };
}
