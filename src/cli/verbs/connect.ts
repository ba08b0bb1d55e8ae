// `sentinel connect`: what an MCP client needs to reach this gateway, in that client's own dialect. Names secrets, never holds one.
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { whyUnread } from '../../app/fault.ts';
import { homeOf } from '../../app/home.ts';
import { suggest } from '../../config/suggest.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn } from '../../core/thrown.ts';
import { printable } from '../../core/text.ts';
import { CLIENTS, snippetFor } from '../connect/dialects.ts';
import type { Access, Client } from '../connect/dialects.ts';
import { mergeInto } from '../connect/merge.ts';
import { authorizedKeysLine, isAgentName } from '../connect/ssh.ts';
import { openControl } from '../daemon.ts';
import { lineDiff } from '../diff.ts';
import { EXIT } from '../exit.ts';
import { fileFault, usageFault } from '../faults.ts';
import { ownCommand } from '../package.ts';
import { shellLine } from '../quote.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { whereabouts } from '../whereabouts.ts';
import type { Whereabouts } from '../whereabouts.ts';

const connect: Verb = {
  name: 'connect',
  summary: 'print what an MCP client or an SSH host needs to reach the gateway',
  usage: `<${[...CLIENTS, 'ssh'].join('|')}>`,
  examples: [
    { run: 'sentinel connect claude', does: 'the command and the .mcp.json entry for Claude Code' },
    { run: 'sentinel connect cursor --http --write', does: 'puts the entry into .cursor/mcp.json of this project, and shows the difference' },
    { run: "sentinel connect ssh --agent builder --key 'ssh-ed25519 AAAA…'", does: 'the authorized_keys line that lets one agent in, and into nothing else' },
  ],
  about: 'Over stdio (the default) the client runs `sentinel stdio` with a token file; over HTTP it sends a token that it takes from an environment variable or asks for. No token is ever written into a file of a client.',
  options: {
    http: { type: 'boolean', help: 'Streamable HTTP, with the token by reference' },
    stdio: { type: 'boolean', help: 'a command that the client runs (default)' },
    name: { type: 'string', value: 'name', help: 'name of the entry (default: sentinel)' },
    url: { type: 'string', value: 'url', help: 'endpoint (default: the configured one)' },
    'token-env': { type: 'string', value: 'name', help: 'environment variable that holds the token, for --http (default: SENTINEL_TOKEN)' },
    'token-file': { type: 'string', value: 'file', help: 'token file, for --stdio and ssh (default: the one that init or start wrote)' },
    write: { type: 'boolean', help: 'change the file of the client, and show what changed' },
    user: { type: 'boolean', help: 'with --write: the file of the user instead of the project' },
    agent: { type: 'string', value: 'name', help: 'ssh: who this is' },
    key: { type: 'string', value: 'key', help: "ssh: the agent's public key, or its .pub file" },
  },
  operands: [1, 1],
  run,
};

export const verbs: readonly Verb[] = [connect];

async function run(cx: VerbContext): Promise<number> {
  const [who = ''] = cx.args;
  const fault = flagFault(cx);
  if (fault !== undefined) return cx.fail(fault);
  const where = whereabouts(cx);
  if (who === 'ssh') return ssh(cx, where);
  const client = CLIENTS.find((known) => known === who);
  if (client === undefined) {
    const near = suggest(who, [...CLIENTS, 'ssh']);
    return cx.fail(usageFault(`unknown client "${printable(who)}"`, near === undefined ? `one of ${CLIENTS.join(', ')}, ssh` : `did you mean: sentinel connect ${near}`));
  }
  const access = cx.flags.on('http') ? await httpAccess(cx, where) : stdioAccess(cx, where);
  if ('exit' in access) return cx.fail(access);
  const name = cx.flags.text('name') ?? 'sentinel';
  return cx.flags.on('write') ? write(cx, client, name, access) : print(cx, client, name, access);
}

