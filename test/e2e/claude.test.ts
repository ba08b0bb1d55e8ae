// Optional: Claude Code's own command line is a package of hundreds of megabytes. Runs where SENTINEL_TEST_CLAUDE names its program.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { plainEnv, run, type Env, type Said } from '../support/e2e/processes.ts';
import { everything } from '../support/e2e/servers.ts';
import { suite } from '../support/e2e/suite.ts';

const program = process.env['SENTINEL_TEST_CLAUDE'] ?? '';
const skip = program === '' ? 'optional: set SENTINEL_TEST_CLAUDE to the path of a claude program' : false;

interface Printed {
  readonly snippet: string;
  readonly steps: readonly string[];
}

suite('Claude Code, from what `sentinel connect claude` prints', skip, () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let env: Env;
  before(async () => {
    gateway = bin.use(await startGateway({ toml: `${everything()}\n[rbac.roles.developer]\npermissions = ["*"]\n`, keys: 'own' }));
    for (const name of ['home', 'bin', 'project']) mkdirSync(join(gateway.folder, 'claude', name), { recursive: true });
    symlinkSync(program, join(gateway.folder, 'claude/bin/claude'));
    const plain = plainEnv(join(gateway.folder, 'claude/home'));
    env = { ...plain, PATH: `${join(gateway.folder, 'claude/bin')}:${plain['PATH'] ?? ''}`, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1' };
  });
  after(async () => bin.disposeAsync());

  const shell = async (line: string, more: Env = {}): Promise<Said> => run(['/bin/sh', '-c', line], { env: { ...env, ...more }, cwd: join(gateway.folder, 'claude/project') });
  /** The line that starts with `claude mcp add`, as a person would copy it. */
  const addLine = async (...args: string[]): Promise<string> => {
    const { steps } = (await gateway.json(['connect', 'claude', ...args])) as Printed;
    const line = steps.find((step) => step.startsWith('claude mcp add'));
    assert.ok(line !== undefined, steps.join('\n'));
    return line;
  };
  const isConnected = async (name: string, more: Env = {}): Promise<void> => {
    const listed = await shell('claude mcp list', more);
    const line = listed.stdout.split('\n').find((one) => one.startsWith(`${name}:`));
    assert.match(line ?? '', /Connected/, listed.stdout + listed.stderr);
  };

  test('over stdio: `claude mcp add`, then `claude mcp list` says connected', async () => {
    const line = await addLine('--name', 'by-stdio', '--token-file', await gateway.tokenFile('claude', 'developer'));
    const added = await shell(line);
    assert.equal(added.code, 0, added.stderr);
    await isConnected('by-stdio');
  });

  test('over HTTP: the token stays in the environment and out of what Claude Code stores', async () => {
    const token = await gateway.token('claude-http', 'developer');
    const added = await shell(await addLine('--name', 'by-http', '--http', '--url', gateway.endpoint), { SENTINEL_TOKEN: token });
    assert.equal(added.code, 0, added.stderr);
    await isConnected('by-http', { SENTINEL_TOKEN: token });
    assert.ok(!readFileSync(join(gateway.folder, 'claude/home/.claude.json'), 'utf8').includes(token));
    const refused = await shell('claude mcp list', { SENTINEL_TOKEN: `${token}x` });
    assert.doesNotMatch(refused.stdout.split('\n').find((one) => one.startsWith('by-http:')) ?? '', /Connected/, 'another token is not connected');
  });

  test('over stdio with no gateway running: the same entry is the gateway itself', async () => {
    const said = await gateway.stop();
    assert.equal(said.code, 0, said.stderr);
    await isConnected('by-stdio');
  });
});
