// The real gateway for end-to-end tests: `sentinel serve` as a process of its own, with its own home, keys, ports and store.
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlOf, type Control } from '../../../src/cli/control.ts';
import type { StatusReport } from '../../../src/core/operations.ts';
import { createDatabase, testServer } from '../postgres.ts';
import { endOf, type Env, MAIN, plainEnv, type Running, run, type Said, start, until } from './processes.ts';

export interface GatewayOptions {
  /** Backends, roles, limits; `[gateway]` and `[auth]` are written here, unless it is `whole`. */
  readonly toml: string;
  /** `toml` is the file as it stands; state goes where it goes without a word about it. */
  readonly whole?: boolean;
  /** More lines of `[gateway]`. */
  readonly gateway?: readonly string[];
  /** More lines of `[auth]`. */
  readonly auth?: readonly string[];
  readonly env?: Env;
  readonly store?: 'sqlite' | 'postgres';
  /** `hmac` (default): a shared secret by JWT_SECRET_KEY; `own`: an Ed25519 ring, tokens by `sentinel token issue`. */
  readonly keys?: 'hmac' | 'own';
  /** Ready: the line on stdout, which waits for backends. Listening: as soon as the control socket answers. */
  readonly wait?: 'ready' | 'listening';
}

export interface Setup extends Disposable {
  readonly folder: string;
  readonly config: string;
  readonly state: string;
  readonly socket: string;
  readonly env: Env;
  /** Present with `keys: 'hmac'`. */
  readonly secret: string;
  /** Writes the file anew, with `toml` in place of the first one. */
  write(toml: string): void;
  /** A bearer token, good for an hour. */
  token(subject: string, roles: string | readonly string[]): Promise<string>;
  /** The same in a private file. */
  tokenFile(subject: string, roles: string | readonly string[]): Promise<string>;
  /** `sentinel ARGS --config …` to its end. */
  cli(args: readonly string[], options?: { readonly env?: Env; readonly input?: string; readonly cwd?: string }): Promise<Said>;
  /** The same, and its stdout as JSON; fails the test unless it ended with `code`. */
  json(args: readonly string[], code?: number): Promise<unknown>;
  /** Every line of stdout as JSON. */
  jsonLines(args: readonly string[]): Promise<readonly Row[]>;
}

export type Row = Readonly<Record<string, unknown>>;

export interface Gateway extends Setup, AsyncDisposable {
  readonly process: Running;
  readonly pid: number;
  /** `http://127.0.0.1:port/mcp` */
  readonly endpoint: string;
  /** `http://127.0.0.1:port` of the operators. */
  readonly health: string;
  readonly control: Control;
  status(): Promise<StatusReport>;
  page(path: string, headers?: Env): Promise<{ readonly status: number; readonly body: string; readonly headers: Headers }>;
  /** Waits until this holds of the status. */
  when(holds: (report: StatusReport) => boolean, what: string): Promise<StatusReport>;
  /** SIGTERM, and how it ended; a gateway that does not end is a failure. */
  stop(): Promise<Said>;
}

const HOUR_S = 3600;

