import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ServerResponse } from 'node:http';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { err } from '../../../src/core/result.ts';
import { Secret } from '../../../src/core/secret.ts';
import { timestamp } from '../../../src/core/ids.ts';
import { cursorPath } from '../../../src/stores/export/cursor.ts';
import { createExporter } from '../../../src/stores/export/exporter.ts';
import { formatOf, inArray } from '../../../src/stores/export/format.ts';
import { type HttpDeps, openPoster, type Poster } from '../../../src/stores/export/http.ts';
import { otlpTransport } from '../../../src/stores/export/otlp-http.ts';
import { identityFrom } from '../../../src/stores/export/tls-files.ts';
import type { SendFault } from '../../../src/stores/export/transport.ts';
import { webhookTransport } from '../../../src/stores/export/webhook.ts';
import { makeAuthority } from './certificates.ts';
import { LINES } from './records.ts';
import { AT, CLOCK, CONTEXT, EVERYTHING, LOOPBACK, NODE, RANDOM, simpleRecords, sourceOf, temporaryFolder, TIMERS } from './sample.ts';
import { httpServer, httpsServer, type Request, tcpServer } from './servers.ts';

const NEVER = new AbortController().signal;
const NO_TLS = { ca: undefined, certificate: undefined, key: undefined };
const DEPS: HttpDeps = { wall: () => CLOCK.wall(), egress: LOOPBACK, identity: () => identityFrom(NO_TLS) };

function poster(t: TestContext, url: string, { timeoutMs = 5000, headers = {}, deps = DEPS }: { readonly timeoutMs?: number; readonly headers?: Readonly<Record<string, Secret>>; readonly deps?: HttpDeps } = {}): Poster {
  const made = openPoster({ url, allowPrivate: true, headers, timeoutMs }, deps);
  t.after(() => made.close());
  return made;
}

async function fault(made: Poster): Promise<SendFault> {
  const posted = await made.post('x', {}, NEVER);
  assert.ok(!posted.ok, 'it was taken');
  return posted.error;
}

test('a success is a success, with the headers of the settings and the query of the URL', async (t) => {
  const requests: Request[] = [];
  const base = await httpServer(t, requests, (response) => response.end('fine'));
  const posted = await poster(t, `${base}/in?x=1`, { headers: { authorization: new Secret('Bearer s3cret') } }).post('body', { 'content-type': 'text/plain' }, NEVER);
  assert.deepEqual(posted, { ok: true, value: 'fine' });
  const [request] = requests;
  assert.deepEqual([request?.url, request?.body, request?.headers.authorization, request?.headers['content-type']], ['/in?x=1', 'body', 'Bearer s3cret', 'text/plain']);
});

test('each answer that is no success has its meaning: later, smaller, or not there', async (t) => {
  const answers: readonly [status: number, header: string | undefined, expected: SendFault][] = [
    [500, '7', { code: 'status', detail: 'HTTP 500', retryAfterMs: 7000 }],
    [503, new Date(AT + 60_000 + 90_000).toUTCString(), { code: 'status', detail: 'HTTP 503', retryAfterMs: 89_750 }],
    [429, '999999999', { code: 'status', detail: 'HTTP 429', retryAfterMs: 3_600_000 }],
    [503, 'soon', { code: 'status', detail: 'HTTP 503', retryAfterMs: undefined }],
    [503, '-5', { code: 'status', detail: 'HTTP 503', retryAfterMs: undefined }],
    [401, undefined, { code: 'status', detail: 'HTTP 401', retryAfterMs: undefined }],
    [413, undefined, { code: 'refused', detail: 'HTTP 413' }],
    [400, undefined, { code: 'refused', detail: 'HTTP 400' }],
    [403, undefined, { code: 'refused', detail: 'HTTP 403' }],
    [407, undefined, { code: 'status', detail: 'HTTP 407', retryAfterMs: undefined }],
    [451, undefined, { code: 'refused', detail: 'HTTP 451' }],
  ];
  const base = await httpServer(t, [], (response, _request, at) => {
    const [status, header] = answers[at - 1] ?? [200, undefined];
    response.writeHead(status, header === undefined ? {} : { 'retry-after': header }).end('no');
  });
  const made = poster(t, base);
  for (const [, , expected] of answers) assert.deepEqual(await fault(made), expected);
});

test('a redirect is not followed, wherever it points', async (t) => {
  const requests: Request[] = [];
  const elsewhere = await httpServer(t, requests, (response) => response.end());
  const base = await httpServer(t, [], (response) => response.writeHead(307, { location: elsewhere }).end());
  assert.deepEqual(await fault(poster(t, base)), { code: 'status', detail: 'HTTP 307: redirects are not followed', retryAfterMs: undefined });
  assert.deepEqual(requests, []);
});

