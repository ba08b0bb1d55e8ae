import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../../../src/core/ids.ts';
import { admitCall, CLOSED_CIRCUIT, type CircuitOutcome, type CircuitRules, type CircuitState, type CircuitTicket, settleCall } from '../../../src/core/policy/circuit.ts';

const RULES: CircuitRules = { threshold: 5, recoveryMs: 30_000, windowMs: 30_000, minimumCalls: 20, failureRate: 0.5, probeMs: 5000 };
const ONLY_CONSECUTIVE: CircuitRules = { ...RULES, failureRate: 0 };

/** Drives one circuit; tickets are numbered in the order in which calls were admitted. */
class Drive {
  state: CircuitState = CLOSED_CIRCUIT;
  readonly rules: CircuitRules;
  readonly tickets: CircuitTicket[] = [];

  constructor(rules: CircuitRules) {
    this.rules = rules;
  }

  admit(now: number): number | 'in' {
    const [next, admission] = admitCall(this.state, this.rules, instant(now));
    this.state = next;
    if (!admission.admitted) return admission.retryAfterMs;
    this.tickets.push(admission.ticket);
    return 'in';
  }

  settle(index: number, outcome: CircuitOutcome, now: number): string {
    const ticket = this.tickets.at(index);
    assert.ok(ticket !== undefined);
    this.state = settleCall(this.state, this.rules, ticket, outcome, instant(now));
    return this.state.phase;
  }

  call(outcome: CircuitOutcome, now: number): string {
    assert.equal(this.admit(now), 'in');
    return this.settle(-1, outcome, now);
  }
}

function opened(rules: CircuitRules = ONLY_CONSECUTIVE, now = 0): Drive {
  const drive = new Drive(rules);
  for (let index = 0; index < rules.threshold; index += 1) drive.call('failure', now);
  assert.equal(drive.state.phase, 'open');
  return drive;
}

test('runs of answers lead to the phases of the table', () => {
  const table: readonly (readonly [string, Partial<CircuitRules>, string, string])[] = [
    ['four failures of five', {}, 'ffff', 'closed'],
    ['five failures', {}, 'fffff', 'open'],
    ['a success starts the count again', {}, 'ffffsffff', 'closed'],
    ['a neutral answer neither counts nor resets', {}, 'ffffnnnf', 'open'],
    ['neutral answers alone', {}, 'nnnnnnnnnnnn', 'closed'],
    ['threshold one', { threshold: 1 }, 'f', 'open'],
    ['threshold zero is no breaker', { threshold: 0 }, 'f'.repeat(200), 'closed'],
    ['threshold zero switches the rate off too', { threshold: 0, minimumCalls: 1, failureRate: 0.1 }, 'f'.repeat(50), 'closed'],
    ['half failing, below the minimum', { failureRate: 0.5 }, 'sf'.repeat(9), 'closed'],
    ['half failing, at the minimum', { failureRate: 0.5 }, 'sf'.repeat(10), 'open'],
    ['just under half failing', { failureRate: 0.5 }, 'ssf'.repeat(30), 'closed'],
    ['a rate of zero asks for no rate', { failureRate: 0 }, 'sf'.repeat(30), 'closed'],
    ['neutral answers do not dilute the rate', { failureRate: 0.5 }, 'nnsnnf'.repeat(10), 'open'],
  ];
  const outcomes: Record<string, CircuitOutcome> = { s: 'success', f: 'failure', n: 'neutral' };
  for (const [name, change, run, phase] of table) {
    const drive = new Drive({ ...RULES, ...change });
    for (const [index, letter] of [...run].entries()) drive.call(outcomes[letter] ?? 'neutral', index);
    assert.equal(drive.state.phase, phase, name);
  }
});

test('failures older than the window do not count towards the rate', () => {
  const drive = new Drive({ ...RULES, threshold: 100, minimumCalls: 4 });
  for (let index = 0; index < 3; index += 1) drive.call('failure', 0);
  assert.equal(drive.call('failure', 30_000), 'closed', 'only one failure left in the window');
  for (let index = 0; index < 2; index += 1) drive.call('failure', 30_001);
  assert.equal(drive.call('failure', 30_002), 'open');
});

test('open refuses with the exact wait, then lets one probe in', () => {
  const drive = opened(ONLY_CONSECUTIVE, 1000);
  assert.equal(drive.admit(1000), 30_000);
  assert.equal(drive.admit(30_999.5), 0.5);
  assert.equal(drive.admit(31_000), 'in');
  assert.equal(drive.tickets.at(-1)?.probe, true);
  assert.equal(drive.state.phase, 'half_open');
});

test('a clock that steps back does not shorten or stretch the wait beyond one recovery', () => {
  const drive = opened(ONLY_CONSECUTIVE, 100_000);
  assert.equal(drive.admit(5), 30_000);
});

