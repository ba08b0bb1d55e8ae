import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import type { CaptureRecord, CaptureTools } from '../../src/app/audit-capture.ts';
import { startFault } from '../../src/app/fault.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { parseLine } from '../../src/cli/flags.ts';
import { paintFor } from '../../src/cli/render.ts';
import { COMMON_OPTIONS, type Fault, type VerbContext } from '../../src/cli/verb.ts';
import { captureVerbs } from '../../src/cli/audit-keys.ts';
import type { CaptureFact } from '../../src/core/capture.ts';
import { err, ok } from '../../src/core/result.ts';
import { CALL, DAY, NODE, NOON, RECORD, rule, toolCall, world, type World } from '../stores/capture/world.ts';

/** Nothing is asked, heard or said. */
const NOWHERE: Omit<VerbContext, 'args' | 'flags' | 'fail'> = {
  json: false, verbosity: 0, configFile: undefined, ownFile: undefined, out: () => {}, outJson: () => {}, write: () => Promise.resolve(), err: () => {}, remedy: (text) => text,
  ask: () => Promise.resolve(undefined), readStdin: () => Promise.resolve(''), stdin: Readable.from([]), env: {}, cwd: '/', isTty: { stdin: false, stdout: false, stderr: false }, width: 80,
  paint: paintFor(false), now: () => NOON, user: 'tester', signal: AbortSignal.abort(),
};

interface Ran {
  readonly status: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly fault: Fault | undefined;
}

interface Place extends World {
  readonly facts: CaptureFact[];
  readonly log: { records: readonly CaptureRecord[] | undefined; full: boolean };
  /** `answer`: of the person at the terminal; undefined: there is none. */
  run(argv: readonly string[], answer?: boolean): Promise<Ran>;
}

function place(t: TestContext): Place {
  const here = world(t, [rule({ arguments: ['/title', '/n'], results: ['/id'], owner: 'team-platform' })]);
  const facts: CaptureFact[] = [];
  const log: Place['log'] = { records: undefined, full: false };
  const tools: CaptureTools = {
    node: NODE, stateDir: here.state, settings: here.settings, clock: here.clock, by: 'tester',
    record: (fact) => {
      if (log.full) return Promise.resolve(err(startFault(1, 'SEN-0601', 'disk full', undefined)));
      facts.push(fact);
      return Promise.resolve(ok(undefined));
    },
    records: () => Promise.resolve(ok(log.records)),
  };
  const verbs = captureVerbs(() => Promise.resolve(ok(tools)));
  const run = async (argv: readonly string[], answer?: boolean): Promise<Ran> => {
    const verb = verbs.find(({ name }) => name === argv.slice(0, 2).join(' '));
    assert.ok(verb);
    const parsed = parseLine(argv.slice(2), { ...verb.options, ...COMMON_OPTIONS });
    assert.ok(parsed.ok);
    const [out, said]: [string[], string[]] = [[], []];
    let fault: Fault | undefined;
    const cx: VerbContext = {
      ...NOWHERE, args: parsed.value.operands, flags: parsed.value.flags, json: parsed.value.flags.on('json'), env: { HOME: here.state }, cwd: here.state,
      out: (text) => out.push(text), outJson: (value) => out.push(JSON.stringify(value)), err: (text) => said.push(text),
      fail: (given) => {
        fault = given;
        return given.exit;
      },
      ask: () => Promise.resolve(answer), now: () => here.clock.now,
    };
    const status = await verb.run(cx);
    return { status, out, err: said, fault };
  };
  return { ...here, facts, log, run };
}

function captured(here: World, parts: Partial<CaptureRecord> = {}): CaptureRecord {
  return { node: NODE, id: RECORD, kind: 'outcome', ts: NOON, captured: here.kept(toolCall('{"title":"Fix\\u001b[2J it","n":12345678901234567890}'), { result: '{"id":7}' }) ?? '', ...parts };
}