export async function prepare(options: GatewayOptions): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), 'gw-'));
  const [home, config] = [join(folder, 'home'), join(folder, 'sentinel.toml')];
  const state = options.whole === true ? join(home, '.local/state/sentinel') : join(folder, 'state');
  mkdirSync(home, { mode: 0o700 });
  const secret = randomBytes(32).toString('base64url');
  const own = options.keys === 'own';
  const database = options.store === 'postgres' ? await freshDatabase() : undefined;
  const env: Env = {
    ...plainEnv(home),
    ...(own ? {} : { JWT_SECRET_KEY: secret }),
    ...(database === undefined ? {} : { DATABASE_URL: database }),
    ...options.env,
  };
  const cli: Setup['cli'] = async (args, more = {}) =>
    run([process.execPath, MAIN, ...args, '--config', config], { env: { ...env, ...more.env }, cwd: more.cwd ?? folder, input: more.input });
  const setup: Setup = {
    folder, config, state, env, secret, cli,
    socket: join(state, 'control.sock'),
    write: (toml) => writeFileSync(config, options.whole === true ? toml : compose(options, state, own, toml)),
    token: async (subject, roles) => (own ? (await issued(cli, subject, roles)) : hmacToken(secret, { sub: subject, role: roles })),
    tokenFile: async (subject, roles) => {
      const file = join(folder, `${subject}.token`);
      if (!existsSync(file)) writeFileSync(file, `${await setup.token(subject, roles)}\n`, { mode: 0o600 });
      return file;
    },
    json: async (args, code = 0) => {
      const said = await cli([...args, '--json']);
      if (said.code !== code) throw new Error(`sentinel ${args.join(' ')} ended with ${said.code}: ${said.stderr}`);
      return JSON.parse(said.stdout);
    },
    jsonLines: async (args) => {
      const said = await cli([...args, '--json']);
      if (said.code !== 0) throw new Error(`sentinel ${args.join(' ')} ended with ${said.code}: ${said.stderr}`);
      return said.stdout.split('\n').filter((line) => line !== '').map((line): Row => JSON.parse(line));
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  setup.write(options.toml);
  if (own) {
    const made = await cli(['keys', 'rotate']);
    if (made.code !== 0) throw new Error(`no keys: ${made.stderr}`);
  }
  return setup;
}

async function freshDatabase(): Promise<string> {
  const server = testServer();
  if ('skip' in server) throw new Error(server.skip);
  return createDatabase(server.url);
}

function compose(options: GatewayOptions, state: string, own: boolean, toml: string): string {
  const gateway = ['[gateway]', 'listen = "127.0.0.1:0"', 'health_listen = "127.0.0.1:0"', `state_dir = ${JSON.stringify(state)}`, ...(options.gateway ?? [])];
  return `${[...gateway, '', '[auth]', `own_keys = ${own}`, ...(options.auth ?? []), '', toml].join('\n')}\n`;
}

async function issued(cli: Setup['cli'], subject: string, roles: string | readonly string[]): Promise<string> {
  const said = await cli(['token', 'issue', '--subject', subject, ...[roles].flat().flatMap((role) => ['--role', role]), '--ttl', '1h']);
  if (said.code !== 0) throw new Error(`no token: ${said.stderr}`);
  return said.stdout.trim();
}

/** As the original's documents make one: HS256 with the secret's bytes, `iss` and `aud` of the original. */
export function hmacToken(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'sentinel-gateway', aud: 'sentinel-api', iat: now, exp: now + HOUR_S, jti: randomBytes(9).toString('hex'), ...claims })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

/** Starts the program on an existing setup; throws with its stderr when it ends instead. */
export async function launch(setup: Setup, wait: 'ready' | 'listening' = 'ready'): Promise<Gateway> {
  const daemon = start([process.execPath, MAIN, 'serve', '--json', '--config', setup.config], { env: setup.env, cwd: setup.folder });
  const control = controlOf(setup.socket);
  const report = await untilUp(daemon, setup.socket, wait);
  const status = async (): Promise<StatusReport> => {
    const answer = await control.status();
    if (!answer.ok) throw new Error(answer.error.message);
    return answer.value;
  };
  const stop = async (): Promise<Said> => {
    daemon.signal('SIGTERM');
    return endOf(daemon, 'the gateway');
  };
  return {
    ...setup, process: daemon, pid: daemon.pid, control, endpoint: report.endpoint, health: report.health, status,
    page: async (path, headers = {}) => {
      const response = await fetch(`${report.health}${path}`, { headers });
      return { status: response.status, body: await response.text(), headers: response.headers };
    },
    when: async (holds, what) => until(async () => {
      const now = await status();
      return holds(now) ? now : undefined;
    }, what),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      setup[Symbol.dispose]();
    },
  };
}

async function untilUp(daemon: Running, socket: string, wait: 'ready' | 'listening'): Promise<StatusReport> {
  try {
    return await until(async () => {
      if (daemon.hasEnded()) throw new Error(`the gateway ended: ${daemon.stderr()}`);
      if (wait === 'ready' ? !daemon.stdout().includes('\n') : !existsSync(socket)) return undefined;
      const answer = await controlOf(socket).status();
      return answer.ok && answer.value.pid === daemon.pid ? answer.value : undefined;
    }, 'the gateway is up');
  } catch (error) {
    daemon.signal('SIGKILL');
    throw error;
  }
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const setup = await prepare(options);
  try {
    return await launch(setup, options.wait);
  } catch (error) {
    setup[Symbol.dispose]();
    throw error;
  }
}

/** What the gateway logged, line by line. */
export function logOf(gateway: Pick<Gateway, 'process'>): readonly Row[] {
  return gateway.process.stderr().split('\n').filter((line) => line.startsWith('{')).map((line): Row => JSON.parse(line));
}
