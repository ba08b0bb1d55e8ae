// `sentinel proxy`: one MCP server behind the same pipeline, watched. Nothing is configured, so nothing is enforced: the role
// it runs under is in monitor mode, and every call is decided, recorded and let through. For a first look, not for guarding.
import type { Readable, Writable } from 'node:stream';
import { join } from 'node:path';
import { userStateDir } from '../config/find.ts';
import { load } from '../config/load.ts';
import { roleName, timestamp } from '../core/ids.ts';
import type { Authenticated, BackendStatus } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Secret } from '../core/secret.ts';
import type { TokenAuthenticator } from '../identity/authenticator.ts';
import { serveStdio } from '../surfaces/mcp/stdio.ts';
import { startHttp } from '../surfaces/mcp/http.ts';
import { compose, type Gateway } from './compose.ts';
import type { Configuration } from './configuration.ts';
import type { Env } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';
import { homeOf } from './home.ts';
import { onSignals } from './signals.ts';
import { FIRST_LIST_MS } from './stdio.ts';
import { processDeps, sha256, systemRandom } from './system.ts';
import { which } from './which.ts';

interface ProxyBase {
  readonly env: Env;
  readonly cwd: string;
  readonly version: string;
  fail(fault: StartFault): number;
  /** Talk on stderr. */
  say(text: string): void;
}

export interface StdioProxy extends ProxyBase {
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: Readable;
  readonly stdout: Writable;
}

export interface HttpProxy extends ProxyBase {
  readonly upstream: string;
  /** What agents must send; undefined: everybody who can connect is let in. */
  readonly token: Secret | undefined;
  /** Loopback port; 0 = any free one. */
  readonly port: number;
}

export async function runStdioProxy(options: StdioProxy): Promise<number> {
  const lines = [`type = "stdio"`, `command = ${quoted(options.command)}`, `args = [${options.args.map(quoted).join(', ')}]`, `cwd = ${quoted(options.cwd)}`, 'env_passthrough = ["HOME"]'];
  const ending = endOnSignal();
  try {
    const opened = await open(options, lines, 0, ending);
    if (!opened.ok) return options.fail(opened.error);
    const { gateway, drainMs } = opened.value;
    const surface = serveStdio(gateway.ingress, { input: options.stdin, output: options.stdout, token: () => undefined, peer: 'local' });
    ending.asked.then(() => surface.close(drainMs)).catch((error: unknown) => gateway.telemetry.fault(error));
    const end = await surface.done;
    const fault = end.kind === 'eof' ? neverServed(gateway, options.command) : undefined;
    await gateway.stack.disposeAsync();
    if (fault !== undefined) return options.fail(fault);
    return end.kind === 'broken' ? 1 : 0;
  } finally {
    ending.undo();
  }
}

/** The first TERM or INT ends in order, whenever it comes: from the first child on there is something to take down. */
interface Ending {
  readonly asked: Promise<void>;
  wasAsked(): boolean;
  undo(): void;
}

function endOnSignal(): Ending {
  const asked = Promise.withResolvers<void>();
  let told = false;
  const undo = onSignals({
    reload: () => {},
    drain: () => {
      told = true;
      asked.resolve();
    },
    force: (signal) => process.exit(signal === 'SIGINT' ? 130 : 143),
  });
  return { asked: asked.promise, wasAsked: () => told, undo };
}

/** A client that starts this instead of its server must hear of it when there is none. */
function neverServed(gateway: Gateway, command: string): StartFault | undefined {
  const fault = gateway.edges.fleet.statuses().find((status) => status.state !== 'ready')?.lastFault;
  if (fault === undefined || gateway.cell.current().catalog.byBackend.size > 0) return undefined;
  return startFault(1, 'SEN-0401', `${command} never served MCP: ${'detail' in fault ? fault.detail : fault.code}`, 'run the command by itself and see what it says');
}

export async function runHttpProxy(options: HttpProxy): Promise<number> {
  const ending = endOnSignal();
  try {
    const opened = await open(options, ['type = "http"', `url = ${quoted(options.upstream)}`], options.port, ending);
    return opened.ok ? await listen(options, opened.value, ending) : options.fail(opened.error);
  } finally {
    ending.undo();
  }
}

async function listen(options: HttpProxy, { gateway, drainMs }: Opened, ending: Ending): Promise<number> {
  const http = await startHttp(gateway.ingress, gateway.cell.current().settings);
  if (!http.ok) {
    await gateway.stack.disposeAsync();
    return options.fail(startFault(http.error.code === 'address_in_use' ? 14 : 1, 'SEN-0501', `port ${options.port} could not be bound: ${http.error.detail}`, 'sentinel proxy --port 0 takes any free one'));
  }
  if (gateway.edges.fleet.statuses().some(wantsToken)) options.say('the server asks for a token, and this passes none on: name it in a configuration (sentinel init), with `bearer = { env = "NAME" }`, and run sentinel serve');
  options.say(`watching ${options.upstream} at http://${http.value.address.host}:${http.value.address.port}/mcp`);
  await ending.asked;
  await http.value.close(drainMs);
  await gateway.stack.disposeAsync();
  return 0;
}

