import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import type { KillOverride, Override } from '../../src/core/override.ts';
import { keptOverrides } from '../../src/stores/kept-overrides.ts';
import { migrate } from '../../src/stores/migrate.ts';
import { createOverrides } from '../../src/stores/overrides.ts';
import { ENGINES, RANDOM, temporaryFolder } from './sample.ts';

const now = () => timestamp(1_700_000_000_000);

function kill(reason: string): KillOverride {
  return { kind: 'kill', id: RANDOM.uuid(), by: 'operator', reason, at: timestamp(1), until: undefined, scope: { kind: 'all' } };
}

for (const engine of ENGINES) {
  describe(`the copy of overrides beside ${engine.name}`, { skip: engine.skip }, () => {
    test('a kill that the store has lost is in force, told, and stored again; one that was undone stays undone', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      const rows = createOverrides(database);
      const lost: Override[] = [];
      const kept = keptOverrides(rows, join(temporaryFolder(t), 'overrides.json'), (one) => void lost.push(one));
      const [stays, undone, gone] = [kill('a'), kill('b'), kill('c')];
      for (const one of [stays, undone, gone]) assert.ok((await kept.add(one)).ok);
      // By another gateway, and by a database that was put back to what it was before.
      assert.ok((await rows.remove(undone.id, 'bob', 'over', timestamp(5))).ok);
      await database.db.deleteFrom('override').where('id', '=', gone.id).execute();
      assert.deepEqual(await kept.list(), { ok: true, value: [stays, gone] });
      assert.deepEqual(lost, [gone]);
      assert.deepEqual(await rows.list(), { ok: true, value: [stays, gone] });
      assert.deepEqual(kept.copy(), [stays, gone]);
      await kept.list();
      assert.equal(lost.length, 1, 'told once');
      await database.db.deleteFrom('override').where('id', '=', gone.id).execute();
      assert.ok((await kept.remove(stays.id, 'bob', 'over', timestamp(6))).ok);
      assert.deepEqual(await rows.list(), { ok: true, value: [gone] }, 'nor is it lost by what is said next');
    });
  });
}
