import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { connect, GENERATIONS, type Answer, type Peer } from '../support/e2e/clients.ts';
import { startGateway, type Gateway, type Row } from '../support/e2e/gateway.ts';
import { until } from '../support/e2e/processes.ts';
import { fixture } from '../support/e2e/servers.ts';

const RELOADS = process.env['SENTINEL_TEST_FULL'] === '1' ? 1000 : 100;
const CALLERS = 4;
const REPLACEMENTS = 8;

/** `pid` is callable in every other valid file, `echo` in all; the number makes each file another one. */
const wide = (n: number): string => file(n, '"good/*"');
const narrow = (n: number): string => file(n, '"good/echo"');
function file(n: number, allow: string, killed = ''): string {
  return [`# ${n}`, fixture('good'), '[rbac.roles.developer]', `allow = [${allow}]`, '', '[rate_limits]', `default_rpm = ${1_000_000 + n}`, 'probe_rpm = 1000000', '[kill_switch]', killed, ''].join('\n');
}
const BROKEN: readonly ((n: number) => string)[] = [
  (n) => `${wide(n)}\nthis is no TOML`,
  (n) => `${wide(n)}\n[rbac.roles.extra]\nallowed = ["*"]\n`,
  (n) => wide(n).replace('type = "stdio"', 'type = "carrier pigeon"'),
  (n) => wide(n).slice(0, -20).replace('[rate_limits]', '[rate_limits'),
];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const succeeded = (answer: Answer): boolean => answer.kind === 'result' && !answer.isError;

describe('reload under load', () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  before(async () => {
    gateway = bin.use(await startGateway({ toml: wide(0) }));
  });
  after(async () => bin.disposeAsync());

  test(`${RELOADS} SIGHUP, half of the files broken: no call fails, and each is decided by one revision`, async () => {
    const peers = await Promise.all(Array.from({ length: CALLERS }, async (_, n) =>
      bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token(`caller-${n}`, 'developer') }))));
    let over = false;
    const failed: Answer[] = [];
    let made = 0;
    const load = peers.map(async (peer) => {
      while (!over) {
        const [steady, switched] = [await peer.call('good__echo', { n: made }), await peer.call('good__pid', {})];
        made += 2;
        if (!succeeded(steady)) failed.push(steady);
        // In a narrow revision it is unknown; anything else is a call that failed.
        if (!succeeded(switched) && !(switched.kind === 'error' && switched.message === 'Unknown tool: good__pid')) failed.push(switched);
      }
    });
    const valid = new Map([[(await gateway.status()).configHash, 'wide']]);
    try {
      for (let n = 1; n <= RELOADS; n += 1) {
        await (n % 2 === 0 ? takes(gateway, n % 4 === 0 ? wide(n) : narrow(n), valid, n % 4 === 0 ? 'wide' : 'narrow') : refuses(gateway, (BROKEN[(n >> 1) % BROKEN.length] ?? wide)(n)));
      }
    } finally {
      over = true;
      await Promise.all(load);
    }
    assert.deepEqual(failed, []);
    assert.ok(made > RELOADS, `${made} calls went on meanwhile`);
    const status = await gateway.status();
    assert.ok(valid.has(status.configHash));
    assert.equal(status.backends[0]?.restarts, 0, 'an unchanged backend is not restarted');
    await isDecidedByOneRevision(gateway, valid, made);
  });
});

/** Each file defines the backend anew, so that each reload replaces its process. */
const redefined = (n: number): string => file(n, '"good/*"').replace(fixture('good'), fixture('good', [], [`timeout_secs = ${60 + n}`]));

test('a backend that is replaced again and again under load fails no call', async () => {
  await using bin = new AsyncDisposableStack();
  const gateway = bin.use(await startGateway({ toml: redefined(0) }));
  const peers = await Promise.all(Array.from({ length: CALLERS }, async (_, n) =>
    bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token(`caller-${n}`, 'developer') }))));
  let over = false;
  const failed: Answer[] = [];
  const load = peers.map(async (peer) => {
    while (!over) {
      const answer = await peer.call('good__echo', {});
      if (!succeeded(answer)) failed.push(answer);
    }
  });
  const pids = new Set<number | undefined>();
  try {
    for (let n = 1; n <= REPLACEMENTS; n += 1) {
      await takes(gateway, redefined(n), new Map(), 'wide');
      pids.add((await gateway.when(({ backends: [good] }) => good?.state === 'ready', 'the new one is ready')).backends[0]?.pid);
    }
  } finally {
    over = true;
    await Promise.all(load);
  }
  assert.deepEqual(failed, []);
  assert.equal(pids.size, REPLACEMENTS);
});

async function takes(gateway: Gateway, toml: string, valid: Map<string, string>, kind: string): Promise<void> {
  gateway.write(toml);
  const hash = sha256(readFileSync(gateway.config, 'utf8'));
  valid.set(hash, kind);
  gateway.process.signal('SIGHUP');
  await gateway.when((report) => report.configHash === hash && report.lastReload?.ok === true, 'the reload took');
}

