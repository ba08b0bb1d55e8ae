// `sentinel proxy`: one MCP server behind the same pipeline, watched and not restrained, with nothing configured.
import { usageFault } from '../faults.ts';
import { packageVersion } from '../package.ts';
import { plain } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const proxy: Verb = {
  name: 'proxy',
  summary: 'put one MCP server behind the gateway for a look, without configuration',
  usage: '[-- <command> [<args>…]]',
  examples: [
    { run: 'sentinel proxy --mode stdio -- npx -y @modelcontextprotocol/server-memory', does: 'what an MCP client runs instead of the server itself' },
    { run: 'sentinel proxy --mode http --upstream http://127.0.0.1:3001/mcp --port 9300', does: 'listens on loopback and passes on to a server' },
  ],
  about: 'Monitor mode: each call is decided and recorded, and let through whatever was decided. Nobody is asked for a token, so it listens on loopback only. For guarding, use `sentinel init` and `sentinel serve`.',
  options: {
    mode: { type: 'string', value: 'stdio|http', help: 'how agents connect (default: stdio when a command follows --, else http)' },
    upstream: { type: 'string', value: 'url', help: 'http: the server to pass on to' },
    port: { type: 'string', value: 'port', help: 'http: where to listen on 127.0.0.1; 0 takes a free one (default: 9300)' },
  },
  operands: [0, Number.MAX_SAFE_INTEGER],
  run,
};

export const verbs: readonly Verb[] = [proxy];

async function run(cx: VerbContext): Promise<number> {
  const mode = cx.flags.text('mode') ?? (cx.args.length > 0 ? 'stdio' : 'http');
  if (mode === 'stdio') return await overStdio(cx);
  if (mode === 'http') return await overHttp(cx);
  return cx.fail(usageFault(`unknown mode "${plain(mode)}"`, 'stdio or http'));
}

async function overStdio(cx: VerbContext): Promise<number> {
  const [command, ...args] = cx.args;
  if (command === undefined) return cx.fail(usageFault('--mode stdio needs a command after --', 'sentinel proxy --mode stdio -- npx some-server'));
  if (cx.flags.text('upstream') !== undefined || cx.flags.text('port') !== undefined) return cx.fail(usageFault('--upstream and --port belong to --mode http', 'sentinel help proxy'));
  cx.err(`sentinel proxy: starting ${plain(command)}`);
  const { runStdioProxy } = await import('../../app/proxy.ts');
  return await runStdioProxy({ ...base(cx), command, args, stdin: process.stdin, stdout: process.stdout });
}

async function overHttp(cx: VerbContext): Promise<number> {
  const upstream = cx.flags.text('upstream');
  const port = Number(cx.flags.text('port') ?? '9300');
  if (cx.args.length > 0) return cx.fail(usageFault('--mode http takes no command', 'sentinel help proxy'));
  if (upstream === undefined || !/^https?:\/\//.test(upstream) || !URL.canParse(upstream)) return cx.fail(usageFault('--mode http needs --upstream <url>', 'sentinel proxy --mode http --upstream http://127.0.0.1:3001/mcp'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return cx.fail(usageFault('--port takes a number from 0 to 65535'));
  const { runHttpProxy } = await import('../../app/proxy.ts');
  return await runHttpProxy({ ...base(cx), upstream, port });
}

function base(cx: VerbContext): Pick<VerbContext, 'env' | 'cwd' | 'fail'> & { readonly version: string; readonly say: (text: string) => void } {
  return { env: cx.env, cwd: cx.cwd, version: packageVersion(), fail: cx.fail, say: (text) => cx.err(`sentinel proxy: ${text}`) };
}