function flagFault(cx: VerbContext): Fault | undefined {
  const { flags } = cx;
  if (flags.on('http') && flags.on('stdio')) return usageFault('--http and --stdio exclude each other', 'sentinel help connect');
  const name = flags.text('name');
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/.test(name)) return usageFault(`--name "${printable(name)}": letters, digits, dash and underscore, at most 32`);
  const env = flags.text('token-env');
  if (env !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(env)) {
    return usageFault('--token-env takes the name of an environment variable, not a token', 'keep the token in the environment or a file; no client file should hold it');
  }
  return undefined;
}

async function httpAccess(cx: VerbContext, where: Whereabouts): Promise<Access | Fault> {
  const given = cx.flags.text('url') ?? where.endpoint ?? (await runningEndpoint(cx));
  if (given === undefined) return usageFault('the endpoint is not known: its port is chosen when the gateway starts, and none runs', 'start it, or name the endpoint: --url <url>');
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return usageFault(`--url "${printable(given)}" is no http or https URL`);
  if (url.username !== '' || url.password !== '' || url.search !== '') return usageFault('--url must not carry credentials or a query: client files are shared and logged', 'the token goes into the environment: --token-env <name>');
  return { via: 'http', url: url.href, tokenEnv: cx.flags.text('token-env') ?? 'SENTINEL_TOKEN' };
}

/** With `listen` on port 0 only the gateway itself knows. */
async function runningEndpoint(cx: VerbContext): Promise<string | undefined> {
  const control = await openControl(cx);
  const status = control.ok ? await control.value.status() : control;
  return status.ok ? status.value.endpoint : undefined;
}

function stdioAccess(cx: VerbContext, where: Whereabouts): Access | Fault {
  const file = tokenFile(cx, where);
  if (!existsSync(file)) return fileFault(`there is no token file ${printable(file)}`, 'make one: sentinel token issue --help; or name yours: --token-file <file>');
  const [command, ...args] = stdioCommand(where, file);
  return command === undefined ? fileFault('this program does not know its own path') : { via: 'stdio', command, args };
}

function tokenFile(cx: VerbContext, where: Whereabouts): string {
  const given = cx.flags.text('token-file') ?? cx.env['SENTINEL_TOKEN_FILE'];
  return given === undefined || given === '' ? where.tokenFile : resolve(cx.cwd, given);
}

/** Absolute throughout: clients and sshd start it in directories of their own. */
function stdioCommand(where: Whereabouts, file: string): readonly string[] {
  const config = where.configFile === undefined ? [] : ['--config', where.configFile];
  return [...ownCommand(), 'stdio', '--token-file', file, ...config];
}

function print(cx: VerbContext, client: Client, name: string, access: Access): number {
  const snippet = snippetFor(client, name, access);
  if (cx.json) cx.outJson({ client, name, via: access.via, language: snippet.language, snippet: snippet.text, steps: snippet.steps });
  else {
    cx.out(snippet.text.trimEnd());
    for (const step of snippet.steps) cx.err(step);
  }
  return EXIT.ok;
}

function write(cx: VerbContext, client: Client, name: string, access: Access): number {
  const file = clientFile(cx, client);
  if (typeof file !== 'string') return cx.fail(file);
  const help = `sentinel connect ${client} prints the entry, to be put there by hand`;
  const before = onDisk(() => (existsSync(file) ? readFileSync(file, 'utf8') : undefined));
  if (!before.ok) return cx.fail(fileFault(`${file} cannot be read: ${before.error}`, help));
  const after = mergeInto(client, name, access, before.value);
  if (!after.ok) return cx.fail(fileFault(`${file} was left alone: ${after.error}`, help));
  const changed = after.value !== before.value;
  const written = changed ? onDisk(() => put(file, after.value)) : ok(undefined);
  if (!written.ok) return cx.fail(fileFault(`${file} cannot be written: ${written.error}`, `make it writable to this user; or: ${help}`));
  cx.err(changed ? `${file}:\n${lineDiff(before.value ?? '', after.value, cx.paint)}` : `${file}: nothing to change`);
  if (cx.json) cx.outJson({ client, name, via: access.via, file, changed });
  else cx.out(file);
  for (const step of snippetFor(client, name, access).steps.filter((line) => line.startsWith('set '))) cx.err(step);
  return EXIT.ok;
}

