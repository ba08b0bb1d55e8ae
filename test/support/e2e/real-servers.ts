// Published servers, SDK clients, both stores: the whole of what an agent does, once for each way it can be done.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { testServer } from '../postgres.ts';
import { connect, GENERATIONS, MODERN, type Generation, type Peer, type Way } from './clients.ts';
import { callsEach, cancels, hearsOfChanges, isRefused, listsByPages, relaysProgress, SERVERS, type World, worldIn } from './conversation.ts';
import { prepare, startGateway, type Gateway, type Setup } from './gateway.ts';
import { MAIN, until } from './processes.ts';
import { startEverything, type HttpServer } from './servers.ts';
import { suite } from './suite.ts';

const SCOPE = { kind: 'tool', pattern: 'everything/get-tiny-image' } as const;

/** Registers the tests: every SDK and era, every way in, with the audit on `store`. */
export function testRealServers(store: 'sqlite' | 'postgres'): void {
  const server = testServer();
  const skip = store === 'postgres' && 'skip' in server ? server.skip : false;
  suite(`real servers and real clients, audit on ${store}`, skip, () => {
    const bin = new AsyncDisposableStack();
    let folder = '';
    let web: HttpServer;
    let world: World;
    let gateway: Gateway;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'files-'));
      bin.defer(() => rmSync(folder, { recursive: true, force: true }));
      web = bin.use(await startEverything(join(folder, 'web')));
      world = worldIn(folder, web.url);
      gateway = bin.use(await startGateway({ toml: world.toml, keys: 'own', store }));
      await gateway.when((report) => report.backends.every((backend) => backend.state === 'ready'), 'all five servers are ready');
    });
    after(async () => bin.disposeAsync());

    const killHere = async (): Promise<void> => {
      const done = await gateway.control.kill({ scope: SCOPE, reason: 'a test', until: undefined, by: 'e2e', dryRun: false });
      assert.ok(done.ok && done.value.hits === 1, JSON.stringify(done));
    };
    const unkillHere = async (): Promise<void> => {
      const done = await gateway.control.unkill({ target: 'tool everything/get-tiny-image', reason: 'over', by: 'e2e' });
      assert.ok(done.ok && done.value.removed === 1, JSON.stringify(done));
    };

    for (const generation of GENERATIONS) {
      test(`${generation} over HTTP, all servers behind /mcp`, async () => {
        const subject = `http-${generation}`;
        const peer = bin.use(await connect(generation, { via: 'http', url: gateway.endpoint, token: await gateway.token(subject, 'developer') }));
        await wholeConversation(peer, generation, world, killHere, unkillHere);
        await peer.close();
        await isRecorded(gateway, subject, store);
      });

      test(`${generation} over HTTP, each server alone behind /mcp/<backend> under its own names`, async () => {
        const token = await gateway.token(`single-${generation}`, 'developer');
        const single = async (backend: string): Promise<Peer> => connect(generation, { via: 'http', url: `${gateway.endpoint}/${backend}`, token });
        for (const [backend, tool, args] of [['everything', 'echo', { message: 'hi' }], ['web', 'echo', { message: 'hi' }], ['filesystem', 'list_allowed_directories', {}], ['memory', 'read_graph', {}]] as const) {
          await usesAlone(bin.use(await single(backend)), tool, args);
        }
      });

      test(`${generation} over stdio, attached to the running gateway`, async () => {
        const subject = `attached-${generation}`;
        const peer = bin.use(await connect(generation, await stdioWay(gateway, subject, ['--attach'])));
        await wholeConversation(peer, generation, world, killHere, unkillHere);
        await peer.close();
        await isRecorded(gateway, subject, store);
      });

      test(`${generation} over stdio, the gateway in its own process`, async () => {
        const setup = bin.use(await prepare({ toml: world.toml, store }));
        const subject = `alone-${generation}`;
        const peer = bin.use(await connect(generation, await stdioWay(setup, subject, ['--alone'])));
        // While servers come up the list changes, and a cursor of the list before is refused.
        await until(async () => new Set((await peer.list().catch(() => [])).map((tool) => tool.name.split('__')[0])).size === SERVERS.length, 'all five servers are listed');
        const byFile = (killed: string) => async (): Promise<void> => {
          setup.write(worldIn(folder, web.url, killed).toml);
          process.kill(peer.pid ?? -1, 'SIGHUP');
        };
        await wholeConversation(peer, generation, world, byFile('disabled_tools = ["everything/get-tiny-image"]'), byFile(''));
        await peer.close();
        await isRecorded(setup, subject, store);
      });
    }

    test('no call of all that is still in flight', async () => {
      await gateway.when((report) => report.inflight === 0 && report.backends.every((backend) => backend.inflight === 0), 'nothing in flight');
    });
  });
}

