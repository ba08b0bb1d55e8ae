// A Merkle tree that only grows (RFC 6962 §2.1): of all its hashes it keeps those of the largest whole subtrees, one for each bit of its size.
import { Buffer } from 'node:buffer';
import { err, ok, type Result } from '../../core/result.ts';
import { EMPTY_ROOT, HASH_BYTES, digest, hashFrom, nodeHash } from './leaf.ts';

export interface TreeFault {
  readonly code: 'malformed_frontier';
  readonly detail: string;
}

/** What a new node is hashed into before it takes its place. */
const carried = Buffer.alloc(HASH_BYTES);

export class Frontier {
  #size = 0;
  /** One for each level: 0x01, the hash that waits on the left, room for the one on the right: in place for the hash of both. */
  readonly #levels: Buffer[] = [];

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Adds the hash of a leaf (32 bytes, copied). On average one interior node is hashed for each leaf. */
  append(leaf: Uint8Array): void {
    let waiting = this.#size;
    let from = leaf;
    for (let at = 0; ; at += 1) {
      const level = this.#levels[at] ?? this.#grow();
      if (waiting % 2 === 0) {
        level.set(from, 1);
        break;
      }
      level.set(from, 1 + HASH_BYTES);
      carried.write(digest(level), 0, HASH_BYTES, 'latin1');
      from = carried;
      waiting = (waiting - 1) / 2;
    }
    this.#size += 1;
  }

  /** The Merkle tree hash: 32 bytes; of no leaves SHA-256 of nothing. */
  root(): Buffer {
    const whole = this.#subtrees();
    return whole.reduceRight<Buffer | undefined>((right, left) => (right === undefined ? Buffer.from(left) : nodeHash(left, right)), undefined) ?? Buffer.from(EMPTY_ROOT);
  }

  /** The root that the tree would have with these leaves behind its own. It stays as it is. */
  rootWith(...leaves: readonly Uint8Array[]): Buffer {
    const grown = this.clone();
    for (const leaf of leaves) grown.append(leaf);
    return grown.root();
  }

  clone(): Frontier {
    return Frontier.#of(this.#size, this.#subtrees());
  }

  /** Base64 (padded) of the hashes of its whole subtrees, the largest and leftmost first: as many as its size has bits set. */
  save(): readonly string[] {
    return this.#subtrees().map((hash) => hash.toString('base64'));
  }

  /** The tree of `size` leaves of which `save` gave these. Whether the hashes are the right ones only a signed root can tell. */
  static parse(size: number, hashes: readonly string[]): Result<Frontier, TreeFault> {
    if (!Number.isSafeInteger(size) || size < 0) return err({ code: 'malformed_frontier', detail: `${size} is no number of leaves` });
    const subtrees = hashes.flatMap((text) => hashFrom(text, 'base64') ?? []);
    const wanted = size.toString(2).replaceAll('0', '').length;
    if (subtrees.length !== hashes.length) return err({ code: 'malformed_frontier', detail: 'a hash is not 32 bytes in base64' });
    if (wanted !== hashes.length) return err({ code: 'malformed_frontier', detail: `a tree of ${size} leaves has ${wanted} hashes here, not ${hashes.length}` });
    return ok(Frontier.#of(size, subtrees));
  }

  /** Only its size means something: for who has not seen what came before. */
  static unknown(size: number): Frontier {
    return Frontier.#of(size, []);
  }

  static #of(size: number, subtrees: readonly Uint8Array[]): Frontier {
    const made = new Frontier();
    const rest = [...subtrees];
    for (let waiting = size; waiting > 0; waiting = Math.floor(waiting / 2)) {
      const level = made.#grow();
      // The smallest subtree is the last of the list, and on the lowest level.
      if (waiting % 2 === 1) level.set(rest.pop() ?? EMPTY_ROOT, 1);
    }
    made.#size = size;
    return made;
  }

  /** Largest first. */
  #subtrees(): readonly Buffer[] {
    const found: Buffer[] = [];
    let waiting = this.#size;
    for (const level of this.#levels) {
      if (waiting % 2 === 1) found.push(level.subarray(1, 1 + HASH_BYTES));
      waiting = Math.floor(waiting / 2);
    }
    return found.toReversed();
  }

  #grow(): Buffer {
    const level = Buffer.alloc(1 + 2 * HASH_BYTES);
    level[0] = 1;
    this.#levels.push(level);
    return level;
  }
}

/** The Merkle tree hash of a list of leaf hashes (RFC 6962 §2.1). */
export function rootOf(leaves: readonly Uint8Array[]): Buffer {
  const tree = new Frontier();
  for (const leaf of leaves) tree.append(leaf);
  return tree.root();
}
