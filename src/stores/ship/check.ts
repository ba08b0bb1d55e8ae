// What PostgreSQL holds of the audit before the verifier: epoch by epoch, in the order of seq, each checkpoint before the records behind those that
// it covers. Asked for in such an order that what is shipped meanwhile is not missed: first what is signed, then how far the records reach.
import { sql } from 'kysely';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { writeFault } from '../fault.ts';
import { compareEpochs, type Divergence } from '../tlog/verdict.ts';
import type { Verifier } from '../tlog/verify.ts';
import { checkEpoch, type HeldEpoch, type Tally } from './check-epoch.ts';
import { begunEpochs, type Db, MOST_STRETCHES, type Piece, piecesOf, RECORDS, retiredBefore, setAside, signedSizes, type Stretch, stretchesIn, TooMany } from './held.ts';

export interface ShippedOptions {
  /** Whose records are checked. */
  readonly nodes: ReadonlySet<string>;
  /** Also the tables of detached days that are still there. */
  readonly detached: boolean;
  /** Told after each page, and waited for. */
  readonly onRecords: () => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface ShippedFindings {
  /** What the chain cannot say. */
  readonly problems: readonly Divergence[];
  /** Records of version 1: they have no chain. */
  readonly unchained: number;
  /** Records that PostgreSQL would not take, read where they were put. */
  readonly aside: number;
  /** Nodes with records here whose key was not given. */
  readonly others: readonly string[];
  /** Nodes whose key was given, and that have no record here. */
  readonly absent: readonly string[];
  /** Days before this one were detached; as people write it. */
  readonly retiredBefore: string | undefined;
  /** Epochs that began before it and of which nothing is here: taken as detached with their days. */
  readonly retired: number;
}

const DAY_MS = 86_400_000;
/** `{"v":2,"node":"…","epoch":N,"seq":N,` */
const PLACE = /^\{"v":2,"node":"([^"]*)","epoch":([0-9]{1,15}),"seq":([0-9]{1,15}),/;

export async function checkShipped(verifier: Verifier, db: Db, options: ShippedOptions): Promise<Result<ShippedFindings, StoreFault>> {
  try {
    return await db.connection().execute(async (one) => {
      // The key has the records in their order: a plan that reads a day whole and sorts it would do so for each page.
      // Bounds of partitions come as dates in the style of whoever asks.
      await sql`select set_config('datestyle', 'ISO, YMD', false), set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false), set_config('enable_sort', 'off', false)`.execute(one);
      return new Check(verifier, one, options).run();
    });
  } catch (thrown) {
    if (thrown instanceof TooMany) return err({ code: 'corrupt', detail: thrown.message });
    return err(writeFault(thrown).fault);
  }
}

type Gathered = { -readonly [K in keyof HeldEpoch]: HeldEpoch[K] };

class Check {
  readonly #verifier: Verifier;
  readonly #db: Db;
  readonly #options: ShippedOptions;
  readonly #nodes: readonly string[];
  readonly #epochs = new Map<string, Gathered>();
  readonly #others = new Set<string>();
  readonly #strays: number[] = [];
  readonly #tally: Tally = { problems: [], unchained: 0, aside: 0, retired: 0, present: new Set() };

  constructor(verifier: Verifier, db: Db, options: ShippedOptions) {
    this.#verifier = verifier;
    this.#db = db;
    this.#options = options;
    this.#nodes = [...options.nodes];
  }

