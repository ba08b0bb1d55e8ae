import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createExports, type Exports } from '../../src/app/exports.ts';
import type { ExportSettings } from '../../src/core/audit/exports.ts';
import { Secret } from '../../src/core/secret.ts';
import type { ExporterEvent } from '../../src/stores/export/exporter.ts';
import { CLOCK, RANDOM, sampleNode, sessionIn, temporaryFolder } from '../stores/sample.ts';

interface World {
  readonly exports: Exports;
  readonly settings: ExportSettings;
  readonly events: readonly ExporterEvent[];
  readonly waits: readonly { readonly ms: number; readonly run: () => void; undone: boolean }[];
  readonly received: () => number;
  answer: number;
}

/** A receiver that answers as it is told, and an export to it whose waits the test ends. */
async function world(t: TestContext): Promise<World> {
  const state = temporaryFolder(t);
  const node = sampleNode(state);
  const session = sessionIn(state, node);
  assert.ok((await session.open()).ok);
  t.after(() => session.end());
  let received = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.statusCode = made.answer;
      if (made.answer === 200) received += 1;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const events: ExporterEvent[] = [];
  const waits: { ms: number; run: () => void; undone: boolean }[] = [];
  const exports = createExports({
    stateDir: state, directories: [join(state, 'journal')], node: node.id, version: '1', clock: CLOCK, random: RANDOM, echoes: () => 0, onEvent: (event) => void events.push(event),
    timers: {
      after: (ms, run) => {
        const wait = { ms, run, undone: false };
        waits.push(wait);
        return () => {
          wait.undone = true;
        };
      },
    },
  });
  t.after(async () => {
    await exports.finish();
    server.close();
  });
  const made: World = {
    exports, events, waits, received: () => received, answer: 503,
    settings: {
      name: 'soc', kind: 'webhook', format: 'jsonl', filter: undefined, batchRecords: 10, batchBytes: 1e6, url: `http://127.0.0.1:${address.port}/`, allowPrivate: true, headers: {},
      tls: { ca: undefined, certificate: undefined, key: undefined }, timeoutMs: 5000, secret: new Secret('x'.repeat(32)), body: 'lines',
    },
  };
  return made;
}

/** Ends the wait that is due, and waits for the attempt behind it. */
async function next({ waits, exports }: World): Promise<void> {
  const wait = waits.findLast(({ undone }) => !undone);
  const before = waits.length;
  wait?.run();
  while (waits.length === before) await new Promise((resolve) => setImmediate(resolve));
  exports.health();
}

test('an export that fails is told of, and told of again when the reason is another one', async (t) => {
  const one = await world(t);
  await one.exports.follow([one.settings]);
  await next(one);
  await next(one);
  one.answer = 401;
  await next(one);
  assert.deepEqual(one.events.map((event) => [event.kind, 'fault' in event ? event.fault : '']), [['failing', 'status: HTTP 503'], ['failing', 'status: HTTP 401']]);
  const [health] = one.exports.health();
  assert.ok(health !== undefined && health.inARow === 3 && health.failingSince !== undefined);
  one.answer = 200;
  await next(one);
  assert.deepEqual(one.events.at(-1), { kind: 'recovered', exporter: 'soc' });
  assert.equal(one.exports.health()[0]?.failingSince, undefined);
});

test('a reload ends the wait of an export that fails, and of no other', async (t) => {
  const one = await world(t);
  await one.exports.follow([one.settings]);
  for (let failed = 0; failed < 8; failed += 1) await next(one);
  assert.ok((one.waits.at(-1)?.ms ?? 0) > 30_000);
  one.answer = 200;
  await one.exports.follow([one.settings]);
  assert.equal(one.waits.at(-1)?.ms, 0);
  await next(one);
  assert.equal(one.exports.health()[0]?.inARow, 0);
  const waits = one.waits.length;
  await one.exports.follow([one.settings]);
  assert.equal(one.waits.length, waits);
});

test('at the end what is left goes out at once, whatever an export waits for', async (t) => {
  const one = await world(t);
  await one.exports.follow([one.settings]);
  await next(one);
  one.answer = 200;
  await one.exports.finish();
  assert.equal(one.received(), 1);
  assert.deepEqual(one.exports.health(), []);
});
