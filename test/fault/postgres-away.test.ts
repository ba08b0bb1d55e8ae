// PostgreSQL is in no call's way: while it is stopped, killed or missing from the start, calls go on, what it lacks is said, and when it is
// back it has every record once.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { hmacSha256 } from '../../src/stores/node.ts';
import { connect, type Peer } from '../support/e2e/clients.ts';
import { type Gateway, launch, prepare, type Setup } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';
import { testServer } from '../support/postgres.ts';
import { rawRecordsIn } from '../stores/sample.ts';
import { ownServer } from '../stores/ship/server.ts';
import { ask } from '../stores/ship/synthetic.ts';

const FULL = process.env['SENTINEL_TEST_FULL'] === '1';
const AWAY_MS = FULL ? 600_000 : 6_000;
const CRASHES = FULL ? 20 : 3;
const KILLS = FULL ? 200 : 4;
const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');
const server = testServer();

const toml = (...manner: readonly string[]): string => [stdioBackend('near', [process.execPath, QUICK, 'stdio', ...manner]), '[rbac.roles.all]', 'permissions = ["*"]', '[rate_limits]', 'default_rpm = 100000000', ''].join('\n');

/** Calls without a pause, until it is told to end. */
class Load {
  made = 0;
  readonly failed: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];

  constructor(peers: readonly Peer[], round = 0) {
    this.#running = peers.map((peer, at) => this.#run(peer, `${round} ${at}`));
  }

  async #run(peer: Peer, who: string): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n += 1) {
      const text = `${who} ${n}`;
      const answer = await peer.call('near__echo', { text }).catch((error: unknown) => String(error));
      if (typeof answer === 'string' || answer.kind !== 'result' || answer.isError || answer.text !== text) this.failed.push(JSON.stringify(answer));
      else this.made += 1;
      // A lull: the machine is not only ours, and the point is not speed.
      await sleep(5);
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

interface Told {
  readonly ready: boolean;
  readonly note: string;
  readonly lag: number;
  readonly up: number;
}

async function told(gateway: Gateway): Promise<Told> {
  const { readiness } = await gateway.status();
  const { body } = await gateway.page('/metrics');
  const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? NaN);
  return { ready: readiness.ready, note: readiness.conditions.find(({ name }) => name === 'audit_shipping')?.note ?? '', lag: metric('sentinel_audit_shipping_lag_records'), up: metric('sentinel_audit_shipping_up') };
}

async function drained(gateway: Gateway): Promise<void> {
  await until(async () => {
    const { up, lag } = await told(gateway);
    return up === 1 && lag === 0 ? true : undefined;
  }, 'everything is shipped');
}