test('a receiver that is slow, endless, rude or speaks no HTTP costs one deadline at most, and no memory', async (t) => {
  const mute = await httpServer(t, [], () => undefined);
  assert.equal((await fault(poster(t, mute, { timeoutMs: 300 }))).code, 'timeout');
  const heads = await tcpServer(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = setInterval(() => socket.write('x-a: b\r\n'), 20);
    socket.on('close', () => clearInterval(more));
    socket.resume();
  });
  assert.equal((await fault(poster(t, `http://127.0.0.1:${heads}`, { timeoutMs: 300 }))).code, 'timeout');
  const bloated = await tcpServer(t, (socket) => {
    socket.resume();
    socket.write(`HTTP/1.1 200 OK\r\nx-big: ${'x'.repeat(200_000)}\r\n\r\n`);
  });
  assert.equal((await fault(poster(t, `http://127.0.0.1:${bloated}`))).code, 'unreachable');
  const rude = await tcpServer(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  assert.equal((await fault(poster(t, `http://127.0.0.1:${rude}`))).code, 'unreachable');
  const garbage = await tcpServer(t, (socket) => socket.once('data', () => socket.end('220 smtp.example.com ESMTP\r\n')));
  assert.equal((await fault(poster(t, `http://127.0.0.1:${garbage}`))).code, 'unreachable');
});

test('what comes behind a success changes nothing about it: no body, a broken one, an endless one, one that never ends', async (t) => {
  const endless = (response: ServerResponse): void => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x'))) continue;
      response.once('drain', more);
    };
    more();
  };
  const tempers: readonly ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(204).end(),
    (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half');
      setTimeout(() => response.destroy(), 50);
    },
    endless,
    (response) => response.writeHead(202).write('{"partialSuccess":'),
  ];
  for (const temper of tempers) {
    const base = await httpServer(t, [], temper);
    assert.deepEqual(await poster(t, base, { timeoutMs: 1000 }).post('x', {}, NEVER), { ok: true, value: '' });
  }
});

test('after a failure the next attempt has a connection of its own', async (t) => {
  const base = await httpServer(t, [], (response, _request, at) => (at === 1 ? response.destroy() : response.end()));
  const made = poster(t, base);
  assert.equal((await fault(made)).code, 'unreachable');
  assert.ok((await made.post('x', {}, NEVER)).ok);
});

test('over https the receiver is what its certificate says, and a host that is not allowed is never asked', async (t) => {
  const authority = makeAuthority();
  const requests: Request[] = [];
  const port = await httpsServer(t, authority.issue('siem.example.com'), requests, (response) => response.end());
  const ca = join(temporaryFolder(t), 'ca.pem');
  writeFileSync(ca, authority.cert);
  const trusting: HttpDeps = { ...DEPS, identity: () => identityFrom({ ...NO_TLS, ca }) };
  assert.equal((await fault(poster(t, `https://siem.example.com:${port}/`))).code, 'unreachable');
  assert.match((await fault(poster(t, `https://evil.example.com:${port}/`, { deps: trusting }))).detail, /ALTNAME/);
  assert.equal((await fault(poster(t, 'http://169.254.169.254/', { deps: { ...DEPS, egress: () => err('not allowed') } }))).code, 'egress');
  assert.deepEqual(requests, []);
  assert.ok((await poster(t, `https://siem.example.com:${port}/`, { deps: trusting }).post('x', {}, NEVER)).ok);
});

test('an exporter that stops does not wait for the receiver', async (t) => {
  const base = await httpServer(t, [], () => undefined);
  const stop = new AbortController();
  const posting = poster(t, base).post('x', {}, stop.signal);
  stop.abort();
  const posted = await posting;
  assert.ok(!posted.ok && posted.error.code === 'stopped');
});

// ── webhooks, verified by the library of the standard ───────────────────────
const WEBHOOK_SECRET = `whsec_${Buffer.from('a key of thirty-two bytes length').toString('base64')}`;

