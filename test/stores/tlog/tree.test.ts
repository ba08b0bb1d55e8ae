import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_ROOT, hashFrom, isSpelled, leafHash, leafHashInto, nodeHash } from '../../../src/stores/tlog/leaf.ts';
import { Frontier, rootOf } from '../../../src/stores/tlog/tree.ts';

// The reference data of Certificate Transparency: eight leaves, and the roots of the trees of the first 0 to 8.
const REFERENCE = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) => Buffer.from(hex, 'hex'));
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
// All of them are ASCII, so they are their own text.
const REFERENCE_HASHES = REFERENCE.map((leaf) => leafHash(leaf.toString('latin1')));

/** As RFC 6962 §2.1 writes it down, and slow. */
function plainRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const at = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return createHash('sha256').update(Buffer.of(1)).update(plainRoot(leaves.slice(0, at))).update(plainRoot(leaves.slice(at))).digest();
}

const leavesOf = (count: number): readonly Buffer[] => Array.from({ length: count }, (_, at) => leafHash(`leaf ${at}`));
const text = fc.string({ unit: 'grapheme', maxLength: 300 }).map((said) => said.toWellFormed());

describe('leaf hashes', () => {
  test('a leaf is SHA-256 of a zero byte and the UTF-8 of the record, whatever its letters and its length', () => {
    const expected = (record: string): string => createHash('sha256').update(Buffer.of(0)).update(record, 'utf8').digest('hex');
    fc.assert(fc.property(text, fc.integer({ min: 1, max: 2000 }), (said, times) => assert.equal(leafHash(said.repeat(times)).toString('hex'), expected(said.repeat(times)))), { numRuns: 200 });
    for (const record of ['', 'é', '😀'.repeat(100_000), '\u2028\ufeff\uffff']) assert.equal(leafHash(record).toString('hex'), expected(record));
  });

  test('a leaf within other bytes has the same hash, and they are left as they were', () => {
    fc.assert(fc.property(text, fc.uint8Array({ minLength: 1, maxLength: 5 }), (said, around) => {
      const bytes = Buffer.concat([around, Buffer.from(said), around]);
      const [before, out] = [Buffer.from(bytes), Buffer.alloc(32)];
      leafHashInto(bytes, around.length, bytes.length - around.length, out);
      assert.deepEqual([out, bytes], [leafHash(said), before]);
    }));
  });

  test('a hash is recognised in its one right spelling and in no other', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(42), fc.integer({ min: 1, max: 255 }), (hash, at, flip) => {
      const spelled = Buffer.from(`xx${Buffer.from(hash).toString('base64url')}`, 'latin1');
      assert.ok(isSpelled(hash, spelled, 2));
      spelled[2 + at] = (spelled[2 + at] ?? 0) ^ flip;
      assert.ok(!isSpelled(hash, spelled, 2));
    }));
    assert.equal(hashFrom('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=', 'base64'), undefined, 'bits beyond the hash');
    assert.deepEqual(hashFrom('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', 'base64'), EMPTY_ROOT);
  });

  test('a leaf of two hashes is not the node above them', () => {
    const [left, right] = [leafHash('a'), leafHash('b')];
    assert.notDeepEqual(nodeHash(left, right), createHash('sha256').update(Buffer.of(0)).update(left).update(right).digest());
  });
});

describe('a tree that grows', () => {
  test('has the roots of the Certificate Transparency reference data at each size', () => {
    const tree = new Frontier();
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(tree.root().toString('hex'), root, `size ${size}`);
      tree.append(REFERENCE_HASHES[size] ?? EMPTY_ROOT);
    }
  });

  test('has at every size to 300 the root that RFC 6962 defines', () => {
    const leaves = leavesOf(300);
    const tree = new Frontier();
    for (const [at, leaf] of leaves.entries()) {
      tree.append(leaf);
      assert.equal(tree.size, at + 1);
      assert.deepEqual(tree.root(), plainRoot(leaves.slice(0, at + 1)), `size ${at + 1}`);
    }
  });

  test('goes on from what it saved as if it had never stopped, and the saved one stays as it is', () => {
    fc.assert(fc.property(fc.nat(200), fc.nat(200), (before, behind) => {
      const leaves = leavesOf(before + behind);
      const tree = new Frontier();
      for (const leaf of leaves.slice(0, before)) tree.append(leaf);
      const saved = tree.save();
      const parsed = Frontier.parse(before, saved);
      assert.ok(parsed.ok);
      const again = parsed.value;
      assert.deepEqual(tree.rootWith(...leaves.slice(before)), rootOf(leaves));
      for (const leaf of leaves.slice(before)) again.append(leaf);
      assert.deepEqual([again.root(), again.size, tree.save(), tree.size], [rootOf(leaves), leaves.length, saved, before]);
    }), { numRuns: 60 });
  });

  test('is not restored from hashes that cannot be its own', () => {
    const hash = leafHash('x').toString('base64');
    for (const [size, hashes] of [[1, []], [1, [hash, hash]], [2, [`${hash}=`]], [1, ['']], [-1, []], [1.5, [hash]], [3, [hash]], [0, [hash]]] as const) {
      const parsed = Frontier.parse(size, hashes);
      assert.ok(!parsed.ok && parsed.error.code === 'malformed_frontier', `${size} of ${hashes.length}`);
    }
  });
});
