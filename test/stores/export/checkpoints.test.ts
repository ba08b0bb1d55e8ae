import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { err } from '../../../src/core/result.ts';
import { createCheckpointExporter } from '../../../src/stores/export/checkpoints.ts';
import type { Exporter, ExporterEvent } from '../../../src/stores/export/exporter.ts';
import { fileTransport } from '../../../src/stores/export/file.ts';
import { formatOf } from '../../../src/stores/export/format.ts';
import type { Transport } from '../../../src/stores/export/transport.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { openCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { parseVkey } from '../../../src/stores/tlog/note.ts';
import { type Desk, desk, entry, NODE } from '../journal/desk.ts';
import { CLOCK, RANDOM } from '../sample.ts';

const TIMERS = { after: () => () => {} };

function exporter(t: TestContext, at: Desk, transport?: Transport, onEvent?: (event: ExporterEvent) => void): Exporter {
  const source = openSource(at.directories, () => Date.now());
  const made = createCheckpointExporter(
    { name: 'elsewhere', node: NODE, cursorPath: join(at.stateDir, 'cursors/elsewhere.json'), records: 500, bytes: 1 << 20 },
    {
      source, clock: CLOCK, random: RANDOM, timers: TIMERS, format: formatOf('jsonl', { version: '0', host: 'h', node: NODE }),
      transport: transport ?? fileTransport({ path: join(at.stateDir, 'anchor.jsonl'), maxBytes: 1 << 20, keep: 1 }, (parts) => parts.map((part) => `${part}\n`).join('')),
      ...(onEvent === undefined ? {} : { onEvent }),
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
