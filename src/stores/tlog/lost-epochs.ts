// Epochs of which nothing is there: no record can tell, but their neighbours and what was signed for them can.
import type { EpochCheck } from './epoch-check.ts';
import type { Divergence, EpochPlace } from './verdict.ts';

export interface LostEpochs {
  readonly lost: readonly Divergence[];
  /** Checkpoints and anchors of epochs before the first trusted start of their node: those are gone by right. */
  readonly expired: number;
}

/** `epochs` in the order of node and epoch, finished. */
export function lostEpochs(epochs: readonly EpochCheck[], starts: readonly EpochPlace[]): LostEpochs {
  const kept = new Map<string, number>();
  for (const { node, epoch } of starts) kept.set(node, Math.min(epoch, kept.get(node) ?? epoch));
  const isKept = ({ node, epoch }: EpochCheck): boolean => epoch >= (kept.get(node) ?? 0);
  const known = epochs.filter(isKept);
  return {
    lost: known.flatMap((epoch, at) => [...between(known[at - 1], epoch), ...silent(epoch, known)]),
    expired: epochs.filter((epoch) => !isKept(epoch) && epoch.records === 0).reduce((sum, epoch) => sum + epoch.promises, 0),
  };
}

/** The epochs between two neighbours, as one finding. */
function between(earlier: EpochCheck | undefined, { node, epoch }: EpochCheck): readonly Divergence[] {
  if (earlier === undefined || earlier.node !== node || epoch === earlier.epoch + 1) return [];
  const [first, last] = [earlier.epoch + 1, epoch - 1];
  const which = first === last ? `epoch ${first} is` : `epochs ${first} to ${last} are`;
  return [{ node, epoch: first, seq: 1, where: `epoch ${epoch}`, problem: 'missing_epoch', detail: `${which} not there, between epochs ${earlier.epoch} and ${epoch}` }];
}

/** One that only a checkpoint or an anchor knows. */
function silent({ node, epoch, records, trusted, finding, promised }: EpochCheck, known: readonly EpochCheck[]): readonly Divergence[] {
  if (records > 0 || trusted || finding !== undefined || promised === undefined) return [];
  const later = known.some((other) => other.node === node && other.epoch > epoch && (other.records > 0 || other.trusted));
  const detail = `${promised.where} covers ${promised.size} records of epoch ${epoch}, and none is here`;
  return [{ node, epoch, seq: 1, where: promised.where, problem: later ? 'missing_epoch' : 'rolled_back', detail }];
}
