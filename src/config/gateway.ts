// [gateway] and [bounds]: where the gateway listens, where it keeps its state, and how much of anything an outsider may use.
import * as z from 'zod';
import { LONGEST_WAIT_MS } from '../core/capabilities.ts';
import { isLoopback } from '../core/loopback.ts';
import type { Address, BoundsSettings, GatewaySettings } from '../core/settings.ts';
import { SOCKET_PATH_BYTES } from '../core/socket-path.ts';
import { defaultStateDir } from './find.ts';
import { address, choice, count, duration, flag, maybeText, secret, size, words, type SecretRef } from './keys.ts';
import { section, type Context, type Section } from './section.ts';
import { pathOf } from './secrets.ts';
import { networkOf, parseAddress, showDuration, showSize } from './units.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

const GATEWAY = z.strictObject({
  listen: address('127.0.0.1:9200', { doc: 'Where agents connect over HTTP; port 0 takes any free one.', reload: 'restart', original: true }),
  health_listen: address('127.0.0.1:9201', { doc: 'Where /health, /ready and /metrics are.', reload: 'restart', original: true }),
  log_level: choice(LEVELS, 'info', { doc: 'Least level that is logged to stderr. The variable LOG_LEVEL wins.', original: true }),
  audit_enabled: flag(true, { doc: 'Whether calls are recorded.', original: true }),
  public_url: maybeText({ doc: 'The URL agents use when it differs from `listen`, without `/mcp`. OAuth metadata is built on it.', example: '"https://sentinel.example.com"' }),
  allowed_origins: words([], { doc: 'Web origins that may connect. Others that send an Origin header are refused.' }),
  allowed_hosts: words([], { doc: 'Host names that requests may carry, besides those of `listen` and `public_url`.' }),
  behind_proxy: flag(false, { doc: 'A TLS proxy is in front: listening beyond loopback is allowed.', reload: 'restart' }),
  trusted_proxies: words([], { doc: 'Addresses or networks of proxies whose `X-Forwarded-For` says who the agent is. From anybody else the header is only words. Name the proxy itself, as `["10.0.0.7"]`, and no network that agents are in: each of them could then say to be anybody.', example: '["10.0.0.7"]' }),
  state_dir: maybeText({ doc: 'Keys, store and socket live here. Unset: $STATE_DIRECTORY, $XDG_STATE_HOME/sentinel or ~/.local/state/sentinel.', reload: 'restart', example: '"/var/lib/sentinel"' }),
  control_socket: maybeText({ doc: 'Socket of the command line. Unset: control.sock in `state_dir`.', reload: 'restart', example: '"/run/sentinel/control.sock"' }),
  drain_timeout: duration('10s', { doc: 'How long calls in flight may take to end at shutdown.' }, { most: 3_600_000 }),
  metrics_token: secret({ doc: 'Bearer token for /metrics. Unset: the variable HEALTH_TOKEN, and when that is unset too, no token is asked for.', example: '{ env = "HEALTH_TOKEN" }' }),
});

/** The original put the switch of the audit here. */
export interface GatewayTable {
  readonly settings: GatewaySettings;
  readonly auditEnabled: boolean;
}

export const gateway: Section<GatewayTable, undefined> = section('gateway', GATEWAY, (file, context): GatewayTable => {
  const stateDir = file.state_dir === undefined ? defaultStateDir(context.env, context.home) : pathOf(file.state_dir, context.directory, context.home);
  const settings: GatewaySettings = {
    listen: addressOf(file.listen),
    healthListen: addressOf(file.health_listen),
    publicUrl: publicUrl(file.public_url, context),
    allowedOrigins: file.allowed_origins.filter((origin, index) => isOrigin(origin, index, context)),
    allowedHosts: file.allowed_hosts.map((host) => host.toLowerCase()),
    behindProxy: file.behind_proxy,
    trustedProxies: trustedProxies(file.trusted_proxies, file.behind_proxy, context),
    logLevel: logLevel(file.log_level, context),
    stateDir,
    controlSocket: file.control_socket === undefined ? `${stateDir}/control.sock` : pathOf(file.control_socket, context.directory, context.home),
    drainMs: file.drain_timeout,
    metricsToken: metricsToken(file.metrics_token, context),
  };
  checkListeners(settings, context);
  return { settings, auditEnabled: file.audit_enabled };
});

