// What every agent does with the published servers, whatever its SDK, its era and its way in. Each promise is checked on the answers alone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from './clients.ts';
import { until } from './processes.ts';
import { everything, filesystem, httpBackend, memory, thinking } from './servers.ts';

export interface World {
  readonly toml: string;
  /** The folder that the filesystem server may read. */
  readonly files: string;
}

const FILE_TEXT = 'one line of text\n';
const PAGE = 10;

/** Five published servers; `web` is an endpoint of one of them over Streamable HTTP. `killed`: lines of `[kill_switch]`. */
export function worldIn(folder: string, web: string, killed = ''): World {
  writeFileSync(join(folder, 'note.txt'), FILE_TEXT);
  const toml = [
    // A cancelled operation of this server runs on, and keeps it from ending by itself.
    everything('everything', ['stop_timeout = "500ms"']), filesystem(folder), memory(folder), thinking(), httpBackend('web', web),
    '[rbac.roles.developer]', 'permissions = ["*"]', 'deny = ["get-env", "filesystem/write_file"]', '',
    '[bounds]', `page = ${PAGE}`, '', '[kill_switch]', killed, '',
  ].join('\n');
  return { toml, files: folder };
}

export const SERVERS = ['everything', 'filesystem', 'memory', 'thinking', 'web'] as const;

/** Lists by pages, in one order, without what the role may not see. */
export async function listsByPages(peer: Peer): Promise<void> {
  const tools = await peer.list();
  const names = tools.map((tool) => tool.name);
  const owners = new Set(names.map((name) => name.split('__')[0]));
  assert.deepEqual([...owners].toSorted(), [...SERVERS].toSorted());
  assert.equal(new Set(names).size, names.length, 'no name twice');
  for (const hidden of ['everything__get-env', 'web__get-env', 'filesystem__write_file']) assert.ok(!names.includes(hidden), hidden);
  const first = await peer.page();
  assert.equal(first.tools.length, PAGE);
  assert.notEqual(first.nextCursor, undefined, 'there is more than one page');
  assert.deepEqual((await peer.list()).map((tool) => tool.name), names, 'twice the same order');
}

/** One call to each server, over both of its transports. */
export async function callsEach(peer: Peer, world: World): Promise<void> {
  const text = async (name: string, args: Readonly<Record<string, unknown>>): Promise<string> => {
    const answer = await peer.call(name, args);
    assert.equal(answer.kind, 'result', JSON.stringify(answer));
    assert.ok(answer.kind === 'result' && !answer.isError, JSON.stringify(answer));
    return answer.text;
  };
  assert.match(await text('everything__echo', { message: 'olá 🌍' }), /olá 🌍/);
  assert.match(await text('web__get-sum', { a: 20, b: 22 }), /42/);
  assert.equal(await text('filesystem__read_text_file', { path: join(world.files, 'note.txt') }), FILE_TEXT);
  const entity = { name: `of ${peer.generation}`, entityType: 'agent', observations: ['it called'] };
  await text('memory__create_entities', { entities: [entity] });
  assert.match(await text('memory__read_graph', {}), new RegExp(entity.name));
  assert.match(await text('thinking__sequentialthinking', { thought: 'first', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }), /thoughtNumber/);
}

/** Denied, and not there at all, are one answer; arguments that do not fit are told where they do not. */
export async function isRefused(peer: Peer): Promise<void> {
  const denied = await peer.call('everything__get-env', {});
  const absent = await peer.call('everything__no-such', {});
  assert.deepEqual(denied, { kind: 'error', code: -32602, message: 'Unknown tool: everything__get-env', data: undefined });
  assert.deepEqual(absent, { kind: 'error', code: -32602, message: 'Unknown tool: everything__no-such', data: undefined });
  const misfit = await peer.call('everything__get-sum', { a: 'one', b: 2 });
  assert.ok(misfit.kind === 'result' && misfit.isError && misfit.text.includes('SEN-0305') && misfit.text.includes('/a'), JSON.stringify(misfit));
}

const LONG = 'everything__trigger-long-running-operation';

export async function relaysProgress(peer: Peer): Promise<void> {
  const seen: number[] = [];
  const answer = await peer.call(LONG, { duration: 0.3, steps: 3 }, { onProgress: (progress) => seen.push(progress) });
  assert.ok(answer.kind === 'result' && answer.text.includes('Steps: 3'), JSON.stringify(answer));
  // The SDKs drop the last one when the answer is in the same read; that all of them come first is shown on the wire (protocol/e2e-stdio).
  assert.ok(seen.length >= 2, 'progress arrives');
  assert.deepEqual(seen, [1, 2, 3].slice(0, seen.length));
}

/** Ends a call that would take a minute, once it has begun; other calls go on. */
export async function cancels(peer: Peer): Promise<void> {
  const begun = Promise.withResolvers<undefined>();
  const stop = new AbortController();
  const call = peer.call(LONG, { duration: 60, steps: 600 }, { signal: stop.signal, onProgress: () => begun.resolve(undefined) });
  const rejected = assert.rejects(call);
  await begun.promise;
  stop.abort();
  await rejected;
  const after = await peer.call('everything__echo', { message: 'still here' });
  assert.ok(after.kind === 'result' && after.text.includes('still here'));
}

const SWITCHED = 'everything__get-tiny-image';

/** `kill` and `unkill` switch one tool off and on again, whoever does it. */
export async function hearsOfChanges(peer: Peer, kill: () => Promise<void>, unkill: () => Promise<void>): Promise<void> {
  const has = async (): Promise<boolean> => (await peer.list()).some((tool) => tool.name === SWITCHED);
  assert.equal(await has(), true);
  const before = peer.changes();
  await kill();
  await until(() => peer.changes() > before, 'list_changed after the kill');
  assert.equal(await has(), false);
  const refused = await peer.call(SWITCHED, {});
  assert.ok(refused.kind === 'error' || refused.isError, 'a killed tool is refused');
  const between = peer.changes();
  await unkill();
  await until(() => peer.changes() > between, 'list_changed after the unkill');
  assert.equal(await has(), true);
}
