// Epochs of which nothing is there: no record can tell, but their neighbours and what was signed for them can.
import type { EpochCheck } from './epoch-check.ts';
import type { Divergence, EpochPlace } from './verdict.ts';

export interface LostEpochs {
  readonly lost: readonly Divergence[];
  /** Checkpoints and anchors of epochs that are gone by right. */
  readonly expired: number;
}

/** What retention has taken away, of a node. */
export interface Kept {
  /** Where epochs begin that are not here from their first record on: earlier epochs of their nodes are not missed. */
  readonly starts: readonly EpochPlace[];
  /** By node: up to this one, epochs without a start may have ended before it. Several run side by side, and do not end in the order in which they began. */
  readonly claimed: ReadonlyMap<string, number>;
}

/** `epochs` in the order of node and epoch, finished. */
export function lostEpochs(epochs: readonly EpochCheck[], { starts, claimed }: Kept): LostEpochs {
  const first = new Map<string, number>();
  for (const { node, epoch } of starts) first.set(node, Math.min(epoch, first.get(node) ?? epoch));
  const isThere = ({ records, trusted }: EpochCheck): boolean => records > 0 || trusted;
  const isGone = (check: EpochCheck): boolean => check.epoch < (first.get(check.node) ?? 0) || (!isThere(check) && (check.retired || check.epoch <= (claimed.get(check.node) ?? 0)));
  const known = epochs.filter((check) => check.retired || !isGone(check));
  return {
    lost: known.flatMap((check, at) => [...between(known[at - 1], check, claimed.get(check.node) ?? 0), ...silent(check, known)]),
    expired: epochs.filter((check) => isGone(check) && check.records === 0).reduce((sum, { promises }) => sum + promises.length, 0),
  };
}

/** The epochs between two neighbours, as one finding. */
function between(earlier: EpochCheck | undefined, { node, epoch }: EpochCheck, claimed: number): readonly Divergence[] {
  if (earlier === undefined || earlier.node !== node) return [];
  const [first, last] = [Math.max(earlier.epoch, claimed) + 1, epoch - 1];
  if (first > last) return [];
  const which = first === last ? `epoch ${first} is` : `epochs ${first} to ${last} are`;
  return [{ node, epoch: first, seq: 1, where: `epoch ${epoch}`, problem: 'missing_epoch', detail: `${which} not there, between epochs ${earlier.epoch} and ${epoch}` }];
}

/** One that only a checkpoint, an anchor or a word without a signature knows. */
function silent({ node, epoch, records, trusted, retired, finding, promised, announced }: EpochCheck, known: readonly EpochCheck[]): readonly Divergence[] {
  const where = promised?.where ?? announced;
  if (records > 0 || trusted || retired || finding !== undefined || where === undefined) return [];
  const later = known.some((other) => other.node === node && other.epoch > epoch && (other.records > 0 || other.trusted));
  const what = promised === undefined ? `says that epoch ${epoch} began` : `covers ${promised.size} records of epoch ${epoch}`;
  return [{ node, epoch, seq: 1, where, problem: later ? 'missing_epoch' : 'rolled_back', detail: `${where} ${what}, and none is here` }];
}
