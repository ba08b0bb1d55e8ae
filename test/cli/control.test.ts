import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { controlOf } from '../../src/cli/control.ts';
import { bridge } from '../../src/cli/verbs/stdio.ts';
import { NOW, cli, scratch } from './world.ts';
import type { Ran } from './world.ts';

interface Asked { readonly method: string; readonly url: string; readonly body: unknown }

/** A gateway's control socket with canned answers; remembers what it was asked. */
async function gateway(t: TestContext, answers: Readonly<Record<string, unknown>>): Promise<{ readonly socket: string; readonly asked: Asked[]; readonly server: Server }> {
  const socket = join(scratch(t), 'c.sock');
  const asked: Asked[] = [];
  const server = createServer((request, response) => void answer(request, response, answers, asked));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { socket, asked, server };
}

async function answer(request: IncomingMessage, response: ServerResponse, answers: Readonly<Record<string, unknown>>, asked: Asked[]): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const url = request.url ?? '';
  asked.push({ method: request.method ?? '', url, body: body === '' ? undefined : JSON.parse(body) });
  const found = answers[`${request.method} ${url}`];
  const refused = typeof found === 'object' && found !== null && 'error' in found;
  response.writeHead(found === undefined ? 404 : refused ? 422 : 200, { 'content-type': 'application/json' });
  response.end(found === undefined ? '{"error":{"code":"not_found","message":"no such route"}}' : typeof found === 'string' ? found : JSON.stringify(found));
}

const STATUS = {
  version: '1.2.3', pid: 42, startedAt: NOW - 60_000, endpoint: 'http://127.0.0.1:1/mcp', health: 'http://127.0.0.1:2', controlSocket: '/s/control.sock', configFile: '/s/sentinel.toml',
  revision: 7, configHash: 'abcdef0123456789', readiness: { ready: true, conditions: [] },
  backends: [{ id: 'files', transport: 'stdio', state: 'ready', since: NOW - 1000, tools: 3, restarts: 0, inflight: 0, noise: 0 }],
  circuits: [{ backend: 'files', state: 'closed' }], tools: 3, policy: 'default deny', kills: [], inflight: 0, parked: 0, follows: 0, tasks: 0, sessions: 1, store: 'sqlite', exports: [], warnings: [],
};

const ask = (socket: string, argv: readonly string[]): Promise<Ran> => cli(argv, { env: { SENTINEL_CONTROL: socket } });

