import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cli, scratch } from './world.ts';

describe('a command line that is not understood', () => {
  const wrong: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
    [['staus'], /unknown verb "staus"\n {2}= help: did you mean: sentinel status/],
    [['fly'], /unknown verb "fly"/],
    [['toString'], /unknown verb/],
    [['token'], /sentinel token needs one of issue, inspect, revoke/],
    [['token', 'isue'], /did you mean: sentinel token issue/],
    [['kills', 'extra'], /takes no "extra"/],
    [['kill'], /sentinel kill needs/],
    [['kills', '--json=yes'], /--json takes no value/],
    [['kills', '--config'], /--config needs a value: --config <file>/],
    [['kills', '--config', '--no-color'], /--config needs a value/],
    [['--confg', 'x'], /unknown/],
    [['help', 'staus'], /did you mean: sentinel status/],
  ];
  for (const [argv, said] of wrong) {
    test(`${argv.join(' ')} ends with 2 and a way out, and stdout stays empty`, async () => {
      const { status, stdout, stderr } = await cli(argv);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, said);
      assert.match(stderr, /= help: /);
    });
  }

  test('a bare call says how it is used, on stderr', async () => {
    const { status, stdout, stderr } = await cli([]);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /Usage/);
  });

  test('with --json it is one object on stderr', async () => {
    const { status, stderr } = await cli(['kills', '--nope', '--json']);
    assert.equal(status, 2);
    const parsed = JSON.parse(stderr);
    assert.equal(parsed.type, 'exit_error');
    assert.equal(parsed.code, 2);
    assert.deepEqual(Object.keys(parsed.error), ['code', 'message', 'help', 'docs']);
    assert.equal(parsed.error.docs, `docs/errors/${parsed.error.code}.md`);
  });

  test('what follows -- belongs to the command that is run: it turns on nothing here', async () => {
    const { stderr } = await cli(['proxy', '--mode', 'nope', '--', 'x', '--json', '--help']);
    assert.match(stderr, /^error\[/);
  });
});

