import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { instant } from '../../../src/core/ids.ts';
import { err } from '../../../src/core/result.ts';
import { type CheckpointDeps, createCheckpointExporter } from '../../../src/stores/export/checkpoints.ts';
import type { Exporter, ExporterEvent } from '../../../src/stores/export/exporter.ts';
import { fileTransport } from '../../../src/stores/export/file.ts';
import { formatOf } from '../../../src/stores/export/format.ts';
import type { SendFault, Transport } from '../../../src/stores/export/transport.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { openCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { parseVkey } from '../../../src/stores/tlog/note.ts';
import { type Desk, desk, entry, NODE } from '../journal/desk.ts';
import { CLOCK, RANDOM } from '../sample.ts';

const TIMERS = { after: () => () => {} };

function exporter(t: TestContext, at: Desk, transport?: Transport, onEvent?: (event: ExporterEvent) => void, { records = 500, ...more }: { readonly records?: number } & Partial<Pick<CheckpointDeps, 'echoes' | 'clock'>> = {}): Exporter {
  const source = openSource(at.directories, () => Date.now());
  const made = createCheckpointExporter(
    { name: 'elsewhere', node: NODE, cursorPath: join(at.stateDir, 'cursors/elsewhere.json'), records, bytes: 1 << 20 },
    {
      source, clock: CLOCK, random: RANDOM, timers: TIMERS, format: formatOf('jsonl', { version: '0', host: 'h', node: NODE }),
      transport: transport ?? fileTransport({ path: join(at.stateDir, 'anchor.jsonl'), maxBytes: 1 << 20, keep: 1 }, (parts) => parts.map((part) => `${part}\n`).join('')),
      ...(onEvent === undefined ? {} : { onEvent }), ...more,
    },
  );
  t.after(async () => {
    await made.stop();
    source.close();
  });
  return made;
}

function kept(at: Desk): readonly (readonly [number, number])[] {
  const key = parseVkey(readFileSync(join(at.stateDir, 'audit-sign.pub'), 'utf8').trim());
  assert.ok(key.ok);
  return readFileSync(join(at.stateDir, 'anchor.jsonl'), 'utf8').trimEnd().split('\n').map((line) => {
    const { checkpoint }: { checkpoint: string } = JSON.parse(line);
    const opened = openCheckpoint(checkpoint, [key.value]);
    assert.ok(opened.ok, 'as it was signed');
    return [opened.value.epoch, opened.value.size];
  });
}

test('the newest checkpoint of each epoch goes out once, in order, also over a restart', async (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  const sign = (): void => at.due.splice(0).forEach((run) => run());
  scribe.append([entry({})]);
  sign();
  const first = exporter(t, at);
  await first.step();
  await first.step();
  assert.deepEqual(kept(at), [[1, 2]]);
  scribe.append([entry({})]);
  sign();
  scribe.append([entry({}), entry({})]);
  sign();
  at.scribe('b').append([entry({})]);
  sign();
  await first.step();
  assert.deepEqual(kept(at), [[1, 2], [1, 5], [2, 2]]);
  await first.stop();
  const again = exporter(t, at);
  await again.step();
  assert.deepEqual(kept(at).length, 3);
  scribe.end();
  await again.step();
  assert.deepEqual(again.health().delivered, 0, 'nothing is newer');
});

test('over a segment boundary none is passed over', async (t) => {
  const at = desk(t);
  const scribe = at.scribe('a', { segmentBytes: 128 * 1024 });
  const out = exporter(t, at);
  for (let n = 0; n < 12; n += 1) {
    for (let more = 0; more < 30; more += 1) scribe.append([entry({ fault: 'x'.repeat(500) })]);
    at.due.splice(0).forEach((run) => run());
    await out.step();
  }
  assert.deepEqual(kept(at).at(-1), [1, 361]);
});

test('a receiver that does not take it is tried again later, told of once, and loses nothing', async (t) => {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  const sent: string[][] = [];
  let broken = true;
  const events: string[] = [];
  const out = exporter(t, at, {
    send: async (parts) => {
      if (broken) return err({ code: 'unreachable', detail: 'gone' });
      sent.push([...parts]);
      return { ok: true, value: { rejected: 0, note: undefined } };
    },
    close: async () => undefined,
  }, ({ kind }) => events.push(kind));
  await out.step();
  await out.step();
  assert.deepEqual([out.health().inARow, out.health().fault], [2, 'unreachable: gone']);
  broken = false;
  await out.step();
  assert.deepEqual([sent.length, sent[0]?.length, events], [1, 1, ['failing', 'recovered']]);
});