async function stdioWay(setup: Setup, subject: string, more: readonly string[]): Promise<Way> {
  const file = await setup.tokenFile(subject, 'developer');
  return { via: 'stdio', argv: [process.execPath, MAIN, 'stdio', '--config', setup.config, '--token-file', file, ...more], env: setup.env, cwd: setup.folder };
}

async function wholeConversation(peer: Peer, generation: Generation, world: World, kill: () => Promise<void>, unkill: () => Promise<void>): Promise<void> {
  if (generation === 'v2-modern') assert.equal(peer.version, MODERN);
  else assert.notEqual(peer.version, MODERN);
  assert.equal(peer.serverName, 'sentinel');
  await peer.ping();
  await listsByPages(peer);
  await callsEach(peer, world);
  await isRefused(peer);
  await relaysProgress(peer);
  await cancels(peer);
  await hearsOfChanges(peer, kill, unkill);
}

async function usesAlone(peer: Peer, tool: string, args: Readonly<Record<string, unknown>>): Promise<void> {
  const names = (await peer.list()).map((one) => one.name);
  assert.ok(names.includes(tool), names.join(' '));
  assert.ok(!names.some((name) => name.includes('__')), names.join(' '));
  assert.ok(!names.includes('get-env') && !names.includes('write_file'));
  const answer = await peer.call(tool, args);
  assert.ok(answer.kind === 'result' && !answer.isError, JSON.stringify(answer));
  await peer.close();
}

/** The allowed call and the denied one, each once, in the audit's own words and in the original's columns. */
async function isRecorded(setup: Setup, subject: string, store: 'sqlite' | 'postgres'): Promise<void> {
  const rows = await setup.jsonLines(['audit', 'query', '--subject', subject, '--limit', '500']);
  const of = (tool: string) => rows.filter((row) => row['object_name'] === tool && row['backend'] === 'everything');
  assert.deepEqual(of('get-env').map((row) => [row['decision'], row['status']]), [['deny', 'denied']]);
  assert.ok(of('echo').every((row) => row['decision'] === 'allow' && row['status'] === 'success'), JSON.stringify(of('echo')));
  assert.equal(of('echo').length, 2);
  assert.equal(of('trigger-long-running-operation').length, 2);
  const logged = await auditLog(setup, subject, store);
  const seen = logged.map((row) => `${row['tool_name']} ${row['backend_name']} ${row['response_status']} ${row['client_role']}`);
  assert.ok(seen.includes('everything__echo everything success developer'), seen.join('\n'));
  assert.ok(seen.includes('everything__get-env everything denied developer'), seen.join('\n'));
  assert.ok(seen.includes('filesystem__read_text_file filesystem success developer'), seen.join('\n'));
}

async function auditLog(setup: Setup, subject: string, store: 'sqlite' | 'postgres'): Promise<readonly Record<string, unknown>[]> {
  if (store === 'sqlite') {
    const database = new DatabaseSync(join(setup.state, 'journal', '00000001.db'), { readOnly: true });
    const rows = database.prepare('select * from audit_log where client_subject = ?').all(subject);
    database.close();
    return rows;
  }
  const client = new pg.Client({ connectionString: setup.env['DATABASE_URL'] });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>('select * from audit_log where client_subject = $1', [subject]);
  await client.end();
  return rows;
}
