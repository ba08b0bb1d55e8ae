// `sentinel start`: from nothing to a gateway that runs, with two real MCP servers behind it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../../config/units.ts';
import type { StatusReport } from '../../core/operations.ts';
import { announcement } from '../announce.ts';
import { controlOf } from '../control.ts';
import { detach } from '../demo/detach.ts';
import { command, nextLine, thenLines } from '../demo/next.ts';
import { EVERYTHING_ENTRY } from '../demo/plan.ts';
import { startDemoServer } from '../demo/server.ts';
import { EXIT } from '../exit.ts';
import { addressFault, refusedFault, usageFault } from '../faults.ts';
import { readyObject, runGateway } from '../foreground.ts';
import { holderOf, portTrouble } from '../holder.ts';
import { packageRoot } from '../package.ts';
import { addressFrom } from '../setup/address.ts';
import { settleAddresses, type Addresses } from '../setup/addresses.ts';
import { layDemo } from '../setup/demo.ts';
import type { Demo } from '../setup/demo.ts';
import { tree } from '../setup/files.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { demoConfig, demoHome } from '../whereabouts.ts';

const start: Verb = {
  name: 'start',
  summary: 'set everything up and run it, with two real MCP servers to try',
  usage: '',
  examples: [
    { run: 'sentinel start', does: 'generates keys, token and configuration where there are none, and runs the gateway' },
    { run: 'sentinel start --detach', does: 'the same in the background; `sentinel stop` ends it' },
    { run: 'sentinel start --detach --listen 0 --health-listen 0', does: 'on free ports, where 9200 or 9201 is taken' },
  ],
  about: 'Everything lies in .sentinel of the checkout, or in SENTINEL_HOME. What is there already is used and not changed. Behind the gateway are the published servers filesystem (over stdio, on a folder with two files) and everything (over Streamable HTTP); the role developer may read, and may not write.',
  options: {
    detach: { type: 'boolean', help: 'leave it running in the background' },
    listen: { type: 'string', value: 'address', help: 'where agents connect: host:port, or a port; 0 takes a free one (default: 127.0.0.1:9200). Written into the configuration, as long as nobody else changed it' },
    'health-listen': { type: 'string', value: 'address', help: 'the same for /health and /metrics (default: 127.0.0.1:9201)' },
  },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [start];

/** Cold Node processes on a slow machine. */
const DETACHED_MS = 60_000;

async function run(cx: VerbContext): Promise<number> {
  const [listen, healthListen] = ['listen', 'health-listen'].map((flag) => addressOf(cx, flag));
  if (listen === 'invalid' || healthListen === 'invalid') return cx.fail(usageFault('an address is host:port, or a port of 127.0.0.1'));
  const home = demoHome(cx.env, cx.cwd);
  const running = await runningStatus(join(home, 'control.sock'));
  if (running !== undefined) {
    cx.err('it runs already');
    return tell(cx, home, running, false);
  }
  const addresses = settleAddresses(home, { listen, healthListen });
  if (!addresses.ok) return cx.fail(addresses.error);
  // Before anything is written: a file with an address that is taken would stand in the way of the next try.
  const taken = await takenAddress(addresses.value, demoConfig(cx.env, cx.cwd));
  if (taken !== undefined) return cx.fail(taken);
  const demo = await layDemo(cx, { home, write: addresses.value.write });
  if (!demo.ok) return cx.fail(demo.error);
  if (isNew(demo.value)) cx.err(tree(demo.value.laid));
  return cx.flags.on('detach') ? await inBackground(cx, demo.value) : await inForeground(cx, demo.value);
}

/** Undefined = not given. */
function addressOf(cx: VerbContext, flag: string): string | undefined {
  const text = cx.flags.text(flag);
  return text === undefined ? undefined : (addressFrom(text) ?? 'invalid');
}

async function runningStatus(socket: string): Promise<StatusReport | undefined> {
  if (!existsSync(socket)) return undefined;
  const status = await controlOf(socket).status();
  return status.ok ? status.value : undefined;
}

async function takenAddress({ listen, healthListen }: Addresses, configFile: string): Promise<Fault | undefined> {
  const help = `take any free ports: sentinel start --listen 0 --health-listen 0; or change ${configFile}, once you made it your own`;
  for (const text of [listen, healthListen]) {
    const address = text === undefined ? undefined : parseAddress(text);
    const trouble = address === undefined ? undefined : await portTrouble(address);
    if (address === undefined || trouble === undefined) continue;
    const holder = holderOf(address.port);
    if (trouble === 'EADDRINUSE') return addressFault(`${text} is taken${holder === undefined ? ' by another program' : ` by ${holder}`}`, `stop it, or ${help}`);
    return addressFault(`${text} cannot be listened on (${trouble})`, help);
  }
  return undefined;
}

async function inForeground(cx: VerbContext, demo: Demo): Promise<number> {
  const deps = { entry: join(packageRoot(), EVERYTHING_ENTRY), cwd: demo.home, path: cx.env['PATH'] ?? '', say: cx.err };
  const server = demo.demoPort === undefined ? undefined : await startDemoServer({ ...deps, port: demo.demoPort });
  try {
    return await runGateway(cx, demo.configFile, (status) => {
      if (isNew(demo)) cx.err(thenLines(cx, status, demo.home));
      return [nextLine(cx, status, demo.home)];
    });
  } finally {
    await server?.stop();
  }
}

async function inBackground(cx: VerbContext, demo: Demo): Promise<number> {
  const logFile = join(demo.home, 'sentinel.log');
  const left = await detach(['start', '--json'], logFile, { ...cx.env, SENTINEL_HOME: demo.home }, cx.cwd, DETACHED_MS);
  if (!left.ok) {
    const { status, tail } = left.error;
    cx.err(tail.trimEnd());
    const fault = refusedFault(status === undefined ? `it was not ready after ${DETACHED_MS / 1000} s` : 'it ended before it was ready', `its log: ${logFile}`);
    return cx.fail({ ...fault, exit: status === undefined || status === 0 ? EXIT.failed : status });
  }
  const report = await runningStatus(demo.controlSocket);
  if (report === undefined) return cx.fail(refusedFault('it was ready, and is gone again', `its log: ${logFile}`));
  cx.err(`it runs in the background (log: ${logFile}); end it with: ${command(cx, demo.home, 'stop')}`);
  return tell(cx, demo.home, report, isNew(demo));
}

/** Who has started it before has read what can be done with it. */
function isNew(demo: Demo): boolean {
  return demo.laid.some((one) => one.made);
}

function tell(cx: VerbContext, home: string, report: StatusReport, isFirst: boolean): number {
  if (cx.json) cx.outJson(readyObject(cx, report));
  else {
    cx.out(`${announcement(report)}\n${nextLine(cx, report, home)}`);
    if (isFirst) cx.err(thenLines(cx, report, home));
  }
  return EXIT.ok;
}
