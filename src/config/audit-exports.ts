// [[audit.exports]]: where else the audit goes. One table of keys for all kinds of receivers; what belongs to another kind is an error.
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import type { ExportFormat, ExportKind, ExportSettings, ExportStream, ExportTls } from '../core/audit/exports.ts';
import { parseFilter } from '../core/audit/parse.ts';
import { CHECKPOINTS_PATH } from '../core/audit/witness.ts';
import { faultLine } from '../core/audit/told.ts';
import { isLoopback } from '../core/loopback.ts';
import type { Secret } from '../core/secret.ts';
import { headersOf, urlOf } from './backend-http.ts';
import { choice, count, duration, maybeFlag, maybeText, neededChoice, neededText, secret, type SecretRef, type SecretText, secretTexts, size } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { hasVariable, pathOf } from './secrets.ts';
import { suggest } from './suggest.ts';
import { parseAddress } from './units.ts';

const KINDS = ['file', 'syslog', 'otlp', 'webhook', 'replica'] as const;
const FORMATS = ['jsonl', 'ocsf', 'cef', 'syslog', 'otlp', 'checkpoints'] as const;

const EXPORT = z.strictObject({
  name: neededText({ doc: 'Its name: in its cursor file, metrics and logs. Under a new name everything the journal holds is sent.', example: '"siem"' }),
  kind: neededChoice(KINDS, { doc: 'A file, a syslog receiver, an OpenTelemetry collector, a program that takes POSTs, or another gateway, which takes checkpoints alone (`[audit.witness]` there).', example: '"webhook"' }),
  format: choice(FORMATS, 'jsonl', { doc: 'What a record is written as: "jsonl" as it was hashed, "ocsf" 1.6.0, "cef" 0; in files also "syslog" (RFC 5424) and "otlp". Collectors always get "otlp". "checkpoints" sends no records but the signed checkpoints of their trees, for `sentinel audit verify --anchor`.' }),
  filter: maybeText({ doc: 'Which records go there, in the language that `sentinel audit filter` explains. Unset: all.', example: '"decision = deny"' }),
  path: maybeText({ doc: 'The file, of kind "file". It is made with mode 0600; its folder has to be there.', example: '"/var/log/sentinel/audit.jsonl"' }),
  max_size: size('100MiB', { doc: 'Size at which the file is moved aside, to `<path>.1`.' }, { least: 65_536 }),
  keep: count(10, { doc: 'How many files that were moved aside stay.' }, { most: 1000 }),
  url: maybeText({ doc: 'The receiver: `https://…`, of kind "syslog" `tls://host:6514`, `tcp://host:514` or `unix:///path`. A collector\'s without a path gets `/v1/logs`, another gateway\'s `/audit/checkpoints`.', secret: true, example: '"https://siem.example.com/audit"' }),
  allow_private: maybeFlag({ doc: 'Whether its name may lead to a private address. Unset: yes when `url` names one or a local name, else no.', example: 'true' }),
  headers: secretTexts({ doc: 'Headers sent with each request, of kinds "otlp", "webhook" and "replica".', example: '{ Authorization = "Bearer ${env:SIEM_TOKEN}" }' }),
  secret: secret({ doc: 'Key that signs what a webhook sends (Standard Webhooks, HMAC-SHA-256): `whsec_` and base64, or at least 24 bytes of text.', example: '{ env = "SIEM_WEBHOOK_SECRET" }' }),
  body: choice(['lines', 'array'], 'lines', { doc: 'Whether a webhook gets one JSON text a line, or one JSON array.' }),
  ca: maybeText({ doc: 'PEM file of the authorities that may vouch for the receiver. Unset: those Node knows.', example: '"/etc/sentinel/siem-ca.pem"' }),
  client_cert: maybeText({ doc: 'PEM file of the certificate shown to the receiver.', example: '"/etc/sentinel/siem-client.pem"' }),
  client_key: secret({ doc: 'Its private key, PEM.', example: '{ file = "/etc/sentinel/siem-client.key" }' }),
  batch: count(500, { doc: 'Most records sent at once.' }, { least: 1, most: 2000 }),
  batch_size: size('1MiB', { doc: 'Most text sent at once; one record alone may have more.' }, { least: 4096, most: 16 * 1024 * 1024 }),
  timeout: duration('10s', { doc: 'Time for one batch, from the connection to the receipt.' }, { least: 100, most: 300_000 }),
});