function wantsToken({ lastFault: fault }: BackendStatus): boolean {
  return fault?.code === 'unauthorized' || (fault?.code === 'http_status' && (fault.status === 401 || fault.status === 403));
}

/** TOML's basic strings take JSON's escapes. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

interface Opened {
  readonly gateway: Gateway;
  readonly drainMs: number;
}

async function open(options: ProxyBase & Pick<Partial<HttpProxy>, 'token'>, backend: readonly string[], port: number, ending: Ending): Promise<Result<Opened, StartFault>> {
  const configuration = proxyConfiguration(options, backend, port);
  if (!configuration.ok) return configuration;
  const deps = processDeps(options.env, options.version);
  const composed = await compose(configuration.value, deps, localAuthenticator(options.token));
  if (!composed.ok) return composed;
  const gateway = composed.value;
  gateway.edges.apply(configuration.value.settings);
  await Promise.race([gateway.edges.settled(FIRST_LIST_MS), ending.asked]);
  const fault = ending.wasAsked() ? undefined : notStarted(gateway);
  if (fault !== undefined) {
    await gateway.stack.disposeAsync();
    return err(fault);
  }
  options.say(`monitor mode: every call is let through and recorded in ${configuration.value.settings.store.sqlitePath}`);
  return ok({ gateway, drainMs: configuration.value.settings.gateway.drainMs });
}

/** It would be tried again and again, and a program that is not there will not come. */
function notStarted(gateway: Gateway): StartFault | undefined {
  const fault = gateway.edges.fleet.statuses()[0]?.lastFault;
  return fault?.code === 'spawn_failed' ? startFault(1, 'SEN-0401', `the server could not be started: ${fault.detail}`, 'name a program that is on PATH, or its path') : undefined;
}

/** Where `sentinel proxy` keeps what it recorded. */
export function proxyStateDir(env: Env): string {
  return join(userStateDir(env, homeOf(env)), 'proxy');
}

function proxyConfiguration(options: ProxyBase, backend: readonly string[], port: number): Result<Configuration, StartFault> {
  const home = homeOf(options.env);
  const state = proxyStateDir(options.env);
  const text = [
    '[gateway]', `listen = "127.0.0.1:${port}"`, `state_dir = ${quoted(state)}`, 'log_level = "warn"',
    '[[backends]]', 'name = "upstream"', ...backend,
    '[rbac.roles.local]', 'permissions = ["*"]', 'mode = "monitor"',
    '[rate_limits]', 'mode = "monitor"', '[arguments]', 'mode = "monitor"', '[catalog]', 'names = "bare"', '',
  ].join('\n');
  // The loader asks for some way to verify tokens; this one is never used: whoever is asked for a token is asked for ours.
  const env = { ...options.env, JWT_SECRET_KEY: systemRandom.token(32) };
  const loaded = load({ text, file: join(state, 'proxy.toml'), env, home, readFile: () => err('no files here'), which: (command) => which(command, options.env) });
  if (!loaded.ok) return err(startFault(2, loaded.error[0]?.code ?? 'SEN-0101', loaded.error.map((one) => one.message).join('; '), 'sentinel help proxy'));
  return ok({ file: '', text, hash: sha256(text), settings: loaded.value.settings, warnings: [], secretVariables: loaded.value.secretVariables });
}

/** Over stdio only its starter reaches this process; loopback is open to every user of the machine, so there a token is asked for. */
function localAuthenticator(token: Secret | undefined): TokenAuthenticator {
  const expected = token === undefined ? undefined : sha256(token.reveal());
  const principal: Principal = { subject: 'local', roles: [roleName('local')], scopes: [], issuer: 'local', tokenId: undefined, keyId: undefined, via: 'local', expiresAt: timestamp(Number.MAX_SAFE_INTEGER), credential: 'local' };
  // Digests are compared: how far two of them agree tells nothing of the token.
  const authenticate = (given: string | undefined): Authenticated => {
    if (expected === undefined) return ok(principal);
    if (given === undefined) return err({ code: 'missing', detail: 'no credentials' });
    return sha256(given) === expected ? ok(principal) : err({ code: 'signature', detail: 'not the token of this proxy' });
  };
  return { authenticate, recheck: () => undefined, prepare: () => Promise.resolve(ok(() => {})), rekey: () => Promise.resolve(ok(undefined)), refreshRevocations: () => {}, status: () => [], dispose: () => {} };
}
