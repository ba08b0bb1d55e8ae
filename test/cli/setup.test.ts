import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { demoPlan, demoPortIn, withDemoPort } from '../../src/cli/demo/plan.ts';
import { clock, nodeVersion, sandboxTools } from '../../src/cli/doctor/machine.ts';
import { listeners } from '../../src/cli/holder.ts';
import { addressFrom } from '../../src/cli/setup/address.ts';
import { configText } from '../../src/cli/setup/config-text.ts';
import { readToken, tokenFromFile } from '../../src/cli/token.ts';
import { backendId, timestamp } from '../../src/core/ids.ts';
import type { BackendStatus } from '../../src/core/ports.ts';
import { settleAddresses, type Addresses } from '../../src/cli/setup/addresses.ts';
import { hintsOf } from '../../src/cli/verbs/serve.ts';
import { withConfig } from '../../src/cli/remedy.ts';
import { defaultConfig, demoConfig, whereabouts } from '../../src/cli/whereabouts.ts';
import { load } from '../../src/config/load.ts';
import { err } from '../../src/core/result.ts';
import type { Settings } from '../../src/core/settings.ts';
import { cli, scratch } from './world.ts';

function settingsOf(text: string, file: string, env: Readonly<Record<string, string>>, home: string): Settings {
  const loaded = load({ text, file, env, home, readFile: () => err('ENOENT') });
  assert.ok(loaded.ok, JSON.stringify(loaded.ok ? [] : loaded.error));
  return loaded.value.settings;
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the configuration that is written', () => {
  const demo = demoPlan({ root: '/co', node: '/n/node', files: '/s/demo-files' }, '127.0.0.1:9200', '127.0.0.1:9201', 40_001);

  test('is accepted without an error or a warning', () => {
    const file = '/s/sentinel.toml';
    for (const plan of [demo, { ...demo, backends: [], allow: ['*'], deny: [], stateDir: '/s' }]) {
      const loaded = load({ text: configText(plan), file, env: {}, home: '/h', readFile: () => err('ENOENT') });
      assert.ok(loaded.ok);
      assert.deepEqual(loaded.value.warnings, []);
    }
  });

  test('of the demo allows reading, and denies writing by name', () => {
    const { roles, backends, gateway } = settingsOf(configText(demo), '/s/sentinel.toml', {}, '/h');
    assert.deepEqual(roles[0]?.deny, ['filesystem/write_file', 'filesystem/edit_file', 'filesystem/move_file']);
    assert.ok(roles[0]?.allow.every((pattern) => /^(filesystem|everything)\//.test(pattern)));
    assert.deepEqual(backends.map((backend) => [backend.id, backend.type]), [['filesystem', 'stdio'], ['everything', 'http']]);
    assert.equal(gateway.stateDir, '/s');
  });

  test('survives any path and name', () => {
    const word = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\u0000') && text.isWellFormed());
    fc.assert(fc.property(word, fc.array(word, { maxLength: 3 }), (path, args) => {
      const text = configText({ ...demo, deny: [], stateDir: `/x/${path}`, backends: [{ type: 'stdio', name: 'files', command: `/x/${path}`, args, note: 'n' }] });
      const { backends } = settingsOf(text, '/s/sentinel.toml', {}, '/h');
      const [backend] = backends;
      assert.ok(backend?.type === 'stdio');
      assert.deepEqual(backend.args, args);
    }), { numRuns: 50 });
  });

  test('remembers the port of the demo server, and moves it when somebody else has it', () => {
    const text = configText(demo);
    assert.equal(demoPortIn(text), 40_001);
    assert.equal(demoPortIn(withDemoPort(text, 40_001, 40_002)), 40_002);
    assert.equal(demoPortIn(text.replace('name = "everything"', 'name = "mine"')), undefined);
  });
});

test('--listen takes a port, an address, and nothing else', () => {
  assert.equal(addressFrom('0'), '127.0.0.1:0');
  assert.equal(addressFrom('9300'), '127.0.0.1:9300');
  assert.equal(addressFrom('[::1]:9300'), '[::1]:9300');
  for (const wrong of ['', ':9300', 'localhost', '70000', '-1', 'a:b:c']) assert.equal(addressFrom(wrong), undefined, wrong);
});

describe('where start listens', () => {
  const free = { listen: undefined, healthListen: undefined };
  const zero = { listen: '127.0.0.1:0', healthListen: '127.0.0.1:0' };
  const settled = (home: string, flags: Parameters<typeof settleAddresses>[1]): Addresses => {
    const found = settleAddresses(home, flags);
    assert.ok(found.ok, found.ok ? '' : found.error.message);
    return found.value;
  };

  test('is what the flags say, else the usual ports, where there is no file yet', (t) => {
    const home = scratch(t);
    assert.match(settled(home, free).write?.(40_001) ?? '', /^listen = "127\.0\.0\.1:9200"\nhealth_listen = "127\.0\.0\.1:9201"$/m);
    assert.match(settled(home, { ...free, listen: '127.0.0.1:0' }).write?.(40_001) ?? '', /^listen = "127\.0\.0\.1:0"\nhealth_listen = "127\.0\.0\.1:9201"$/m);
  });

  test('follows the flags while the file is as start wrote it, and refuses them where somebody changed it', (t) => {
    const home = scratch(t);
    const file = join(home, 'sentinel.toml');
    writeFileSync(file, settled(home, free).write?.(40_001) ?? '');
    assert.deepEqual({ ...settled(home, free), write: undefined }, { listen: '127.0.0.1:9200', healthListen: '127.0.0.1:9201', write: undefined });
    assert.equal(settled(home, free).write, undefined);
    const anew = settled(home, zero).write?.(1) ?? '';
    assert.match(anew, /^listen = "127\.0\.0\.1:0"\nhealth_listen = "127\.0\.0\.1:0"$/m);
    assert.equal(demoPortIn(anew), 40_001, 'the port of the demo server stays');

    writeFileSync(file, `${readFileSync(file, 'utf8')}# mine\n`);
    const refused = settleAddresses(home, zero);
    assert.ok(!refused.ok);
    assert.match(refused.error.message, new RegExp(`^${file} was changed since start wrote it, and says another listen than --listen`));
    assert.equal(refused.error.help, 'set listen = "127.0.0.1:0" in it, or leave the flag out');
    assert.equal(settled(home, { ...free, listen: '127.0.0.1:9200' }).write, undefined, 'a flag that says the same is no difference');
  });
});

describe('init', () => {
  test('writes everything private, prints the tree, and never the token', async (t) => {
    const cwd = scratch(t);
    const { status, stdout, stderr } = await cli(['init', '--here', '--yes'], { cwd });
    assert.equal(status, 0, stderr);
    const token = readFileSync(join(cwd, '.sentinel/agent.token'), 'utf8').trim();
    assert.match(token, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    for (const part of token.split('.')) assert.ok(!(stdout + stderr).includes(part));
    assert.equal(mode(join(cwd, 'sentinel.toml')), '600');
    assert.equal(mode(join(cwd, '.sentinel')), '700');
    assert.equal(mode(join(cwd, '.sentinel/agent.token')), '600');
    assert.equal(mode(join(cwd, '.sentinel/keys/ring.json')), '600');
    assert.match(stdout, /^wrote .*sentinel\.toml/m);
    assert.match(stderr, /serve --config/);
    assert.equal((await cli(['check'], { cwd })).status, 0);
  });

  test('a second time changes nothing', async (t) => {
    const cwd = scratch(t);
    await cli(['init', '--here', '--yes'], { cwd });
    const files = ['sentinel.toml', '.sentinel/agent.token', '.sentinel/keys/ring.json'].map((name) => join(cwd, name));
    const before = files.map((file) => readFileSync(file, 'utf8'));
    const { status, stdout } = await cli(['init', '--here'], { cwd });
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, /wrote/);
    assert.deepEqual(files.map((file) => readFileSync(file, 'utf8')), before);
  });

  test('beside the demo of this directory it has a state of its own, and a token that is kept is called by its own name', async (t) => {
    const cwd = scratch(t);
    mkdirSync(join(cwd, '.sentinel'));
    writeFileSync(join(cwd, '.sentinel/sentinel.toml'), '');
    assert.equal((await cli(['init', '--here', '--yes'], { cwd })).status, 0);
    assert.match(readFileSync(join(cwd, 'sentinel.toml'), 'utf8'), new RegExp(`^state_dir = "${join(cwd, '.sentinel/here')}"$`, 'm'));
    assert.ok(!existsSync(join(cwd, '.sentinel/agent.token')));
    const again = await cli(['init', '--here', '--yes', '--subject', 'somebody-else', '--role', 'other'], { cwd });
    assert.match(again.stdout, /^kept .*agent\.token +token of agent, role developer$/m);
  });

  test('for the user: the XDG directories, and the state directory is written down', async (t) => {
    const cwd = scratch(t);
    const env = { XDG_CONFIG_HOME: join(cwd, 'c'), XDG_STATE_HOME: join(cwd, 's') };
    assert.equal((await cli(['init', '--json'], { cwd, env })).status, 0);
    assert.match(readFileSync(join(cwd, 'c/sentinel/sentinel.toml'), 'utf8'), new RegExp(`^state_dir = "${join(cwd, 's/sentinel')}"$`, 'm'));
    assert.ok(existsSync(join(cwd, 's/sentinel/agent.token')));
  });

  test('asks on a terminal, and takes no for an answer', async (t) => {
    const cwd = scratch(t);
    assert.equal((await cli(['init', '--here'], { cwd, tty: true, answer: false })).status, 23);
    assert.ok(!existsSync(join(cwd, 'sentinel.toml')));
  });
});

describe('the token', () => {
  test('comes from the flag, then the variable, then the file that a variable names', (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'a'), 'from-a\n', { mode: 0o600 });
    writeFileSync(join(cwd, 'b'), 'from-b\n', { mode: 0o600 });
    const read = (file: string | undefined, env: Readonly<Record<string, string>>): string => {
      const token = readToken({ file, env, cwd });
      return token.ok ? token.value.reveal() : token.error.message;
    };
    assert.equal(read('a', { SENTINEL_TOKEN: 'direct', SENTINEL_TOKEN_FILE: 'b' }), 'from-a');
    assert.equal(read(undefined, { SENTINEL_TOKEN: 'direct', SENTINEL_TOKEN_FILE: 'b' }), 'direct');
    assert.equal(read(undefined, { SENTINEL_TOKEN: '', SENTINEL_TOKEN_FILE: 'b' }), 'from-b');
    assert.match(read(undefined, {}), /no token/);
  });

  test('in a file that others can read, or that is none, is refused with 12', (t) => {
    const cwd = scratch(t);
    const open = join(cwd, 'open');
    writeFileSync(open, 'x', { mode: 0o600 });
    chmodSync(open, 0o640);
    symlinkSync(open, join(cwd, 'link'));
    writeFileSync(join(cwd, 'empty'), '\n', { mode: 0o600 });
    writeFileSync(join(cwd, 'huge'), 'x'.repeat(70_000), { mode: 0o600 });
    for (const name of ['open', 'link', 'empty', 'huge', 'missing', '.']) {
      const token = tokenFromFile(join(cwd, name));
      assert.equal(token.ok ? 0 : token.error.exit, 12, name);
    }
  });
});