/** One table of the list, as the schema lets it through. */
export interface ExportFile {
  readonly name: string;
  readonly kind: ExportKind;
  readonly format: ExportFormat;
  readonly filter?: string | undefined;
  readonly path?: string | undefined;
  readonly max_size: number;
  readonly keep: number;
  readonly url?: string | undefined;
  readonly allow_private?: boolean | undefined;
  readonly headers: Readonly<Record<string, SecretText>>;
  readonly secret?: SecretRef | undefined;
  readonly body: 'lines' | 'array';
  readonly ca?: string | undefined;
  readonly client_cert?: string | undefined;
  readonly client_key?: SecretRef | undefined;
  readonly batch: number;
  readonly batch_size: number;
  readonly timeout: number;
}

/** The key `exports` of [audit]. */
export const EXPORTS: z.ZodType<ExportFile[]> = z.array(EXPORT).max(16).default([]);

const HTTP_KEYS: readonly (keyof ExportFile)[] = ['url', 'allow_private', 'headers', 'ca', 'client_cert', 'client_key', 'timeout'];
const OWN_KEYS: Readonly<Record<ExportKind, readonly (keyof ExportFile)[]>> = {
  file: ['path', 'max_size', 'keep'],
  syslog: ['url', 'allow_private', 'ca', 'client_cert', 'client_key', 'timeout'],
  otlp: HTTP_KEYS,
  webhook: [...HTTP_KEYS, 'secret', 'body'],
  replica: HTTP_KEYS,
};
const ALL_KINDS: ReadonlySet<string> = new Set(['name', 'kind', 'format', 'filter', 'batch', 'batch_size']);
const FITTING: Readonly<Record<ExportKind, readonly ExportFormat[]>> = { file: FORMATS, syslog: ['jsonl', 'ocsf', 'cef', 'checkpoints'], otlp: ['otlp'], webhook: ['jsonl', 'ocsf', 'checkpoints'], replica: ['checkpoints'] };

/** Keys that mean something for this kind, in the order of the table. */
export function exportKeys(kind: ExportKind): readonly string[] {
  return Object.keys(EXPORT.shape).filter((key) => ALL_KINDS.has(key) || OWN_KEYS[kind].some((own) => own === key));
}

/** What is wrong is told; an export that cannot be made of it is left out. */
export function exportsOf(files: readonly ExportFile[], context: Context): readonly ExportSettings[] {
  tellTwins(files, context);
  return files.flatMap((file, index) => {
    const settled = exportOf(file, ['audit', 'exports', index], context);
    return settled === undefined ? [] : [settled];
  });
}

/** A name is a file name, a label and a word in sentences. */
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;

function tellTwins(files: readonly ExportFile[], context: Context): void {
  for (const [index, file] of files.entries()) {
    const path: Path = ['audit', 'exports', index];
    if (!NAME.test(file.name)) context.problem('value', [...path, 'name'], `${quoted(file.name)} cannot name an export: a small letter, then at most 31 of a-z, 0-9, \`_\` and \`-\``);
    if (files.findIndex((other) => other.name === file.name) !== index) context.problem('contradiction', [...path, 'name'], `the export ${quoted(file.name)} is there twice`, 'name each export once');
    const place = placeOf(file, context);
    if (place !== undefined && files.findIndex((other) => placeOf(other, context) === place) !== index) context.problem('contradiction', [...path, 'path'], 'two exports write to one file', 'give each its own');
  }
}

/** Two ways of writing it are one place. */
function placeOf({ path }: ExportFile, context: Context): string | undefined {
  if (path === undefined) return undefined;
  const whole = resolve(pathOf(path, context.directory, context.home));
  const { realPath = (same: string): string => same } = context;
  return realPath(whole) ?? join(realPath(dirname(whole)) ?? dirname(whole), basename(whole));
}

/** Where an anchor should be on another disk, that disk may not be mounted. */
function tellFolder(path: string, at: Path, context: Context): void {
  const folder = dirname(path);
  if (context.realPath !== undefined && context.realPath(folder) === undefined) context.problem('folder_missing', at, `the folder ${quoted(folder)} is not there, and will not be made`, `if it is not where a disk is to be mounted: mkdir -p ${folder}`);
}