/** The schema has parsed it already. */
function addressOf(written: string): Address {
  return parseAddress(written) ?? { host: '127.0.0.1', port: 0 };
}

function publicUrl(written: string | undefined, context: Context): string | undefined {
  if (written === undefined) return undefined;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain) context.problem('value', ['gateway', 'public_url'], '`gateway.public_url` must be an http or https URL without credentials, query or fragment', undefined, 'key');
  return url?.href.replace(/\/+$/, '');
}

function isOrigin(written: string, index: number, context: Context): boolean {
  if (URL.canParse(written) && new URL(written).origin === written) return true;
  context.problem('value', ['gateway', 'allowed_origins', index], '`gateway.allowed_origins` takes origins such as "https://app.example.com": scheme and host, nothing after', undefined, 'key');
  return false;
}

function trustedProxies(written: readonly string[], behindProxy: boolean, context: Context): readonly string[] {
  if (behindProxy && !context.given(['gateway', 'trusted_proxies'])) context.problem('proxy_unnamed', ['gateway', 'behind_proxy'], '`gateway.behind_proxy` is set, and `gateway.trusted_proxies` does not say who the proxy is');
  const networks = written.map(networkOf);
  for (const [index, network] of networks.entries()) {
    if (network === undefined) context.problem('value', ['gateway', 'trusted_proxies', index], '`gateway.trusted_proxies` takes addresses and networks such as "10.0.0.7" or "10.0.0.0/8", and not all addresses at once', undefined, 'key');
  }
  return networks.filter((network) => network !== undefined);
}

/** Filters such as `info,sqlx=warn` came with the original: their first bare word is the level. */
function logLevel(fromFile: (typeof LEVELS)[number], context: Context): (typeof LEVELS)[number] {
  const said = context.env['LOG_LEVEL'];
  if (said === undefined || said === '') return fromFile;
  const parts = said.toLowerCase().split(',').map((part) => part.trim());
  const level = LEVELS.find((one) => parts.includes(one));
  if (level === undefined || parts.length > 1) context.problem('log_level', ['gateway', 'log_level'], `LOG_LEVEL is not one of ${LEVELS.join(', ')}; ${level ?? fromFile} is used`);
  return level ?? fromFile;
}

function metricsToken(ref: SecretRef | undefined, context: Context): GatewaySettings['metricsToken'] {
  return ref === undefined ? context.secrets.env('HEALTH_TOKEN') : context.secrets.resolve(ref, ['gateway', 'metrics_token']);
}

function checkListeners(settings: GatewaySettings, context: Context): void {
  const { listen, healthListen } = settings;
  if (!isLoopback(listen.host) && !settings.behindProxy) {
    context.problem('exposed', ['gateway', 'listen'], `\`gateway.listen\` is reachable from other machines, and the gateway speaks no TLS itself`);
  }
  if (!isLoopback(healthListen.host) && settings.metricsToken === undefined) {
    context.problem('metrics_open', ['gateway', 'health_listen'], '`gateway.health_listen` is reachable from other machines and /metrics asks for no token');
  }
  if (listen.port !== 0 && listen.port === healthListen.port && listen.host === healthListen.host) {
    context.problem('contradiction', ['gateway', 'health_listen'], '`gateway.health_listen` is the same address as `gateway.listen`');
  }
  if (Buffer.byteLength(settings.controlSocket) > SOCKET_PATH_BYTES) {
    const key = context.given(['gateway', 'control_socket']) ? 'control_socket' : 'state_dir';
    context.problem('value', ['gateway', key], `the path of the control socket is longer than the ${SOCKET_PATH_BYTES} bytes a socket may have`, 'set `control_socket` to a shorter path', 'key');
  }
}

