// One epoch's chain as it grows: the next place, the hash that the next record names, and the tree over all of them.
import type { Buffer } from 'node:buffer';
import { prefixOf } from '../tlog/head.ts';
import { EMPTY_ROOT, leafHash } from '../tlog/leaf.ts';
import { Frontier } from '../tlog/tree.ts';

/** A state that can be returned to: what a commit that failed has not added. */
export interface ChainState {
  readonly seq: number;
  readonly prev: string;
  readonly tree: Frontier;
}

/** `prev` of the first record. */
export const NO_PREVIOUS: string = EMPTY_ROOT.toString('base64url');

export class Chain {
  readonly #head: string;
  #seq: number;
  #prev: string;
  #tree: Frontier;

  constructor(node: string, epoch: number, from: ChainState = { seq: 0, prev: NO_PREVIOUS, tree: new Frontier() }) {
    this.#head = prefixOf(node, epoch);
    this.#seq = from.seq;
    this.#prev = from.prev;
    this.#tree = from.tree.clone();
  }

  /** Records so far. */
  get size(): number {
    return this.#seq;
  }

  get prev(): string {
    return this.#prev;
  }

  root(): Buffer {
    return this.#tree.root();
  }

  state(): ChainState {
    return { seq: this.#seq, prev: this.#prev, tree: this.#tree.clone() };
  }

  /** The record in its place; from now on it is the last one. */
  append(tail: string): { readonly seq: number; readonly record: string } {
    const seq = this.#seq + 1;
    const record = `${this.#head}${seq},"prev":"${this.#prev}",${tail}`;
    const leaf = leafHash(record);
    this.#tree.append(leaf);
    this.#seq = seq;
    this.#prev = leaf.toString('base64url');
    return { seq, record };
  }
}