describe('sentinel audit reveal', () => {
  test('shows what was kept and what for, harmless on a terminal', async (t) => {
    const here = place(t);
    here.log.records = [captured(here)];
    const { status, out } = await here.run(['audit', 'reveal', CALL]);
    assert.equal(status, EXIT.ok);
    assert.deepEqual(out, [
      `outcome  2026-11-21T12:00:00.000Z  ${RECORD}`, '  kept for: to undo it (team-platform)',
      '  argument /title  "Fix\\u001b[2J it"', '  argument /n  12345678901234567890', '  result /id  7',
    ]);
    assert.deepEqual(here.facts, [{ kind: 'audit_read', verb: 'audit reveal', asked: CALL }]);
  });

  test('--json is one object, with numbers as they were written', async (t) => {
    const here = place(t);
    here.log.records = [captured(here)];
    const { out } = await here.run(['audit', 'reveal', CALL, '--json']);
    assert.equal(out.length, 1);
    assert.match(out[0] ?? '', /"arguments":\{"\/title":"Fix\\u001b\[2J it","\/n":12345678901234567890\},"result":\{"\/id":7\},"incomplete":false\}\]\}$/);
    const said: unknown = JSON.parse(out[0] ?? '');
    assert.equal(Reflect.get(Object(said), 'call'), CALL);
  });

  test('nothing is shown that cannot be recorded first', async (t) => {
    const here = place(t);
    here.log.records = [captured(here)];
    here.log.full = true;
    const { status, out, fault } = await here.run(['audit', 'reveal', CALL]);
    assert.deepEqual([status, out], [EXIT.failed, []]);
    assert.match(fault?.message ?? '', /^nothing is shown, for it could not be recorded: disk full$/);
  });

  test('says when and by whom the key was destroyed', async (t) => {
    const here = place(t);
    here.log.records = [captured(here)];
    await here.run(['audit', 'forget', '--day', '2026-11-21', '--yes']);
    const { status, out, fault } = await here.run(['audit', 'reveal', CALL]);
    assert.equal(status, EXIT.failed);
    assert.deepEqual(out.slice(2), ['  not shown: the key of 2026-11-21 was destroyed at 2026-11-21T12:00:00.000Z by tester']);
    assert.match(fault?.message ?? '', /can be shown: the key of 2026-11-21 was destroyed at 2026-11-21T12:00:00\.000Z by tester$/);
    const json = await here.run(['audit', 'reveal', CALL, '--json']);
    assert.match(json.out[0] ?? '', /"state":"destroyed","day":"2026-11-21","why":"the key [^"]+","destroyed_at":"2026-11-21T12:00:00\.000Z","destroyed_by":"tester"\}\]\}$/);
  });

  test('a call of which a part is gone is done in part', async (t) => {
    const here = place(t);
    const first = captured(here);
    await here.run(['audit', 'forget', '--day', '2026-11-21', '--yes']);
    here.log.records = [first, captured(here)];
    assert.equal((await here.run(['audit', 'reveal', CALL])).status, EXIT.partial);
  });

  test('an altered record, one of another node, and one written without a key say which they are', async (t) => {
    const here = place(t);
    const whole = captured(here);
    here.log.records = [
      { ...whole, id: CALL }, { ...whole, node: 'node-2', captured: whole.captured.replace(/"kid":"[\w-]{16}/, '"kid":"AAAAAAAAAAAAAAAA') }, { ...whole, captured: '{"day":"2026-11-21","fault":"no_key","rules":[]}' }, { ...whole, captured: '{}' },
    ];
    const { status, out } = await here.run(['audit', 'reveal', CALL]);
    assert.equal(status, EXIT.failed);
    assert.deepEqual(out.filter((line) => line.includes('not shown')), [
      '  not shown: it was altered, or moved here from another record (key of 2026-11-21)', '  not shown: it was captured on node node-2, and its key is there',
      '  not shown: when it was written there was no key of 2026-11-21, so nothing was kept', '  not shown: it is in a form that this version does not know',
    ]);
  });

  test('no such call, and nothing captured of it, are faults of their own', async (t) => {
    const here = place(t);
    assert.match((await here.run(['audit', 'reveal', 'x\u001b'])).fault?.message ?? '', /^no call x\\u001b is on record$/);
    here.log.records = [];
    const { status, fault } = await here.run(['audit', 'reveal', CALL]);
    assert.equal(status, EXIT.failed);
    assert.match(fault?.message ?? '', /^nothing was captured of call/);
    assert.deepEqual(here.facts, []);
  });
});

