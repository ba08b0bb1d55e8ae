import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { cli, scratch } from './world.ts';

/** A place with a configuration, keys and a token. */
async function made(t: TestContext): Promise<string> {
  const cwd = scratch(t);
  assert.equal((await cli(['init', '--here', '--yes'], { cwd })).status, 0);
  return cwd;
}

describe('connect', () => {
  test('over stdio names the token file and the configuration by absolute path, and holds no token', async (t) => {
    const cwd = await made(t);
    const { status, stdout, stderr } = await cli(['connect', 'claude'], { cwd });
    assert.equal(status, 0, stderr);
    const { args } = JSON.parse(stdout).mcpServers.sentinel;
    assert.deepEqual(args.slice(-5), ['stdio', '--token-file', join(cwd, '.sentinel/agent.token'), '--config', join(cwd, 'sentinel.toml')]);
    assert.ok(!(stdout + stderr).includes('eyJ'));
    assert.match(stderr, /^claude mcp add sentinel -- /m);
  });

  test('over stdio without a token file says how to make one', async (t) => {
    const { status, stderr } = await cli(['connect', 'claude'], { cwd: scratch(t) });
    assert.equal(status, 1);
    assert.match(stderr, /sentinel token issue/);
  });

  for (const [client, file] of [['claude', '.mcp.json'], ['cursor', '.cursor/mcp.json'], ['vscode', '.vscode/mcp.json']] as const) {
    test(`--write for ${client} makes ${file}, shows the difference, and the second time changes nothing`, async (t) => {
      const cwd = await made(t);
      const { status, stdout, stderr } = await cli(['connect', client, '--http', '--write'], { cwd });
      assert.equal(status, 0, stderr);
      assert.equal(stdout, `${join(cwd, file)}\n`);
      assert.match(stderr, /^\+ +"url": "http:\/\/127\.0\.0\.1:9200\/mcp"/m);
      const text = readFileSync(join(cwd, file), 'utf8');
      assert.ok(!text.includes('eyJ'));
      const again = await cli(['connect', client, '--http', '--write', '--json'], { cwd });
      assert.deepEqual(JSON.parse(again.stdout), { client, name: 'sentinel', via: 'http', file: join(cwd, file), changed: false });
      assert.equal(readFileSync(join(cwd, file), 'utf8'), text);
    });
  }

  test('--write for codex goes to CODEX_HOME, and through a link without replacing it', async (t) => {
    const cwd = await made(t);
    mkdirSync(join(cwd, 'dot'));
    mkdirSync(join(cwd, 'codex'));
    writeFileSync(join(cwd, 'dot/config.toml'), 'model = "x"\n');
    symlinkSync(join(cwd, 'dot/config.toml'), join(cwd, 'codex/config.toml'));
    assert.equal((await cli(['connect', 'codex', '--http', '--write'], { cwd, env: { CODEX_HOME: join(cwd, 'codex') } })).status, 0);
    assert.match(readFileSync(join(cwd, 'dot/config.toml'), 'utf8'), /^model = "x"\n\n\[mcp_servers\.sentinel\]\nurl = .*\nbearer_token_env_var = "SENTINEL_TOKEN"\n$/);
  });

  test('--write says what stands in its way, where, and what else can be done', async (t) => {
    const cwd = await made(t);
    writeFileSync(join(cwd, '.cursor'), 'not a folder');
    mkdirSync(join(cwd, '.mcp.json'));
    for (const [argv, why] of [
      [['connect', 'cursor'], /\.cursor\/mcp\.json cannot be written: a file stands where its folder should be/],
      [['connect', 'claude'], /\.mcp\.json cannot be read: it is a directory/],
      // No folder can be made there, not even by root.
      [['connect', 'cursor', '--user'], /\/dev\/null\/\.cursor\/mcp\.json cannot be written: /],
    ] as const) {
      const { status, stdout, stderr } = await cli([...argv, '--http', '--write', '--config', join(cwd, 'sentinel.toml')], { cwd, ...(argv.length > 2 ? { env: { HOME: '/dev/null' } } : {}) });
      assert.deepEqual([status, stdout], [1, ''], stderr);
      assert.match(stderr, why);
      assert.match(stderr, /^error\[SEN-0908\]/);
      assert.match(stderr, /help: .*sentinel connect (cursor|claude) .*prints the entry/);
    }
  });

  test('leaves a file alone that it cannot rewrite without loss', async (t) => {
    const cwd = await made(t);
    mkdirSync(join(cwd, '.vscode'));
    const text = '{\n  // mine\n  "servers": {}\n}\n';
    writeFileSync(join(cwd, '.vscode/mcp.json'), text);
    const { status, stderr } = await cli(['connect', 'vscode', '--http', '--write'], { cwd });
    assert.equal(status, 1);
    assert.match(stderr, /was left alone/);
    assert.equal(readFileSync(join(cwd, '.vscode/mcp.json'), 'utf8'), text);
  });

  const refused: readonly (readonly [why: string, argv: readonly string[], said: RegExp])[] = [
    ['a token where the name of a variable belongs', ['claude', '--http', '--token-env', 'eyJhbGciOiJIUzI1NiJ9.e30.x'], /name of an environment variable/],
    ['credentials in the URL', ['claude', '--http', '--url', 'https://me:pw@host/mcp'], /must not carry credentials/],
    ['a token in the query of the URL', ['claude', '--http', '--url', 'https://host/mcp?token=x'], /must not carry credentials/],
    ['another scheme', ['claude', '--http', '--url', 'file:///etc/passwd'], /no http or https URL/],
    ['two ways at once', ['claude', '--http', '--stdio'], /exclude each other/],
    ['an unknown client', ['claud'], /did you mean: sentinel connect claude/],
    ['a name no client takes', ['claude', '--name', 'a b'], /letters, digits/],
    ['to write where there is no file', ['json', '--http', '--write'], /a client that has a file/],
    ['to edit the state of Claude Code', ['claude', '--http', '--write', '--user'], /not edited from outside/],
    ['ssh without a key', ['ssh', '--agent', 'a'], /needs --agent <name> and --key/],
    ['ssh with a private key', ['ssh', '--agent', 'a', '--key', '-----BEGIN OPENSSH PRIVATE KEY-----'], /needs a value|private key/],
  ];
  for (const [why, argv, said] of refused) {
    test(`refuses ${why} with exit 2, and writes nothing`, async (t) => {
      const cwd = await made(t);
      const { status, stdout, stderr } = await cli(['connect', ...argv], { cwd });
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, said);
      assert.ok(!existsSync(join(cwd, '.mcp.json')));
    });
  }

  test('ssh prints one line on stdout, and the command for the token elsewhere', async (t) => {
    const cwd = await made(t);
    const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 9)]).toString('base64');
    writeFileSync(join(cwd, 'k.pub'), `ssh-ed25519 ${blob} someone@somewhere\n`);
    const { status, stdout, stderr } = await cli(['connect', 'ssh', '--agent', 'builder', '--key', 'k.pub'], { cwd });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^restrict,command="\S+.* stdio --token-file \S+\/\.sentinel\/builder\.token --config \S+\/sentinel\.toml --attach" ssh-ed25519 \S+ builder\n$/);
    assert.match(stderr, /token issue --subject builder --role developer --out \S+\/builder\.token/);
  });
});