describe('what goes wrong around a command', () => {
  test('a place that cannot be used is told as such, and is no defect of the program', async (t) => {
    const folder = scratch(t);
    writeFileSync(join(folder, 'file'), '');
    for (const [argv, env] of [[['start'], { SENTINEL_HOME: join(folder, 'file/home') }], [['init', '--yes'], { XDG_CONFIG_HOME: join(folder, 'file/config') }]] as const) {
      const { status, stderr } = await cli(argv, { env, cwd: folder });
      assert.equal(status, 1);
      assert.match(stderr, /^error\[SEN-0908\]: .*file\/(?:home|config\/sentinel) cannot be used: a part of its path is no directory\n {2}= help: /);
    }
  });

  test('more on stdin than is read is a mistake of use', async (t) => {
    const folder = scratch(t);
    writeFileSync(join(folder, 'sentinel.toml'), '[rbac.roles.reader]\nallow = ["*"]\n', { mode: 0o600 });
    const { status, stderr } = await cli(['token', 'revoke', '-', '--reason', 'x'], { stdin: 'x'.repeat(70_000), env: { JWT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-bytes' }, cwd: folder });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^error\[SEN-0901\]: stdin is larger than 65536 bytes/);
  });

  test('a name that holds escape sequences moves no cursor', async () => {
    const { stderr } = await cli(['kills', '--config', '/nope/\u001b[31mred\u009b2J']);
    assert.doesNotMatch(stderr, /[\u001b\u009b]/);
    assert.match(stderr, /\/nope\/\\u/);
  });
});

describe('the common flags', () => {
  test('stand before or after the verb', async () => {
    assert.deepEqual(await cli(['--json', 'version']), await cli(['version', '--json']));
  });

  test('--version is the verb version', async () => {
    assert.match((await cli(['--version'])).stdout, /^sentinel \d+\.\d+\.\d+\n$/);
    assert.equal((await cli(['--version'])).stdout, (await cli(['version'])).stdout);
  });

  test('a file named by --config is the only one looked at: exit 10', async (t) => {
    const cwd = scratch(t);
    const { status, stderr } = await cli(['check', '--config', 'missing.toml'], { cwd });
    assert.equal(status, 10);
    assert.match(stderr, /missing\.toml/);
  });
});

test('what the file system refuses is told in words, with a way out', async (t) => {
  const cwd = scratch(t);
  const said = async (argv: readonly string[]): Promise<string> => (await cli(argv, { cwd, env: { SENTINEL_HOME: '' } })).stderr;
  assert.match(await said(['check', cwd]), /cannot be read: it is a directory\n {2}= help: /);
  assert.match(await said(['explain', 'a/b', '--as', 'x', '--args', 'none.json']), /--args none\.json cannot be read: there is no such file\n {2}= help: name a file/);
  assert.match(await said(['token', 'inspect', 'none']), /the token file .* cannot be read: there is no such file\n {2}= help: /);
  assert.match(await said(['connect', 'ssh', '--agent', 'a', '--key', '.']), /--key \. is no file\n {2}= help: /);
});

test('a code that looks right and does not exist leads to the list, never to another code', async () => {
  const { status, stderr } = await cli(['explain', 'SEN-9999']);
  assert.equal(status, 1);
  assert.match(stderr, /= help: the codes that exist are listed in .*docs\/errors\/README\.md/);
});

describe('without a gateway', () => {
  for (const argv of [['status'], ['kills'], ['tools'], ['reload'], ['kill', 'all', '--reason', 'x', '--yes'], ['unkill', 'all', '--reason', 'x']]) {
    test(`${argv.join(' ')} ends with 13 and the command that starts one`, async (t) => {
      const { status, stdout, stderr } = await cli(argv, { cwd: scratch(t) });
      assert.equal(status, 13);
      assert.equal(stdout, '');
      assert.match(stderr, /SEN-0903[\s\S]*sentinel serve/);
    });
  }

  test('the verbs that need words ask for them first', async (t) => {
    const cwd = scratch(t);
    assert.match((await cli(['kill', 'tool', 'x'], { cwd })).stderr, /--reason <text> is required/);
    assert.match((await cli(['kill', 'tool', 'x', '--reason', ' '], { cwd })).stderr, /--reason <text> is required/);
    assert.match((await cli(['kill', 'tool', 'x', '--reason', 'y', '--until', 'soon'], { cwd })).stderr, /--until: "soon" is no time/);
    assert.match((await cli(['explain', 'files/read'], { cwd })).stderr, /--as <role> is required/);
    assert.match((await cli(['unkill', 'all'], { cwd })).stderr, /--reason <text> is required/);
  });
});

describe('explain of a code', () => {
  test('prints its page without a gateway and a network', async () => {
    const { status, stdout } = await cli(['explain', 'sen-0903']);
    assert.equal(status, 0);
    assert.match(stdout, /^# SEN-0903: /);
  });

  test('knows near codes, and no paths', async () => {
    assert.match((await cli(['explain', 'SEN-9903'])).stderr, /there is no page for SEN-9903/);
    assert.equal((await cli(['explain', 'SEN-/../../README'])).status, 1);
  });
});

describe('completion', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    test(`${shell}: names every verb`, async () => {
      const { status, stdout } = await cli(['completion', shell]);
      assert.equal(status, 0);
      for (const word of ['start', 'kill', 'token', 'connect']) assert.match(stdout, new RegExp(`\\b${word}\\b`));
      assert.match(stdout, /issue/);
    });
  }

  const typed: readonly (readonly [words: readonly string[], offered: string])[] = [
    [['kil'], 'kill kills'],
    [['token', 'i'], 'issue inspect'],
    [['kill', '--dr'], '--dry-run'],
    [['token', 'issue', '--su'], '--subject'],
    [['help', 'comp'], 'completion'],
  ];
  for (const [words, offered] of typed) {
    test(`bash offers "${offered}" for: sentinel ${words.join(' ')}`, { skip: existsSync('/bin/bash') ? false : 'no bash here' }, async () => {
      const { stdout } = await cli(['completion', 'bash']);
      const script = `${stdout}\nCOMP_WORDS=(sentinel ${words.join(' ')}); COMP_CWORD=${words.length}; _sentinel; echo "\${COMPREPLY[@]}"`;
      const said = spawnSync('/bin/bash', ['--norc', '-c', script], { encoding: 'utf8' });
      assert.equal(said.stdout.trim(), offered, said.stderr);
    });
  }

  test('of another shell is a usage fault', async () => {
    assert.equal((await cli(['completion', 'ksh'])).status, 2);
  });
});
