import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ConcurrencyLease, ConcurrencyTable } from '../../../src/core/policy/concurrency.ts';

test('I16: no key is ever held more often than its limit, and the table is as large as what is in flight', () => {
  const claim = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), limit: fc.integer({ min: 1, max: 3 }) });
  const step = fc.oneof({ weight: 3, arbitrary: fc.record({ claims: fc.array(claim, { minLength: 1, maxLength: 4 }) }) }, { weight: 2, arbitrary: fc.record({ release: fc.nat() }) });
  const seen = { ok: 0, limit: 0, capacity: 0, twice: 0 };
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 }), (maxKeys, steps) => {
    const table = new ConcurrencyTable({ maxKeys });
    const given: { lease: ConcurrencyLease; keys: Set<string>; done: boolean }[] = [];
    for (const each of steps) {
      if ('release' in each) {
        const one = given[each.release % Math.max(1, given.length)];
        if (one?.done === true) seen.twice += 1;
        one?.lease.release();
        if (one !== undefined) one.done = true;
      } else {
        const before = given.filter(({ done }) => !done);
        const verdict = table.acquire(each.claims);
        seen[verdict.ok ? 'ok' : verdict.reason] += 1;
        if (verdict.ok) given.push({ lease: verdict.lease, keys: new Set(each.claims.map(({ key }) => key)), done: false });
        else if (verdict.reason === 'limit') assert.ok(before.filter(({ keys }) => keys.has(verdict.claim.key)).length >= verdict.claim.limit, 'refused with room left');
        if (verdict.ok) for (const { key, limit } of each.claims) assert.ok(table.inFlight(key) <= limit);
      }
      const live = given.filter(({ done }) => !done);
      for (const key of ['a', 'b', 'c', 'd']) assert.equal(table.inFlight(key), live.filter(({ keys }) => keys.has(key)).length);
      assert.equal(table.size, new Set(live.flatMap(({ keys }) => [...keys])).size);
      assert.ok(table.size <= maxKeys);
    }
  }), { numRuns: 1000 });
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: ${count}`);
});

test('all places or none: a refusal by the last claim takes nothing from the first', () => {
  const table = new ConcurrencyTable({ maxKeys: 10 });
  const held = table.acquire([{ key: 'global', limit: 1 }]);
  assert.ok(held.ok);
  const refused = table.acquire([{ key: 'principal', limit: 5, scope: 'principal' }, { key: 'global', limit: 1, scope: 'global' }]);
  assert.deepEqual(refused, { ok: false, reason: 'limit', claim: { key: 'global', limit: 1, scope: 'global' } });
  assert.equal(table.inFlight('principal'), 0);
});

test('a second release gives nothing back', () => {
  const table = new ConcurrencyTable({ maxKeys: 10 });
  const [first, second] = [table.acquire([{ key: 'k', limit: 2 }]), table.acquire([{ key: 'k', limit: 2 }])];
  assert.ok(first.ok && second.ok);
  assert.equal(first.lease.released, false);
  first.lease.release();
  first.lease.release();
  assert.equal(first.lease.released, true);
  assert.equal(table.inFlight('k'), 1);
  second.lease.release();
  assert.equal(table.size, 0);
});

test('a limit of 0, below 0 or no number at all lets nothing pass', () => {
  const table = new ConcurrencyTable({ maxKeys: 10 });
  for (const limit of [0, -1, 0.5, Number.NaN]) assert.equal(table.acquire([{ key: 'k', limit }]).ok, false);
  assert.equal(table.size, 0);
});

test('a key claimed twice in one call takes one place under the lower limit', () => {
  const table = new ConcurrencyTable({ maxKeys: 10 });
  const claims = [{ key: 'k', limit: 5 }, { key: 'k', limit: 1 }];
  assert.ok(table.acquire(claims).ok);
  assert.equal(table.inFlight('k'), 1);
  assert.equal(table.acquire(claims).ok, false);
});

test('a table without room for a key is refused', () => {
  for (const maxKeys of [0, -1, 1.5, Number.NaN, Infinity]) assert.throws(() => new ConcurrencyTable({ maxKeys }), RangeError);
});
