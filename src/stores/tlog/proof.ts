// Proofs about a tree, for whoever holds a root and not the records: that a record is in it, and that it grew out of an earlier one.
import type { Buffer } from 'node:buffer';
import { EMPTY_ROOT, nodeHash } from './leaf.ts';
import { rootOf } from './tree.ts';

/** Leaf hashes of 32 bytes, the first of them of seq 1. */
type Hashes = readonly Uint8Array[];

/**
 * The audit path of the leaf with this index, counted from 0 (RFC 9162 §2.1.3.1): hashes of 32 bytes, the nearest sibling first.
 * Throws a RangeError where there is no such leaf. Hashes each of the leaves' interior nodes once: microseconds for each leaf.
 */
export function inclusionProof(leaves: Hashes, index: number): readonly Buffer[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) throw new RangeError(`no leaf ${index} in a tree of ${leaves.length}`);
  return path(leaves, index);
}

function path(leaves: Hashes, index: number): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const at = split(leaves.length);
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)];
  return index < at ? [...path(left, index), rootOf(right)] : [...path(right, index - at), rootOf(left)];
}

/**
 * Proof that the tree of the first `size` leaves is the beginning of the tree of all (RFC 9162 §2.1.4.1). Empty for the whole tree, and for
 * none of it. Throws a RangeError where there are fewer leaves.
 */
export function consistencyProof(leaves: Hashes, size: number): readonly Buffer[] {
  if (!Number.isInteger(size) || size < 0 || size > leaves.length) throw new RangeError(`no tree of ${size} leaves in one of ${leaves.length}`);
  return size === 0 ? [] : subproof(leaves, size, true);
}

function subproof(leaves: Hashes, size: number, known: boolean): readonly Buffer[] {
  if (size === leaves.length) return known ? [] : [rootOf(leaves)];
  const at = split(leaves.length);
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)];
  return size <= at ? [...subproof(left, size, known), rootOf(right)] : [...subproof(right, size - at, false), rootOf(left)];
}

/** The largest power of two below `size`, of two or more. */
function split(size: number): number {
  let at = 1;
  while (at * 2 < size) at *= 2;
  return at;
}

export interface Inclusion {
  /** Hash of the leaf, and its index counted from 0 (seq − 1). */
  readonly leaf: Uint8Array;
  readonly index: number;
  /** Leaves of the tree, and its root. */
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: Hashes;
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion({ leaf, index, size, root, proof }: Inclusion): boolean {
  if (!Number.isSafeInteger(size) || !Number.isInteger(index) || index < 0 || index >= size) return false;
  let [place, last] = [index, size - 1];
  let reached = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      reached = nodeHash(sibling, reached);
      // A subtree without a right sibling is its parent as it is.
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)];
    } else {
      reached = nodeHash(reached, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && same(reached, root);
}

export interface Consistency {
  readonly first: number;
  readonly firstRoot: Uint8Array;
  readonly second: number;
  readonly secondRoot: Uint8Array;
  readonly proof: Hashes;
}

/** RFC 9162 §2.1.4.2. The tree without leaves is the beginning of each: with its right root, and nothing to prove. */
export function verifyConsistency({ first, firstRoot, second, secondRoot, proof }: Consistency): boolean {
  if (!Number.isSafeInteger(second) || !Number.isInteger(first) || first < 0 || first > second) return false;
  if (first === 0) return proof.length === 0 && same(firstRoot, EMPTY_ROOT);
  if (first === second) return proof.length === 0 && same(firstRoot, secondRoot);
  const [seed, ...rest] = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof;
  if (seed === undefined) return false;
  let [place, last] = [first - 1, second - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let [older, newer] = [seed, seed];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)];
    } else {
      newer = nodeHash(newer, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && same(older, firstRoot) && same(newer, secondRoot);
}

function half(of: number): number {
  return Math.floor(of / 2);
}

function isPowerOfTwo(size: number): boolean {
  return Number.isInteger(Math.log2(size)) && 2 ** Math.round(Math.log2(size)) === size;
}

/** Nothing here is secret: the comparison may stop early. */
function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
