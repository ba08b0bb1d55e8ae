// `sentinel init`: a configuration of one's own with real keys, in a second. What is there is kept.
import { dirname, join, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { homeOf } from '../../app/home.ts';
import { userConfigDir, userStateDir } from '../../config/find.ts';
import { printable } from '../../core/text.ts';
import { isAgentName } from '../connect/ssh.ts';
import { EXIT } from '../exit.ts';
import { usageFault } from '../faults.ts';
import { ownCommand } from '../package.ts';
import { shellLine } from '../quote.ts';
import { addressFrom } from '../setup/address.ts';
import { DEFAULT_ADDRESSES } from '../setup/addresses.ts';
import { configText } from '../setup/config-text.ts';
import { layDirectory, layFile, tree } from '../setup/files.ts';
import type { Laid } from '../setup/files.ts';
import type { Verb, VerbContext } from '../verb.ts';
import { whereabouts } from '../whereabouts.ts';

const init: Verb = {
  name: 'init',
  summary: 'write a configuration with keys, a role and a token of its own',
  usage: '',
  examples: [
    { run: 'sentinel init', does: 'for this user: ~/.config/sentinel/sentinel.toml, state in ~/.local/state/sentinel' },
    { run: 'sentinel init --here --yes', does: 'for this directory: ./sentinel.toml, state in ./.sentinel (in ./.sentinel/here beside what start wrote)' },
  ],
  about: 'Writes the configuration, an Ed25519 key ring and the token of a first agent, each readable by its owner only, and prints the tree. The token itself is never printed. Files that exist are kept; run again, it only adds what is missing.',
  options: {
    here: { type: 'boolean', help: 'in the working directory instead of the user\'s own directories' },
    role: { type: 'string', value: 'name', help: 'first role (default: developer)' },
    subject: { type: 'string', value: 'name', help: 'first agent (default: agent)' },
    listen: { type: 'string', value: 'address', help: 'where agents connect (default: 127.0.0.1:9200)' },
    'health-listen': { type: 'string', value: 'address', help: 'where /health and /metrics are (default: 127.0.0.1:9201)' },
    yes: { type: 'boolean', short: 'y', help: 'do not ask' },
  },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [init];

interface Wishes {
  readonly configFile: string;
  readonly stateDir: string;
  readonly role: string;
  readonly subject: string;
  readonly listen: string;
  readonly healthListen: string;
}

async function run(cx: VerbContext): Promise<number> {
  const wishes = wishesOf(cx);
  if (typeof wishes === 'string') return cx.fail(usageFault(wishes, 'sentinel help init'));
  const { configFile, stateDir, role } = wishes;
  const fresh = !existsSync(configFile);
  if (fresh && !cx.flags.on('yes')) {
    const answer = await cx.ask(`Write ${configFile}, and keys and a token below ${stateDir}?`);
    if (answer === false) {
      cx.err('nothing was written');
      return EXIT.confirmationNeeded;
    }
  }
  const laid: Laid[] = [layDirectory(dirname(configFile), 'configuration'), layDirectory(stateDir, 'keys, store, control socket')];
  // Written with its state directory: clients and sshd start the program with other environments than this one.
  const text = configText({ listen: wishes.listen, healthListen: wishes.healthListen, stateDir, role, allow: ['*'], deny: [], backends: [] });
  laid.push(layFile(configFile, text, fresh ? `role ${role}, which may call everything; no backends yet` : 'as it was'));
  const { layCredentials } = await import('../setup/credentials.ts');
  // The file may be older than this run, and say otherwise where its state is.
  const { tokenFile } = whereabouts({ configFile, env: cx.env, cwd: cx.cwd });
  const credentials = await layCredentials({ configFile, env: cx.env, cwd: cx.cwd, subject: wishes.subject, role, tokenFile, by: cx.user });
  if (!credentials.ok) return cx.fail(credentials.error);
  return tell(cx, configFile, tokenFile, [...laid, ...credentials.value]);
}

function tell(cx: VerbContext, configFile: string, tokenFile: string, laid: readonly Laid[]): number {
  const own = shellLine([...ownCommand(), 'serve', '--config', configFile]);
  if (cx.json) {
    cx.outJson({ config_file: configFile, token_file: tokenFile, files: laid.map(({ path, made }) => ({ path, made })), next: own });
    return EXIT.ok;
  }
  cx.out(tree(laid));
  cx.err(`name your MCP servers in ${configFile}, then:\n  ${own}`);
  return EXIT.ok;
}

function wishesOf(cx: VerbContext): Wishes | string {
  const listen = addressFrom(cx.flags.text('listen') ?? DEFAULT_ADDRESSES.listen);
  const healthListen = addressFrom(cx.flags.text('health-listen') ?? DEFAULT_ADDRESSES.healthListen);
  if (listen === undefined || healthListen === undefined) return 'an address is host:port, or a port of 127.0.0.1';
  const role = cx.flags.text('role') ?? 'developer';
  const subject = cx.flags.text('subject') ?? 'agent';
  for (const name of [role, subject]) if (!isAgentName(name)) return `"${printable(name)}": letters, digits, dot, dash and underscore, at most 64`;
  return { ...placesOf(cx), role, subject, listen, healthListen };
}

/** --config wins; the checkout's demo is never meant. */
function placesOf(cx: VerbContext): Pick<Wishes, 'configFile' | 'stateDir'> {
  const given = cx.flags.text('config');
  if (cx.flags.on('here')) return { configFile: join(cx.cwd, 'sentinel.toml'), stateDir: stateHere(cx.cwd) };
  const home = homeOf(cx.env);
  const stateDir = userStateDir(cx.env, home);
  return { configFile: given === undefined ? join(userConfigDir(cx.env, home), 'sentinel.toml') : resolve(cx.cwd, given), stateDir };
}

/** Two gateways cannot share a control socket and a store: where `start` has its own, this one's state lies beside it. */
function stateHere(cwd: string): string {
  const folder = join(cwd, '.sentinel');
  return existsSync(join(folder, 'sentinel.toml')) ? join(folder, 'here') : folder;
}
