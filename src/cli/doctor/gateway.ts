// Checks of this gateway's files, addresses, backends and store. They look and change nothing; the only network they use is that of the configuration.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import type { Configuration } from '../../app/configuration.ts';
import type { StartFault } from '../../app/fault.ts';
import { which } from '../../app/which.ts';
import { showAddress } from '../../config/units.ts';
import { openToOthers, showMode } from '../../core/file-mode.ts';
import type { StatusReport } from '../../core/operations.ts';
import type { Result } from '../../core/result.ts';
import type { Secret } from '../../core/secret.ts';
import type { Address, BackendSettings } from '../../core/settings.ts';
import { SOCKET_PATH_BYTES } from '../../core/socket-path.ts';
import { printable } from '../../core/text.ts';
import { holderOf, portTrouble } from '../holder.ts';
import { count } from '../render.ts';
import { failure, good, skipped, warning, worst } from './finding.ts';
import type { Check, Finding } from './finding.ts';
import { nearestExisting } from './machine.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface GatewayFacts {
  readonly configuration: Result<Configuration, StartFault>;
  /** Why a start would be refused for want of keys; undefined when it would not. */
  readonly keys: StartFault | undefined;
  readonly stateDir: string;
  readonly controlSocket: string;
  readonly tokenFile: string;
  /** Of the gateway that runs, if one does. */
  readonly running: StatusReport | undefined;
  readonly env: Environment;
}

export function gatewayChecks(facts: GatewayFacts): readonly Check[] {
  const { configuration } = facts;
  const withConfiguration = (look: (found: Configuration) => Promise<Finding>) => (): Promise<Finding> =>
    configuration.ok ? look(configuration.value) : Promise.resolve(skipped('the configuration cannot be read'));
  return [
    { name: 'configuration', run: async () => configurationFinding(configuration) },
    { name: 'secret-strength', run: withConfiguration(async (found) => secretStrength(found, facts.keys)) },
    { name: 'file-modes', run: async () => fileModes(facts) },
    { name: 'control-socket', run: async () => controlSocket(facts) },
    { name: 'ports', run: withConfiguration((found) => ports(found, facts.running)) },
    { name: 'backend-commands', run: withConfiguration(async (found) => backendCommands(found, facts.env)) },
    { name: 'backend-users', run: withConfiguration(async (found) => backendUsers(found.settings.backends, process.getuid?.())) },
    { name: 'store', run: withConfiguration(store) },
    { name: 'gateway', run: async () => gateway(facts.running) },
  ];
}

function configurationFinding(configuration: GatewayFacts['configuration']): Finding {
  if (!configuration.ok) return failure(configuration.error.message, configuration.error.problems.length > 0 ? 'sentinel check' : (configuration.error.help ?? 'sentinel init'));
  const { file, warnings } = configuration.value;
  return warnings.length === 0 ? good(file) : warning(`${file}: ${count(warnings.length, 'warning')}`, 'sentinel check');
}

/** RFC 7518 §3.2, as config/ judges it. */
function secretStrength({ settings, warnings }: Configuration, keys: StartFault | undefined): Finding {
  if (keys !== undefined) return failure(keys.message, keys.help ?? 'sentinel init');
  if (warnings.some((one) => one.code === 'SEN-0150')) return warning('the HS256 secret has less than 32 bytes: it can be guessed from one token', 'openssl rand -base64 48, or own_keys = true in [auth]');
  const ways = [settings.auth.ownKeys === undefined ? [] : ['Ed25519 keys of its own'], settings.auth.hmac === undefined ? [] : ['an HS256 secret'], settings.auth.issuers.length === 0 ? [] : [count(settings.auth.issuers.length, 'issuer')]];
  return good(`tokens are verified by ${ways.flat().join(', ')}`);
}

/** Whether the configuration is closed to others shows when it is read. */
function fileModes({ stateDir, tokenFile }: GatewayFacts): Finding {
  if (process.platform === 'win32') return skipped('modes mean nothing here');
  const secret = [stateDir, join(stateDir, 'keys'), join(stateDir, 'keys', 'ring.json'), tokenFile].filter((path) => existsSync(path));
  return worst(secret.map(modeFinding), `${count(secret.length, 'file')} closed to others`);
}

function modeFinding(path: string): Finding {
  const { mode, uid } = statSync(path);
  if (openToOthers(mode)) return failure(`${path}: others can read it (mode ${showMode(mode)})`, `chmod go-rwx ${path}`);
  const own = process.getuid?.();
  return own !== undefined && uid !== own && uid !== 0 ? warning(`${path} belongs to another user (uid ${uid})`, `run as that user, or: chown ${own} ${path}`) : good(path);
}

