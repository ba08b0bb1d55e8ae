import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import type { KillScope, Override } from '../../src/core/override.ts';
import { migrate } from '../../src/stores/migrate.ts';
import { createOverrides } from '../../src/stores/overrides.ts';
import { ENGINES, RANDOM } from './sample.ts';

const now = () => timestamp(1_700_000_000_000);

function kill(scope: KillScope, at = 1): Override {
  return { kind: 'kill', id: RANDOM.uuid(), by: 'operator', reason: 'incident 12', at: timestamp(at), until: undefined, scope };
}

const SCOPES: readonly KillScope[] = [
  { kind: 'tool', pattern: 'fs/*' }, { kind: 'backend', backend: backendId('fs') }, { kind: 'role', role: roleName('viewer') },
  { kind: 'subject', subject: 'mallory' }, { kind: 'all' },
];

for (const engine of ENGINES) {
  describe(`overrides on ${engine.name}`, { skip: engine.skip }, () => {
    test('every kind comes back as it was given, oldest first, also on another connection', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      const store = createOverrides(database);
      const given: Override[] = SCOPES.map((scope, at) => kill(scope, at));
      given.push({ kind: 'revoke', id: RANDOM.uuid(), by: 'operator', reason: 'lost laptop', at: timestamp(90), until: timestamp(99), what: 'token', value: 'jti-1' });
      given.push({ kind: 'revoke', id: RANDOM.uuid(), by: 'operator', reason: '', at: timestamp(91), until: undefined, what: 'key', value: 'kid-1' });
      for (const override of given) assert.deepEqual(await store.add(override), { ok: true, value: undefined });
      assert.deepEqual(await createOverrides(open()).list(), { ok: true, value: given });
    });

    test('an undone override is no longer listed, stays on record, and cannot be undone twice', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      const store = createOverrides(database);
      const override = kill({ kind: 'all' });
      await store.add(override);
      assert.deepEqual(await store.remove(override.id, 'bob', 'over', timestamp(5)), { ok: true, value: true });
      assert.deepEqual(await store.remove(override.id, 'eve', 'again', timestamp(6)), { ok: true, value: false });
      assert.deepEqual(await store.remove('unknown', 'eve', '', timestamp(6)), { ok: true, value: false });
      assert.deepEqual(await store.list(), { ok: true, value: [] });
      const row = await database.db.selectFrom('override').selectAll().executeTakeFirstOrThrow();
      assert.deepEqual([row.undone_at, row.undone_by, row.undone_reason], [5, 'bob', 'over']);
    });

    test('an override that cannot be read makes the list a fault: it is never skipped', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      const store = createOverrides(database);
      await store.add(kill({ kind: 'all' }));
      await database.db.updateTable('override').set({ subject: '{"kind":"some"}' }).execute();
      const listed = await store.list();
      assert.equal(!listed.ok && listed.error.code, 'corrupt');
    });

    test('property: a scope of any characters comes back exactly', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      const store = createOverrides(database);
      await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), async (subject) => {
        const override = kill({ kind: 'subject', subject });
        await store.add(override);
        const listed = await store.list();
        assert.ok(listed.ok);
        assert.deepEqual(listed.value.find((one) => one.id === override.id), override);
        await store.remove(override.id, '', '', timestamp(1));
      }), { numRuns: 30 });
    });

    test('without its tables every operation is a fault, not a throw', async (t) => {
      const { open } = await engine.fresh(t);
      const store = createOverrides(open());
      const results = [await store.list(), await store.add(kill({ kind: 'all' })), await store.remove('x', '', '', timestamp(1))];
      assert.deepEqual(results.map((one) => !one.ok && one.error.code), ['schema', 'schema', 'schema']);
    });
  });
}