/** In PostgreSQL is what is in the journal: each record once, in its place. */
async function sameAsJournal(setup: Setup, url: string): Promise<number> {
  const journal = rawRecordsIn(setup.state).map(({ record }) => /"epoch":(\d+),"seq":(\d+),"prev":"[^"]*","id":"([^"]+)"/.exec(record)?.slice(1).join(' ') ?? record);
  const rows = await ask(url, 'select epoch, seq, id from audit_record order by epoch, seq');
  const shipped = rows.map((row) => `${String(row['epoch'])} ${String(row['seq'])} ${String(row['id'])}`);
  assert.deepEqual(shipped.toSorted(), journal.toSorted());
  return shipped.length;
}

async function peersOf(gateway: Gateway, setup: Setup, count: number): Promise<readonly Peer[]> {
  const token = await setup.token('agent', 'all');
  return Promise.all(Array.from({ length: count }, () => connect('v2-modern', { via: 'http', url: gateway.endpoint, token })));
}

describe('PostgreSQL away', { skip: 'skip' in server ? server.skip : false }, () => {
  test(`stopped for ${AWAY_MS / 1000} s under load: no call fails, nothing is lost, readiness and metrics say how it stands, and it drains`, async (t) => {
    await using bin = new AsyncDisposableStack();
    const postgres = await ownServer(t);
    const setup = bin.use(await prepare({ toml: toml(), env: { DATABASE_URL: postgres.url } }));
    const gateway = bin.use(await launch(setup));
    const load = new Load(await peersOf(gateway, setup, 4));
    await drainedOnce(gateway);
    await postgres.quit();
    const away = Date.now();
    let last = 0;
    await until(async () => ((await told(gateway)).up === 0 ? true : undefined), 'the metric says that nothing is shipped');
    while (Date.now() - away < AWAY_MS) {
      const now = await told(gateway);
      assert.equal(now.ready, true, 'calls go on');
      assert.equal(now.up, 0);
      assert.match(now.note, /^waiting: \d+ records behind, the oldest of 20/);
      assert.ok(now.lag >= last, `${now.lag} after ${last}`);
      last = now.lag;
      await sleep(500);
    }
    assert.ok(last > 0);
    await postgres.start();
    await until(async () => ((await told(gateway)).up === 1 ? true : undefined), 'it is shipped again');
    await load.end();
    assert.deepEqual(load.failed, []);
    await drained(gateway);
    const count = await sameAsJournal(setup, postgres.url);
    assert.ok(count >= load.made * 2, `${count} records of ${load.made} calls`);
  });

  test(`${CRASHES} crash-stops under load, and ${KILLS} kill -9 of the gateway: 0 lost, 0 doubled, sent again is counted`, async (t) => {
    await using bin = new AsyncDisposableStack();
    const postgres = await ownServer(t);
    const effects = join(mkdtempSync(join(tmpdir(), 'sentinel-effects-')), 'effects');
    bin.defer(() => rmSync(dirname(effects), { recursive: true, force: true }));
    const setup = bin.use(await prepare({ toml: toml('notes', effects), env: { DATABASE_URL: postgres.url } }));
    for (let kill = 0; kill < KILLS; kill += 1) {
      const gateway = await launch(setup);
      bin.defer(() => gateway.process.signal('SIGKILL'));
      const load = new Load(await peersOf(gateway, setup, 3), kill);
      await sleep(300);
      if (kill % Math.ceil(KILLS / CRASHES) === 0) {
        await postgres.kill();
        await sleep(300);
        await postgres.start();
        await sleep(300);
      }
      assert.deepEqual(load.failed, []);
      gateway.process.signal('SIGKILL');
      await gateway.process.ended;
      await load.end();
    }
    const gateway = bin.use(await launch(setup));
    await drained(gateway);
    await sameAsJournal(setup, postgres.url);
    const rows = await ask(postgres.url, "select kind, count(*)::int as n, count(distinct call_id)::int as calls from audit_record where kind in ('intent', 'outcome') group by kind order by kind");
    assert.deepEqual(rows.map((row) => row['n']), rows.map((row) => row['calls']), 'a call has one intent and one outcome');
    const [intents, outcomes] = rows.map((row) => row['n']);
    assert.equal(intents, outcomes, 'what was open when it was killed was closed');
    const digest = hmacSha256(Buffer.from(readFileSync(join(setup.state, 'audit-hmac.key'), 'utf8').trim(), 'base64url'));
    const intended = new Set((await ask(postgres.url, "select args_hmac from audit_record where kind = 'intent'")).map((row) => String(row['args_hmac'])));
    const made = readFileSync(effects, 'utf8').trimEnd().split('\n');
    assert.ok(made.length > KILLS, `${made.length} calls were made`);
    assert.deepEqual(made.filter((text) => !intended.has(digest(JSON.stringify({ text })))), [], 'what had an effect has its intent');
    assert.match((await gateway.page('/metrics')).body, /^sentinel_audit_shipped_total\{what="again"\} \d+$/m);
    assert.equal((await setup.cli(['audit', 'verify'])).code, 0);
  });

  test('F27: a gateway that knows what operators said starts without PostgreSQL, with the kills that were in force, and ships what came meanwhile', async (t) => {
    await using bin = new AsyncDisposableStack();
    const postgres = await ownServer(t);
    const setup = bin.use(await prepare({ toml: toml(), env: { DATABASE_URL: postgres.url } }));
    const first = await launch(setup);
    assert.equal((await setup.cli(['kill', 'tool', 'near/other', '--reason', 'test'])).code, 0);
    assert.equal((await first.stop()).code, 0);
    assert.match(readFileSync(join(setup.state, 'overrides.json'), 'utf8'), /near\/other/);
    await postgres.quit();
    const gateway = bin.use(await launch(setup));
    const status = await gateway.status();
    assert.equal(status.readiness.ready, true);
    const kills = await setup.json(['kills']);
    assert.match(JSON.stringify(kills), /near\/other/);
    const [peer] = await peersOf(gateway, setup, 1);
    const answer = await peer?.call('near__echo', { text: 'x' });
    assert.ok(answer?.kind === 'result' && !answer.isError);
    const unkept = await setup.cli(['kill', 'tool', 'near/later', '--reason', 'while it was away']);
    assert.match(unkept.stderr, /in force in this process, but could not be kept/);
    await postgres.start();
    // Its word comes with the next look at it.
    await sleep(4000);
    const both = JSON.stringify(await setup.json(['kills']));
    assert.match(both, /near\/other/);
    assert.match(both, /near\/later/, 'a kill does not end because the store came back without it');
    await drained(gateway);
    await sameAsJournal(setup, postgres.url);
  });
});

async function drainedOnce(gateway: Gateway): Promise<void> {
  await until(async () => ((await told(gateway)).up === 1 ? true : undefined), 'it is shipped');
}