describe('status', () => {
  test('is one screen, and exit 0 when all is well', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': STATUS });
    const { status, stdout } = await ask(socket, ['status']);
    assert.equal(status, 0);
    assert.match(stdout, /^sentinel 1\.2\.3 {2}ready {2}pid 42, started 1 min ago\n/);
    assert.match(stdout, /files +stdio +ready +closed +3/);
  });

  test('prompts and resources are counted where there are any', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': { ...STATUS, prompts: 1, resources: 2 } });
    assert.match((await ask(socket, ['status'])).stdout, / now +3 tools, 1 prompt, 2 resources, 1 session,/);
  });

  test('what waits for its agent and what is followed is told where there is any', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': { ...STATUS, inflight: 3, parked: 2, tasks: 5, follows: 1 } });
    const { stdout } = await ask(socket, ['status']);
    assert.match(stdout, /3 calls in flight, 2 waiting for an answer of their agent, 5 tasks, 1 followed\n/);
  });

  test('each export has a line, and the way to PostgreSQL its standing', async (t) => {
    const exports = [{ name: 'local', state: 'up', lag: 0, missing: 0 }, { name: 'soc', state: 'failing', since: NOW - 180_000, lag: 12, missing: 2, reason: 'status: HTTP 401' }, { name: 'hub', state: 'elsewhere', missing: 0 }];
    const { socket } = await gateway(t, { 'GET /status': { ...STATUS, store: 'postgres', exports, shipping: { state: 'waiting', behind: 1, oldest: NOW - 60_000, reason: 'ECONNREFUSED' } } });
    const { stdout } = await ask(socket, ['status']);
    assert.match(stdout, / audit +postgres, waiting, 1 record behind, the oldest of 1 min ago: ECONNREFUSED\n/);
    assert.match(stdout, / export +local up, 0 behind\n +export +soc failing for 3 min, 12 behind, 2 missing: status: HTTP 401\n +export +hub sent by another process\n/);
    const parsed = JSON.parse((await ask(socket, ['status', '--json'])).stdout);
    assert.deepEqual([parsed.exports[1].since, parsed.shipping.oldest], ['2026-01-02T03:01:05.000Z', '2026-01-02T03:03:05.000Z']);
  });

  test('--json is one object, snake_case, with RFC 3339 times', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': STATUS });
    const parsed = JSON.parse((await ask(socket, ['status', '--json'])).stdout);
    assert.equal(parsed.started_at, '2026-01-02T03:03:05.000Z');
    assert.equal(parsed.control_socket, '/s/control.sock');
    assert.equal(parsed.backends[0].since, '2026-01-02T03:04:04.000Z');
    assert.equal(parsed.degraded, false);
    assert.ok(!JSON.stringify(parsed).match(/"[a-z]+[A-Z]/));
  });

  const degraded: readonly (readonly [why: string, change: object, said: RegExp])[] = [
    ['not ready', { readiness: { ready: false, conditions: [{ name: 'audit', ok: false, note: 'store unavailable' }] } }, /not ready: audit: store unavailable/],
    ['a backend is down', { backends: [{ ...STATUS.backends[0], state: 'backing_off', lastFault: { code: 'exited', detail: 'status 1' } }] }, /backend files is backing_off: exited, status 1/],
    ['a circuit is open', { circuits: [{ backend: 'files', state: 'open' }] }, /circuit of files is open/],
  ];
  for (const [why, change, said] of degraded) {
    test(`exit 3 when ${why}; --check says so on stderr and nothing on stdout`, async (t) => {
      const { socket } = await gateway(t, { 'GET /status': { ...STATUS, ...change } });
      assert.equal((await ask(socket, ['status'])).status, 3);
      const checked = await ask(socket, ['status', '--check']);
      assert.equal(checked.status, 3);
      assert.equal(checked.stdout, '');
      assert.match(checked.stderr, said);
    });
  }

  test('hostile text of a backend cannot reach the terminal', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': { ...STATUS, warnings: ['evil\u001b[2Jtext'], policy: 'a\u202eb' } });
    const { stdout } = await ask(socket, ['status']);
    assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'));
  });
});

