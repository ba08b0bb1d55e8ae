// `sentinel proxy`: one MCP server behind the same pipeline, watched and not restrained, with nothing configured.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { whyUnread } from '../../app/fault.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Secret } from '../../core/secret.ts';
import { printable } from '../../core/text.ts';
import { fileFault, usageFault } from '../faults.ts';
import { packageVersion } from '../package.ts';
import { shellWord } from '../quote.ts';
import { layFile } from '../setup/files.ts';
import { tokenFromFile } from '../token.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';

const proxy: Verb = {
  name: 'proxy',
  summary: 'put one MCP server behind the gateway for a look, without configuration',
  usage: '[-- <command> [<args>…]]',
  examples: [
    { run: 'sentinel proxy --mode stdio -- npx -y @modelcontextprotocol/server-memory', does: 'what an MCP client runs instead of the server itself' },
    { run: 'sentinel proxy --mode http --upstream http://127.0.0.1:3001/mcp --port 9300', does: 'listens on loopback and passes on to a server' },
  ],
  about: 'Monitor mode: each call is decided and recorded, and let through whatever was decided. Over http it listens on loopback only, where every user of the machine could call it: so agents send the token in a file that it makes once and names, as `Authorization: Bearer`; --no-auth asks nobody. Exit 1: the program cannot be started, or never served MCP. For guarding, use `sentinel init` and `sentinel serve`.',
  options: {
    mode: { type: 'string', value: 'stdio|http', help: 'how agents connect (default: stdio when a command follows --, else http)' },
    upstream: { type: 'string', value: 'url', help: 'http: the server to pass on to' },
    port: { type: 'string', value: 'port', help: 'http: where to listen on 127.0.0.1; 0 takes a free one (default: 9300)' },
    'no-auth': { type: 'boolean', help: 'http: ask nobody for a token; every user of this machine can then call the server' },
  },
  operands: [0, Number.MAX_SAFE_INTEGER],
  run,
};

export const verbs: readonly Verb[] = [proxy];

async function run(cx: VerbContext): Promise<number> {
  const mode = cx.flags.text('mode') ?? (cx.args.length > 0 ? 'stdio' : 'http');
  if (mode === 'stdio') return await overStdio(cx);
  if (mode === 'http') return await overHttp(cx);
  return cx.fail(usageFault(`unknown mode "${printable(mode)}"`, 'stdio or http'));
}

async function overStdio(cx: VerbContext): Promise<number> {
  const [command, ...args] = cx.args;
  if (command === undefined) return cx.fail(usageFault('--mode stdio needs a command after --', 'sentinel proxy --mode stdio -- npx some-server'));
  if (cx.flags.text('upstream') !== undefined || cx.flags.text('port') !== undefined || cx.flags.on('no-auth')) return cx.fail(usageFault('--upstream, --port and --no-auth belong to --mode http', 'sentinel help proxy'));
  cx.err(`sentinel proxy: starting ${printable(command)}`);
  const { runStdioProxy } = await import('../../app/proxy.ts');
  // As in a shell: a name is looked up on PATH, a path is one from here.
  const program = command.includes('/') ? resolve(cx.cwd, command) : command;
  return await runStdioProxy({ ...base(cx), command: program, args, stdin: process.stdin, stdout: process.stdout });
}

async function overHttp(cx: VerbContext): Promise<number> {
  const upstream = cx.flags.text('upstream');
  const port = Number(cx.flags.text('port') ?? '9300');
  if (cx.args.length > 0) return cx.fail(usageFault('--mode http takes no command', 'sentinel help proxy'));
  if (upstream === undefined || !/^https?:\/\//.test(upstream) || !URL.canParse(upstream)) return cx.fail(usageFault('--mode http needs --upstream <url>', 'sentinel proxy --mode http --upstream http://127.0.0.1:3001/mcp'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return cx.fail(usageFault('--port takes a number from 0 to 65535'));
  const { proxyStateDir, runHttpProxy } = await import('../../app/proxy.ts');
  const token = cx.flags.on('no-auth') ? ok(undefined) : keptToken(join(proxyStateDir(cx.env), 'token'));
  if (!token.ok) return cx.fail(token.error);
  cx.err(token.value === undefined
    ? 'sentinel proxy: nobody is asked for a token: every user of this machine can call the server'
    : `sentinel proxy: agents send Authorization: Bearer $(cat ${shellWord(token.value.file)})`);
  return await runHttpProxy({ ...base(cx), upstream, port, token: token.value?.token });
}

/** Made once, so that a client that was told of it finds the same at the next start. */
function keptToken(file: string): Result<{ readonly file: string; readonly token: Secret }, Fault> {
  try {
    layFile(file, `${randomBytes(32).toString('base64url')}\n`, 'token');
  } catch (error) {
    return err(fileFault(`the token cannot be written to ${printable(file)}: ${whyUnread(error)}`, 'make the folder writable, or pass --no-auth'));
  }
  const token = tokenFromFile(file);
  return token.ok ? ok({ file, token: token.value }) : token;
}

function base(cx: VerbContext): Pick<VerbContext, 'env' | 'cwd' | 'fail'> & { readonly version: string; readonly say: (text: string) => void } {
  return { env: cx.env, cwd: cx.cwd, version: packageVersion(), fail: cx.fail, say: (text) => cx.err(`sentinel proxy: ${text}`) };
}
