// The place where other gateways bring their checkpoints, with the real witness behind it and a journal that the test holds.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { WitnessedFact } from '../../src/core/audit/witness.ts';
import type { Settings } from '../../src/core/settings.ts';
import { createWitness } from '../../src/stores/witness/witness.ts';
import { checkpointText, keyNameOf, signCheckpoint } from '../../src/stores/tlog/checkpoint.ts';
import { makeNote, publicBytes, vkeyOf } from '../../src/stores/tlog/note.ts';
import { type HttpSurface, startHttp } from '../../src/surfaces/mcp/http.ts';
import { auditSettings } from '../support/world.ts';
import { keyOf, NODE, OTHER } from '../stores/tlog/log.ts';
import { type FakeIngress, fakeIngress } from './fake-ingress.ts';
import { testSettings } from './settings.ts';
import { ask, type Asking, type Reply, sendRaw } from './wire.ts';

const OWN = '00000000-0000-4000-8000-000000000001';
const lineOf = (node: string): string => vkeyOf(keyNameOf(node), publicBytes(keyOf(node)));
const note = (size: number, { node = NODE, root = size } = {}): string => signCheckpoint({ node, epoch: 1, size, root: Buffer.alloc(32, root) }, keyOf(node));
const body = (...notes: readonly string[]): string => notes.map((checkpoint) => `${JSON.stringify({ checkpoint })}\n`).join('');

interface Place {
  readonly port: number;
  readonly ingress: FakeIngress;
  readonly surface: HttpSurface;
  readonly records: WitnessedFact[];
  readonly journal: { works: boolean };
  post(body: string | Buffer, more?: Partial<Asking>): Promise<Reply>;
}

async function place(t: TestContext, audit: Partial<Settings['audit']> = {}): Promise<Place> {
  const settings: Settings = { ...testSettings(), audit: auditSettings({ witness: [lineOf(NODE)], ...audit }) };
  const ingress = fakeIngress({ settings });
  const records: WitnessedFact[] = [];
  const journal = { works: true };
  const witness = createWitness({
    own: OWN, keys: () => settings.audit.witness, mono: () => ingress.clock.mono(),
    record: async (fact) => {
      if (journal.works) records.push(fact);
      return journal.works;
    },
    onConflict: () => undefined,
    rest: () => new Promise((resolve) => {
      setImmediate(resolve);
    }),
  });
  const started = await startHttp(ingress, settings, witness);
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  const { port } = started.value.address;
  return {
    port, ingress, surface: started.value, records, journal,
    post: (text, more = {}) => ask({ port, path: '/audit/checkpoints', ...more, body: text, headers: { 'Content-Type': 'application/x-ndjson', 'Authorization': undefined, ...more.headers } }),
  };
}

test('a checkpoint of a node that is believed is recorded and answered, once, without any token', async (t) => {
  const at = await place(t);
  const first = await at.post(body(note(1), note(2)));
  assert.deepEqual([first.status, JSON.parse(first.text)], [200, { recorded: 2, known: 0 }]);
  const again = await at.post(body(note(2)));
  assert.deepEqual([again.status, JSON.parse(again.text)], [200, { recorded: 0, known: 1 }]);
  assert.deepEqual(at.records.map(({ node, epoch, size, checkpoint }) => [node, epoch, size, checkpoint]), [[NODE, 1, 1, note(1)], [NODE, 1, 2, note(2)]]);
  assert.equal(at.ingress.authentications, 0);
});

test('where no key is configured, nothing is recorded, or nobody takes them, there is no such place', async (t) => {
  for (const audit of [{ witness: [] }, { enabled: false }]) {
    const at = await place(t, audit);
    assert.equal((await at.post(body(note(1)))).status, 404);
    assert.deepEqual(at.records, []);
  }
  const alone = await startHttp(fakeIngress({ settings: { ...testSettings(), audit: auditSettings({ witness: [lineOf(NODE)] }) } }), testSettings());
  assert.ok(alone.ok);
  t.after(() => alone.value.close(0));
  assert.equal((await ask({ port: alone.value.address.port, path: '/audit/checkpoints', headers: { 'Content-Type': 'application/x-ndjson' }, body: body(note(1)) })).status, 404);
});

test('the wall of the other endpoints is this one\'s too: names, origins, methods, types, repeated lines', async (t) => {
  const at = await place(t);
  const good = body(note(1));
  const status = async (headers: Asking['headers'], more: Partial<Asking> = {}): Promise<number> => (await at.post(good, { ...more, headers: { ...headers } })).status;
  assert.equal(await status({ Host: 'evil.example' }), 421);
  assert.equal(await status({ Host: 'evil.example:9200@localhost' }), 400);
  assert.equal(await status({ Origin: 'https://evil.example' }), 403);
  assert.equal(await status({ Origin: 'null' }), 403);
  assert.equal(await status({}, { lines: ['Host', 'localhost'] }), 400);
  for (const method of ['GET', 'PUT', 'DELETE']) assert.equal(await status({}, { method }), 405, method);
  assert.equal(await status({ 'Origin': 'https://good.example', 'Access-Control-Request-Method': 'POST' }, { method: 'OPTIONS' }), 405, 'no page may ask');
  for (const type of [undefined, 'application/json', 'text/plain', 'application/x-www-form-urlencoded', 'application/x-ndjson; charset=latin1']) assert.equal(await status({ 'Content-Type': type }), 415, type);
  assert.equal((await at.post(gzipSync(good), { headers: { 'Content-Encoding': 'gzip' } })).status, 415);
  for (const path of ['/audit/checkpoints/', '/audit/checkpoints?x=1', '/audit', '/AUDIT/checkpoints', '//audit/checkpoints', '/mcp/../audit/checkpoints']) assert.notEqual((await at.post(good, { path })).status, 200, path);
  assert.deepEqual(at.records, []);
  assert.deepEqual(at.ingress.refused.map(({ reason }) => reason.code), ['host', 'origin', 'origin']);
  assert.equal(await status({ Origin: 'https://good.example' }), 200, 'one that the operator lists');
});

