// Makes nothing: reads what another program made from the specifications (docs/audit-vectors/README.md), and must agree with each byte of it.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openCheckpoint, signCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { leafHash } from '../../../src/stores/tlog/leaf.ts';
import { piecesOf, verifyLines } from '../../../src/stores/tlog/lines.ts';
import { type VerifierKey, keyId, parseVkey, publicBytes, vkeyOf } from '../../../src/stores/tlog/note.ts';
import { Frontier, rootOf } from '../../../src/stores/tlog/tree.ts';
import type { Verdict } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { privateKeyOf } from './log.ts';

const vectors = join(import.meta.dirname, '../../../docs/audit-vectors');
const read = (name: string): string => readFileSync(join(vectors, name), 'utf8');
const linesOf = (name: string): readonly string[] => read(name).split('\n').slice(0, -1);

interface Proofs {
  readonly inclusion: readonly { readonly index: number; readonly size: number; readonly leaf: string; readonly root: string; readonly proof: readonly string[] }[];
  readonly consistency: readonly { readonly first: number; readonly first_root: string; readonly second: number; readonly second_root: string; readonly proof: readonly string[] }[];
  readonly frontier: readonly { readonly size: number; readonly hashes: readonly string[] }[];
}
interface Case {
  readonly name: string;
  readonly how: string;
  readonly file: string;
  readonly keys: readonly string[];
  readonly checkpoints: readonly string[];
  readonly anchors: readonly string[];
  readonly first: { readonly problem: string; readonly node: string; readonly epoch: number; readonly seq: number; readonly line: number | null; readonly from?: number } | null;
}

const records = linesOf('records.jsonl');
const leaves = records.map((record) => leafHash(record));
const key: Record<'name' | 'seed_hex' | 'public_hex' | 'key_id_hex' | 'vkey', string> = JSON.parse(read('key.json'));
const proofs: Proofs = JSON.parse(read('proofs.json'));
const cases: readonly Case[] = JSON.parse(read('tampered.json'));
const [node, epoch] = [key.name.split('/')[1] ?? '', 3];

function keyIn(name: string): VerifierKey {
  const parsed = parseVkey(read(name).trimEnd());
  assert.ok(parsed.ok);
  return parsed.value;
}

type Hashes = readonly Buffer[];

function halves(of: Hashes): readonly [at: number, left: Hashes, right: Hashes] {
  const at = 2 ** (Math.ceil(Math.log2(of.length)) - 1);
  return [at, of.slice(0, at), of.slice(at)];
}

/** RFC 9162 §2.1.3.1: the gateway itself proves nothing to anybody yet, but its trees are to be ones that others can prove with. */
function inclusion(of: Hashes, index: number): Hashes {
  if (of.length === 1) return [];
  const [at, left, right] = halves(of);
  return index < at ? [...inclusion(left, index), rootOf(right)] : [...inclusion(right, index - at), rootOf(left)];
}

/** RFC 9162 §2.1.4.1. */
function consistency(of: Hashes, size: number, known: boolean): Hashes {
  if (size === of.length) return known ? [] : [rootOf(of)];
  const [at, left, right] = halves(of);
  return size <= at ? [...consistency(left, size, known), rootOf(right)] : [...consistency(right, size - at, false), rootOf(left)];
}