describe('kill', () => {
  const report = { id: '01991f0e-0000-7000-8000-000000000000', revision: 8, cancelled: [{ call: 'c1', target: 'files/write', subject: 'bot' }], tasks: 0, hits: 1, tools: 4, known: true };

  test('sends scope, reason, end and login name, and tells what was cancelled', async (t) => {
    const { socket, asked } = await gateway(t, { 'POST /kill': report });
    const { status, stdout } = await ask(socket, ['kill', 'tool', 'files/write', '--reason', 'incident', '--until', '2h']);
    assert.equal(status, 0);
    assert.deepEqual(asked[0]?.body, { scope: { kind: 'tool', pattern: 'files/write' }, reason: 'incident', until: NOW + 7_200_000, by: 'tester', dryRun: false });
    assert.match(stdout, /^stopped tool files\/write, until 2026-01-02T05:04:05\.000Z \(in 2 h\): 1 known tool, 1 call in flight cancelled\n {2}c1 {2}files\/write {2}bot\n$/);
  });

  test('--dry-run needs no reason and says so to the gateway', async (t) => {
    const { socket, asked } = await gateway(t, { 'POST /kill': report });
    const { stdout } = await ask(socket, ['kill', 'all', '--dry-run']);
    assert.match(stdout, /^would stop all/);
    assert.equal(typeof asked[0]?.body === 'object' && asked[0].body !== null && 'dryRun' in asked[0].body && asked[0].body.dryRun, true);
  });

  test('all asks; without a terminal it needs --yes, and nothing was sent: exit 23', async (t) => {
    const { socket, asked } = await gateway(t, { 'POST /kill': report });
    const { status, stderr } = await ask(socket, ['kill', 'all', '--reason', 'x']);
    assert.equal(status, 23);
    assert.match(stderr, /--yes/);
    const refused = await cli(['kill', 'all', '--reason', 'x'], { env: { SENTINEL_CONTROL: socket }, tty: true, answer: false });
    assert.equal(refused.status, 23);
    assert.deepEqual(asked, []);
    assert.equal((await cli(['kill', 'all', '--reason', 'x'], { env: { SENTINEL_CONTROL: socket }, tty: true, answer: true })).status, 0);
    assert.equal((await ask(socket, ['kill', 'all', '--reason', 'x', '--yes'])).status, 0);
  });

  test('a scope that hits no known tool is a hint at a typo', async (t) => {
    const { socket } = await gateway(t, { 'POST /kill': { ...report, hits: 0, known: false, cancelled: [] } });
    const { status, stderr } = await ask(socket, ['kill', 'tool', 'fils/write', '--reason', 'x']);
    assert.equal(status, 0);
    assert.match(stderr, /no known tool is hit by tool fils\/write/);
    assert.match((await ask(socket, ['kill', 'backend', 'fils', '--reason', 'x'])).stderr, /warning: no backend fils in the configuration/);
  });

  test('says how many tasks are told to end, or would be', async (t) => {
    const { socket } = await gateway(t, { 'POST /kill': { ...report, tasks: 2 } });
    assert.match((await ask(socket, ['kill', 'backend', 'files', '--reason', 'x'])).stdout, /: 1 known tool, 1 call in flight cancelled, 2 tasks told to end\n/);
    assert.match((await ask(socket, ['kill', 'backend', 'files', '--dry-run'])).stdout, /: 1 known tool, 1 call in flight, 2 tasks at work\n/);
  });

  test('of a role says what it may call, of an unknown one that it is unknown, of a subject nothing about tools', async (t) => {
    const { socket } = await gateway(t, { 'POST /kill': { ...report, hits: 3, cancelled: [] } });
    const known = await ask(socket, ['kill', 'role', 'developer', '--dry-run']);
    assert.equal(known.stdout, 'would stop role developer, which may call 3 of 4 tools, until unkill: 0 calls in flight\n');
    assert.doesNotMatch(known.stderr, /warning/);

    const mistyped = await gateway(t, { 'POST /kill': { ...report, hits: 0, known: false, cancelled: [] } });
    const unknown = await ask(mistyped.socket, ['kill', 'role', 'nosuch', '--dry-run']);
    assert.equal(unknown.status, 0);
    assert.equal(unknown.stdout, 'would stop role nosuch, until unkill: 0 calls in flight\n');
    assert.match(unknown.stderr, /^warning: no role nosuch in the configuration/m);

    const { hits, ...unasked } = report;
    assert.equal(hits, 1);
    const somebody = await gateway(t, { 'POST /kill': unasked });
    const subject = await ask(somebody.socket, ['kill', 'subject', 'ann', '--reason', 'x']);
    assert.match(subject.stdout, /^stopped subject ann, until unkill: 1 call in flight cancelled\n/);
    assert.doesNotMatch(subject.stderr, /warning/);
  });

  test('what the gateway refuses is told in its words: exit 1', async (t) => {
    const { socket } = await gateway(t, { 'POST /kill': { error: { code: 'invalid', message: 'not a tool pattern: //' } } });
    const { status, stderr } = await ask(socket, ['kill', 'tool', '//', '--reason', 'x', '--json']);
    assert.equal(status, 1);
    assert.equal(JSON.parse(stderr).error.message, 'not a tool pattern: //');
  });
});

test('unkill takes the same words, or an id', async (t) => {
  const { socket, asked } = await gateway(t, { 'POST /unkill': { removed: 1, revision: 9 } });
  assert.equal((await ask(socket, ['unkill', 'tool', 'files/write', '--reason', 'over'])).status, 0);
  assert.equal((await ask(socket, ['unkill', '01991f0e-0000-7000-8000-000000000000', '--reason', 'over'])).status, 0);
  assert.deepEqual(asked.map((one) => one.body), [
    { target: 'tool files/write', reason: 'over', by: 'tester' },
    { target: '01991f0e-0000-7000-8000-000000000000', reason: 'over', by: 'tester' },
  ]);
});

test('kills is a table, or an object', async (t) => {
  const { socket } = await gateway(t, { 'GET /kills': [{ scope: 'all', origin: 'config' }, { id: 'x1', scope: 'tool a/b', origin: 'operator', by: 'eve', reason: 'why', at: NOW - 1000, until: NOW + 3_600_000 }] });
  assert.match((await ask(socket, ['kills'])).stdout, /all +configuration[\s\S]*tool a\/b +x1 +1 s ago +in 1 h +eve +why/);
  assert.deepEqual(JSON.parse((await ask(socket, ['kills', '--json'])).stdout).kills[1].until, '2026-01-02T04:04:05.000Z');
});