test('a damaged cursor sends again, and what is not there yet is no fault', async (t) => {
  const at = desk(t);
  const out = exporter(t, at);
  await out.step();
  assert.equal(out.health().fault, undefined);
  at.scribe('a').append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  await out.step();
  await out.stop();
  writeFileSync(join(at.stateDir, 'cursors/elsewhere.json'), '{"from":');
  const again = exporter(t, at);
  await again.step();
  assert.deepEqual(kept(at), [[1, 2], [1, 2]]);
});

/** What each batch held, by epoch and size, and what the next ones are answered with. */
function taker(answers: (SendFault | undefined)[] = []): { readonly batches: string[][]; readonly transport: Transport } {
  const batches: string[][] = [];
  const transport: Transport = {
    send: async (parts) => {
      batches.push(parts.map((part) => /sentinel-audit\/[^/]+\/([0-9]+)\\n([0-9]+)/.exec(part)?.slice(1).join(':') ?? part));
      const fault = answers.shift();
      return fault === undefined ? { ok: true, value: { rejected: 0, note: undefined } } : err(fault);
    },
    close: async () => undefined,
  };
  return { batches, transport };
}

test('many epochs go out in batches, and after a fault it goes on where it was, not from the beginning', async (t) => {
  const at = desk(t);
  for (const mark of ['a', 'b', 'c', 'd', 'e']) at.scribe(mark).append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  const { batches, transport } = taker([undefined, { code: 'status', detail: 'HTTP 429', retryAfterMs: 30_000 }]);
  const out = exporter(t, at, transport, undefined, { records: 2 });
  assert.ok(await out.step() >= 30_000, 'as late as it was asked');
  assert.equal(out.health().fault, 'status: HTTP 429');
  await out.step();
  await out.step();
  assert.deepEqual(batches, [['1:2', '2:2'], ['3:2', '4:2'], ['3:2', '4:2'], ['5:2']]);
  assert.deepEqual([out.health().fault, out.health().delivered], [undefined, 5]);
});

test('a contradiction is told, stands, is not sent again, and holds up nothing that comes after it', async (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({})]);
  at.scribe('b').append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  const events: ExporterEvent[] = [];
  const { batches, transport } = taker([{ code: 'conflict', detail: 'HTTP 409' }]);
  const out = exporter(t, at, transport, (event) => events.push(event), { records: 1 });
  await out.step();
  await out.step();
  scribe.append([entry({})]);
  at.due.splice(0).forEach((run) => run());
  await out.step();
  assert.deepEqual(batches, [['1:2'], ['2:2'], ['1:3']]);
  assert.deepEqual(events, [{ kind: 'conflict', exporter: 'elsewhere', fault: 'conflict: HTTP 409' }]);
  const { fault, inARow, failed, delivered } = out.health();
  assert.deepEqual({ fault, inARow, failed, delivered }, { fault: 'conflict: HTTP 409', inARow: 1, failed: 1, delivered: 3 });
});

test('what is only the record of having kept others\' checkpoints waits, so that two gateways do not keep each other busy for ever', async (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  const write = (records: number): void => {
    scribe.append(Array.from({ length: records }, () => entry({})));
    at.due.splice(0).forEach((run) => run());
  };
  write(1);
  let echoes = 0;
  let now = 0;
  const { batches, transport } = taker();
  const out = exporter(t, at, transport, undefined, { echoes: () => echoes, clock: { mono: () => instant(now), wall: CLOCK.wall } });
  await out.step();
  echoes += 2;
  write(2);
  await out.step();
  assert.deepEqual(batches, [['1:2']]);
  write(1);
  await out.step();
  assert.deepEqual(batches, [['1:2'], ['1:5']], 'one record more than that');
  echoes += 1;
  write(1);
  await out.step();
  assert.equal(batches.length, 2);
  now = 300_000;
  await out.step();
  assert.deepEqual(batches.at(-1), ['1:6'], 'late, and not never');
});
