// `sentinel stdio`: the gateway as an MCP client starts it. stdout belongs to the protocol; not one other byte goes there.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Secret } from '../../core/secret.ts';
import type { Configuration } from '../../app/configuration.ts';
import { openControl } from '../daemon.ts';
import { forgetVariables } from '../environment.ts';
import { EXIT } from '../exit.ts';
import { daemonFault, usageFault } from '../faults.ts';
import { packageVersion } from '../package.ts';
import { readToken } from '../token.ts';
import type { TokenSource } from '../token.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';

const stdio: Verb = {
  name: 'stdio',
  summary: 'speak MCP on stdin and stdout, for one agent',
  usage: '',
  examples: [
    { run: 'sentinel stdio --token-file ~/.local/state/sentinel/developer.token', does: 'what an MCP client runs: attaches to the running gateway, else is the gateway itself' },
    { run: 'SENTINEL_TOKEN_FILE=agent.token sentinel stdio --attach', does: 'only attaches; exit 13 when no gateway runs' },
  ],
  about: 'The token comes from --token-file, SENTINEL_TOKEN or SENTINEL_TOKEN_FILE; a file must be readable by its owner only. Attached to a running gateway, limits, breakers and kills are shared with every other agent. It ends when stdin ends. If the gateway goes away in between, it says so on stderr and exits with 1. A client starts it in the folder of its project, so a sentinel.toml there is not taken: name it with --config or SENTINEL_CONFIG, as `sentinel connect` does.',
  options: {
    'token-file': { type: 'string', value: 'file', help: 'the agent\'s token; mode 0600' },
    attach: { type: 'boolean', help: 'never run the gateway in this process' },
    alone: { type: 'boolean', help: 'never attach to a running gateway' },
  },
  operands: [0, 0],
  startedBy: 'agent',
  run,
};

export const verbs: readonly Verb[] = [stdio];

async function run(cx: VerbContext): Promise<number> {
  if (cx.flags.on('attach') && cx.flags.on('alone')) return cx.fail(usageFault('--attach and --alone exclude each other', 'sentinel help stdio'));
  const source = { file: cx.flags.text('token-file'), env: cx.env, cwd: cx.cwd };
  const token = readToken(source);
  if (!token.ok) return cx.fail(token.error);
  if (!cx.flags.on('alone')) {
    const control = await openControl(cx);
    const stream = control.ok ? await control.value.attach(token.value.reveal()) : control;
    if (stream.ok) return await bridge(cx, stream.value, process.stdin, process.stdout);
    if (cx.flags.on('attach') || !isAbsence(stream.error)) return cx.fail(stream.error);
  }
  return await alone(cx, source);
}

/** Only "no gateway there" leads to running one; a refused token or a forbidden socket must not be passed by. */
function isAbsence(fault: Fault): boolean {
  return fault.exit === EXIT.daemonNotRunning && !fault.message.includes('permission denied');
}

async function alone(cx: VerbContext, source: TokenSource): Promise<number> {
  if (cx.verbosity > 0) cx.err('sentinel: no gateway runs here; this process is the gateway');
  const { runStdio } = await import('../../app/stdio.ts');
  // Asked again at each message, so that a token file that was renewed counts from then on.
  const token = (): Secret | undefined => {
    const read = readToken(source);
    return read.ok ? read.value : undefined;
  };
  const loaded = ({ secretVariables }: Configuration): void => forgetVariables([...secretVariables, 'SENTINEL_TOKEN']);
  return await runStdio({ loaded, configFile: cx.configFile, ownFile: cx.ownFile, startedBy: cx.startedBy, env: cx.env, cwd: cx.cwd, version: packageVersion(), token, stdin: process.stdin, stdout: process.stdout, fail: cx.fail });
}

/** Bytes both ways, with back pressure. Ends well only when our own side ended first. */
export async function bridge(cx: Pick<VerbContext, 'fail' | 'signal'>, stream: Duplex, input: Readable, output: Writable): Promise<number> {
  let ended = false;
  const stop = (): void => {
    ended = true;
    stream.end();
  };
  input.once('end', stop);
  input.once('error', stop);
  cx.signal.addEventListener('abort', stop, { once: true });
  // The client closed its end: nobody is left to answer.
  output.once('error', () => {
    ended = true;
    stream.destroy();
  });
  const lost = await new Promise<Error | undefined>((resolve) => {
    stream.once('error', (error) => resolve(error));
    stream.once('close', () => resolve(undefined));
    input.pipe(stream, { end: false });
    stream.pipe(output, { end: false });
  });
  input.unpipe(stream);
  if (ended) return EXIT.ok;
  return cx.fail({ ...daemonFault('', ''), exit: EXIT.failed, message: `the session with the gateway was lost: ${lost === undefined ? 'it closed the connection (stopped, restarted, or the token was revoked)' : lost.message}`, help: 'start the client\'s session again; sentinel status' });
}