test('reload that is refused lists every problem: exit 11', async (t) => {
  const problem = { code: 'SEN-0106', severity: 'error', message: 'unknown key `x`', file: '/s/none.toml', line: 2, column: 1, help: 'did you mean `y`?' };
  const { socket } = await gateway(t, { 'POST /reload': { ok: false, revision: 7, changes: [], problems: [problem, { ...problem, message: 'second' }] } });
  const { status, stderr, stdout } = await ask(socket, ['reload']);
  assert.equal(status, 11);
  assert.equal(stdout, '');
  assert.match(stderr, /unknown key `x`[\s\S]*second[\s\S]*revision 7 keeps running/);
});

test('explain: exit 0 allowed, 21 denied, with the trail', async (t) => {
  const trail = [{ stage: 'role', rule: 'rbac.roles.viewer', decision: 'deny', mode: 'enforce', severity: 'info', note: 'not in allow' }];
  const { socket, asked } = await gateway(t, { 'POST /explain': { allowed: false, known: true, target: 'files/write', code: 'forbidden', revision: 3, trail } });
  const { status, stdout } = await cli(['explain', 'files/write', '--as', 'viewer', '--args', '-'], { env: { SENTINEL_CONTROL: socket }, stdin: '{"path":"x"}' });
  assert.equal(status, 21);
  assert.match(stdout, /^denied: files\/write for viewer \(forbidden\), revision 3\n/);
  assert.match(stdout, /role +deny +rbac\.roles\.viewer +not in allow/);
  assert.deepEqual(asked[0]?.body, { tool: 'files/write', roles: ['viewer'], scopes: [], subject: 'explain', args: '{"path":"x"}' });
});

test('explain says of a kill by whom it is and why', async (t) => {
  const trail = [{ stage: 'kill', rule: 'kill:operator:tool files/write', decision: 'deny', mode: 'enforce', severity: 'high' }];
  const { socket } = await gateway(t, {
    'POST /explain': { allowed: false, known: true, target: 'files/write', code: 'SEN-0301', revision: 3, trail },
    'GET /kills': [{ id: 'k1', scope: 'tool files/write', origin: 'operator', by: 'ada', reason: 'incident 7', at: NOW, until: undefined }],
  });
  assert.match((await ask(socket, ['explain', 'files/write', '--as', 'viewer'])).stdout, /kill +deny +kill:operator:tool files\/write +by ada: incident 7/);
  assert.equal(JSON.parse((await ask(socket, ['explain', 'files/write', '--as', 'viewer', '--json'])).stdout).trail[0].note, 'by ada: incident 7');
});

test('tools shows what a role sees, and counts it', async (t) => {
  const { socket } = await gateway(t, { 'GET /tools?roles=viewer': [{ name: 'files__read', target: 'files/read', digest: 'd'.repeat(64), visible: true }, { name: 'files__write', target: 'files/write', digest: 'e'.repeat(64), visible: false }] });
  const { stdout, stderr } = await ask(socket, ['tools', '--as', 'viewer']);
  assert.match(stdout, /files__read +files\/read +d{12} +yes$/m);
  assert.match(stderr, /1 tool visible to viewer, of 2/);
  assert.equal(JSON.parse((await ask(socket, ['tools', '--as', 'viewer', '--visible', '--json'])).stdout).tools.length, 1);
});

