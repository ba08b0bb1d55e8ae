// Exporters over the real journal: several writers, segments that are full, segments that are gone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Exporter } from '../../../src/stores/export/exporter.ts';
import { openExporter } from '../../../src/stores/export/open.ts';
import { listSegments } from '../../../src/stores/journal/folder.ts';
import { removeSegment } from '../../../src/stores/journal/retention.ts';
import { openSource } from '../../../src/stores/journal/source.ts';
import { type Desk, desk, entry, NODE, parsed } from '../journal/desk.ts';
import { CLOCK, CONTEXT, EVERYTHING, LOOPBACK, RANDOM, TIMERS } from './sample.ts';

const SMALL = { segmentBytes: 128 * 1024 };

function exporterOf(t: TestContext, at: Desk, batch = 500): { readonly exporter: Exporter; readonly lines: () => readonly string[] } {
  const path = join(at.stateDir, 'out.jsonl');
  const source = openSource(at.directories, () => Date.now() + 3_600_000);
  const exporter = openExporter(
    { name: 'file', kind: 'file', format: 'jsonl', filter: undefined, batchRecords: batch, batchBytes: 1_000_000, path, maxBytes: 1_000_000_000, keep: 1 },
    { stateDir: at.stateDir, source, behind: (rowId) => source.behind(rowId), accepts: EVERYTHING, context: { ...CONTEXT, node: NODE }, clock: CLOCK, random: RANDOM, timers: TIMERS, egress: LOOPBACK },
  );
  t.after(async () => {
    await exporter.stop();
    source.close();
  });
  return { exporter, lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

async function drain(exporter: Exporter): Promise<void> {
  while ((await exporter.step()) === 0 || (exporter.health().lag ?? 0) > 0) assert.equal(exporter.health().fault, undefined);
}

test('what two processes wrote side by side, over several segments, is exported once, in order, byte for byte', async (t) => {
  const at = desk(t);
  const writers = [at.scribe('a', SMALL), at.scribe('b', SMALL)];
  const { exporter, lines } = exporterOf(t, at, 70);
  for (let n = 0; n < 600; n += 1) {
    assert.deepEqual(writers[n % 2]?.append([entry({ event: 'x', fault: 'y'.repeat(500) })]), { ok: true, value: undefined });
    if (n % 100 === 50) await exporter.step();
  }
  await drain(exporter);
  assert.ok(listSegments(at.directories).length > 2);
  assert.deepEqual(lines(), at.read().map(({ record }) => record));
  assert.deepEqual([exporter.health().delivered, exporter.health().missing, exporter.health().lag], [602, 0, 0]);
});

test('an exporter that was stopped while segments were removed says that and how much is missing, and goes on', async (t) => {
  const at = desk(t);
  const writer = at.scribe('a', SMALL);
  const append = (count: number): void => {
    for (let n = 0; n < count; n += 1) assert.deepEqual(writer.append([entry({ event: 'x', fault: 'y'.repeat(500) })]), { ok: true, value: undefined });
  };
  append(10);
  const first = exporterOf(t, at);
  await drain(first.exporter);
  await first.exporter.stop();
  append(500);
  const [oldest, next] = listSegments(at.directories);
  assert.ok(oldest !== undefined && next !== undefined);
  removeSegment(oldest);
  const second = exporterOf(t, at);
  await drain(second.exporter);
  const left = at.read();
  const seq = Number(parsed(left[0] ?? { rowId: 0, record: '{}' })['seq']);
  const after = second.lines().slice(11);
  assert.match(after[0] ?? '', new RegExp(`"event":"export_gap".*at least ${seq - 12} records before this point are missing`));
  assert.deepEqual(after.slice(1), left.map(({ record }) => record));
  assert.equal(second.exporter.health().missing, seq - 12);
});
