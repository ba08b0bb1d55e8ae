// One epoch is one run of one process of a node. Claims a new one, and closes what the dead ones left open.
import type { Clock, Random } from '../core/ports.ts';
import type { Database } from './database.ts';
import type { Life } from './life.ts';
import { AUDIT_COLUMNS, type AuditRow, type Unplaced } from './schema.ts';

export interface EpochDeps {
  readonly database: Database;
  readonly node: string;
  readonly life: Life;
  readonly clock: Clock;
  readonly random: Random;
}

const CLAIM_TRIES = 5;
const PAGE = 100;

/** The next number; of two processes that ask for the same one, one gets it and the other asks again. */
export async function claimEpoch({ database: { db }, node, life, clock }: EpochDeps): Promise<number> {
  for (let tries = 1; tries <= CLAIM_TRIES; tries += 1) {
    const last = await db.selectFrom('audit_epoch').select((e) => e.fn.max('epoch').as('epoch')).where('node', '=', node).executeTakeFirst();
    const epoch = (last?.epoch ?? 0) + 1;
    const made = await db.insertInto('audit_epoch').values({ node, epoch, mark: life.mark, started_at: clock.wall(), ended_at: null })
      .onConflict((c) => c.doNothing()).executeTakeFirst();
    if (made.numInsertedOrUpdatedRows === 1n) return epoch;
  }
  throw new Error(`no epoch could be claimed in ${CLAIM_TRIES} tries`);
}

export async function endEpoch({ database: { db }, node, clock }: EpochDeps, epoch: number): Promise<void> {
  await db.updateTable('audit_epoch').set({ ended_at: clock.wall() }).where('node', '=', node).where('epoch', '=', epoch).execute();
}

/**
 * Intents of this node's dead runs that have no outcome get one that says so: something may have happened, nobody knows what.
 * Runs of processes that still live are left alone. `write` stores the rows or throws.
 */
export async function closeOpenIntents(deps: EpochDeps, own: number, write: (rows: readonly Unplaced[]) => Promise<void>): Promise<number> {
  const { database: { db }, node, life } = deps;
  const open = await db.selectFrom('audit_epoch').select(['epoch', 'mark']).where('node', '=', node).where('ended_at', 'is', null)
    .where('epoch', '<', own).orderBy('epoch').execute();
  let closed = 0;
  for (const { epoch, mark } of open) {
    if (life.alive(mark)) continue;
    for (;;) {
      const intents = await openIntents(deps, epoch);
      if (intents.length === 0) break;
      await write(intents.map((intent) => indeterminate(deps, intent)));
      closed += intents.length;
    }
    await endEpoch(deps, epoch);
  }
  return closed;
}

function openIntents({ database: { db }, node }: EpochDeps, epoch: number): Promise<AuditRow[]> {
  return db.selectFrom('audit_record as i').select(AUDIT_COLUMNS.map((column) => `i.${column}` as const))
    .where('i.node', '=', node).where('i.epoch', '=', epoch).where('i.kind', '=', 'intent')
    .where((e) => e.not(e.exists(e.selectFrom('audit_record as o').select('o.row_id').where('o.kind', '=', 'outcome').whereRef('o.call_id', '=', 'i.call_id'))))
    .orderBy('i.seq').limit(PAGE).execute();
}

function indeterminate({ clock, random }: EpochDeps, intent: AuditRow): Unplaced {
  return {
    ...intent, id: random.uuid(), ts: clock.wall(), mono_ns: Math.round(clock.mono() * 1e6), kind: 'outcome',
    args_hmac: null, args_bytes: null, args_shape: null, args: null,
    status: 'error', code: 'indeterminate', fault: 'indeterminate: the gateway ended before the outcome was known',
  };
}