test('tools --all-kinds shows prompts, resources and templates in sections of their own, and as members beside tools', async (t) => {
  const view = { digest: 'd'.repeat(64), visible: true };
  const { socket } = await gateway(t, {
    'GET /tools?roles=viewer': [{ name: 'files__read', target: 'files/read', ...view }],
    'GET /objects?roles=viewer': [
      { kind: 'prompt', name: 'files__review', target: 'prompt:files/review', ...view }, { kind: 'resource', name: 'files+file:///a', target: 'resource:files/file:///a', ...view, visible: false },
      { kind: 'template', name: 'files+file:///{p}', target: 'resource:files/file:///{p}', ...view },
    ],
  });
  const { stdout, stderr } = await ask(socket, ['tools', '--as', 'viewer', '--all-kinds']);
  assert.match(stdout, /^TOOL +TARGET +DIGEST +MAY CALL\nfiles__read +files\/read +d{12} +yes\n\nPROMPT .*MAY USE\nfiles__review +prompt:files\/review +d{12} +yes\n\nRESOURCE .*\nfiles\+file:\/\/\/a .* no\n\nTEMPLATE .*\nfiles\+file:\/\/\/\{p\} .* yes\n$/);
  assert.match(stderr, /1 tool visible to viewer, of 1/);
  const json = JSON.parse((await ask(socket, ['tools', '--as', 'viewer', '--all-kinds', '--visible', '--json'])).stdout);
  assert.deepEqual([Object.keys(json), json.tools.length, json.prompts.length, json.resources.length, json.templates.length], [['roles', 'tools', 'prompts', 'resources', 'templates'], 1, 1, 0, 1]);
  assert.deepEqual(Object.keys(JSON.parse((await ask(socket, ['tools', '--as', 'viewer', '--json'])).stdout)), ['roles', 'tools'], 'without it as before');
});

test('tools names a role that the configuration does not have', async (t) => {
  const { socket } = await gateway(t, { 'GET /tools?roles=nosuch': [{ name: 'files__read', target: 'files/read', digest: 'd'.repeat(64), visible: false }] });
  const cwd = scratch(t);
  writeFileSync(join(cwd, 'sentinel.toml'), `[gateway]\nstate_dir = "state"\ncontrol_socket = "${socket}"\n[auth]\nown_keys = true\n[rbac.roles.developer]\nallow = ["*"]\n`);
  const { status, stdout, stderr } = await cli(['tools', '--as', 'nosuch'], { cwd, env: { SENTINEL_HOME: '' } });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /files__read +files\/read +d{12} +no$/m);
  assert.match(stderr, /^warning: no role nosuch in the configuration, which has developer$/m);
});

test('what a refusal of unkill leads to is told, also that all is one kill', async (t) => {
  const { socket } = await gateway(t, { 'POST /unkill': { error: { code: 'not_found', message: 'no kill by that id or scope: all' } } });
  const { status, stderr } = await ask(socket, ['unkill', 'all', '--reason', 'x']);
  assert.equal(status, 1);
  assert.match(stderr, /= help: sentinel kills lists them; `unkill all` undoes a `kill all`, not every kill/);
});

test('status tells a kill once: one of an operator with the command that undoes it, one of the file by itself', async (t) => {
  const kills = [{ scope: 'tool a/b', origin: 'operator', id: 'k1', reason: 'x' }, { scope: 'tool c/d', origin: 'config' }];
  const { socket } = await gateway(t, { 'GET /status': { ...STATUS, kills, warnings: ['killed: tool a/b (x): sentinel unkill k1'] } });
  const { stdout } = await ask(socket, ['status']);
  assert.equal(stdout.match(/tool a\/b/g)?.length, 1);
  assert.match(stdout, /^stopped: tool c\/d$/m);
});

describe('a gateway that is not what it should be', () => {
  test('one of another version is a fault, not a guess', async (t) => {
    const { socket } = await gateway(t, { 'GET /status': { hello: 1 }, 'GET /kills': 'not json' });
    assert.match((await ask(socket, ['status'])).stderr, /a form this version does not know/);
    assert.match((await ask(socket, ['kills'])).stderr, /a form this version does not know/);
  });

  test('a socket nobody listens on is "not running"', async (t) => {
    const path = join(scratch(t), 's');
    writeFileSync(path, '');
    const { status } = await ask(path, ['status']);
    assert.equal(status, 13);
  });

  test('a follower hears that the gateway went away, and nothing of its own end', async (t) => {
    const { socket, server } = await gateway(t, {});
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200);
      response.write('{"type":"lifecycle"}\n{"type":');
    });
    const lines: string[] = [];
    const stop = new AbortController();
    const followed = controlOf(socket).tail((line) => {
      lines.push(line);
      stop.abort();
    }, stop.signal);
    assert.deepEqual(await followed, { ok: true, value: undefined });
    assert.deepEqual(lines, ['{"type":"lifecycle"}']);

    const other = controlOf(socket).tail(() => server.closeAllConnections(), new AbortController().signal);
    assert.equal((await other).ok, false);
  });
});