describe('where the gateway is', () => {
  const cases: readonly (readonly [why: string, gateway: string, env: Readonly<Record<string, string>>])[] = [
    ['by default', '', {}],
    ['with XDG_STATE_HOME', '', { XDG_STATE_HOME: '/xdg' }],
    ['with a relative XDG_STATE_HOME, which is ignored', '', { XDG_STATE_HOME: 'xdg' }],
    ['under systemd', '', { STATE_DIRECTORY: '/var/lib/a:/var/lib/b', XDG_STATE_HOME: '/xdg' }],
    ['with state_dir beside the file', 'state_dir = "st"', {}],
    ['with state_dir of home', "state_dir = '~/st'", {}],
    ['with control_socket', 'state_dir = "/s"\ncontrol_socket = "run/c.sock"', {}],
  ];
  for (const [why, gateway, env] of cases) {
    test(`is what the loader says, ${why}`, (t) => {
      const cwd = scratch(t);
      const file = join(cwd, 'sentinel.toml');
      const text = `[gateway]\n${gateway}\n[auth]\nown_keys = true\n`;
      writeFileSync(file, text);
      const settings = settingsOf(text, file, env, cwd);
      const found = whereabouts({ configFile: file, env: { ...env, HOME: cwd }, cwd });
      assert.equal(found.stateDir, settings.gateway.stateDir);
      assert.equal(found.controlSocket, settings.gateway.controlSocket);
    });
  }

  test('is found while the file is broken: that is when somebody wants to kill something', (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'sentinel.toml'), '[gateway]\nlisten = \ncontrol_socket = "/run/s.sock"\n[[[');
    assert.equal(whereabouts({ configFile: undefined, env: { HOME: cwd }, cwd }).controlSocket, '/run/s.sock');
  });

  test('SENTINEL_HOME leads to what start left there, a file in the working directory and SENTINEL_CONFIG come first', (t) => {
    const cwd = scratch(t);
    mkdirSync(join(cwd, 'h'));
    writeFileSync(join(cwd, 'h/sentinel.toml'), '');
    assert.equal(defaultConfig({ SENTINEL_HOME: 'h' }, cwd), join(cwd, 'h/sentinel.toml'));
    assert.equal(defaultConfig({ SENTINEL_HOME: 'h', SENTINEL_CONFIG: '/x' }, cwd), undefined);
    writeFileSync(join(cwd, 'sentinel.toml'), '');
    assert.equal(defaultConfig({ HOME: cwd }, cwd), undefined);
    assert.equal(defaultConfig({ HOME: cwd, SENTINEL_HOME: 'h' }, cwd), join(cwd, 'h/sentinel.toml'), 'a folder that is named comes first');
  });

  test('what init wrote for this user is never passed over for what start wrote into the checkout', async (t) => {
    const cwd = scratch(t);
    const env = { HOME: cwd };
    const demo = demoConfig(env, cwd);
    assert.equal(defaultConfig(env, cwd), existsSync(demo) ? demo : undefined, 'without a file of the user, the checkout is the last resort');
    assert.equal((await cli(['init', '--yes'], { cwd, env: { SENTINEL_HOME: '' } })).status, 0);
    assert.equal(defaultConfig(env, cwd), undefined);
    assert.equal(whereabouts({ configFile: defaultConfig(env, cwd), env, cwd }).configFile, join(cwd, '.config/sentinel/sentinel.toml'));
  });

  test('a named file that is not there means no gateway, never another one', async (t) => {
    const cwd = scratch(t);
    for (const argv of [['kill', 'tool', 'a/b', '--reason', 'x', '--config', 'typo.toml'], ['stop', '--config', 'typo.toml'], ['status', '--config', 'typo.toml']]) {
      const { status, stderr } = await cli(argv, { cwd });
      assert.equal(status, 10, argv.join(' '));
      assert.match(stderr, /error\[SEN-0100\]: there is no configuration file .*typo\.toml/);
    }
  });

  test('a verb that changes something says first which file it took; -q and --json are silent about it', async (t) => {
    const cwd = scratch(t);
    await cli(['init', '--here', '--yes', '--listen', '0', '--health-listen', '0'], { cwd });
    const said = `configuration: ${join(cwd, 'sentinel.toml')}\n`;
    const named = { SENTINEL_HOME: '', SENTINEL_CONFIG: 'sentinel.toml' };
    const changing: readonly (readonly string[])[] = [
      ['token', 'issue', '--subject', 'a', '--role', 'developer'], ['token', 'revoke', '0198d0f4-6b1e-7c39-9f52-3a6d0c41e7b8', '--reason', 'x'], ['keys', 'rotate'],
      ['kill', 'tool', 'a/b', '--reason', 'x'], ['unkill', 'tool', 'a/b', '--reason', 'x'], ['reload'], ['stop'],
    ];
    for (const argv of changing) {
      const lines = (await cli(argv, { cwd, env: named })).stderr;
      assert.ok(lines.startsWith(said), `${argv.join(' ')}: ${lines}`);
      assert.doesNotMatch((await cli([...argv, '-q'], { cwd, env: named })).stderr, /^configuration/m);
      assert.doesNotMatch((await cli([...argv, '--json'], { cwd, env: named })).stderr, /^configuration/m);
    }
    assert.match((await cli(['kill', 'tool', 'a/b', '--reason', 'x'], { cwd, env: { SENTINEL_CONTROL: '/nowhere.sock' } })).stderr, /^control socket: \/nowhere\.sock/);
  });

  test('stop means the gateway that a variable names, as every verb does', async (t) => {
    const cwd = scratch(t);
    await cli(['init', '--here', '--yes'], { cwd });
    const named = await cli(['stop'], { cwd, env: { SENTINEL_CONFIG: join(cwd, 'sentinel.toml') } });
    assert.match(named.stderr, new RegExp(`no gateway runs on ${join(cwd, '.sentinel/control.sock')}`));
    assert.match((await cli(['stop'], { cwd })).stderr, new RegExp(`no gateway runs on ${join(cwd, 'none/control.sock')}`));
  });
});

