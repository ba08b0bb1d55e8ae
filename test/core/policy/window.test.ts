import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../../../src/core/ids.ts';
import { WindowTable } from '../../../src/core/policy/window.ts';

const MINUTE = { windowMs: 60_000, buckets: 60, maxKeys: 100 } as const;

/** Gaps in eighths of a millisecond (exact in a double): bursts, paces near a bucket's edge, and long pauses. */
const gap = fc.oneof(fc.constant(0), fc.nat({ max: 40 }), fc.nat({ max: 2000 }), fc.constantFrom(999, 1000, 1001, 5000), fc.nat({ max: 90_000 })).map((eighths) => eighths / 8);
const options = fc.record({ windowMs: fc.integer({ min: 1, max: 1000 }), buckets: fc.integer({ min: 1, max: 12 }), maxKeys: fc.integer({ min: 1, max: 4 }) });

function timesOf(gaps: readonly number[]): number[] {
  let now = 0;
  return gaps.map((each) => (now += each));
}

test('never more than the limit in any window, whatever the arrivals and however the limit changes', () => {
  let passes = 0;
  let refusals = 0;
  fc.assert(fc.property(options, fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 6 })), { maxLength: 60 }), (opts, arrivals) => {
    const table = new WindowTable(opts);
    const passed: number[] = [];
    const times = timesOf(arrivals.map(([each]) => each));
    for (const [index, now] of times.entries()) {
      const limit = arrivals[index]?.[1] ?? 1;
      if (!table.take('key', limit, instant(now)).ok) {
        refusals += 1;
        continue;
      }
      passes += 1;
      passed.push(now);
      const inWindow = passed.filter((at) => at >= now - opts.windowMs).length;
      assert.ok(inWindow <= limit, `${inWindow} of ${limit} at ${now}`);
    }
  }), { numRuns: 2000 });
  assert.ok(passes > 1000 && refusals > 1000, `${passes} passed, ${refusals} refused`);
});

test('a refusal means the limit was used up within one window and one bucket', () => {
  fc.assert(fc.property(options, fc.integer({ min: 1, max: 6 }), fc.array(gap, { maxLength: 60 }), (opts, limit, gaps) => {
    const table = new WindowTable(opts);
    const counted = Math.ceil(opts.windowMs / opts.buckets) * (opts.buckets + 1);
    const passed: number[] = [];
    for (const now of timesOf(gaps)) {
      if (table.take('key', limit, instant(now)).ok) passed.push(now);
      else assert.ok(passed.filter((at) => at > now - counted).length >= limit);
    }
  }), { numRuns: 1000 });
});

test('199 calls in 1.6 s at a limit of 100 a minute: 100 pass, and none more for a minute', () => {
  const table = new WindowTable(MINUTE);
  let passed = 0;
  // The trick that beat fixed windows: half at the end of one, half at the start of the next.
  for (let index = 0; index < 199; index += 1) if (table.take('k', 100, instant(59_200 + index * 8)).ok) passed += 1;
  assert.equal(passed, 100);
  for (let now = 60_800; now <= 59_200 + 60_000; now += 100) assert.equal(table.take('k', 100, instant(now)).ok, false);
  assert.ok(table.take('k', 100, instant(59_200 + 61_000)).ok);
});

test('steady calls at or under limit × 60/61 are never refused', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), fc.nat({ max: 5000 }), (limit, start) => {
    const table = new WindowTable(MINUTE);
    const step = 61_000 / limit;
    for (let index = 0; index < limit * 3; index += 1) {
      assert.ok(table.take('k', limit, instant(start + Math.ceil(index * step))).ok, `call ${index}`);
    }
  }), { numRuns: 30 });
});

