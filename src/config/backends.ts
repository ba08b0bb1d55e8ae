// [[backends]]: the MCP servers behind the gateway. One table of keys for both kinds; what belongs to the other kind is an error.
import * as z from 'zod';
import { backendId } from '../core/ids.ts';
import type { BackendSettings, BreakerSettings, HttpBackendSettings, StdioBackendSettings } from '../core/settings.ts';
import { checkPattern } from './patterns.ts';
import { aliasesOf, checkAliases, hiddenBy, rootsOf } from './backend-names.ts';
import { accountOf, checkArgs, checkName, childEnv, commandOf, passthrough } from './backend-process.ts';
import { headersOf, sharedSecret, bearerOf, urlOf } from './backend-http.ts';
import { choice, count, duration, flag, maybeFlag, maybeText, neededChoice, neededText, plainWords, rate, ROWS, seconds, secretText, secretTexts, size, texts, words } from './keys.ts';
import { explain } from './diagnose.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context, Section } from './section.ts';
import { pathOf } from './secrets.ts';

const BREAKER = z.strictObject({
  window: duration('1m', { doc: 'Span over which the failure rate is taken.' }, { least: 1000, most: 3_600_000 }),
  minimum_calls: count(20, { doc: 'Calls in the window before the rate means anything.' }, { least: 1, most: 100_000 }),
  rate: rate(0.5, { doc: 'Share of failed calls that opens the breaker.' }),
});

const ASKS = z.strictObject({
  elicitation: flag(true, { doc: 'Whether it may ask the agent\'s user for input (elicitation).' }),
  sampling: flag(false, { doc: 'Whether it may have the agent\'s model write for it (sampling).' }),
  roots: flag(false, { doc: 'Whether it may ask an agent for its roots.' }),
});