async function refuses(gateway: Gateway, toml: string): Promise<void> {
  const before = await gateway.status();
  gateway.write(toml);
  gateway.process.signal('SIGHUP');
  const now = await gateway.when((report) => report.lastReload?.ok === false, 'the reload was refused');
  assert.equal(now.configHash, before.configHash);
  assert.equal(now.revision, before.revision);
  assert.ok((now.lastReload?.problems.length ?? 0) > 0);
}

/** Intent and outcome of a call name the same revision, it is one that was in force, and the decision is that revision's. */
async function isDecidedByOneRevision(gateway: Gateway, valid: ReadonlyMap<string, string>, made: number): Promise<void> {
  const rows: Row[] = [];
  for (let before: string | undefined; ;) {
    const page: string[] = before === undefined ? [] : ['--before', before];
    const next = await gateway.jsonLines(['audit', 'query', '--limit', '1000', ...page]);
    rows.push(...next);
    if (next.length < 1000) break;
    before = String(next.at(-1)?.['row_id']);
  }
  const calls = rows.filter((row) => row['kind'] === 'outcome');
  assert.equal(calls.length, made, 'every call is in the audit');
  for (const row of calls) {
    const kind = valid.get(String(row['config_hash']));
    assert.notEqual(kind, undefined, `a revision that was never in force: ${JSON.stringify(row)}`);
    if (row['object_name'] === 'pid') assert.equal(row['decision'], kind === 'wide' ? 'allow' : 'deny', JSON.stringify(row));
    else assert.equal(row['decision'], 'allow');
  }
  const hashOf = new Map<unknown, unknown>();
  for (const row of calls) {
    const known = hashOf.get(row['revision']);
    assert.ok(known === undefined || known === row['config_hash'], 'a revision is one file');
    hashOf.set(row['revision'], row['config_hash']);
  }
  assert.ok(hashOf.size > 1, 'calls were decided by several revisions');
}

/** The tool that the fixture never answers; only a kill or an abort ends it. */
const NEVER = 'good__never';

for (const way of ['sentinel kill', 'the file and SIGHUP'] as const) {
  describe(`a kill by ${way}`, () => {
    const bin = new AsyncDisposableStack();
    let gateway: Gateway;
    let hung: readonly Peer[];
    before(async () => {
      gateway = bin.use(await startGateway({ toml: wide(0) }));
      hung = await Promise.all(GENERATIONS.map(async (generation) =>
        bin.use(await connect(generation, { via: 'http', url: gateway.endpoint, token: await gateway.token(`hung-${generation}`, 'developer') }))));
    });
    after(async () => bin.disposeAsync());

    /** Returns when it is acknowledged. */
    const kill = async (tool: string): Promise<void> => {
      if (way === 'sentinel kill') {
        await gateway.json(['kill', 'tool', `good/${tool}`, '--reason', 'a test']);
        return;
      }
      await takes(gateway, file(1, '"good/*"', `disabled_tools = ["good/${tool}"]`), new Map(), 'killed');
    };

    test('cancels calls in flight at the backend, and the lists change', async () => {
      const calls = hung.map(async (peer) => peer.call(NEVER, {}));
      await gateway.when((report) => report.backends[0]?.inflight === hung.length, 'all calls are in flight');
      await kill('never');
      for (const answer of await Promise.all(calls)) {
        assert.ok(answer.kind === 'result' && answer.isError && answer.text.includes('SEN-0301'), JSON.stringify(answer));
      }
      const [first] = hung;
      assert.ok(first !== undefined);
      const told = await until(async () => {
        const seen = await first.call('good__seen', {});
        const { cancelled } = (seen.kind === 'result' ? seen.whole['structuredContent'] : {}) as { readonly cancelled?: readonly unknown[] };
        return cancelled?.length === hung.length ? cancelled : undefined;
      }, 'the backend was told of each');
      assert.equal(new Set(told).size, hung.length);
      await until(() => hung.every((peer) => peer.changes() > 0), 'every client hears that its list changed');
      for (const peer of hung) {
        assert.ok(!(await peer.list()).some((tool) => tool.name === NEVER));
      }
      const rows = await gateway.jsonLines(['audit', 'query', '--tool', 'good/never']);
      assert.deepEqual(rows.map((row) => row['status']), ['killed', 'killed', 'killed']);
    });

    test('no call that starts after its acknowledgement passes', async () => {
      let acknowledged = false;
      const late: Answer[] = [];
      let passedBefore = 0;
      const callers = hung.map(async (peer) => {
        for (let more = 50; more > 0;) {
          const startedLate = acknowledged;
          const answer = await peer.call('good__echo', {});
          if (startedLate) {
            late.push(answer);
            more -= 1;
          } else if (succeeded(answer)) {
            passedBefore += 1;
          }
        }
      });
      try {
        await until(() => passedBefore > 20, 'calls pass');
        await kill('echo');
      } finally {
        acknowledged = true;
        await Promise.all(callers);
      }
      assert.equal(late.length, 50 * hung.length);
      assert.deepEqual(late.filter(succeeded), []);
    });
  });
}
