import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { err } from '../../../src/core/result.ts';
import type { ExportStream, ExportTls } from '../../../src/core/audit/exports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { streamTransport } from '../../../src/stores/export/stream.ts';
import { identityFrom } from '../../../src/stores/export/tls-files.ts';
import type { Egress, SendFault, Transport } from '../../../src/stores/export/transport.ts';
import { makeAuthority } from './certificates.ts';
import { Coded, LOOPBACK, temporaryFolder, TIMERS } from './sample.ts';
import { type Heard, listener, tcpServer, tlsServer } from './servers.ts';

const NEVER = new AbortController().signal;
const PARTS = ['<110>1 - - sentinel 7 x - {"a":"ä😀"}', '<110>1 - - sentinel 7 y - {}'];
const FRAMES = `${Buffer.byteLength(PARTS[0] ?? '')} ${PARTS[0]}${Buffer.byteLength(PARTS[1] ?? '')} ${PARTS[1]}`;
const CA = makeAuthority();
const SERVER = CA.issue('siem.example.com', '127.0.0.1');

function pem(t: TestContext, text: string): string {
  const path = join(temporaryFolder(t), 'file.pem');
  writeFileSync(path, text);
  return path;
}

function transportTo(port: number, { host = 'siem.example.com', tls, timeoutMs = 5000, via = 'tls', egress = LOOPBACK }: {
  readonly host?: string; readonly tls?: Partial<ExportTls>; readonly timeoutMs?: number; readonly via?: 'tls' | 'tcp'; readonly egress?: Egress;
} = {}): Transport {
  const target: ExportStream = { via, host, port, allowPrivate: true, timeoutMs };
  return streamTransport(target, { timers: TIMERS, egress, identity: () => identityFrom({ ca: undefined, certificate: undefined, key: undefined, ...tls }) });
}

async function fault(transport: Transport, signal = NEVER): Promise<SendFault> {
  const sent = await transport.send(PARTS, signal);
  assert.ok(!sent.ok, 'it was delivered');
  return sent.error;
}

test('over TLS each message is counted in octets, and a batch is delivered when the receiver has read it to its end', async (t) => {
  const heard: Heard = [];
  const port = await tlsServer(t, { ...SERVER, minVersion: 'TLSv1.2' }, listener(heard));
  const transport = transportTo(port, { tls: { ca: pem(t, CA.cert) } });
  assert.deepEqual(await transport.send(PARTS, NEVER), { ok: true, value: { rejected: 0, note: undefined } });
  assert.deepEqual(heard, [FRAMES]);
  assert.ok((await transport.send(['x'], NEVER)).ok);
  assert.deepEqual(heard, [FRAMES, '1 x']);
});

test('a receiver is what its certificate says: another authority, another name and no certificate at all are refused, and hear nothing', async (t) => {
  const heard: Heard = [];
  const port = await tlsServer(t, SERVER, listener(heard));
  const other = pem(t, makeAuthority('Other CA').cert);
  assert.equal((await fault(transportTo(port, { tls: { ca: other } }))).code, 'unreachable');
  assert.match((await fault(transportTo(port, { host: 'evil.example.com', tls: { ca: pem(t, CA.cert) } }))).detail, /ERR_TLS_CERT_ALTNAME_INVALID/);
  // Node's own roots do not know a test's authority.
  assert.equal((await fault(transportTo(port))).code, 'unreachable');
  const plain = await tcpServer(t, listener(heard));
  assert.notEqual((await fault(transportTo(plain, { timeoutMs: 300, tls: { ca: pem(t, CA.cert) } }))).code, 'status');
  assert.deepEqual(heard.filter((text) => text.includes('sentinel')), []);
});

test('an address is checked against the certificate as a name is', async (t) => {
  const heard: Heard = [];
  const ca = pem(t, CA.cert);
  const port = await tlsServer(t, SERVER, listener(heard));
  assert.ok((await transportTo(port, { host: '127.0.0.1', tls: { ca } }).send(PARTS, NEVER)).ok);
  const named = await tlsServer(t, CA.issue('siem.example.com'), listener(heard));
  assert.match((await fault(transportTo(named, { host: '127.0.0.1', tls: { ca } }))).detail, /ALTNAME/);
});