const BACKEND = z.strictObject({
  name: neededText({ doc: 'Its name in policies, limits, the audit and tool names.', original: true, example: '"files"' }),
  type: neededChoice(['stdio', 'http'], { doc: 'A program that is started, or a server that is called.', original: true, example: '"stdio"' }),
  command: maybeText({ doc: 'The program: an absolute path, or a name found in PATH at load.', original: true, only: 'stdio', example: '"npx"' }),
  args: plainWords({ doc: 'Its arguments, passed as they are; no shell. Visible to other users: no secrets.', original: true, only: 'stdio', secret: true, example: '["-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "/srv/files"]' }),
  env: secretTexts({ doc: 'Its environment, besides the few variables every child gets.', original: true, only: 'stdio', example: '{ API_KEY = "${env:FILES_API_KEY}" }' }),
  env_passthrough: words([], { doc: 'Variables of the gateway it gets as well.', only: 'stdio' }),
  unsafe_env: flag(false, { doc: 'Allows variables that make programs load code.', only: 'stdio' }),
  cwd: maybeText({ doc: 'Its working directory. Unset: a private one.', only: 'stdio', example: '"/srv/files"' }),
  restart_on_exit: flag(true, { doc: 'Start it again when it ends.', original: true, only: 'stdio' }),
  max_restarts: count(5, { doc: 'Most restarts within `restart_window`; 0 = no cap.', original: true, only: 'stdio' }, { most: 100_000 }),
  restart_window: duration('10m', { doc: 'Span in which restarts are counted.', only: 'stdio' }, { least: 1000 }),
  handshake_timeout: duration('30s', { doc: 'Time for it to answer `initialize`.', only: 'stdio' }, { least: 100, most: 3_600_000 }),
  stop_timeout: duration('5s', { doc: 'Time to end by itself after its stdin closed, and again after SIGTERM.', only: 'stdio' }, { most: 600_000 }),
  sandbox: choice(['off', 'basic'], 'basic', { doc: 'Limits put on the process.', only: 'stdio' }),
  run_as: maybeText({ doc: 'User it runs as, by name or as `uid:gid`; needs a gateway that runs as root. Unset: the gateway\'s own user, who can read the gateway\'s secrets.', only: 'stdio', example: '"nobody"' }),
  url: maybeText({ doc: 'Its endpoint; `/mcp` is added unless the path ends with it.', original: true, only: 'http', secret: true, example: '"https://tools.example.com/mcp"' }),
  exact_url: flag(false, { doc: 'Take `url` as it stands.', only: 'http' }),
  headers: secretTexts({ doc: 'Headers sent with each request.', only: 'http', example: '{ X-Api-Key = "${env:TOOLS_API_KEY}" }' }),
  bearer: secretText({ doc: 'Token sent as `Authorization: Bearer`.', only: 'http', example: '{ env = "TOOLS_TOKEN" }' }),
  shared_secret: flag(false, { doc: 'Send the variable BACKEND_SHARED_SECRET as X-Sentinel-Auth.', only: 'http' }),
  allow_private: maybeFlag({ doc: 'Whether its name may lead to a private address. Unset: yes when `url` names one or a local name, else no.', only: 'http', example: 'true' }),
  sse: flag(false, { doc: 'Try the deprecated HTTP+SSE of 2024-11-05 where the server has nothing newer. With `exact_url`, for its path seldom is `/mcp`.', only: 'http' }),
  retries: count(3, { doc: 'Repetitions of a failed call, only of tools in `idempotent_tools`.', original: true }, { most: 10 }),
  idempotent_tools: words([], { doc: 'Tools (patterns) that may be called twice without harm.' }),
  timeout_secs: seconds(60, { doc: 'Time for one call.', original: true }, { least: 1 }),
  max_timeout: duration('10m', { doc: 'Longest a call may be kept alive by progress.' }, { least: 1000 }),
  concurrency: count(64, { doc: 'Most calls at once. Twice what one subject may have (`[concurrency] per_principal`), so that one agent cannot fill it.' }, { least: 1, most: 10_000 }),
  queue: count(64, { doc: 'Most calls waiting for a place.' }, { most: 100_000 }),
  result: size('16MiB', { doc: 'Largest result.' }),
  era: choice(['auto', 'legacy', 'modern'], 'auto', { doc: 'Protocol family it speaks; "auto" asks it.' }),
  health_interval_secs: seconds(300, { doc: 'Between two pings of an idle backend.', original: true }, { least: 1 }),
  circuit_breaker_threshold: count(5, { doc: 'Failures in a row that open the breaker; 0 = no breaker.', original: true }, { most: 100_000 }),
  circuit_breaker_recovery_secs: seconds(30, { doc: 'How long it stays open before one call may try.', original: true }, { least: 1 }),
  breaker: BREAKER.optional(),
  asks: ASKS.optional(),
  roots: words([], { doc: 'Folders it is told of when it asks for roots outside of any call: absolute paths or `file:///` URIs.', example: '["/srv/files"]' }),
  aliases: texts({ doc: 'Name of a tool → the name agents of `/mcp` see instead of the one that is made.', example: '{ read_text_file = "read" }' }),
  hide: words([], { doc: 'Tools, prompts and resources (patterns, the backend may be left out) that exist for nobody.', example: '["prompt:debug_*", "resource:file:///srv/files/private/**"]' }),
});
type BackendFile = z.output<typeof BACKEND>;

const BACKENDS = z.array(BACKEND).max(1000);

/** Given: the largest result of [bounds]. Each table is read apart, so that a fault in one does not hide those of another. */
export const backends: Section<readonly BackendSettings[], number> = {
  name: 'backends',
  schema: BACKENDS,
  read(raw, context, resultBytes) {
    const list = z.array(z.unknown()).max(1000).safeParse(raw);
    if (!list.success) return void explain({ root: 'backends', schema: BACKENDS, raw, context }, list.error.issues);
    const parsed = list.data.map((one, index) => {
      const read = BACKEND.safeParse(one);
      if (!read.success) explain({ root: 'backends', schema: BACKENDS, raw, context }, read.error.issues, [index]);
      return read.data;
    });
    const settled = parsed.map((one, index) => (one === undefined ? undefined : readBackend(one, index, context, resultBytes)));
    for (const [index, one] of parsed.entries()) {
      if (one === undefined || parsed.findIndex((other) => other?.name === one.name) === index) continue;
      context.problem('duplicate_backend', ['backends', index, 'name'], `the backend ${quoted(one.name)} is there twice`);
    }
    checkAliases(settled, context);
    const whole = settled.filter((one) => one !== undefined);
    return whole.length === settled.length ? whole : undefined;
  },
};