describe('sentinel audit forget', () => {
  async function filled(t: TestContext): Promise<Place> {
    const here = place(t);
    for (let day = 0; day < 3; day += 1) {
      here.clock.now = NOON + day * DAY;
      captured(here);
    }
    return here;
  }

  test('asks first: without a terminal or --yes nothing is destroyed, and the exit status is 23', async (t) => {
    const here = await filled(t);
    const unasked = await here.run(['audit', 'forget', '--day', '2026-11-22']);
    assert.deepEqual([unasked.status, unasked.fault?.code], [EXIT.confirmationNeeded, 'SEN-0905']);
    const refused = await here.run(['audit', 'forget', '--day', '2026-11-22'], false);
    assert.deepEqual([refused.status, refused.err.at(-1)], [EXIT.confirmationNeeded, 'nothing was destroyed']);
    assert.equal(readdirSync(here.keyDir).length, 3);
    assert.deepEqual(here.facts, []);
    const done = await here.run(['audit', 'forget', '--day', '2026-11-22'], true);
    assert.equal(done.status, EXIT.ok);
    assert.match(done.out.join(), /^destroyed the key of 2026-11-22 \([\w-]{16}\)$/);
    assert.deepEqual(readdirSync(here.keyDir), ['2026-11-21.key', '2026-11-23.key']);
  });

  test('--before means days that were over then, and says why in the audit', async (t) => {
    const here = await filled(t);
    const { status, out } = await here.run(['audit', 'forget', '--before', '1d', '--reason', 'request 12', '--yes', '--json']);
    assert.equal(status, EXIT.ok);
    assert.match(out[0] ?? '', /^\{"destroyed":\[\{"day":"2026-11-21","key_id":"[\w-]{16}","at":"2026-11-23T12:00:00\.000Z"\}\]\}$/);
    assert.deepEqual(here.facts.map((fact) => (fact.kind === 'key_destroyed' ? `${fact.day} ${fact.step} ${fact.why}` : '')), ['2026-11-21 begun request 12', '2026-11-21 done request 12']);
    const none = await here.run(['audit', 'forget', '--before', '30d', '--yes']);
    assert.deepEqual([none.status, none.err.at(-1)], [EXIT.ok, 'no day that was over then has a key']);
  });

  test('--dry-run names the keys and destroys none', async (t) => {
    const here = await filled(t);
    assert.deepEqual((await here.run(['audit', 'forget', '--before', '2026-11-23T00:00:00Z', '--dry-run'])).out, ['would destroy 2 keys: 2026-11-21, 2026-11-22']);
    assert.deepEqual((await here.run(['audit', 'forget', '--day', '2026-11-21', '--dry-run', '--json'])).out, ['{"dry_run":true,"days":["2026-11-21"]}']);
    assert.equal(readdirSync(here.keyDir).length, 3);
  });

  test('a day that was forgotten already is told so, one that never had a key is a fault', async (t) => {
    const here = await filled(t);
    await here.run(['audit', 'forget', '--day', '2026-11-21', '--yes']);
    const again = await here.run(['audit', 'forget', '--day', '2026-11-21', '--yes']);
    assert.deepEqual([again.status, again.err.at(-1)], [EXIT.ok, 'the key of 2026-11-21 was destroyed already, at 2026-11-23T12:00:00.000Z by tester']);
    assert.equal((await here.run(['audit', 'forget', '--day', '2026-10-01', '--yes'])).status, EXIT.failed);
  });

  test('what is no day, no time, a time to come, both or neither is a usage fault', async (t) => {
    const here = await filled(t);
    for (const argv of [[], ['--day', '2026-02-30'], ['--day', '../x'], ['--before', 'yesterday'], ['--before', '2027-01-01T00:00:00Z'], ['--day', '2026-11-21', '--before', '1d']]) {
      assert.equal((await here.run(['audit', 'forget', '--yes', ...argv])).status, EXIT.usage, argv.join(' '));
    }
    assert.equal(readdirSync(here.keyDir).length, 3);
  });

  test('what could not be destroyed is a fault, after what could', async (t) => {
    const here = await filled(t);
    here.log.full = true;
    const { status, fault } = await here.run(['audit', 'forget', '--day', '2026-11-21', '--yes']);
    assert.equal(status, EXIT.failed);
    assert.match(fault?.message ?? '', /^the key of 2026-11-21 was not destroyed: disk full$/);
  });
});

describe('the verbs', () => {
  for (const verb of captureVerbs(() => Promise.resolve(err({ exit: 1, code: 'SEN-0904', message: 'closed' })))) {
    test(`${verb.name}: what cannot be opened is told with its own fault`, async () => {
      let exit = 0;
      const parsed = parseLine([], verb.options);
      assert.ok(parsed.ok);
      const fail = (fault: Fault): number => (exit = fault.exit);
      assert.equal(await verb.run({ ...NOWHERE, args: [CALL], flags: parsed.value.flags, fail }), 1);
      assert.equal(exit, 1);
      assert.ok(verb.examples.length >= 2);
    });
  }
});
