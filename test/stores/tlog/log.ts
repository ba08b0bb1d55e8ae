// A small audit for tests: records that are chained, their leaves, and checkpoints signed with a key that is nobody's.
import { Buffer } from 'node:buffer';
import { type KeyObject, createPrivateKey, randomBytes } from 'node:crypto';
import { keyNameOf, signCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { leafHash } from '../../../src/stores/tlog/leaf.ts';
import { type VerifierKey, parseVkey, publicBytes, vkeyOf } from '../../../src/stores/tlog/note.ts';
import { Frontier, rootOf } from '../../../src/stores/tlog/tree.ts';
import type { EpochPlace, Verdict } from '../../../src/stores/tlog/verdict.ts';
import { type VerifyOptions, createVerifier } from '../../../src/stores/tlog/verify.ts';

export const NODE = '11111111-2222-4333-8444-555555555555';
export const OTHER = '99999999-8888-4777-8666-555555555555';
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const NOTHING = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';

export function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), type: 'pkcs8', format: 'der' });
}

const keys = new Map<string, KeyObject>();
/** One for each node, new in each run. */
export function keyOf(node: string): KeyObject {
  const key = keys.get(node) ?? privateKeyOf(randomBytes(32));
  keys.set(node, key);
  return key;
}

const trusted = new Map<string, VerifierKey>();
export function trust(...nodes: readonly string[]): readonly VerifierKey[] {
  return nodes.map((node) => {
    const known = trusted.get(node);
    if (known !== undefined) return known;
    const key = parseVkey(vkeyOf(keyNameOf(node), publicBytes(keyOf(node))));
    if (!key.ok) throw new Error(key.error.detail);
    trusted.set(node, key.value);
    return key.value;
  });
}

export interface Log {
  readonly node: string;
  readonly epoch: number;
  readonly records: readonly string[];
  readonly leaves: readonly Buffer[];
  /** Checkpoint of the first `size` records; of all when none is said. */
  readonly note: (size?: number) => string;
  /** Where the epoch stands before the record with this seq. */
  readonly before: (seq: number) => EpochPlace;
}

export interface Wish {
  readonly node?: string;
  readonly epoch?: number;
  readonly count: number;
  /** What each record says besides its place. */
  readonly body?: (seq: number) => string;
  /** Goes on from the first records of another one: a log that somebody wrote anew from there. */
  readonly after?: { readonly log: Log; readonly seq: number };
}

const plain = (seq: number): string => `,"kind":"outcome","n":${seq}`;

export function makeLog({ node = NODE, epoch = 1, count, body = plain, after }: Wish): Log {
  const records = after === undefined ? [] : after.log.records.slice(0, after.seq);
  const leaves = records.map((record) => leafHash(record));
  for (let seq = records.length + 1; seq <= count; seq += 1) {
    const prev = leaves.at(-1)?.toString('base64url') ?? NOTHING;
    const record = `{"v":2,"node":"${node}","epoch":${epoch},"seq":${seq},"prev":"${prev}","id":"00000000-0000-7000-8000-${String(seq).padStart(12, '0')}"${body(seq)}}`;
    records.push(record);
    leaves.push(leafHash(record));
  }
  const frontiers = new Map<number, readonly string[]>();
  const tree = new Frontier();
  for (const leaf of leaves) {
    frontiers.set(tree.size, tree.save());
    tree.append(leaf);
  }
  frontiers.set(tree.size, tree.save());
  return {
    node, epoch, records, leaves,
    note: (size = count) => signCheckpoint({ node, epoch, size, root: rootOf(leaves.slice(0, size)) }, keyOf(node)),
    before: (seq) => ({ node, epoch, firstSeq: seq, prev: leaves[seq - 2]?.toString('base64url') ?? NOTHING, frontier: frontiers.get(seq - 1) ?? [] }),
  };
}

export interface Given extends Partial<VerifyOptions> {
  readonly checkpoints?: readonly string[];
  readonly anchors?: readonly string[];
}

/** What a check says of these lines. Their source is `log`, the first line is 1. */
export function check(lines: readonly (string | Uint8Array)[], { checkpoints = [], anchors = [], ...options }: Given = {}): Verdict {
  const made = createVerifier({ keys: trust(NODE), ...options });
  if (!made.ok) throw new Error(made.error.detail);
  for (const note of checkpoints) made.value.checkpoint(note, 'checkpoint');
  for (const note of anchors) made.value.anchor(note, 'anchor');
  made.value.source('log');
  for (const [at, line] of lines.entries()) made.value.record(line, at + 1);
  return made.value.finish();
}

/** The first problem as one short text: `changed 1/7 at log:7`, or `none`. */
export function first({ problems: [found] }: Verdict): string {
  return found === undefined ? 'none' : `${found.problem} ${found.epoch}/${found.seq} at ${found.where}`;
}