describe('keys that a file speaks of and nobody made', () => {
  test('are told by check as by serve: exit 12, the place, and the command that makes them', async (t) => {
    const cwd = scratch(t);
    writeFileSync(join(cwd, 'my gw.toml'), '[gateway]\nlisten = "127.0.0.1:0"\nhealth_listen = "127.0.0.1:0"\nstate_dir = "state"\n[auth]\nown_keys = true\n[rbac.roles.a]\nallow = ["*"]\n', { mode: 0o600 });
    const remedy = /= help: sentinel keys rotate --config 'my gw\.toml'/;
    for (const argv of [['check', 'my gw.toml'], ['check', '--config', 'my gw.toml'], ['serve', '--config', 'my gw.toml']]) {
      const { status, stderr } = await cli(argv, { cwd });
      assert.equal(status, 12, argv.join(' '));
      assert.match(stderr, /SEN-0118.*none has been made yet/);
      assert.match(stderr, remedy);
    }
    assert.match((await cli(['check', 'my gw.toml'], { cwd })).stderr, /my gw\.toml:6:1/);
    assert.match((await cli(['doctor', '--config', 'my gw.toml'], { cwd })).stdout, /remedy: sentinel keys rotate --config 'my gw\.toml'/);
    await cli(['keys', 'rotate', '--config', 'my gw.toml'], { cwd });
    assert.equal((await cli(['check', 'my gw.toml'], { cwd })).status, 0);
  });

  test('the token that init makes is in the audit like every other', async (t) => {
    const cwd = scratch(t);
    assert.equal((await cli(['init', '--here', '--yes'], { cwd })).status, 0);
    const said = await cli(['audit', 'query', '--kind', 'lifecycle'], { cwd });
    assert.match(said.stdout, /token issued .*by tester/, said.stderr);
  });

  test('where there is no configuration, the file of start is among the places that were looked at', async (t) => {
    const cwd = scratch(t);
    for (const argv of [['check'], ['serve'], ['keys', 'list'], ['token', 'issue', '--subject', 'x', '--role', 'y'], ['explain', 'a', '--as', 'b'], ['doctor']]) {
      const { status, stdout, stderr } = await cli(argv, { cwd });
      assert.notEqual(status, 0, argv.join(' '));
      assert.ok(`${stdout}${stderr}`.includes(`${join(cwd, 'none/sentinel.toml')}, /etc/sentinel`), `${argv.join(' ')}: ${stdout}${stderr}`);
    }
  });

  test('a file that is not there is called by the name it was given', async (t) => {
    const { status, stderr } = await cli(['check', 'nope.toml'], { cwd: scratch(t) });
    assert.equal(status, 10);
    assert.match(stderr, /^error\[SEN-0100\]: there is no file nope\.toml\n/);
  });
});