test('nothing is kept of what no node has signed that is believed, nor of what one signed for another, and it is on record that somebody tried', async (t) => {
  const at = await place(t, { witness: [lineOf(NODE), lineOf(OTHER)] });
  const stranger = await at.post(body(note(1, { node: 'stranger' })));
  assert.deepEqual([stranger.status, stranger.headers['www-authenticate']], [401, 'SignedNote']);
  const forOther = makeNote(checkpointText({ node: NODE, epoch: 1, size: 1, root: Buffer.alloc(32, 1) }), [{ name: keyNameOf(OTHER), privateKey: keyOf(OTHER) }]);
  assert.ok(forOther.ok);
  assert.equal((await at.post(body(forOther.value))).status, 401);
  assert.equal((await at.post(body(note(1).replace('\n1\n', '\n2\n')))).status, 401);
  assert.equal((await at.post(body(note(1, { node: OWN })))).status, 400, 'itself');
  assert.deepEqual(at.records, []);
  assert.deepEqual(at.ingress.refused.map(({ name, reason }) => [name, reason]), ['unknown_key', 'unknown_key', 'signature'].map((failure) => ['/audit/checkpoints', { code: 'unauthenticated', failure }]));
});

test('hostile bodies are refused, whatever their shape, and the place is there afterwards', async (t) => {
  const at = await place(t);
  const bodies = ['', '\n', '{}', '[]', 'null', '[[[[', `{"checkpoint":${'['.repeat(10_000)}`, '{"checkpoint":{"toString":1}}', '{"__proto__":{"checkpoint":"x"}}', '{"checkpoint":"\\u0000"}', '{"checkpoint":"\\ud800"}', Buffer.from([0x7b, 0xff, 0xfe]), `${body(note(1))}x`,
    body(...Array.from({ length: 1001 }, () => 'x')), body('x'.repeat(5000)), body(note(1).replaceAll('\n', '\r\n'))];
  for (const text of bodies) assert.equal((await at.post(text)).status, 400, String(text).slice(0, 40));
  const large = `${' '.repeat(256 * 1024)}${body(note(1))}`;
  assert.equal((await at.post(large)).status, 413, 'declared');
  const chunked = `POST /audit/checkpoints HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
  assert.equal((await sendRaw(at.port, chunked)).status, 413, 'undeclared');
  assert.equal(at.surface.stats().hits.body, 2);
  assert.deepEqual(at.records, []);
  assert.equal((await at.post(body(note(1)))).status, 200);
});

test('a peer that brings nothing good is told to wait, and agents at the same address are not', async (t) => {
  const at = await place(t);
  const statuses: number[] = [];
  for (let n = 0; n < 32; n += 1) statuses.push((await at.post('x')).status);
  assert.deepEqual([statuses.filter((status) => status === 400).length >= 30, statuses.at(-1)], [true, 429]);
  const last = await at.post(body(note(1)));
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers['retry-after']) >= 1);
  const agent = await ask({ port: at.port, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }), headers: { Authorization: 'Bearer wrong' } });
  assert.equal(agent.status, 401, 'not 429');
});

test('a contradiction is 409 and on record, a journal that cannot be written is 503, a node over its share is 429 with the time to come again', async (t) => {
  const at = await place(t);
  assert.equal((await at.post(body(note(5)))).status, 200);
  for (const _ of [1, 2]) assert.equal((await at.post(body(note(5, { root: 77 })))).status, 409);
  assert.deepEqual(at.records.map(({ size, conflict }) => [size, conflict]), [[5, undefined], [5, true]]);
  at.journal.works = false;
  const unrecorded = await at.post(body(note(6)));
  assert.deepEqual([unrecorded.status, unrecorded.headers['retry-after']], [503, '5']);
  at.journal.works = true;
  assert.equal((await at.post(body(note(6)))).status, 200);
  const many = (from: number): string => body(...Array.from({ length: 400 }, (_, n) => signCheckpoint({ node: NODE, epoch: from + n, size: 1, root: Buffer.alloc(32) }, keyOf(NODE))));
  assert.equal((await at.post(many(1000))).status, 200);
  const over = await at.post(many(2000));
  assert.equal(over.status, 429);
  assert.ok(Number(over.headers['retry-after']) >= 15, over.headers['retry-after']);
});
