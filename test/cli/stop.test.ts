import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { gatewayToStop } from '../../src/cli/verbs/stop.ts';
import { cli, scratch } from './world.ts';

const STATUS = { version: '1', pid: 42, endpoint: '', readiness: { ready: true, conditions: [] }, backends: [], kills: [] };

/** A gateway as far as `stop` looks at it: it answers on its control socket. */
async function running(t: TestContext, socket: string): Promise<void> {
  mkdirSync(dirname(socket), { recursive: true });
  const server = createServer((_request, response) => void response.end(JSON.stringify(STATUS)));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

/** A folder with a file of its own, beside the home of `start` with its file. */
function both(t: TestContext): { readonly cwd: string; readonly home: string; readonly own: string; readonly started: string } {
  const root = scratch(t);
  const [cwd, home] = [join(root, 'w'), join(root, 'h')];
  for (const folder of [cwd, home]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'sentinel.toml'), '[gateway]\nstate_dir = "s"\n', { mode: 0o600 });
  }
  return { cwd, home, own: join(cwd, 's/control.sock'), started: join(home, 's/control.sock') };
}

async function meant({ cwd, home }: { readonly cwd: string; readonly home: string }, env: Readonly<Record<string, string>> = {}): Promise<{ readonly said: string; readonly found: Awaited<ReturnType<typeof gatewayToStop>> }> {
  const said: string[] = [];
  const found = await gatewayToStop({ named: undefined, env: { HOME: cwd, ...env }, cwd, json: false, err: (text) => void said.push(text) }, home);
  return { said: said.join('\n'), found };
}

describe('the gateway that stop means', () => {
  test('is that of ./sentinel.toml, as for every verb, and never that of start in its place', async (t) => {
    const place = both(t);
    await running(t, place.own);
    const { said, found } = await meant(place);
    assert.deepEqual(found, { ok: true, value: place.own });
    assert.match(said, new RegExp(`^configuration: ${place.cwd}/sentinel\\.toml`));
  });

  test('is not that of start where ./sentinel.toml has none that runs: the one that does is named with its command', async (t) => {
    const place = both(t);
    await running(t, place.started);
    const { said, found } = await meant(place);
    assert.deepEqual(found, { ok: true, value: place.own });
    assert.match(said, new RegExp(`sentinel stop --config ${place.home}/sentinel\\.toml`));
  });

  test('is nobody when both run: the refusal names a command for each', async (t) => {
    const place = both(t);
    await running(t, place.own);
    await running(t, place.started);
    const { found } = await meant(place);
    assert.ok(!found.ok);
    for (const folder of [place.cwd, place.home]) assert.match(found.error.help ?? '', new RegExp(`sentinel stop --config ${folder}/sentinel\\.toml`));
  });

  test('is that of the user\'s own file likewise', async (t) => {
    const place = both(t);
    const file = join(place.cwd, 'c/sentinel/sentinel.toml');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '[gateway]\nstate_dir = "s"\n', { mode: 0o600 });
    const elsewhere = { cwd: place.home, home: join(place.home, 'none') };
    assert.deepEqual((await meant({ ...elsewhere, cwd: dirname(place.cwd) }, { XDG_CONFIG_HOME: join(place.cwd, 'c') })).found, { ok: true, value: join(dirname(file), 's/control.sock') });
  });

  test('is that of start where there is no nearer file, or SENTINEL_HOME names it', async (t) => {
    const place = both(t);
    assert.deepEqual((await meant({ cwd: dirname(place.cwd), home: place.home })).found, { ok: true, value: place.started });
    await running(t, place.own);
    assert.deepEqual((await meant(place, { SENTINEL_HOME: place.home })).found, { ok: true, value: place.started });
    const gone = join(place.home, 'gone');
    assert.deepEqual((await meant({ ...place, home: gone }, { SENTINEL_HOME: gone })).found, { ok: true, value: join(gone, 'control.sock') });
  });

  test('on the command line is told before anything is ended', async (t) => {
    const { cwd } = both(t);
    const { status, stderr } = await cli(['stop'], { cwd, env: { SENTINEL_HOME: '' } });
    assert.equal(status, 0);
    assert.ok(stderr.startsWith(`configuration: ${cwd}/sentinel.toml\n`), stderr);
    assert.match(stderr, new RegExp(`no gateway runs on ${cwd}/s/control\\.sock`));
  });
});