const BOUNDS = z.strictObject({
  body: size('4MiB', { doc: 'Largest HTTP request body.', reload: 'restart' }),
  line: size('4MiB', { doc: 'Longest line on stdio and sockets.', reload: 'restart' }),
  depth: count(64, { doc: 'Deepest nesting of a JSON message.', reload: 'restart' }, { least: 8, most: 512 }),
  keys: count(10_000, { doc: 'Most keys in a JSON message of an agent.', reload: 'restart' }, { least: 100, most: 1_000_000 }),
  items: count(200_000, { doc: 'Most list items in a JSON message of an agent.', reload: 'restart' }, { least: 100, most: 10_000_000 }),
  header: size('16KiB', { doc: 'Most bytes of HTTP request headers.', reload: 'restart' }, { least: 1024, most: 1024 * 1024 }),
  headers_timeout: duration('10s', { doc: 'Time for the headers of a request to arrive.', reload: 'restart' }, { least: 100, most: 600_000 }),
  request_timeout: duration('30s', { doc: 'Time for a whole request to arrive.', reload: 'restart' }, { least: 100, most: 3_600_000 }),
  connections: count(4096, { doc: 'Most connections at once.', reload: 'restart' }, { least: 1 }),
  connections_per_peer: count(64, { doc: 'Most connections of one address, on each listener. Trusted proxies are not counted, nor is anybody on `listen` where `behind_proxy` is on and no proxy is named.', reload: 'restart' }, { least: 1 }),
  connections_loopback: count(1024, { doc: 'The same for loopback, where every agent of this machine has one address.', reload: 'restart' }, { least: 1 }),
  sessions: count(10_000, { doc: 'Most sessions at once.', reload: 'restart' }, { least: 1 }),
  sessions_per_principal: count(100, { doc: 'Most sessions of one subject.', reload: 'restart' }, { least: 1 }),
  session_idle: duration('30m', { doc: 'A session unused for this long ends.', reload: 'restart' }, { least: 1000 }),
  streams_per_principal: count(16, { doc: 'Most open event streams of one subject.', reload: 'restart' }, { least: 1 }),
  stream_buffer: size('1MiB', { doc: 'Unread bytes after which a slow stream is closed.', reload: 'restart' }, { least: 1024 }),
  keep_alive: duration('15s', { doc: 'Between two signs of life on an idle stream.', reload: 'restart' }, { least: 1000, most: 3_600_000 }),
  resume_buffer: size('20MiB', { doc: 'Most bytes of events kept of one session, for an agent of the 2025 revisions that lost its connection and resumes the stream. With `stream_time`, at least 64 KiB more than `result`.' }, { least: 1024 }),
  resume_total: size('128MiB', { doc: 'The same of all sessions together. One subject has at most a quarter of it, which, with `stream_time`, is at least 64 KiB more than `result`.' }, { least: 1024, most: 2 ** 40 }),
  resume_time: duration('2m', { doc: 'How long the stream of an answer is kept while nobody reads it, during the call and after. "0s": answers cannot be resumed. With `stream_time`, longer than `stream_retry`.' }, { most: 3_600_000 }),
  stream_time: duration('0s', { doc: 'Age at which the gateway ends the connection of an event stream towards an agent of 2025-11-25, which then resumes it (polling). "0s": never. An answer must then outlast the pause, and fit: see `resume_time`, `resume_buffer` and `resume_total`.' }, { most: 86_400_000 }),
  stream_retry: duration('1s', { doc: 'How long such an agent is told to wait before it resumes.' }, { least: 10, most: 300_000 }),
  page: count(200, { doc: 'Most tools on one page of a list.', reload: 'restart' }, { least: 1, most: 10_000 }),
  result: size('16MiB', { doc: 'Largest result of a backend, unless the backend says less.', reload: 'restart' }),
  limiter_keys: count(100_000, { doc: 'Most counters that limits keep at once.', reload: 'restart' }, { least: 100, most: 10_000_000 }),
  parked: count(1000, { doc: 'Most calls that wait for an answer of their agent between two requests.' }, { most: 1_000_000 }),
  parked_per_principal: count(32, { doc: 'The same, of one agent.' }, { most: 100_000 }),
  park_time: duration('10m', { doc: 'How long such a call waits before it is cancelled.' }, { least: 1000, most: LONGEST_WAIT_MS }),
  answer_time: duration('10m', { doc: 'How long a question of a backend waits on the stream of an agent of the 2025 revisions. Those to agents of 2026-07-28 wait for `park_time`.' }, { least: 1000, most: LONGEST_WAIT_MS }),
  tasks: count(1000, { doc: 'Most tasks (long tool calls with a handle) that the gateway knows at once; beyond, tools answer with results.' }, { most: 1_000_000 }),
  tasks_per_principal: count(64, { doc: 'The same, of one agent.' }, { most: 100_000 }),
  task_time: duration('1d', { doc: 'How long a task may be asked for, at most; its backend may keep it for less.' }, { least: 1000, most: 604_800_000 }),
  task_results: size('64MiB', { doc: 'Most bytes of results the gateway keeps itself, for tasks whose backend answered at once.' }),
  follows: count(256, { doc: 'Most resources that one session or stream may follow.' }, { most: 100_000 }),
});