test('half open admits one of a thousand', () => {
  const drive = opened();
  const answers = Array.from({ length: 1000 }, () => drive.admit(30_000));
  assert.equal(answers.filter((answer) => answer === 'in').length, 1);
  assert.ok(answers.every((answer) => answer === 'in' || (answer > 0 && answer <= 30_000)));
});

test('the probe decides: success closes with a clean count, failure opens for a whole recovery', () => {
  const good = opened();
  good.admit(30_000);
  assert.equal(good.settle(-1, 'success', 30_100), 'closed');
  for (let index = 0; index < 4; index += 1) assert.equal(good.call('failure', 30_200), 'closed');
  assert.equal(good.call('failure', 30_200), 'open');

  const bad = opened();
  bad.admit(30_000);
  assert.equal(bad.settle(-1, 'failure', 31_000), 'open');
  assert.equal(bad.admit(31_000), 30_000);
  assert.equal(bad.admit(61_000), 'in');
});

test('a cancelled probe gives its place back without a verdict, and its late answer counts for nothing', () => {
  const drive = opened();
  assert.equal(drive.admit(30_000), 'in');
  assert.notEqual(drive.admit(30_001), 'in');
  assert.equal(drive.settle(-1, 'neutral', 30_002), 'half_open');
  assert.equal(drive.admit(30_003), 'in', 'the next call is the probe');
  assert.equal(drive.settle(-2, 'success', 30_004), 'half_open');
  assert.equal(drive.settle(-2, 'failure', 30_004), 'half_open');
  assert.notEqual(drive.admit(30_005), 'in', 'and the place was not freed twice');
  assert.equal(drive.settle(-1, 'success', 30_006), 'closed');
});

test('a slow probe keeps the others out for its time and no longer', () => {
  const drive = opened();
  assert.equal(drive.admit(30_000), 'in');
  assert.equal(drive.admit(30_001), 4999);
  assert.equal(drive.admit(34_999), 1);
  assert.equal(drive.admit(35_000), 'in');
  assert.equal(drive.admit(35_001), 4999, 'one more, not all');
  assert.equal(drive.settle(-1, 'success', 35_100), 'closed', 'the quick one closes it');
  assert.equal(drive.settle(-2, 'failure', 60_000), 'closed', 'and the slow one opens nothing');
  assert.equal(drive.call('failure', 60_001), 'closed');
});

test('a probe that lost its place still speaks: success closes, failure opens, a cancelled one frees nothing', () => {
  for (const [outcome, phase] of [['success', 'closed'], ['failure', 'open'], ['neutral', 'half_open']] as const) {
    const drive = opened();
    drive.admit(30_000);
    drive.admit(35_000);
    assert.equal(drive.settle(-2, outcome, 36_000), phase);
    if (phase === 'half_open') {
      assert.equal(drive.admit(36_001), 3999, 'the newer probe keeps its place');
      assert.equal(drive.settle(-2, 'failure', 36_002), 'half_open', 'and it speaks once');
    }
  }
});

test('a server whose every call is slower than a probe may be closes its breaker all the same', () => {
  const drive = opened();
  for (let now = 30_000; now < 70_000; now += 5000) assert.equal(drive.admit(now), 'in');
  assert.equal(drive.settle(-8, 'success', 70_001), 'closed');
});

test('under steady calls, a server whose every call takes a minute is heard all the same, well or not', () => {
  for (const [outcome, phase] of [['failure', 'open'], ['success', 'closed']] as const) {
    const drive = opened();
    for (let now = 30_000; now < 90_000; now += 5000) assert.equal(drive.admit(now), 'in');
    assert.equal(drive.settle(-12, outcome, 90_000), phase, 'twelve wait at once with the default timeout');
  }
});

test('of probes that never answer only so many are remembered', () => {
  const drive = opened();
  for (let probes = 0; probes < 2000; probes += 1) drive.admit(30_000 + 5000 * probes);
  assert.ok(drive.state.phase === 'half_open' && drive.state.late.length === 1024);
  assert.equal(drive.settle(-1026, 'success', 12_000_000), 'half_open');
});

test('answers to calls from before the change of phase change nothing', () => {
  const drive = new Drive(ONLY_CONSECUTIVE);
  for (let index = 0; index < 10; index += 1) drive.admit(0);
  for (let index = 0; index < 5; index += 1) drive.settle(index, 'failure', 10);
  assert.equal(drive.settle(5, 'success', 11), 'open', 'a straggler does not close it');
  assert.equal(drive.admit(30_010), 'in');
  assert.equal(drive.settle(6, 'success', 30_011), 'half_open');
  assert.equal(drive.settle(7, 'failure', 30_011), 'half_open');
  assert.notEqual(drive.admit(30_012), 'in');
});