function put(file: string, text: string): void {
  // A symbolic link is followed, so that a dotfiles repository keeps its link.
  const target = existsSync(file) ? realpathSync(file) : file;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text, { mode: existsSync(target) ? statSync(target).mode & 0o777 : 0o600 });
}

function onDisk<T>(work: () => T): Result<T, string> {
  try {
    return ok(work());
  } catch (error) {
    // The only thing that is made on the way is the folder.
    return err(codeIn(error) === 'EEXIST' ? 'a file stands where its folder should be' : whyUnread(error));
  }
}

function clientFile(cx: VerbContext, client: Client): string | Fault {
  const user = cx.flags.on('user');
  const home = homeOf(cx.env);
  switch (client) {
    case 'claude': return user ? usageFault('~/.claude.json is Claude Code\'s own state and is not edited from outside', 'run the `claude mcp add` line that `sentinel connect claude` prints, with --scope user') : join(cx.cwd, '.mcp.json');
    case 'cursor': return user ? join(home, '.cursor', 'mcp.json') : join(cx.cwd, '.cursor', 'mcp.json');
    case 'vscode': return user ? usageFault('where VS Code keeps the user\'s mcp.json depends on its profile', 'run "MCP: Open User Configuration" in VS Code and paste what `sentinel connect vscode` prints') : join(cx.cwd, '.vscode', 'mcp.json');
    case 'codex': return join(cx.env['CODEX_HOME'] ?? join(home, '.codex'), 'config.toml');
    case 'json': return usageFault('--write needs a client that has a file of its own', `one of ${CLIENTS.filter((known) => known !== 'json').join(', ')}`);
  }
}

function ssh(cx: VerbContext, where: Whereabouts): number {
  const agent = cx.flags.text('agent');
  const given = cx.flags.text('key');
  if (agent === undefined || given === undefined) return cx.fail(usageFault('sentinel connect ssh needs --agent <name> and --key <public key>', 'sentinel help connect'));
  if (!isAgentName(agent)) return cx.fail(usageFault(`--agent "${printable(agent)}": letters, digits, dot, dash and underscore, at most 64`));
  const path = resolve(cx.cwd, given);
  const isFile = !/\s/.test(given) && existsSync(path);
  if (isFile && !statSync(path).isFile()) return cx.fail(fileFault(`--key ${printable(given)} is no file`, 'name the .pub file, or give the key itself in quotes'));
  const key = isFile ? readFileSync(path, 'utf8') : given;
  const fromFlag = cx.flags.text('token-file');
  const file = fromFlag === undefined ? join(where.stateDir, `${agent}.token`) : resolve(cx.cwd, fromFlag);
  // --attach: agents of other machines share one gateway and its limits, and its log never travels to them on stderr.
  const line = authorizedKeysLine({ agent, key, command: [...stdioCommand(where, file), '--attach'] });
  if (!line.ok) return cx.fail(usageFault(line.error));
  const issue = shellLine([...ownCommand(), 'token', 'issue', '--subject', agent, '--role', 'developer', '--out', file]);
  if (cx.json) cx.outJson({ agent, line: line.value, token_file: file, token_command: issue });
  else cx.out(line.value);
  if (!existsSync(file)) cx.err(`the agent has no token yet; choose its role and make one:\n  ${issue}`);
  cx.err('append the line to ~/.ssh/authorized_keys of the account that runs the gateway; docs/ssh.md says what it refuses');
  return EXIT.ok;
}
