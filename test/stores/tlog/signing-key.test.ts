import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openCheckpoint, signCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { leafHash } from '../../../src/stores/tlog/leaf.ts';
import { parseVkey } from '../../../src/stores/tlog/note.ts';
import { KEY_FILE, PUBLIC_FILE, type SigningKey, loadSigningKey } from '../../../src/stores/tlog/signing-key.ts';
import { NODE, OTHER } from './log.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'signing-key-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const seed = (): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => at);

function loaded(node = NODE): SigningKey {
  const key = loadSigningKey(dir, node, seed);
  assert.ok(key.ok, JSON.stringify(key));
  return key.value;
}

function fault(node = NODE): string {
  const key = loadSigningKey(dir, node, seed);
  assert.ok(!key.ok);
  return `${key.error.code}: ${key.error.detail}`;
}

describe('the signing key', () => {
  test('is made once, only its owner can read it, and the line beside it opens what it signs', () => {
    const key = loaded();
    assert.equal(loaded().vkey, key.vkey);
    assert.equal(statSync(join(dir, KEY_FILE)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dir).toSorted(), [KEY_FILE, PUBLIC_FILE]);
    const trusted = parseVkey(readFileSync(join(dir, PUBLIC_FILE), 'utf8').trimEnd());
    assert.ok(trusted.ok);
    const checkpoint = { node: NODE, epoch: 1, size: 1, root: leafHash('a') };
    assert.deepEqual(openCheckpoint(signCheckpoint(checkpoint, key.privateKey), [trusted.value]), { ok: true, value: checkpoint });
  });

  test('is that of its seed in PKCS#8, so that other programs can read it', () => {
    loaded();
    const key = createPublicKey(readFileSync(join(dir, KEY_FILE), 'utf8'));
    // RFC 8032: the public key of the seed 00 01 … 1f.
    assert.equal(key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'), '03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8');
  });

  test('is another one in another directory', () => {
    const other = mkdtempSync(join(tmpdir(), 'signing-key-'));
    try {
      const [one, two] = [loadSigningKey(dir, NODE), loadSigningKey(other, NODE)];
      assert.ok(one.ok && two.ok && one.value.vkey !== two.value.vkey);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  test('of many that start at once is the same for all', async () => {
    const source = `import { parentPort, workerData } from 'node:worker_threads';
      import { loadSigningKey } from ${JSON.stringify(new URL('../../../src/stores/tlog/signing-key.ts', import.meta.url).href)};
      const key = loadSigningKey(workerData, ${JSON.stringify(NODE)});
      parentPort.postMessage(key.ok ? key.value.vkey : key.error.detail);`;
    const workers = Array.from({ length: 8 }, () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: dir }));
    const said = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    })));
    assert.deepEqual(new Set(said), new Set([readFileSync(join(dir, PUBLIC_FILE), 'utf8').trimEnd()]));
    assert.deepEqual(readdirSync(dir).toSorted(), [KEY_FILE, PUBLIC_FILE], 'nothing is left aside');
  });

  test('that others can read is refused, and so is one that is none', () => {
    loaded();
    chmodSync(join(dir, KEY_FILE), 0o640);
    assert.match(fault(), /^corrupt: .*chmod 600/);
    chmodSync(join(dir, KEY_FILE), 0o600);
    for (const text of ['', 'rubbish', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()]) {
      writeFileSync(join(dir, KEY_FILE), text);
      assert.match(fault(), /^corrupt: .*no Ed25519 key/);
    }
  });

  test('with a line that is of another key or another node is refused, and the line is not replaced', () => {
    const key = loaded();
    assert.match(fault(OTHER), /^corrupt: .*tell whoever holds the old line/);
    const other = key.vkey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    writeFileSync(join(dir, PUBLIC_FILE), `${other}\n`);
    assert.match(fault(), /^corrupt: /);
    assert.equal(readFileSync(join(dir, PUBLIC_FILE), 'utf8'), `${other}\n`);
    rmSync(join(dir, PUBLIC_FILE));
    assert.equal(loaded().vkey, key.vkey);
  });

  test('is not made for a name that no record could carry, and not where nothing can be written', () => {
    for (const node of ['', 'a b', 'a+b', 'a/b', 'a"b', 'x'.repeat(65)]) assert.match(fault(node), /^corrupt: the name of the node/);
    assert.deepEqual(readdirSync(dir), []);
    const nowhere = loadSigningKey(join(dir, 'nowhere'), NODE);
    assert.ok(!nowhere.ok && nowhere.error.code === 'unavailable');
  });
});
