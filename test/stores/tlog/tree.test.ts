import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_ROOT, hashFrom, isSpelled, leafHash, leafHashInto, nodeHash } from '../../../src/stores/tlog/leaf.ts';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '../../../src/stores/tlog/proof.ts';
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
const INCLUSION: readonly (readonly [index: number, size: number, proof: readonly string[]])[] = [
  [0, 1, []],
  [0, 8, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [5, 8, ['bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [1, 5, ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']],
];
const CONSISTENCY: readonly (readonly [first: number, second: number, proof: readonly string[]])[] = [
  [1, 1, []],
  [1, 8, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [6, 8, ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
  [2, 5, ['5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']],
  [6, 7, ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
];
// All of them are ASCII, so they are their own text.
const REFERENCE_HASHES = REFERENCE.map((leaf) => leafHash(leaf.toString('latin1')));
const hexes = (hashes: readonly Buffer[]): readonly string[] => hashes.map((hash) => hash.toString('hex'));

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

describe('proofs', () => {
  test('are those of the Certificate Transparency reference data', () => {
    for (const [index, size, proof] of INCLUSION) assert.deepEqual(hexes(inclusionProof(REFERENCE_HASHES.slice(0, size), index)), proof, `leaf ${index} of ${size}`);
    for (const [first, second, proof] of CONSISTENCY) assert.deepEqual(hexes(consistencyProof(REFERENCE_HASHES.slice(0, second), first)), proof, `${first} in ${second}`);
  });

  test('hold for each leaf and each earlier size of all trees to 40, and for no other place', () => {
    const all = leavesOf(40);
    for (let size = 1; size <= 40; size += 1) {
      const leaves = all.slice(0, size);
      const root = rootOf(leaves);
      for (const [index, leaf] of leaves.entries()) {
        const proof = inclusionProof(leaves, index);
        assert.ok(verifyInclusion({ leaf, index, size, root, proof }));
        for (const elsewhere of [index + 1, index - 1]) assert.ok(!verifyInclusion({ leaf, index: elsewhere, size, root, proof }));
      }
      for (let first = 0; first <= size; first += 1) {
        const proof = consistencyProof(leaves, first);
        const firstRoot = rootOf(leaves.slice(0, first));
        assert.ok(verifyConsistency({ first, firstRoot, second: size, secondRoot: root, proof }));
        assert.ok(first === 0 || !verifyConsistency({ first: first - 1, firstRoot, second: size, secondRoot: root, proof }));
        assert.ok(first === size || !verifyConsistency({ first, firstRoot: root, second: size, secondRoot: root, proof }));
      }
    }
  });

  test('do not hold with any bit of them, of the leaf or of a root turned, with a hash more or with one less', () => {
    const bent = (hash: Uint8Array, bit: number): Uint8Array => hash.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    fc.assert(fc.property(fc.integer({ min: 2, max: 70 }), fc.nat(), fc.nat(255), fc.nat(), (size, some, bit, which) => {
      const leaves = leavesOf(size);
      const root = rootOf(leaves);
      const index = some % size;
      const inclusion = { leaf: leaves[index] ?? EMPTY_ROOT, index, size, root, proof: inclusionProof(leaves, index) };
      const first = 1 + (some % (size - 1));
      const consistency = { first, firstRoot: rootOf(leaves.slice(0, first)), second: size, secondRoot: root, proof: consistencyProof(leaves, first) };
      assert.ok(verifyInclusion(inclusion) && verifyConsistency(consistency));
      const bendOne = (proof: readonly Uint8Array[]): readonly Uint8Array[] => proof.map((hash, at) => (at === which % proof.length ? bent(hash, bit) : hash));
      for (const change of [{ leaf: bent(inclusion.leaf, bit) }, { root: bent(root, bit) }, { proof: bendOne(inclusion.proof) }, { proof: inclusion.proof.slice(1) }, { proof: [...inclusion.proof, root] }]) {
        assert.ok(!verifyInclusion({ ...inclusion, ...change }));
      }
      const { proof } = consistency;
      for (const change of [{ firstRoot: bent(consistency.firstRoot, bit) }, { secondRoot: bent(root, bit) }, { proof: bendOne(proof) }, { proof: proof.slice(1) }, { proof: proof.slice(0, -1) }, { proof: [...proof, root] }]) {
        assert.ok(!verifyConsistency({ ...consistency, ...change }));
      }
    }), { numRuns: 150 });
  });

  test('cannot be asked for of leaves that are not there', () => {
    for (const index of [-1, 3, 0.5, Number.NaN]) assert.throws(() => inclusionProof(leavesOf(3), index), RangeError);
    for (const size of [-1, 4, 0.5, Number.NaN]) assert.throws(() => consistencyProof(leavesOf(3), size), RangeError);
    const root = rootOf(leavesOf(3));
    for (const index of [-1, 3, 0.5, Number.NaN]) assert.ok(!verifyInclusion({ leaf: root, index, size: 3, root, proof: [] }));
    for (const first of [-1, 4, 0.5, Number.NaN]) assert.ok(!verifyConsistency({ first, firstRoot: root, second: 3, secondRoot: root, proof: [] }));
  });
});
