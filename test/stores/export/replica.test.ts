// Checkpoints from a journal to another gateway's listener, over a real connection.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { notesIn } from '../../../src/core/audit/witness.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { Exporter, ExporterEvent } from '../../../src/stores/export/exporter.ts';
import { openExporter } from '../../../src/stores/export/open.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { openCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { parseVkey } from '../../../src/stores/tlog/note.ts';
import { type Desk, desk, entry, NODE } from '../journal/desk.ts';
import { CLOCK, EVERYTHING, LOOPBACK, RANDOM } from './sample.ts';
import { httpServer, type Request } from './servers.ts';

function sender(t: TestContext, at: Desk, url: string, events: ExporterEvent[] = []): Exporter {
  const source = openSource(at.directories, () => Date.now());
  const made = openExporter(
    { name: 'other', kind: 'replica', format: 'checkpoints', filter: undefined, batchRecords: 2000, batchBytes: 1 << 24, url, allowPrivate: true, headers: { 'x-site': new Secret('a') }, tls: { ca: undefined, certificate: undefined, key: undefined }, timeoutMs: 5000 },
    { stateDir: at.stateDir, source, accepts: EVERYTHING, context: { version: '0', host: 'h', node: NODE }, clock: CLOCK, random: RANDOM, timers: { after: () => () => {} }, egress: LOOPBACK, onEvent: (event) => events.push(event) },
  );
  t.after(async () => {
    await made.stop();
    source.close();
  });
  return made;
}

function written(t: TestContext): Desk {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  return at;
}

test('one line each, as a witness reads them, under the headers of the settings and no signature but that of the note', async (t) => {
  const at = written(t);
  const requests: Request[] = [];
  const out = sender(t, at, `${await httpServer(t, requests, (response) => response.end('{"recorded":1,"known":0}'))}/audit/checkpoints`);
  await out.step();
  const [request] = requests;
  assert.deepEqual([request?.url, request?.headers['content-type'], request?.headers['x-site'], request?.headers['webhook-signature']], ['/audit/checkpoints', 'application/x-ndjson', 'a', undefined]);
  const key = parseVkey(readFileSync(join(at.stateDir, 'audit-sign.pub'), 'utf8').trim());
  const notes = notesIn(request?.body ?? '');
  assert.ok(key.ok && notes?.length === 1);
  assert.ok(openCheckpoint(notes[0] ?? '', [key.value]).ok);
  assert.deepEqual([out.health().delivered, out.health().fault], [1, undefined]);
});

test('what the other one says is told in words of what to do, and tried again; a contradiction is not', async (t) => {
  const cases = [
    [400, /^refused: HTTP 400: .*its own/], [401, /^refused: HTTP 401: .*audit-sign\.pub of this gateway belongs into \[audit\.witness\]/], [404, /^refused: HTTP 404: .*\[audit\.witness\] is not set/],
    [421, /^refused: HTTP 421: .*allowed_hosts/], [429, /^status: HTTP 429$/], [503, /^status: HTTP 503$/],
  ] as const;
  for (const [status, words] of cases) {
    const requests: Request[] = [];
    const events: ExporterEvent[] = [];
    const out = sender(t, written(t), await httpServer(t, requests, (response, _request, at) => response.writeHead(at === 1 ? status : 200).end()), events);
    await out.step();
    assert.match(out.health().fault ?? '', words);
    await out.step();
    assert.deepEqual([requests.length, requests[0]?.body === requests[1]?.body, out.health().fault], [2, true, undefined]);
    assert.deepEqual(events.map(({ kind }) => kind), ['failing', 'recovered']);
  }
  const requests: Request[] = [];
  const events: ExporterEvent[] = [];
  const out = sender(t, written(t), await httpServer(t, requests, (response) => response.writeHead(409).end()), events);
  await out.step();
  await out.step();
  assert.match(out.health().fault ?? '', /^conflict: HTTP 409: it keeps another checkpoint/);
  assert.deepEqual([requests.length, events.map(({ kind }) => kind)], [1, ['conflict']]);
});