function readBackend(file: BackendFile, index: number, context: Context, resultBytes: number): BackendSettings | undefined {
  const path: Path = ['backends', index];
  checkName(file.name, [...path, 'name'], context);
  checkTransport(file, path, context);
  checkBreaker(file, path, context);
  const base = {
    id: backendId(file.name),
    timeoutMs: file.timeout_secs,
    maxTimeoutMs: Math.max(file.max_timeout, file.timeout_secs),
    concurrency: file.concurrency,
    queue: file.queue,
    resultBytes: Math.min(file.result, resultBytes),
    breaker: breakerOf(file),
    idempotent: file.idempotent_tools.filter((text, at) => checkPattern(text, [...path, 'idempotent_tools', at], context)),
    retries: file.retries,
    era: file.era,
    healthIntervalMs: file.health_interval_secs,
    asks: file.asks ?? ASKS.parse({}),
    roots: rootsOf(file.roots, path, context),
    aliases: aliasesOf(file.aliases, path, context),
    hide: hiddenBy(file.hide, path, context),
  };
  return file.type === 'stdio' ? stdioOf(base, file, path, context) : httpOf(base, file, path, context);
}

type Base = Omit<Extract<BackendSettings, { type: 'http' }>, 'type' | 'url' | 'headers' | 'bearer' | 'sharedSecret' | 'allowPrivate' | 'sse'>;

function stdioOf(base: Base, file: BackendFile, path: Path, context: Context): StdioBackendSettings | undefined {
  if (file.command === undefined) {
    context.problem('missing_key', path, `the stdio backend ${quoted(file.name)} needs \`command\``);
    return undefined;
  }
  checkArgs(file.args, path, context);
  return {
    ...base,
    type: 'stdio',
    command: commandOf(file.command, path, context),
    args: file.args,
    env: childEnv(file.env, file.unsafe_env, path, context),
    envPassthrough: passthrough(file.env_passthrough, file.unsafe_env, path, context),
    cwd: file.cwd === undefined ? undefined : pathOf(file.cwd, context.directory, context.home),
    restart: file.restart_on_exit,
    maxRestarts: file.max_restarts,
    restartWindowMs: file.restart_window,
    handshakeMs: file.handshake_timeout,
    stopMs: file.stop_timeout,
    sandbox: file.sandbox,
    runAs: accountOf(file.run_as, path, context),
  };
}

function httpOf(base: Base, file: BackendFile, path: Path, context: Context): HttpBackendSettings | undefined {
  if (file.url === undefined) {
    context.problem('missing_key', path, `the http backend ${quoted(file.name)} needs \`url\``);
    return undefined;
  }
  const headers = headersOf(file.headers, file.bearer !== undefined, path, context);
  const bearer = bearerOf(file.bearer, path, context);
  const shared = sharedSecret(file.shared_secret, path, context);
  const carries = bearer !== undefined || shared !== undefined || Object.keys(headers).length > 0;
  const { url, allowPrivate } = urlOf({ written: file.url, exact: file.exact_url, allowPrivate: file.allow_private, carries }, path, context);
  return { ...base, type: 'http', url, headers, bearer, sharedSecret: shared, allowPrivate, sse: file.sse };
}

function breakerOf(file: BackendFile): BreakerSettings {
  const breaker = file.breaker ?? BREAKER.parse({});
  return {
    threshold: file.circuit_breaker_threshold,
    recoveryMs: file.circuit_breaker_recovery_secs,
    windowMs: breaker.window,
    minimumCalls: breaker.minimum_calls,
    failureRate: breaker.rate,
  };
}

function checkTransport(file: BackendFile, path: Path, context: Context): void {
  for (const [key, schema] of Object.entries(BACKEND.shape)) {
    const only = ROWS.get(schema)?.only;
    if (only === undefined || only === file.type || !context.given([...path, key])) continue;
    context.problem('wrong_transport', [...path, key], `\`${key}\` belongs to ${only} backends, and ${quoted(file.name)} is ${file.type}`);
  }
}

function checkBreaker(file: BackendFile, path: Path, context: Context): void {
  if (file.circuit_breaker_threshold === 0) context.problem('breaker_off', [...path, 'circuit_breaker_threshold'], `the backend ${quoted(file.name)} has no circuit breaker`);
  if (context.given([...path, 'retries']) && file.retries > 0 && file.idempotent_tools.length === 0) {
    context.problem('retries_ignored', [...path, 'retries'], `\`retries\` of ${quoted(file.name)} does nothing: no tool is declared idempotent`);
  }
}
