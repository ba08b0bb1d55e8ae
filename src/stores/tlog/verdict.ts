// What a check of the audit can say: the words of `audit verify`.

export type Problem =
  /** A line that is no record of version 2. */
  | 'unreadable'
  /** The record is not the one that was written: its hash is not what the record behind it, or a signed root, says. */
  | 'changed'
  /** A record is not there, while later ones of its epoch are. */
  | 'missing'
  /** A second record for a place that has one. */
  | 'duplicate'
  /** A record that stands before or behind its place. */
  | 'out_of_place'
  /** A record of a node of which no key is trusted. */
  | 'foreign'
  /** A checkpoint or an anchor covers records that are not there, at the end of an epoch. */
  | 'truncated'
  /** A checkpoint or an anchor that cannot be believed. */
  | 'checkpoint_signature'
  /** The records are not those of a checkpoint beside them: the last one, or several and all that follow them, were written anew. */
  | 'checkpoint_root'
  /** The records are not those of an anchor, kept elsewhere. */
  | 'rewritten'
  /** All of the latest epochs that a checkpoint or an anchor speaks of is gone. */
  | 'rolled_back'
  /** An epoch is gone, while later ones of its node are there. */
  | 'missing_epoch'
  /** More epochs at once than memory is given for. */
  | 'too_many_epochs';

export interface Divergence {
  readonly node: string;
  /** 0: not known. */
  readonly epoch: number;
  /** The record it is about: the one changed, doubled or out of place; of missing ones the first. 0: not known. */
  readonly seq: number;
  /** Where it shows: `source:line` of a record, or the name of a checkpoint or anchor. */
  readonly where: string;
  readonly problem: Problem;
  /** One sentence, for people. */
  readonly detail: string;
  /** Where only a root says that something is wrong: the first seq it may be about. All before it is proven. */
  readonly from?: number;
}

/** Where an epoch stands: the beginning of what comes, or the end of what was. Equal where one goes on from the other. */
export interface EpochPlace {
  readonly node: string;
  readonly epoch: number;
  /** The next record has this seq. */
  readonly firstSeq: number;
  /** Hash of the leaf before it, in base64url; with none before, of the empty tree. */
  readonly prev: string;
  /** Of the tree of all before it, as `Frontier.save` gives it. */
  readonly frontier: readonly string[];
}

export interface EpochReport {
  readonly node: string;
  readonly epoch: number;
  /** The first seq that was looked for: 1, or that of the trusted beginning. */
  readonly firstSeq: number;
  /** False: of the records before `firstSeq` nothing is known, so that no root can be held to the rest, which is only chained. */
  readonly rooted: boolean;
  /** Lines that were of this epoch. */
  readonly records: number;
  /** Leaves of the tree: the last seq, as far as all was well. */
  readonly size: number;
  /** Base64; empty when it is not known. */
  readonly root: string;
  /** The largest size that a checkpoint, or an anchor, has confirmed. 0: none. */
  readonly signed: number;
  readonly anchored: number;
  /** Records behind the last that either has confirmed: chained only. Their end could be cut off and nobody would see. */
  readonly unsigned: number;
  /** Checkpoints and anchors of sizes that were no longer, or never, in sight: before a trusted beginning, or given too late. */
  readonly unchecked: number;
  /** Undefined when something is wrong with it, or its tree is not known. */
  readonly end: EpochPlace | undefined;
}

export interface Verdict {
  readonly records: number;
  /** In the order of node and epoch. */
  readonly epochs: readonly EpochReport[];
  /** In the order in which they stand in what was read; of each epoch the first. None: all is well. */
  readonly problems: readonly Divergence[];
  /** Anchors of nodes of which no key is trusted here, and checkpoints and anchors of epochs before a trusted start: nothing here could be held to them. */
  readonly passedOver: number;
}

export function compareEpochs(one: { readonly node: string; readonly epoch: number }, other: { readonly node: string; readonly epoch: number }): number {
  if (one.node !== other.node) return one.node < other.node ? -1 : 1;
  return one.epoch - other.epoch;
}