describe('the test vectors', () => {
  test('leaf hashes are those of leaves.txt, and each record names the one before it', () => {
    assert.deepEqual(leaves.map((leaf, at) => `${at + 1} ${leaf.toString('hex')}`), linesOf('leaves.txt'));
    const named = records.map((record): unknown => JSON.parse(record).prev);
    assert.deepEqual(named, ['47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU', ...leaves.slice(0, -1).map((leaf) => leaf.toString('base64url'))]);
  });

  test('roots are those of roots.txt', () => {
    assert.deepEqual(Array.from({ length: 11 }, (_, size) => `${size} ${rootOf(leaves.slice(0, size)).toString('hex')}`), linesOf('roots.txt'));
  });

  test('the key has the public key, id and line that stand there', () => {
    const raw = publicBytes(privateKeyOf(Buffer.from(key.seed_hex, 'hex')));
    assert.deepEqual([raw.toString('hex'), keyId(key.name, raw), vkeyOf(key.name, raw)], [key.public_hex, key.key_id_hex, key.vkey]);
    assert.equal(read('vkey.txt'), `${key.vkey}\n`);
  });

  test('checkpoints are signed byte for byte as they stand there, and open', () => {
    for (const [name, size] of [['checkpoint.txt', 10], ['checkpoint-4.txt', 4], ['checkpoint-7.txt', 7]] as const) {
      const checkpoint = { node, epoch, size, root: rootOf(leaves.slice(0, size)) };
      assert.equal(signCheckpoint(checkpoint, privateKeyOf(Buffer.from(key.seed_hex, 'hex'))), read(name));
      assert.deepEqual(openCheckpoint(read(name), [keyIn('vkey.txt')]), { ok: true, value: checkpoint });
    }
    assert.ok(openCheckpoint(read('checkpoint-cosigned.txt'), [keyIn('vkey.txt')]).ok);
    assert.ok(!openCheckpoint(read('checkpoint.txt'), [keyIn('vkey-other.txt')]).ok);
  });

  test('proofs of proofs.json are those that RFC 9162 defines, of roots that stand there', () => {
    const hexes = (hashes: readonly Buffer[]): readonly string[] => hashes.map((hash) => hash.toString('hex'));
    const rootAt = (size: number): string => rootOf(leaves.slice(0, size)).toString('hex');
    assert.ok(proofs.inclusion.length >= 20 && proofs.consistency.length >= 25 && proofs.frontier.length === 11);
    for (const { index, size, leaf, root, proof } of proofs.inclusion) {
      assert.deepEqual(hexes(inclusion(leaves.slice(0, size), index)), proof);
      assert.deepEqual([leaf, root], [leaves[index]?.toString('hex'), rootAt(size)]);
    }
    for (const { first, first_root, second, second_root, proof } of proofs.consistency) {
      assert.deepEqual(first === 0 ? [] : hexes(consistency(leaves.slice(0, second), first, true)), proof);
      assert.deepEqual([first_root, second_root], [rootAt(first), rootAt(second)]);
    }
    for (const { size, hashes } of proofs.frontier) {
      const tree = Frontier.parse(size, hashes);
      assert.ok(tree.ok);
      assert.deepEqual(tree.value.root(), rootOf(leaves.slice(0, size)));
    }
  });
});

async function verdictOf({ keys, checkpoints, anchors, file }: Case, strict: boolean): Promise<Verdict> {
  const verifier = createVerifier({ keys: keys.map(keyIn), strict });
  assert.ok(verifier.ok);
  for (const name of checkpoints) verifier.value.checkpoint(read(name), name);
  for (const name of anchors) verifier.value.anchor(read(name), name);
  const counts = await verifyLines(verifier.value, file, piecesOf(join(vectors, file)));
  assert.ok(counts.ok);
  return verifier.value.finish();
}

describe('of a log', () => {
  for (const one of cases) {
    test(`with ${one.name} the check says ${one.first === null ? 'nothing' : `${one.first.problem}, first`}: ${one.how}`, async () => {
      for (const strict of [false, true]) {
        const [found] = (await verdictOf(one, strict)).problems;
        const line = found === undefined ? undefined : /:(\d+)$/.exec(found.where)?.[1];
        const { problem, seq, from } = found ?? {};
        const got = found === undefined ? null : { problem, node: found.node, epoch: found.epoch, seq, line: line === undefined ? null : Number(line), ...(from === undefined ? {} : { from }) };
        assert.deepEqual(got, one.first, strict ? 'strict' : 'fast');
      }
    });
  }

  test('no tampered file is without a case', () => {
    const named = cases.flatMap(({ file, checkpoints, anchors }) => [file, ...checkpoints, ...anchors]);
    assert.deepEqual(readdirSync(join(vectors, 'tampered')).filter((name) => !named.includes(`tampered/${name}`)), []);
    assert.ok(cases.length >= 36);
  });
});