function exportOf(file: ExportFile, path: Path, context: Context): ExportSettings | undefined {
  tellStrays(file, path, context);
  tellFilter(file.filter, [...path, 'filter'], context);
  const format = formatOf(file, path, context);
  if (format === 'checkpoints' && file.filter !== undefined) context.problem('contradiction', [...path, 'filter'], '`filter` is for records, and "checkpoints" sends none', 'remove one of the two');
  const common = { name: file.name, format, filter: file.filter, batchRecords: file.batch, batchBytes: file.batch_size };
  switch (file.kind) {
    case 'file': {
      const target = needed(file, 'path', path, context);
      if (target === undefined) return undefined;
      const whole = pathOf(target, context.directory, context.home);
      tellFolder(whole, [...path, 'path'], context);
      return { ...common, kind: 'file', path: whole, maxBytes: file.max_size, keep: file.keep };
    }
    case 'syslog': {
      const target = streamOf(file, path, context);
      return target === undefined ? undefined : { ...common, kind: 'syslog', target, tls: tlsOf(file, target.via === 'tls', path, context) };
    }
    case 'otlp': {
      const http = httpOf(file, path, context);
      return http === undefined ? undefined : { ...common, kind: 'otlp', ...http, url: withPath(http.url, OTLP_LOGS) };
    }
    case 'replica': {
      const http = httpOf(file, path, context);
      return http === undefined ? undefined : { ...common, kind: 'replica', ...http, url: withPath(http.url, CHECKPOINTS_PATH) };
    }
    case 'webhook': {
      const http = httpOf(file, path, context);
      const key = webhookSecret(file, path, context);
      return http === undefined || key === undefined ? undefined : { ...common, kind: 'webhook', ...http, secret: key, body: file.body };
    }
  }
}

function tellStrays(file: ExportFile, path: Path, context: Context): void {
  const known = exportKeys(file.kind);
  for (const key of Object.keys(EXPORT.shape)) {
    if (known.includes(key) || !context.given([...path, key])) continue;
    context.problem('contradiction', [...path, key], `\`${key}\` means nothing to an export of kind ${quoted(file.kind)}`, `remove it; its keys are ${known.join(', ')}`);
  }
}

/** No moment of its own: what counts back from now means nothing in a file. */
function tellFilter(text: string | undefined, path: Path, context: Context): void {
  const parsed = parseFilter(text ?? '', { now: undefined, suggest });
  if (!parsed.ok) context.problem('value', path, `the filter cannot be read: ${faultLine(text ?? '', parsed.error)}`, parsed.error.help ?? 'sentinel audit filter explains the language');
}

function formatOf(file: ExportFile, path: Path, context: Context): ExportFormat {
  const fitting = FITTING[file.kind];
  const [first = 'jsonl'] = fitting;
  if (!context.given([...path, 'format'])) return first;
  if (!fitting.includes(file.format)) {
    context.problem('contradiction', [...path, 'format'], `an export of kind ${quoted(file.kind)} cannot send ${quoted(file.format)}`, `use ${fitting.map(quoted).join(' or ')}`);
  }
  return file.format;
}

const EXAMPLES = {
  path: 'add path = "/var/log/sentinel/audit.jsonl"',
  url: 'add url = "https://siem.example.com/audit"',
  stream: 'add url = "tls://siem.example.com:6514"',
  secret: 'add secret = { file = "/etc/sentinel/webhook-secret" }, a file of mode 0600: echo "whsec_$(openssl rand -base64 32)" makes one',
} as const;

function needed(file: ExportFile, key: 'path' | 'url' | 'secret', path: Path, context: Context): string | undefined {
  const value = file[key];
  if (value === undefined) context.problem('missing_key', path, `the ${file.kind} export ${quoted(file.name)} needs \`${key}\``, key === 'url' && file.kind === 'syslog' ? EXAMPLES.stream : EXAMPLES[key]);
  return typeof value === 'string' ? value : undefined;
}

type Http = Pick<Extract<ExportSettings, { kind: 'otlp' }>, 'url' | 'allowPrivate' | 'headers' | 'tls' | 'timeoutMs'>;

function httpOf(file: ExportFile, path: Path, context: Context): Http | undefined {
  const written = needed(file, 'url', path, context);
  if (written === undefined) return undefined;
  const headers = headersOf(file.headers, false, path, context);
  for (const name of Object.keys(file.headers)) if (/^webhook-/i.test(name)) context.problem('header', [...path, 'headers', name], `the header ${name} is set by the gateway`);
  const { url, allowPrivate } = urlOf({ written, exact: true, allowPrivate: file.allow_private, carries: false }, path, context);
  if (url === '') return undefined;
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:') tellClear('http', hostname, path, context);
  return { url, allowPrivate, headers, tls: tlsOf(file, protocol === 'https:', path, context), timeoutMs: file.timeout };
}