test('waiting retryAfterMs is enough, and a millisecond less is not', () => {
  let checked = 0;
  fc.assert(fc.property(options, fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 5 })), { maxLength: 40 }), (opts, arrivals) => {
    const table = new WindowTable(opts);
    let now = 0;
    for (const [each, limit] of arrivals) {
      now += each;
      const verdict = table.take('key', limit, instant(now));
      if (verdict.ok) continue;
      assert.equal(verdict.reason, 'limit');
      const wait = verdict.retryAfterMs ?? Number.NaN;
      assert.ok(wait > 0 && wait <= Math.ceil(opts.windowMs / opts.buckets) * (opts.buckets + 1));
      if (wait > 1) assert.equal(table.peekAll([{ key: 'key', limit }], instant(now + wait - 1)).ok, false);
      assert.ok(table.peekAll([{ key: 'key', limit }], instant(now + wait)).ok);
      now += wait;
      checked += 1;
    }
  }), { numRuns: 500 });
  assert.ok(checked > 200, `${checked} waits`);
});

test('several claims pass together or charge nothing, and the wait covers all of them', () => {
  const claim = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), limit: fc.integer({ min: 1, max: 4 }) });
  const seen = { limit: 0, capacity: 0 };
  fc.assert(fc.property(options, fc.array(fc.tuple(gap, fc.array(claim, { minLength: 1, maxLength: 4 })), { maxLength: 40 }), (opts, calls) => {
    const table = new WindowTable(opts);
    const passed = new Map<string, number[]>();
    let now = 0;
    for (const [each, claims] of calls) {
      now += each;
      const before = table.peekAll(claims, instant(now));
      const verdict = table.takeAll(claims, instant(now));
      assert.equal(before.ok, verdict.ok, 'peek and take agree');
      assert.ok(table.size <= opts.maxKeys);
      if (verdict.ok) {
        for (const key of new Set(claims.map((one) => one.key))) passed.set(key, [...passed.get(key) ?? [], now]);
        for (const { key, limit } of claims) assert.ok((passed.get(key) ?? []).filter((at) => at >= now - opts.windowMs).length <= limit, 'no live counter is forgotten, not even at capacity');
        continue;
      }
      assert.ok(claims.includes(verdict.claim));
      assert.deepEqual(table.peekAll(claims, instant(now)), before, 'a refused call charged nothing');
      if (verdict.reason !== 'zero') seen[verdict.reason] += 1;
      if (verdict.retryAfterMs === undefined) {
        assert.ok(new Set(claims.map((one) => one.key)).size > opts.maxKeys, 'only claims that can never fit together wait for ever');
        continue;
      }
      assert.ok(verdict.retryAfterMs > 0);
      now += verdict.retryAfterMs;
      assert.ok(table.peekAll(claims, instant(now)).ok, 'the wait was enough for every claim');
    }
  }), { numRuns: 1500 });
  assert.ok(seen.limit > 100 && seen.capacity > 100, JSON.stringify(seen));
});

test('a limit of 0, below 0 or no number at all lets nothing pass, ever', () => {
  const table = new WindowTable(MINUTE);
  for (const limit of [0, -1, 0.5, Number.NaN, -Infinity]) {
    const refused = { ok: false, reason: 'zero', claim: { key: 'k', limit }, retryAfterMs: undefined };
    assert.deepEqual(table.take('k', limit, instant(1)), refused);
  }
  assert.ok(table.take('k', 1, instant(2)).ok);
  for (const limit of [0, Number.NaN]) assert.equal(table.take('k', limit, instant(3)).ok, false);
  const verdict = table.takeAll([{ key: 'k', limit: 1 }, { key: 'z', limit: 0 }], instant(3));
  assert.ok(!verdict.ok && verdict.claim.key === 'z' && verdict.retryAfterMs === undefined, 'never is the longest wait');
});

test('a key named twice in one call is charged once and held to the lower limit', () => {
  const table = new WindowTable(MINUTE);
  const claims = [{ key: 'k', limit: 5 }, { key: 'k', limit: 2 }];
  assert.deepEqual([1, 2, 3].map((now) => table.takeAll(claims, instant(now)).ok), [true, true, false]);
});