function controlSocket({ controlSocket: path, running }: GatewayFacts): Finding {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) return failure(`${path} is longer than a socket path may be`, 'set gateway.control_socket to a shorter path');
  if (running !== undefined) return good(`${path}, and the gateway answers on it`);
  const folder = nearestExisting(dirname(path));
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return failure(`${folder} cannot be written by this user`, 'run as the user of the gateway, or set gateway.control_socket');
  }
  return existsSync(path) ? warning(`${path} is there, but nothing answers: left over from a gateway that was killed`, 'nothing to do: the next start takes its place') : good(path);
}

async function ports({ settings }: Configuration, running: StatusReport | undefined): Promise<Finding> {
  const { listen, healthListen } = settings.gateway;
  if (running !== undefined) return good(`${running.endpoint} and ${running.health}, held by the gateway`);
  return worst(await Promise.all([listen, healthListen].map(portFinding)), `${showAddress(listen)} and ${showAddress(healthListen)} are free`);
}

async function portFinding(address: Address): Promise<Finding> {
  const trouble = await portTrouble(address);
  if (trouble === undefined) return good(showAddress(address));
  const holder = trouble === 'EADDRINUSE' ? holderOf(address.port) : undefined;
  return failure(`${showAddress(address)}: ${trouble}${holder === undefined ? '' : `, held by ${holder}`}`, 'stop what holds it, or set another address in [gateway]');
}

function backendCommands({ settings }: Configuration, env: Environment): Finding {
  const commands = settings.backends.filter((backend) => backend.type === 'stdio');
  const missing = commands.filter((backend) => which(backend.command, env) === undefined);
  const [first] = missing;
  if (first !== undefined) return failure(missing.map((backend) => `${backend.id}: ${printable(backend.command)} was not found`).join('; '), `install ${printable(first.command)}, or write its absolute path`);
  return commands.length === 0 ? skipped('no stdio backends') : good(`${count(commands.length, 'command')} found`);
}

/** H13: a child of the gateway's own user can read its environment, its memory and its keys; one of root can read everything. */
export function backendUsers(backends: readonly BackendSettings[], uid: number | undefined): Finding {
  const programs = backends.filter((backend) => backend.type === 'stdio');
  const bare = programs.filter((backend) => backend.runAs === undefined).map((backend) => backend.id);
  if (programs.length === 0) return skipped('no stdio backends');
  if (uid !== 0) return skipped('stdio backends run as the user of the gateway; only a gateway that runs as root can give them others');
  if (bare.length > 0) return warning(`run as root, and can read the gateway's secrets: ${bare.join(', ')}`, 'run the gateway as another user than root, or set run_as in each of them');
  return good(`${count(programs.length, 'stdio backend')}, none as the user of the gateway`);
}

const REACH_MS = 3000;

/** Reachability only: the password is never put to the test here. */
async function store({ settings }: Configuration): Promise<Finding> {
  const { postgresUrl, sqlitePath } = settings.store;
  if (postgresUrl !== undefined) return await databaseFinding(postgresUrl);
  try {
    accessSync(nearestExisting(existsSync(sqlitePath) ? sqlitePath : dirname(sqlitePath)), constants.W_OK);
    return good(`embedded, ${sqlitePath}`);
  } catch {
    return failure(`${sqlitePath} cannot be written by this user`, 'run as the user of the gateway, or set store.path');
  }
}

async function databaseFinding(url: Secret): Promise<Finding> {
  const { hostname, port } = new URL(url.reveal());
  const address = { host: hostname === '' ? 'localhost' : decodeURIComponent(hostname).replace(/^\[|\]$/g, ''), port: port === '' ? 5432 : Number(port) };
  if (address.host.startsWith('/')) return existsSync(join(address.host, `.s.PGSQL.${address.port}`)) ? good(`PostgreSQL on ${address.host}`) : failure(`no PostgreSQL socket in ${address.host}`, 'start PostgreSQL, or mend the URL');
  const trouble = await reach(address);
  return trouble === undefined ? good(`PostgreSQL at ${showAddress(address)} can be reached`) : failure(`PostgreSQL at ${showAddress(address)} cannot be reached (${trouble})`, 'start it, or mend the URL in the variable that postgres.url_env names');
}

function reach(address: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address.host, port: address.port, timeout: REACH_MS });
    const end = (trouble: string | undefined): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end('timeout'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function gateway(running: StatusReport | undefined): Finding {
  if (running === undefined) return skipped('none runs here');
  const unmet = running.readiness.conditions.filter((condition) => !condition.ok);
  if (unmet.length > 0) return warning(`runs (pid ${running.pid}), not ready: ${unmet.map((condition) => printable(condition.name)).join(', ')}`, 'sentinel status');
  return running.warnings.length > 0 ? warning(`runs (pid ${running.pid}) with ${count(running.warnings.length, 'warning')}`, 'sentinel status') : good(`runs (pid ${running.pid}), ready`);
}
