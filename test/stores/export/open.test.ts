// Each kind of export from its settings to a real receiver, through a restart.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import type { Exporter } from '../../../src/stores/export/exporter.ts';
import { openExporter } from '../../../src/stores/export/open.ts';
import type { ExportSettings } from '../../../src/core/audit/exports.ts';
import type { StoredRecord } from '../../../src/stores/journal/source.ts';
import { makeAuthority } from './certificates.ts';
import { CLOCK, CONTEXT, EVERYTHING, LOOPBACK, RANDOM, simpleRecords, sourceOf, temporaryFolder, TIMERS } from './sample.ts';
import { type Heard, httpServer, listener, type Request, tlsServer } from './servers.ts';

const COMMON = { filter: undefined, batchRecords: 500, batchBytes: 1_000_000 } as const;
const NO_TLS = { ca: undefined, certificate: undefined, key: undefined };

function opened(t: TestContext, settings: ExportSettings, stateDir: string, records: readonly StoredRecord[]): Exporter {
  const exporter = openExporter(settings, { stateDir, source: { ...sourceOf(records), checkpointsFrom: () => [], newest: () => 0 }, accepts: EVERYTHING, context: CONTEXT, clock: CLOCK, random: RANDOM, timers: TIMERS, egress: LOOPBACK });
  t.after(() => exporter.stop());
  return exporter;
}

/** One life, then another after more was written. */
async function twoLives(t: TestContext, settings: ExportSettings): Promise<void> {
  const folder = temporaryFolder(t);
  for (const count of [3, 5]) {
    const exporter = opened(t, settings, folder, simpleRecords(count));
    await exporter.step();
    const { fault, lag } = exporter.health();
    assert.deepEqual({ fault, lag }, { fault: undefined, lag: 0 });
    await exporter.stop();
  }
}

const lineOfAll = simpleRecords(5).map(({ record }) => record);

test('to a file', async (t) => {
  const path = join(temporaryFolder(t), 'audit.jsonl');
  await twoLives(t, { ...COMMON, name: 'file', kind: 'file', format: 'jsonl', path, maxBytes: 1_000_000, keep: 1 });
  assert.equal(readFileSync(path, 'utf8'), lineOfAll.map((line) => `${line}\n`).join(''));
});

test('to a syslog receiver over TLS, as CEF', async (t) => {
  const authority = makeAuthority();
  const heard: Heard = [];
  const port = await tlsServer(t, authority.issue('siem.example.com'), listener(heard));
  const ca = join(temporaryFolder(t), 'ca.pem');
  writeFileSync(ca, authority.cert);
  await twoLives(t, { ...COMMON, name: 'syslog', kind: 'syslog', format: 'cef', tls: { ...NO_TLS, ca }, target: { via: 'tls', host: 'siem.example.com', port, allowPrivate: true, timeoutMs: 5000 } });
  const messages = heard.flatMap(framesIn);
  assert.equal(messages.length, 5);
  for (const message of messages) assert.match(message, /^<110>1 .*\] CEF:0\|sentinel-gateway\|Sentinel\|/);
});

/** RFC 6587 §3.4.1. */
function framesIn(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.subarray(at, space).toString());
    found.push(bytes.subarray(space + 1, end).toString());
    at = end;
  }
  return found;
}

test('to a collector, which gets every record once', async (t) => {
  const requests: Request[] = [];
  const url = `${await httpServer(t, requests, (response) => response.end('{}'))}/v1/logs`;
  await twoLives(t, { ...COMMON, name: 'otlp', kind: 'otlp', format: 'otlp', url, allowPrivate: true, headers: {}, tls: NO_TLS, timeoutMs: 5000 });
  assert.deepEqual(requests.map(({ body }) => body.split('"timeUnixNano"').length - 1), [3, 2]);
});

test('to a webhook, as lines or as one array', async (t) => {
  for (const body of ['lines', 'array'] as const) {
    const requests: Request[] = [];
    const url = await httpServer(t, requests, (response) => response.writeHead(202).end());
    await twoLives(t, { ...COMMON, name: 'hook', kind: 'webhook', format: 'jsonl', url, allowPrivate: true, headers: { 'x-team': new Secret('soc') }, tls: NO_TLS, timeoutMs: 5000, secret: new Secret('x'.repeat(24)), body });
    const [first, second] = requests;
    assert.equal(first?.headers['x-team'], 'soc');
    const records = body === 'array' ? requests.flatMap((one) => JSON.parse(one.body) as unknown[]) : `${first?.body}${second?.body}`.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(records, lineOfAll.map((line) => JSON.parse(line) as unknown));
  }
});

test('an export that sends checkpoints for a while, and then records again, goes on where it was', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'audit.jsonl');
  const file = { ...COMMON, name: 'file', kind: 'file', path, maxBytes: 1_000_000, keep: 1 } as const;
  for (const [format, count] of [['jsonl', 3], ['checkpoints', 4], ['jsonl', 5], ['checkpoints', 5]] as const) {
    const exporter = opened(t, { ...file, format }, folder, simpleRecords(count));
    await exporter.step();
    assert.equal(exporter.health().fault, undefined);
    await exporter.stop();
  }
  assert.equal(readFileSync(path, 'utf8'), lineOfAll.map((line) => `${line}\n`).join(''));
});