test('the library of Standard Webhooks verifies what is sent, and nothing that was changed on the way', async (t) => {
  const requests: Request[] = [];
  const base = await httpServer(t, requests, (response) => response.end());
  const now = { ...DEPS, wall: () => timestamp(Date.now()) };
  for (const format of [formatOf('jsonl', CONTEXT), inArray(formatOf('jsonl', CONTEXT))]) {
    const transport = webhookTransport(format, poster(t, base, { deps: now }), new Secret(WEBHOOK_SECRET), now.wall);
    assert.ok((await transport.send(LINES, NEVER)).ok);
    const { body, headers } = requests.at(-1) ?? { body: '', headers: {} };
    assert.equal(headers['content-type'], format.contentType);
    const signed = Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
    const webhook = new Webhook(WEBHOOK_SECRET);
    webhook.verify(body, signed, { jsonParse: false });
    assert.throws(() => webhook.verify(body.replace('alice', 'mallory'), signed));
    assert.throws(() => webhook.verify(body, { ...signed, 'webhook-id': 'msg_other' }));
    assert.throws(() => webhook.verify(body, { ...signed, 'webhook-timestamp': String(Number(signed['webhook-timestamp']) - 1) }));
    assert.throws(() => new Webhook(Buffer.from('another key').toString('base64')).verify(body, signed));
  }
});

test('the same batch has the same id, another one another, and a secret may be plain text', async (t) => {
  const requests: Request[] = [];
  const base = await httpServer(t, requests, (response) => response.end());
  const transport = webhookTransport(formatOf('jsonl', CONTEXT), poster(t, base), new Secret('plain text of enough length'), DEPS.wall);
  for (const parts of [['{}'], ['{}'], ['{"a":1}']]) assert.ok((await transport.send(parts, NEVER)).ok);
  const [first, again, other] = requests.map(({ headers }) => headers['webhook-id']);
  assert.equal(first, again);
  assert.notEqual(first, other);
  assert.ok(requests[0]);
  const { headers, body } = requests[0];
  const expected = createHmac('sha256', 'plain text of enough length').update(`${String(first)}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${expected}`);
});

// ── OTLP ────────────────────────────────────────────────────────────────────
test('a collector that threw records away says so, and whatever else it answers is no complaint', async (t) => {
  const answers: readonly [text: string, rejected: number, note: string | undefined][] = [
    ['{}', 0, undefined], ['', 0, undefined], ['not json', 0, undefined], ['[]', 0, undefined], ['{"partialSuccess":{}}', 0, undefined], ['{"partialSuccess":null}', 0, undefined],
    ['{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old\\u001b[2J\\nforged"}}', 2, 'too old\\u001b[2J\\nforged'],
    ['{"partialSuccess":{"rejectedLogRecords":1}}', 1, undefined], ['{"partialSuccess":{"rejectedLogRecords":0,"errorMessage":"a warning"}}', 0, 'a warning'],
    ['{"partialSuccess":{"rejectedLogRecords":"999999"}}', 3, undefined], ['{"partialSuccess":{"rejectedLogRecords":-4}}', 0, undefined], ['{"partialSuccess":{"rejectedLogRecords":{}}}', 0, undefined],
  ];
  const requests: Request[] = [];
  const base = await httpServer(t, requests, (response, _request, at) => response.end(answers[at - 1]?.[0]));
  const format = formatOf('otlp', CONTEXT);
  const transport = otlpTransport(format, poster(t, `${base}/v1/logs`));
  for (const [text, rejected, note] of answers) assert.deepEqual(await transport.send(['{}', '{}', '{}'], NEVER), { ok: true, value: { rejected, note } }, text);
  assert.deepEqual([requests[0]?.url, requests[0]?.headers['content-type']], ['/v1/logs', 'application/json']);
});

test('a filter in front of the receiver that does not like what one agent wrote costs that record, which is told, and no other', async (t) => {
  const requests: Request[] = [];
  const base = await httpServer(t, requests, (response, request) => void response.writeHead(/union select/i.test(request.body) ? 403 : 200).end());
  const records = simpleRecords(30).map((one, at) => (at === 9 ? { ...one, record: one.record.replace(/}$/, ',"exposed":"x union select 1"}') } : one));
  const format = formatOf('jsonl', CONTEXT);
  const exporter = createExporter({ name: 'siem', node: NODE, cursorPath: cursorPath(temporaryFolder(t), 'siem'), records: 10, bytes: 1e6 }, {
    source: sourceOf(records), accepts: EVERYTHING, format, clock: CLOCK, random: RANDOM, timers: TIMERS,
    transport: webhookTransport(format, poster(t, base), new Secret('x'.repeat(32)), () => timestamp(AT)),
  });
  t.after(() => exporter.stop());
  for (let step = 0; step < 40; step += 1) await exporter.step();
  assert.deepEqual([exporter.health().delivered, exporter.health().missing, exporter.health().lag], [29, 1, 0]);
  assert.ok(requests.some(({ body }) => body.includes('export_skipped')));
});