test('a clock that steps back or is no number admits no more than one that stands still', () => {
  fc.assert(fc.property(options, fc.integer({ min: 1, max: 4 }), fc.array(fc.oneof(fc.nat({ max: 3000 }), fc.constantFrom(Number.NaN, Infinity, -Infinity, -5)), { maxLength: 60 }), (opts, limit, times) => {
    const table = new WindowTable(opts);
    const passed: number[] = [];
    let latest = 0;
    for (const now of times) {
      if (Number.isFinite(now)) latest = Math.max(latest, now);
      if (!table.take('k', limit, instant(now)).ok) continue;
      passed.push(latest);
      assert.ok(passed.filter((at) => at >= latest - opts.windowMs).length <= limit);
    }
  }), { numRuns: 1000 });
});

test('at capacity a new key is refused while every counter is live, and enters when the oldest has expired', () => {
  const table = new WindowTable({ windowMs: 60_000, buckets: 60, maxKeys: 2 });
  assert.ok(table.take('a', 9, instant(0)).ok);
  assert.ok(table.take('b', 9, instant(10_000)).ok);
  assert.deepEqual(table.take('c', 9, instant(20_500)), { ok: false, reason: 'capacity', claim: { key: 'c', limit: 9 }, retryAfterMs: 40_500 });
  assert.ok(table.take('a', 9, instant(30_000)).ok, 'known keys go on');
  assert.deepEqual(table.take('c', 9, instant(61_000)), { ok: false, reason: 'capacity', claim: { key: 'c', limit: 9 }, retryAfterMs: 10_000 });
  assert.ok(table.take('c', 9, instant(71_000)).ok);
  assert.equal(table.size, 2);
  const verdict = table.take('a', 1, instant(71_000));
  assert.equal(verdict.ok, false, 'the counter that was charged last was not the one forgotten');
});

test('a refund gives one call back, once, and a fully refunded key leaves the table', () => {
  const table = new WindowTable(MINUTE);
  const first = table.take('k', 1, instant(0));
  assert.ok(first.ok);
  assert.equal(table.take('k', 1, instant(1)).ok, false);
  table.refund(first.charge);
  assert.equal(table.size, 0);
  table.refund(first.charge);
  assert.ok(table.take('k', 1, instant(2)).ok);
  table.refund(first.charge);
  assert.equal(table.take('k', 1, instant(3)).ok, false, 'the second and third refund gave nothing');
});

test('with refunds at any time, calls not given back still never exceed the limit', () => {
  let refunds = 0;
  fc.assert(fc.property(options, fc.integer({ min: 1, max: 4 }), fc.array(fc.tuple(gap, fc.boolean(), fc.nat()), { maxLength: 60 }), (opts, limit, steps) => {
    const table = new WindowTable({ ...opts, maxKeys: 2 });
    let kept: { at: number; refund: () => void }[] = [];
    let now = 0;
    for (const [each, giveBack, choice] of steps) {
      now += each;
      const pick = kept[choice % Math.max(1, kept.length)];
      if (giveBack && pick !== undefined) {
        pick.refund();
        kept = kept.filter((one) => one !== pick);
        refunds += 1;
        continue;
      }
      const verdict = table.takeAll([{ key: 'k', limit }, { key: 'other', limit: 100 }], instant(now));
      if (verdict.ok) kept.push({ at: now, refund: () => table.refund(verdict.charge) });
      assert.ok(kept.filter(({ at }) => at >= now - opts.windowMs).length <= limit);
    }
  }), { numRuns: 1000 });
  assert.ok(refunds > 100);
});

test('options that mean nothing are refused', () => {
  for (const broken of [{ windowMs: 0 }, { buckets: 0 }, { maxKeys: 0 }, { windowMs: 1.5 }, { buckets: Number.NaN }, { maxKeys: Infinity }]) {
    assert.throws(() => new WindowTable({ ...MINUTE, ...broken }), RangeError);
  }
});