/** The path that the OTLP specification gives to logs. */
const OTLP_LOGS = '/v1/logs';

/** `path`: where a receiver of this kind takes such things, unless another place is written. */
function withPath(text: string, path: string): string {
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = path;
  return url.href;
}

const STREAM = /^(tls|tcp):\/\/([^/?#@\s]+)\/?$/;
const SOCKET = /^unix:\/\/(\/.+)$/;
const PORTS = { tls: 6514, tcp: 514 } as const;

function streamOf(file: ExportFile, path: Path, context: Context): ExportStream | undefined {
  const written = needed(file, 'url', path, context);
  if (written === undefined) return undefined;
  const socket = SOCKET.exec(written)?.[1];
  if (socket !== undefined && !hasVariable(written)) return { via: 'unix', path: socket, timeoutMs: file.timeout };
  const [, scheme, place = ''] = STREAM.exec(written) ?? [];
  const via = scheme === 'tls' || scheme === 'tcp' ? scheme : undefined;
  const address = via === undefined ? undefined : parseAddress(/:[0-9]+$/.test(place) && !place.endsWith(']') ? place : `${place}:${PORTS[via]}`);
  if (via === undefined || address === undefined || hasVariable(written)) {
    context.problem('value', [...path, 'url'], '`url` must be `tls://host:port`, `tcp://host:port` or `unix:///path`', undefined, 'key');
    return undefined;
  }
  // The same judgement on the host as for every URL the gateway goes to.
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const { url, allowPrivate } = urlOf({ written: `https://${host}/`, exact: true, allowPrivate: file.allow_private, carries: false }, path, context);
  if (url === '') return undefined;
  if (via === 'tcp') tellClear('tcp', host, path, context);
  return { via, host: address.host, port: address.port, allowPrivate, timeoutMs: file.timeout };
}

function tellClear(scheme: 'http' | 'tcp', host: string, path: Path, context: Context): void {
  if (isLoopback(host)) return;
  context.problem('cleartext', [...path, 'url'], `the audit is sent over ${scheme} to another machine, for everybody on the way to read and change`, `use ${scheme === 'http' ? 'https' : 'tls'}`);
}

function tlsOf(file: ExportFile, used: boolean, path: Path, context: Context): ExportTls {
  for (const key of ['ca', 'client_cert', 'client_key'] as const) {
    if (!used && file[key] !== undefined) context.problem('contradiction', [...path, key], `\`${key}\` is for TLS, and \`url\` has none`, 'remove it, or use https or tls in `url`');
  }
  if ((file.client_cert === undefined) !== (file.client_key === undefined)) {
    const [there, missing] = file.client_cert === undefined ? ['client_key', 'client_cert'] as const : ['client_cert', 'client_key'] as const;
    context.problem('contradiction', [...path, there], `\`${there}\` is set without \`${missing}\``, 'set both or neither');
  }
  const fileOf = (text: string | undefined): string | undefined => (text === undefined ? undefined : pathOf(text, context.directory, context.home));
  return { ca: fileOf(file.ca), certificate: fileOf(file.client_cert), key: file.client_key === undefined ? undefined : context.secrets.resolve(file.client_key, [...path, 'client_key']) };
}

const LEAST_SECRET = 24;
const PREFIX = 'whsec_';

function webhookSecret(file: ExportFile, path: Path, context: Context): Secret | undefined {
  needed(file, 'secret', path, context);
  // The gateway's own secrets sign tokens; nothing else is signed with them.
  const value = file.secret === undefined ? undefined : context.secrets.forBackend(file.secret, [...path, 'secret']);
  if (value === undefined) return undefined;
  const text = value.reveal();
  const coded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined;
  const bytes = coded === undefined ? Buffer.byteLength(text) : /^[A-Za-z0-9+/]+={0,2}$/.test(coded) ? Math.floor((coded.replace(/=+$/, '').length * 3) / 4) : 0;
  if (bytes < LEAST_SECRET) {
    context.problem('value', [...path, 'secret'], `the secret of a webhook has at least ${LEAST_SECRET} bytes, as text or as \`whsec_\` and base64`, 'make one: echo "whsec_$(openssl rand -base64 32)"', 'key');
  }
  return value;
}