describe('attaching', () => {
  async function attachable(t: TestContext, onStream: (stream: Duplex, request: IncomingMessage) => void): Promise<string> {
    const { socket, server } = await gateway(t, {});
    server.on('upgrade', (request, stream) => {
      t.after(() => stream.destroy());
      stream.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sentinel-stdio\r\n\r\n');
      onStream(stream, request);
    });
    return socket;
  }

  const silent = { signal: new AbortController().signal, fail: (fault: { readonly exit: number }): number => fault.exit };

  test('carries bytes both ways and ends well when stdin ends', async (t) => {
    const socket = await attachable(t, (stream, request) => {
      assert.equal(request.headers.upgrade, 'sentinel-stdio');
      assert.equal(request.headers.authorization, 'Bearer t0ken');
      stream.on('data', (chunk: Buffer) => stream.write(chunk.toString().toUpperCase()));
      stream.on('end', () => stream.end('bye\n'));
    });
    const stream = await controlOf(socket).attach('t0ken');
    assert.ok(stream.ok);
    const input = new PassThrough();
    const output = new PassThrough();
    const done = bridge(silent, stream.value, input, output);
    input.end('{"a":1}\n');
    assert.equal(await done, 0);
    assert.equal(String(output.read()), '{"A":1}\nbye\n');
  });

  test('a session that is lost in between ends with 1 and a clear line', async (t) => {
    const socket = await attachable(t, (stream) => stream.end());
    const stream = await controlOf(socket).attach('t');
    assert.ok(stream.ok);
    const said: string[] = [];
    const status = await bridge({ ...silent, fail: (fault) => {
      said.push(fault.message);
      return fault.exit;
    } }, stream.value, new PassThrough(), new PassThrough());
    assert.equal(status, 1);
    assert.match(said.join('\n'), /the session with the gateway was lost/);
  });

  test('a sentinel.toml planted in the folder of a project names neither the socket that gets the token, nor a program to run', async (t) => {
    const { socket, server } = await gateway(t, {});
    let attached = 0;
    server.on('upgrade', (_request, stream) => {
      attached += 1;
      stream.destroy();
    });
    const cwd = dirname(socket);
    const planted = `[gateway]\ncontrol_socket = ${JSON.stringify(socket)}\n`;
    mkdirSync(join(cwd, '.sentinel'));
    for (const file of ['sentinel.toml', '.sentinel/sentinel.toml']) writeFileSync(join(cwd, file), planted);
    const world = { cwd, env: { HOME: join(cwd, 'home'), SENTINEL_HOME: '', SENTINEL_TOKEN: 'x' } };
    const { status, stderr } = await cli(['stdio', '--attach'], world);
    assert.notEqual(status, 0);
    assert.doesNotMatch(stderr, new RegExp(socket));
    assert.equal(attached, 0);
    await cli(['stdio', '--attach', '--config', 'sentinel.toml'], world);
    assert.equal(attached, 1, 'named, it is taken');
  });

  test('a configuration that others can write does not name the socket that gets the token', { skip: process.platform === 'win32' }, async (t) => {
    const { socket, server } = await gateway(t, {});
    let attached = 0;
    server.on('upgrade', (_request, stream) => {
      attached += 1;
      stream.destroy();
    });
    const cwd = dirname(socket);
    const file = join(cwd, 'lax.toml');
    writeFileSync(file, `[gateway]\ncontrol_socket = ${JSON.stringify(socket)}\n`);
    chmodSync(file, 0o666);
    const { status, stderr } = await cli(['stdio', '--attach', '--config', file], { cwd, env: { HOME: join(cwd, 'home'), SENTINEL_TOKEN: 'x' } });
    assert.equal(status, 11);
    assert.match(stderr, /SEN-0128/);
    assert.equal(attached, 0);
  });

  test('a refused token ends with 20 and is not passed by', async (t) => {
    const { socket, server } = await gateway(t, {});
    server.on('upgrade', (_request, stream) => stream.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 59\r\n\r\n{"error":{"code":"unauthenticated","message":"not let in"}}\n'));
    const { status, stdout, stderr } = await cli(['stdio'], { env: { SENTINEL_CONTROL: socket, SENTINEL_TOKEN: 'x' } });
    assert.equal(status, 20);
    assert.equal(stdout, '');
    assert.match(stderr, /not let in/);
  });
});
