// Segments of the journal that have had their time go, each on record before; nothing goes that PostgreSQL does not have.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { retire, type RetentionDeps } from '../../src/app/retention.ts';
import { instant, timestamp } from '../../src/core/ids.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { Secret } from '../../src/core/secret.ts';
import { bytesOf } from '../../src/stores/journal/folder.ts';
import { placeOf } from '../../src/stores/journal/segment.ts';
import { RANDOM } from '../stores/sample.ts';
import { desk, entry, MIB } from '../stores/journal/desk.ts';
import { settings } from '../support/world.ts';

const DAY_MS = 86_400_000;

/** Four segments or more, and one that is written. */
function filled(t: TestContext, { part = 0, ahead = 0, url }: { readonly part?: number; readonly ahead?: number; readonly url?: string }) {
  const at = desk(t);
  const scribe = at.scribe('a', { segmentBytes: 64 * 1024 });
  for (let n = 0; n < 12; n += 1) assert.ok(scribe.append(Array.from({ length: 25 }, () => entry({ event: 'filler', fault: 'x'.repeat(500) }))).ok);
  const events: LifecycleEvent[] = [];
  const rows = at.read();
  const of = settings();
  // `part`: what the journal has now is so much of the half that it may have.
  const quota = part === 0 ? 8 * 1024 * MIB : Math.round(2 * bytesOf(at.directories) / part);
  const deps: RetentionDeps = {
    clock: { wall: () => timestamp(Date.now() + ahead), mono: () => instant(0) }, random: RANDOM, timers: { after: () => () => {} },
    settings: () => ({ ...of, gateway: { ...of.gateway, stateDir: at.stateDir }, audit: { ...of.audit, enabled: true, quota, retentionDays: 30 }, store: { ...of.store, postgresUrl: url === undefined ? undefined : new Secret(url) } }),
    shipped: () => rows.at(-1)?.rowId,
    note: async (event) => {
      events.push(event);
      return true;
    },
    onFault: (error) => assert.fail(String(error)),
  };
  return { deps, events, rows, left: () => readdirSync(at.directories[0]).filter((name) => name.endsWith('.db')).length };
}

test('a segment goes when all of it is older than the days that records are kept, on record before, and the newest stays', async (t) => {
  const young = filled(t, {});
  assert.equal(await retire(young.deps), 0);
  const old = filled(t, { ahead: 31 * DAY_MS });
  const before = old.left();
  assert.equal(await retire(old.deps), before - 1);
  assert.equal(old.left(), 1);
  assert.deepEqual(old.events.map((event) => event.kind === 'segment_retired' && event.segment), Array.from({ length: before - 1 }, (_, n) => n + 1));
});

test('what cannot be recorded does not go', async (t) => {
  const { deps, left } = filled(t, { ahead: 31 * DAY_MS });
  const before = left();
  assert.equal(await retire({ ...deps, note: async () => false }), 0);
  assert.equal(left(), before);
});

test('what PostgreSQL has stays a day, and less where it takes half of the quota; what it does not have stays', async (t) => {
  const url = 'postgres://localhost/x';
  const roomy = filled(t, { url });
  assert.equal(await retire(roomy.deps), 0);
  const tight = filled(t, { url, part: 1.05 });
  const before = tight.left();
  const gone = await retire(tight.deps);
  assert.ok(gone > 0 && gone < before - 1, `${gone} of ${before}: as many as it takes, not all`);
  const lagging = filled(t, { url, ahead: 31 * DAY_MS });
  const second = lagging.rows.find(({ rowId }) => placeOf(rowId).number === 2)?.rowId;
  assert.equal(await retire({ ...lagging.deps, shipped: () => second }), 1, 'of the second it has one record');
  const unknown = filled(t, { url, ahead: 31 * DAY_MS });
  assert.equal(await retire({ ...unknown.deps, shipped: () => undefined }), 0);
});
