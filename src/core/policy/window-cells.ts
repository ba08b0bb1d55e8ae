// The counters behind WindowTable: a ring of bucket counts per key, and all keys in the order of their last charge.
// Bookkeeping only; what passes is decided in window.ts.

export interface Cell {
  readonly key: string;
  /** Calls per bucket, a ring over the last `counts.length` buckets up to `at`. */
  readonly counts: number[];
  at: number;
  /** Bucket of the last charge. */
  charged: number;
  total: number;
  /** Neighbours by `charged`. */
  older: Cell | undefined;
  newer: Cell | undefined;
}

function slotOf(cell: Cell, bucket: number): number {
  const slots = cell.counts.length;
  return ((bucket % slots) + slots) % slots;
}

/** Drops what has left the ring; at most a ring's length of work, however long the pause was. Never moves back. */
export function advance(cell: Cell, bucket: number): void {
  const steps = Math.min(bucket - cell.at, cell.counts.length);
  for (let step = 1; step <= steps && cell.total > 0; step += 1) {
    const slot = slotOf(cell, cell.at + step);
    cell.total -= cell.counts[slot] ?? 0;
    cell.counts[slot] = 0;
  }
  if (bucket > cell.at) cell.at = bucket;
}

/** Adds 1 or takes 1 back. False when the bucket is not in the ring (any more). */
export function count(cell: Cell, bucket: number, change: 1 | -1): boolean {
  if (bucket > cell.at || bucket <= cell.at - cell.counts.length) return false;
  const slot = slotOf(cell, bucket);
  cell.counts[slot] = (cell.counts[slot] ?? 0) + change;
  cell.total += change;
  return true;
}

/** The bucket after whose expiry at least `excess` calls are gone. */
export function bucketToExpire(cell: Cell, excess: number): number {
  let left = excess;
  let oldest = cell.at - cell.counts.length + 1;
  while (oldest < cell.at) {
    left -= cell.counts[slotOf(cell, oldest)] ?? 0;
    if (left <= 0) break;
    oldest += 1;
  }
  return oldest;
}

/** A linked list beside the map: a Map alone leaves holes where entries were moved, and finding its first entry walks them. */
export class CellList {
  readonly #byKey = new Map<string, Cell>();
  readonly #slots: number;
  #oldest: Cell | undefined;
  #newest: Cell | undefined;

  constructor(slots: number) {
    this.#slots = slots;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get oldest(): Cell | undefined {
    return this.#oldest;
  }

  get(key: string): Cell | undefined {
    return this.#byKey.get(key);
  }

  add(key: string, bucket: number): Cell {
    const cell: Cell = {
      key, counts: new Array<number>(this.#slots).fill(0), at: bucket, charged: bucket, total: 0, older: undefined, newer: undefined,
    };
    this.#byKey.set(key, cell);
    this.#append(cell);
    return cell;
  }

  /** Marks a charge now. Within one bucket order does not matter, so most charges move nothing. */
  touch(cell: Cell, bucket: number): void {
    if (cell.charged === bucket) return;
    cell.charged = bucket;
    this.#unlink(cell);
    this.#append(cell);
  }

  remove(cell: Cell): void {
    this.#byKey.delete(cell.key);
    this.#unlink(cell);
  }

  #append(cell: Cell): void {
    cell.older = this.#newest;
    cell.newer = undefined;
    if (this.#newest === undefined) this.#oldest = cell;
    else this.#newest.newer = cell;
    this.#newest = cell;
  }

  #unlink(cell: Cell): void {
    if (cell.older === undefined) this.#oldest = cell.newer;
    else cell.older.newer = cell.newer;
    if (cell.newer === undefined) this.#newest = cell.older;
    else cell.newer.older = cell.older;
  }
}