test('switching the breaker off by a reload lets calls through at once', () => {
  const { state } = opened();
  const [next, admission] = admitCall(state, { ...RULES, threshold: 0 }, instant(1));
  assert.equal(admission.admitted, true);
  assert.equal(next.phase, 'closed');
});

test('a changed window renumbers the tallies without stopping the count', () => {
  for (const windowMs of [1000, 30_000, 600_000]) {
    const drive = new Drive({ ...RULES, threshold: 100, minimumCalls: 3 });
    drive.call('success', 500_000);
    const rules = { ...drive.rules, windowMs };
    let state = drive.state;
    for (let index = 0; index < 3 && state.phase === 'closed'; index += 1) {
      const [next, admission] = admitCall(state, rules, instant(500_001));
      assert.ok(admission.admitted);
      state = settleCall(next, rules, admission.ticket, 'failure', instant(500_001));
    }
    assert.equal(state.phase, 'open', `window ${windowMs}`);
  }
});

test('failures counted before the window was widened do not count for ever', () => {
  const drive = new Drive({ ...RULES, windowMs: 1000, threshold: 100, minimumCalls: 6 });
  for (let index = 0; index < 5; index += 1) drive.call('failure', 500_000);
  const rules = { ...drive.rules, windowMs: 600_000 };
  const [next, admission] = admitCall(drive.state, rules, instant(2_000_000));
  assert.ok(admission.admitted);
  assert.equal(settleCall(next, rules, admission.ticket, 'failure', instant(2_000_000)).phase, 'closed');
});

test('whatever happens: closed admits, open holds its wait, half open runs one probe at a time, data is frozen', () => {
  const rules = fc.record({ threshold: fc.integer({ min: 1, max: 3 }), recoveryMs: fc.integer({ min: 1, max: 50 }), windowMs: fc.integer({ min: 1, max: 100 }), minimumCalls: fc.integer({ min: 1, max: 5 }), failureRate: fc.constantFrom(0, 0.2, 0.5, 1), probeMs: fc.integer({ min: 1, max: 50 }) })
    // As the caller has it: no longer than the recovery.
    .map((each) => ({ ...each, probeMs: Math.min(each.probeMs, each.recoveryMs) }));
  const step = fc.tuple(fc.constantFrom('admit', 'settle', 'settle-newest'), fc.nat({ max: 40 }), fc.nat(), fc.constantFrom<CircuitOutcome>('success', 'failure', 'failure', 'neutral'));
  const phases = { closed: 0, open: 0, half_open: 0 };
  fc.assert(fc.property(rules, fc.array(step, { minLength: 10, maxLength: 120 }), (each, steps) => {
    const drive = new Drive(each);
    let held: { ticket: CircuitTicket; since: number }[] = [];
    let openedAt = -1;
    let now = 0;
    for (const [what, pause, choice, outcome] of steps) {
      now += pause;
      const before = drive.state;
      phases[before.phase] += 1;
      if (what === 'admit') {
        const answer = drive.admit(now);
        if (before.phase === 'closed') assert.equal(answer, 'in');
        if (before.phase === 'open') assert.equal(answer, now - openedAt >= each.recoveryMs ? 'in' : openedAt + each.recoveryMs - now);
        const ticket = drive.tickets.at(-1);
        if (answer === 'in' && ticket !== undefined) {
          assert.equal(ticket.probe, before.phase !== 'closed');
          const running = held.filter((one) => one.ticket.probe && now - one.since < each.probeMs);
          if (ticket.probe) assert.equal(running.length, 0, 'two probes at once');
          held.push({ ticket, since: now });
        } else if (before.phase === 'half_open') {
          assert.ok(held.some((one) => one.ticket.probe), 'refused with no probe running');
        }
      } else {
        const one = what === 'settle' ? held[choice % Math.max(1, held.length)] : held.at(-1);
        if (one === undefined) continue;
        held = held.filter((other) => other !== one);
        drive.state = settleCall(drive.state, each, one.ticket, outcome, instant(now));
        const speaks = one.ticket.epoch === before.epoch || (before.phase === 'half_open' && before.late.includes(one.ticket.epoch));
        if (!speaks) assert.equal(drive.state, before, 'an old ticket changed something');
        if (before.phase === 'half_open' && speaks) {
          assert.equal(drive.state.phase, { success: 'closed', failure: 'open', neutral: 'half_open' }[outcome]);
        }
        if (drive.state.phase === 'open' && before.phase !== 'open') openedAt = now;
      }
      assert.ok(Object.isFrozen(drive.state));
      assert.ok(drive.state.epoch >= before.epoch);
      if (drive.state.phase === 'closed') assert.ok(drive.state.tallies.length <= 10);
    }
  }), { numRuns: 1000 });
  for (const [phase, count] of Object.entries(phases)) assert.ok(count > 200, `${phase}: ${count} steps`);
});