test('serve says what is missing: MCP servers, or the server that only start runs', (t) => {
  const file = join(scratch(t), 'sentinel.toml');
  const text = configText(demoPlan({ root: '/co', node: '/n/node', files: '/s/demo-files' }, '127.0.0.1:9200', '127.0.0.1:9201', 40_001));
  writeFileSync(file, text);
  const backend = (id: string, state: BackendStatus['state']): BackendStatus => ({ id: backendId(id), transport: 'http', era: undefined, version: undefined, pid: undefined, state, since: timestamp(0), tools: 0, restarts: 0, inflight: 0, noise: 0, lastFault: undefined });
  assert.deepEqual(hintsOf({ backends: [], configFile: file }), [`next: name your MCP servers in ${file}, then: sentinel reload`]);
  assert.match(hintsOf({ backends: [backend('everything', 'backing_off')], configFile: file })[0] ?? '', /the demo's server on port 40001, which only `sentinel start` runs/);
  assert.deepEqual(hintsOf({ backends: [backend('everything', 'ready')], configFile: file }), []);
  writeFileSync(file, text.replace('127.0.0.1:40001', '10.0.0.1:40001'));
  assert.deepEqual(hintsOf({ backends: [backend('everything', 'backing_off')], configFile: file }), []);
});

test('a remedy names the configuration in force, once, and only to commands that read one', () => {
  assert.equal(withConfig('sentinel check', undefined), 'sentinel check');
  assert.equal(withConfig('look: sentinel token inspect; make one: sentinel token issue', '/a b'), "look: sentinel token inspect --config '/a b'; make one: sentinel token issue --config '/a b'");
  for (const left of ['sentinel help kill', 'sentinel --help', 'sentinel token issue --help', 'sentinel check --config x', 'sentinel explain SEN-0100', 'sentinel checked']) assert.equal(withConfig(left, '/x'), left);
});

describe('doctor', () => {
  test('looks at a fresh init and finds nothing wrong but what is really wrong', async (t) => {
    const cwd = scratch(t);
    await cli(['init', '--here', '--yes', '--listen', '0', '--health-listen', '0'], { cwd });
    const healthy = JSON.parse((await cli(['doctor', '--json'], { cwd })).stdout);
    const states = (report: { checks: { name: string; state: string }[] }): Record<string, string> => Object.fromEntries(report.checks.map((check) => [check.name, check.state]));
    assert.equal(states(healthy)['configuration'], 'ok');
    assert.equal(states(healthy)['file-modes'], 'ok');
    chmodSync(join(cwd, 'sentinel.toml'), 0o666);
    assert.equal(states(JSON.parse((await cli(['doctor', '--json'], { cwd })).stdout))['configuration'], 'error');
    assert.match((await cli(['check'], { cwd })).stderr, /error\[SEN-0128\].*chmod go-w .*sentinel\.toml/s);
    writeFileSync(join(cwd, 'sentinel.toml'), 'nope = 1\n');
    const both = await cli(['check', '--json'], { cwd });
    assert.equal(both.status, 11);
    assert.deepEqual(JSON.parse(both.stdout).problems.map((one: { code: string }) => one.code).filter((code: string) => code === 'SEN-0128' || code === 'SEN-0106'), ['SEN-0128', 'SEN-0106']);
    chmodSync(join(cwd, '.sentinel/agent.token'), 0o644);
    rmSync(join(cwd, 'sentinel.toml'));
    writeFileSync(join(cwd, 'sentinel.toml'), '[gateway]\nstate_dir = ".sentinel"\nnope = 1\n[auth]\nown_keys = true\n');
    const { status, stdout } = await cli(['doctor', '--json'], { cwd });
    assert.equal(status, 1);
    assert.equal(states(JSON.parse(stdout))['configuration'], 'error');
    assert.equal(states(JSON.parse(stdout))['file-modes'], 'error');
    for (const check of JSON.parse(stdout).checks) assert.ok(check.state === 'ok' || check.state === 'skipped' || check.remedy.length > 0, check.name);
  });

  test('knows an old Node, missing tools, and a clock that went back', (t) => {
    assert.equal(nodeVersion('24.11.9').state, 'error');
    assert.equal(nodeVersion('24.12.0').state, 'ok');
    assert.equal(nodeVersion('26.0.0').state, 'ok');
    assert.equal(sandboxTools(() => undefined, 'linux').state, 'warning');
    assert.equal(sandboxTools(() => '/x', 'linux').state, 'ok');
    assert.equal(sandboxTools(() => undefined, 'darwin').state, 'skipped');
    const file = join(scratch(t), 'f');
    writeFileSync(file, '');
    utimesSync(file, 10_000, 10_000);
    assert.equal(clock(10_000_000, [file]).state, 'ok');
    assert.equal(clock(9_000_000, [file]).state, 'error');
  });

  test('finds who listens in the table of the kernel', () => {
    const text = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
      + '   0: 0100007F:23F0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n'
      + '   1: 0100007F:23F0 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1\n';
    assert.deepEqual(listeners(text, 9200), ['4711']);
    assert.deepEqual(listeners(text, 9201), []);
  });
});