test('a receiver that wants to know who sends is shown the certificate, and one that is not shown any takes nothing', async (t) => {
  const heard: Heard = [];
  const client = CA.issue('gateway.example.com');
  const port = await tlsServer(t, { ...SERVER, ca: CA.cert, requestCert: true, rejectUnauthorized: true }, listener(heard));
  const ca = pem(t, CA.cert);
  assert.ok((await transportTo(port, { tls: { ca, certificate: pem(t, client.cert), key: new Secret(client.key) } }).send(PARTS, NEVER)).ok);
  assert.deepEqual(heard, [FRAMES]);
  assert.equal((await fault(transportTo(port, { tls: { ca } }))).code, 'unreachable');
  assert.deepEqual(heard, [FRAMES]);
});

test('a certificate is read for each connection, and one that is not there is a fault', async (t) => {
  const heard: Heard = [];
  const port = await tlsServer(t, SERVER, listener(heard));
  const ca = pem(t, makeAuthority('Old CA').cert);
  const transport = transportTo(port, { tls: { ca } });
  assert.equal((await fault(transport)).code, 'unreachable');
  writeFileSync(ca, CA.cert);
  assert.ok((await transport.send(PARTS, NEVER)).ok);
  assert.equal((await fault(transportTo(port, { tls: { ca: `${ca}.missing` } }))).code, 'io');
});

test('over TCP and over a Unix socket the same is said', async (t) => {
  const heard: Heard = [];
  const port = await tcpServer(t, listener(heard));
  assert.ok((await transportTo(port, { via: 'tcp' }).send(PARTS, NEVER)).ok);
  const path = join(temporaryFolder(t), 'syslog.sock');
  await tcpServer(t, listener(heard), path);
  const unix = streamTransport({ via: 'unix', path, timeoutMs: 5000 }, { timers: TIMERS, egress: LOOPBACK, identity: () => identityFrom({ ca: undefined, certificate: undefined, key: undefined }) });
  assert.ok((await unix.send(PARTS, NEVER)).ok);
  assert.deepEqual(heard, [FRAMES, FRAMES]);
});

test('without the end of the other side there is no receipt: silence, a reset, an early end and a flood of words are failures', async (t) => {
  const silent = await tcpServer(t, (socket) => socket.resume());
  assert.deepEqual(await fault(transportTo(silent, { via: 'tcp', timeoutMs: 600 })), { code: 'timeout', detail: 'the receiver did not close the connection within 600 ms' });
  const resetting = await tcpServer(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  assert.equal((await fault(transportTo(resetting, { via: 'tcp' }))).code, 'unreachable');
  const early = await tcpServer(t, (socket) => socket.destroy());
  assert.equal((await fault(transportTo(early, { via: 'tcp' }))).code, 'unreachable');
  const unread = await tcpServer(t, (socket) => setTimeout(() => socket.destroy(), 400), undefined, true);
  assert.equal((await fault(transportTo(unread, { via: 'tcp' }))).code, 'unreachable');
  const talking = await tcpServer(t, (socket) => {
    socket.resume();
    const flood = (): void => {
      while (socket.writable && socket.write(Buffer.alloc(65_536))) continue;
      socket.once('drain', flood);
    };
    flood();
  });
  assert.deepEqual(await fault(transportTo(talking, { via: 'tcp' })), { code: 'unreachable', detail: 'the receiver talks instead of listening' });
  const unheard = await tcpServer(t, () => undefined);
  assert.equal((await fault(transportTo(unheard, { timeoutMs: 200, tls: { ca: pem(t, CA.cert) } }))).code, 'timeout');
});

test('nobody there, a host that is not allowed, and an exporter that stops are told apart', async (t) => {
  const port = await tcpServer(t, () => undefined);
  const refused: Egress = (host) => err(`the address ${host} is not allowed`);
  assert.deepEqual(await fault(transportTo(port, { via: 'tcp', host: '169.254.169.254', egress: refused })), { code: 'egress', detail: 'the address 169.254.169.254 is not allowed' });
  const lookup: Egress = () => ({ ok: true, value: (_host, _options, done) => done(new Coded('ENOTFOUND'), []) });
  assert.equal((await fault(transportTo(port, { via: 'tcp', egress: lookup }))).code, 'unreachable');
  const stop = new AbortController();
  const sending = fault(transportTo(port, { via: 'tcp' }), stop.signal);
  stop.abort();
  assert.equal((await sending).code, 'stopped');
  assert.equal((await fault(transportTo(port, { via: 'tcp' }), stop.signal)).code, 'stopped');
});