export const bounds: Section<BoundsSettings, undefined> = section('bounds', BOUNDS, (file, context): BoundsSettings => {
  checkResumption(file, context);
  return {
    bodyBytes: file.body,
    lineBytes: file.line,
    depth: file.depth,
    keys: file.keys,
    items: file.items,
    headerBytes: file.header,
    headersMs: file.headers_timeout,
    requestMs: file.request_timeout,
    connections: file.connections,
    connectionsPerPeer: file.connections_per_peer,
    connectionsLoopback: file.connections_loopback,
    sessions: file.sessions,
    sessionsPerPrincipal: file.sessions_per_principal,
    sessionIdleMs: file.session_idle,
    streamsPerPrincipal: file.streams_per_principal,
    streamBufferBytes: file.stream_buffer,
    keepAliveMs: file.keep_alive,
    resumeBytes: file.resume_buffer,
    resumeTotalBytes: file.resume_total,
    resumeMs: file.resume_time,
    streamMs: file.stream_time,
    streamRetryMs: file.stream_retry,
    pageSize: file.page,
    resultBytes: file.result,
    limiterKeys: file.limiter_keys,
    parked: file.parked,
    parkedPerPrincipal: file.parked_per_principal,
    parkMs: file.park_time,
    answerMs: file.answer_time,
    tasks: file.tasks,
    tasksPerPrincipal: file.tasks_per_principal,
    taskMs: file.task_time,
    taskBytes: file.task_results,
    follows: file.follows,
  };
});

/** A connection that the gateway ends by itself must not cost the answer. Told at the setting of the file that is at fault; where only `stream_time` is given, there. */
function checkResumption(file: z.output<typeof BOUNDS>, context: Context): void {
  if (file.stream_time === 0) return;
  const isGiven = (key: string): boolean => context.given(['bounds', key]);
  const said = (key: 'resume_time' | 'stream_retry' | 'resume_buffer' | 'resume_total' | 'result', text: string): string => `\`[bounds] ${key}\` is ${text}${isGiven(key) ? '' : ' (default)'}`;
  const tell = (keys: readonly string[], message: string, help: string): void => {
    context.problem('contradiction', ['bounds', keys.find(isGiven) ?? 'stream_time'], `\`stream_time\` ends connections, and ${message}`, help);
  };
  const least = file.result + EVENT_ROOM;
  const needed = `\`result\` and ${showSize(EVENT_ROOM)} more`;
  const sizes = `${said('result', showSize(file.result))}: its largest answer could not be kept meanwhile`;
  if (file.resume_time <= file.stream_retry) tell(['resume_time', 'stream_retry'], `${said('resume_time', showDuration(file.resume_time))}, while ${said('stream_retry', showDuration(file.stream_retry))}: an answer is forgotten before its agent is back`, 'let `resume_time` be longer than `stream_retry`');
  else if (file.resume_buffer < least) tell(['resume_buffer', 'result'], `${said('resume_buffer', showSize(file.resume_buffer))}, while ${sizes}`, `raise \`resume_buffer\` to ${needed}, or lower \`result\``);
  else if (file.resume_total / 4 < least) tell(['resume_total', 'result'], `${said('resume_total', `${showSize(file.resume_total)}, of which one subject has a quarter`)}, while ${sizes}`, `raise \`resume_total\` to four times ${needed}, or lower \`result\``);
}

/** What an answer has around its result. */
const EVENT_ROOM = 64 * 1024;