  async run(): Promise<Result<ShippedFindings, StoreFault>> {
    const before = await retiredBefore(this.#db);
    await this.#gather(before?.day);
    for (const held of [...this.#epochs.values()].toSorted(compareEpochs)) {
      if (this.#options.signal.aborted) break;
      await checkEpoch(held, { verifier: this.#verifier, db: this.#db, tally: this.#tally, onRecords: this.#options.onRecords, signal: this.#options.signal });
    }
    this.#verifier.source('audit_refused');
    for (const place of this.#strays) this.#verifier.unreadable('it does not begin as a record of version 2', place);
    if ((await retiredBefore(this.#db))?.day !== before?.day) return err({ code: 'unavailable', detail: 'days were detached while they were read: ask again' });
    const { problems, unchained, aside, retired, present } = this.#tally;
    return ok({
      problems, unchained, aside, retired, retiredBefore: before?.text, others: [...this.#others].toSorted(),
      absent: this.#nodes.filter((node) => !present.has(node)),
    });
  }

  async #gather(cut: number | undefined): Promise<void> {
    const signed = await signedSizes(this.#db, this.#nodes);
    const begun = await begunEpochs(this.#db, this.#nodes);
    const pieces = await piecesOf(this.#db, this.#options.detached);
    // How far the records reach, and then on which days they stand: whatever reaches so far stands on one of those.
    for (const stretch of await this.#stretches(pieces)) this.#reach(stretch);
    for (const { node, place, head } of await setAside(this.#db, this.#nodes)) this.#putAside(node, place, head);
    for (const stretch of await this.#stretches(await piecesOf(this.#db, this.#options.detached))) this.#epochs.get(keyOf(stretch))?.stretches.push(stretch);
    for (const { node, epoch, size } of signed) {
      if (Number.isSafeInteger(epoch) && Number.isSafeInteger(size)) this.#held(node, epoch).signed = size;
      else this.#beyond({ node, epoch, seq: size, where: 'checkpoint', problem: 'checkpoint_signature' });
    }
    for (const { node, epoch, ts, settled } of begun) {
      const held = this.#held(node, epoch);
      held.begun = settled;
      held.mayBeRetired = cut !== undefined && Math.floor(ts / DAY_MS) < cut;
    }
  }

  async #stretches(pieces: readonly Piece[]): Promise<readonly Stretch[]> {
    const found: Stretch[] = [];
    for (const piece of pieces) {
      found.push(...await stretchesIn(this.#db, piece));
      if (found.length > MOST_STRETCHES) throw new TooMany(`there are more than ${MOST_STRETCHES} runs and days`);
      if (this.#options.signal.aborted) break;
    }
    return found;
  }

  #reach(stretch: Stretch): void {
    const { node, epoch, low, high, table, day } = stretch;
    if (!this.#options.nodes.has(node)) {
      this.#others.add(node);
      return;
    }
    for (const seq of [low, high]) {
      if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) this.#beyond({ node, epoch, seq, where: `${table}, day ${new Date(day * DAY_MS).toISOString().slice(0, 10)}`, problem: 'unreadable' });
    }
    if (!Number.isSafeInteger(epoch)) return;
    const held = this.#held(node, epoch);
    held.to = Math.max(held.to, Math.min(high, Number.MAX_SAFE_INTEGER));
  }

  /** By what its bytes say. What says nothing is no record. */
  #putAside(node: string, place: number, head: Buffer): void {
    const [, said = '', epoch = '', seq = ''] = PLACE.exec(head.toString('latin1')) ?? [];
    if (!this.#options.nodes.has(said)) this.#strays.push(place);
    else this.#held(said, Number(epoch)).aside.push({ node, place, seq: Number(seq) });
  }

  #held(node: string, epoch: number): Gathered {
    const key = keyOf({ node, epoch });
    const held = this.#epochs.get(key) ?? { node, epoch, stretches: [], aside: [], to: 0, signed: undefined, begun: false, mayBeRetired: false };
    this.#epochs.set(key, held);
    return held;
  }

  #beyond(place: Pick<Divergence, 'node' | 'epoch' | 'seq' | 'where' | 'problem'>): void {
    this.#tally.problems.push({ ...place, detail: `no number so large is ever written: table ${RECORDS} or its companions were changed` });
  }
}

function keyOf({ node, epoch }: { readonly node: string; readonly epoch: number }): string {
  return `${node}/${epoch}`;
}
