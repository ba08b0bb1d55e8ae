import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { parse } from 'smol-toml';
import { exportKeys, EXPORTS, exportsOf } from '../../src/config/audit-exports.ts';
import type { ExportSettings } from '../../src/core/audit/exports.ts';
import { valueAt } from '../../src/config/diagnose.ts';
import { ROWS } from '../../src/config/keys.ts';
import { placesOf } from '../../src/config/locate.ts';
import { collectProblems } from '../../src/config/problems.ts';
import { section, type Context } from '../../src/config/section.ts';
import { secretsFrom } from '../../src/config/secrets.ts';
import { rowsOf } from '../../src/config/table.ts';
import type { Diagnostic } from '../../src/core/operations.ts';
import { JWT_SECRET } from './source.ts';

const ENV: Readonly<Record<string, string>> = { JWT_SECRET_KEY: JWT_SECRET, HOOK: 'a secret of more than twenty-four bytes', SHORT: 'short', WHSEC: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, WHSHORT: 'whsec_c2hvcnQ=', WHBAD: 'whsec_&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&', TOKEN: 't0ken', KEY: '-----BEGIN PRIVATE KEY-----' };
const audit = section('audit', z.strictObject({ exports: EXPORTS }), (file, context): readonly ExportSettings[] => exportsOf(file.exports, context));

interface Read {
  readonly settings: readonly ExportSettings[] | undefined;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** The table alone, as `load` would read it. */
function read(body: string, realPath?: Context['realPath']): Read {
  const text = `[[audit.exports]]\n${body}\n`;
  const document = parse(text);
  const problems = collectProblems('sentinel.toml', placesOf(text));
  const context: Context = {
    env: ENV, home: '/home/op', directory: '/etc/sentinel', which: undefined, account: undefined, elsewhere: () => undefined,
    secrets: secretsFrom({ env: ENV, readFile: () => ({ ok: false, error: 'ENOENT' }), problems, directory: '/etc/sentinel', home: '/home/op', own: new Set(['JWT_SECRET_KEY']) }),
    given: (path) => valueAt(document, path) !== undefined, realPath,
    problem: (kind, path, message, help, points) => problems.add(kind, path, message, help, points),
  };
  const settings = audit.read(document['audit'], context, undefined);
  return { settings, errors: problems.diagnostics('error'), warnings: problems.diagnostics('warning') };
}

function accepted(body: string): ExportSettings {
  const { settings, errors } = read(body);
  assert.deepEqual(errors, []);
  assert.ok(settings?.[0]);
  return settings[0];
}

/** Each error as `SEN-0123@line: message`. */
function refused(body: string): readonly string[] {
  const { errors } = read(body);
  assert.ok(errors.length > 0, 'it was accepted');
  return errors.map(({ code, line, message }) => `${code}@${line}: ${message}`);
}

const COMMON = { filter: undefined, batchRecords: 500, batchBytes: 1_048_576 };
const NO_TLS = { ca: undefined, certificate: undefined, key: undefined };

test('a file needs its path and no more; relative paths start at the configuration', () => {
  assert.deepEqual(accepted('name = "local"\nkind = "file"\npath = "audit.jsonl"'), { ...COMMON, name: 'local', kind: 'file', format: 'jsonl', path: '/etc/sentinel/audit.jsonl', maxBytes: 104_857_600, keep: 10 });
  assert.deepEqual(accepted('name = "local"\nkind = "file"\nformat = "otlp"\npath = "/var/x"\nmax_size = "1MiB"\nkeep = 0\nfilter = "decision = deny"\nbatch = 10\nbatch_size = "8KiB"'),
    { name: 'local', kind: 'file', format: 'otlp', path: '/var/x', maxBytes: 1_048_576, keep: 0, filter: 'decision = deny', batchRecords: 10, batchBytes: 8192 });
  assert.deepEqual(refused('name = "local"\nkind = "file"'), ['SEN-0107@1: the file export "local" needs `path`']);
});

test('syslog goes over TLS unless something else is written, and to the port of the standard unless another is', () => {
  const target = (url: string): unknown => {
    const settings = accepted(`name = "siem"\nkind = "syslog"\nurl = "${url}"`);
    return settings.kind === 'syslog' ? settings.target : undefined;
  };
  assert.deepEqual(target('tls://siem.example.com'), { via: 'tls', host: 'siem.example.com', port: 6514, allowPrivate: false, timeoutMs: 10_000 });
  assert.deepEqual(target('tls://[::1]:7000'), { via: 'tls', host: '::1', port: 7000, allowPrivate: true, timeoutMs: 10_000 });
  assert.deepEqual(target('tls://[::1]'), { via: 'tls', host: '::1', port: 6514, allowPrivate: true, timeoutMs: 10_000 });
  assert.deepEqual(target('tcp://127.0.0.1'), { via: 'tcp', host: '127.0.0.1', port: 514, allowPrivate: true, timeoutMs: 10_000 });
  assert.deepEqual(target('unix:///run/syslog.sock'), { via: 'unix', path: '/run/syslog.sock', timeoutMs: 10_000 });
  for (const url of ['siem.example.com:6514', 'udp://siem.example.com', 'tls://siem.example.com:99999', 'tls://op:pw@siem.example.com', 'tls://siem.example.com/path', 'tls://', 'unix://relative', 'https://siem.example.com', 'tls://${env:TOKEN}']) {
    assert.deepEqual(refused(`name = "siem"\nkind = "syslog"\nurl = "${url}"`), ['SEN-0108@4: `url` must be `tls://host:port`, `tcp://host:port` or `unix:///path`'], url);
  }
});

test('where others can read along, a warning says so', () => {
  const codes = (body: string): readonly string[] => read(body).warnings.map(({ code, message }) => `${code}: ${message}`);
  const clear = (scheme: string): string => `SEN-0168: the audit is sent over ${scheme} to another machine, for everybody on the way to read and change`;
  assert.deepEqual(codes('name = "siem"\nkind = "syslog"\nurl = "tcp://siem.example.com"'), [clear('tcp')]);
  assert.deepEqual(codes('name = "siem"\nkind = "otlp"\nurl = "http://collector.example.com:4318"'), [clear('http')]);
  for (const url of ['http://127.0.0.1:4318', 'http://localhost:4318', 'https://collector.example.com']) assert.deepEqual(codes(`name = "siem"\nkind = "otlp"\nurl = "${url}"`), []);
});

test('a collector without a path gets the path of logs, and always OTLP', () => {
  const one = accepted('name = "otel"\nkind = "otlp"\nurl = "https://collector.example.com"\nheaders = { Authorization = "Bearer ${env:TOKEN}" }\nca = "ca.pem"\ntimeout = "2s"');
  assert.ok(one.kind === 'otlp');
  const { headers, ...rest } = one;
  assert.equal(headers['authorization']?.reveal(), 'Bearer t0ken');
  assert.deepEqual(rest, { ...COMMON, name: 'otel', kind: 'otlp', format: 'otlp', url: 'https://collector.example.com/v1/logs', allowPrivate: false, tls: { ...NO_TLS, ca: '/etc/sentinel/ca.pem' }, timeoutMs: 2000 });
  const other = accepted('name = "otel"\nkind = "otlp"\nurl = "https://10.0.0.1/in?tenant=1"');
  assert.ok(other.kind === 'otlp');
  assert.deepEqual([other.url, other.allowPrivate], ['https://10.0.0.1/in?tenant=1', true]);
  assert.deepEqual(refused('name = "otel"\nkind = "otlp"\nurl = "https://c.example.com"\nformat = "jsonl"'), ['SEN-0123@5: an export of kind "otlp" cannot send "jsonl"']);
});

test('a webhook is signed with a secret that is long enough, and not one of the gateway', () => {
  const body = (secret: string): string => `name = "hook"\nkind = "webhook"\nurl = "https://siem.example.com/in"\n${secret}`;
  for (const name of ['HOOK', 'WHSEC']) {
    const one = accepted(body(`secret = { env = "${name}" }\nbody = "array"\nformat = "ocsf"`));
    assert.ok(one.kind === 'webhook');
    assert.deepEqual([one.secret.reveal(), one.body, one.format], [ENV[name], 'array', 'ocsf']);
  }
  assert.deepEqual(refused(body('')), ['SEN-0107@1: the webhook export "hook" needs `secret`']);
  for (const name of ['SHORT', 'WHSHORT', 'WHBAD']) assert.deepEqual(refused(body(`secret = { env = "${name}" }`)), ['SEN-0108@5: the secret of a webhook has at least 24 bytes, as text or as `whsec_` and base64'], name);
  assert.deepEqual(refused(body('secret = { env = "JWT_SECRET_KEY" }')), ['SEN-0114@5: JWT_SECRET_KEY holds a secret of the gateway itself and is never given to a backend']);
  assert.deepEqual(refused(body('secret = { env = "MISSING" }')), ['SEN-0119@5: the environment variable MISSING is not set or empty']);
  assert.doesNotMatch(JSON.stringify(read(body('secret = { env = "SHORT" }'))), /short"/);
});

test('keys of another kind, unknown ones and half of a pair are errors where they stand', () => {
  assert.deepEqual(refused('name = "local"\nkind = "file"\npath = "a"\nurl = "https://x.example.com"\nsecret = { env = "HOOK" }'),
    ['SEN-0123@5: `url` means nothing to an export of kind "file"', 'SEN-0123@6: `secret` means nothing to an export of kind "file"']);
  assert.deepEqual(refused('name = "siem"\nkind = "syslog"\nurl = "tls://a.example.com"\nbody = "lines"\nheaders = {}'),
    ['SEN-0123@5: `body` means nothing to an export of kind "syslog"', 'SEN-0123@6: `headers` means nothing to an export of kind "syslog"']);
  assert.deepEqual(refused('name = "siem"\nkind = "file"\npaht = "a"'), ['SEN-0106@4: unknown key `paht` in audit.exports[0]']);
  assert.deepEqual(refused('name = "siem"\nkind = "kafka"'), ['SEN-0108@3: `audit.exports[0].kind` must be "file" or "syslog" or "otlp" or "webhook" or "replica", not "kafka"']);
  assert.deepEqual(refused('name = "siem"\nkind = "syslog"\nurl = "tls://a.example.com"\nclient_cert = "c.pem"'), ['SEN-0123@5: `client_cert` is set without `client_key`']);
  assert.deepEqual(refused('name = "siem"\nkind = "syslog"\nurl = "tls://a.example.com"\nclient_key = { env = "KEY" }'), ['SEN-0123@5: `client_key` is set without `client_cert`']);
  assert.deepEqual(refused('name = "siem"\nkind = "syslog"\nurl = "tcp://127.0.0.1"\nca = "c.pem"'), ['SEN-0123@5: `ca` is for TLS, and `url` has none']);
  assert.deepEqual(refused('name = "siem"\nkind = "otlp"\nurl = "ftp://a.example.com"'), ['SEN-0112@4: `url` must be an http or https URL']);
  assert.deepEqual(refused('name = "siem"\nkind = "otlp"\nurl = "https://169.254.169.254"'), ['SEN-0112@4: `url` names a link-local or cloud metadata address, which no backend may have']);
  assert.deepEqual(refused('name = "siem"\nkind = "syslog"\nurl = "tls://169.254.169.254"'), ['SEN-0112@4: `url` names a link-local or cloud metadata address, which no backend may have']);
  assert.deepEqual(refused('name = "siem"\nkind = "webhook"\nurl = "https://a.example.com"\nsecret = { env = "HOOK" }\nheaders = { Webhook-Id = "x", Content-Type = "x" }'), ['SEN-0125@6: the header Webhook-Id is set by the gateway', 'SEN-0125@6: the header Content-Type is set by the gateway']);
});

test('a filter that cannot be read is an error with its place, and one that counts back from now is one', () => {
  const filtered = (filter: string): string => `name = "local"\nkind = "file"\npath = "a"\nfilter = '${filter}'`;
  accepted(filtered('decision = deny and not role = admin'));
  assert.match(refused(filtered('decison = deny'))[0] ?? '', /^SEN-0108@5: the filter cannot be read: column 1: /);
  assert.match(refused(filtered('since 2h'))[0] ?? '', /^SEN-0108@5: the filter cannot be read: column /);
});

test('a name is a name, and each is there once', () => {
  for (const name of ['', 'Siem', '../siem', 'a b', '1siem', 'x'.repeat(33), 'siem.json']) assert.equal(refused(`name = "${name}"\nkind = "file"\npath = "a"`).length, 1, name);
  const twice = refused('name = "a"\nkind = "file"\npath = "x"\n[[audit.exports]]\nname = "a"\nkind = "file"\npath = "x"');
  assert.deepEqual(twice, ['SEN-0123@6: the export "a" is there twice', 'SEN-0123@8: two exports write to one file']);
});

test('each key says what it is for, and to which kinds it belongs', () => {
  const rows = rowsOf(EXPORTS, 'audit.exports');
  assert.equal(rows.length, 18);
  for (const row of rows) assert.match(row.doc, /\.$/, row.path);
  const known = new Set(['file', 'syslog', 'otlp', 'webhook', 'replica'].flatMap((kind) => exportKeys(kind as 'file')));
  assert.deepEqual(rows.map(({ path }) => path.replace('audit.exports[].', '')).filter((key) => !known.has(key)), []);
  assert.equal(ROWS.get(EXPORTS), undefined);
});

test('checkpoints go to files, syslog and webhooks, and take no filter: there are no records to choose from', () => {
  assert.deepEqual(read('name = "anchor"\nkind = "file"\nformat = "checkpoints"\npath = "/mnt/x/checkpoints.jsonl"').errors, []);
  const [problem] = read('name = "anchor"\nkind = "file"\nformat = "checkpoints"\npath = "/mnt/x/c"\nfilter = "decision = deny"').errors;
  assert.match(problem?.message ?? '', /`filter` is for records/);
  assert.notEqual(read('name = "anchor"\nkind = "otlp"\nformat = "checkpoints"\nurl = "https://c.example"').errors.length, 0);
});

test('another gateway gets checkpoints and nothing else, at the place where gateways take them, without a secret', () => {
  const body = (rest = '', url = 'https://other.example.com:8443'): string => `name = "other"\nkind = "replica"\nurl = "${url}"\n${rest}`;
  assert.deepEqual(accepted(body('ca = "ca.pem"\ntimeout = "2s"')), { ...COMMON, name: 'other', kind: 'replica', format: 'checkpoints', url: 'https://other.example.com:8443/audit/checkpoints', allowPrivate: false, headers: {}, tls: { ...NO_TLS, ca: '/etc/sentinel/ca.pem' }, timeoutMs: 2000 });
  const proxied = accepted(body('format = "checkpoints"', 'https://10.0.0.7/b/audit/checkpoints'));
  assert.ok(proxied.kind === 'replica');
  assert.deepEqual([proxied.url, proxied.allowPrivate], ['https://10.0.0.7/b/audit/checkpoints', true]);
  assert.deepEqual(refused('name = "other"\nkind = "replica"'), ['SEN-0107@1: the replica export "other" needs `url`']);
  assert.deepEqual(refused(body('format = "jsonl"')), ['SEN-0123@5: an export of kind "replica" cannot send "jsonl"']);
  assert.deepEqual(refused(body('filter = "decision = deny"')), ['SEN-0123@5: `filter` is for records, and "checkpoints" sends none']);
  assert.deepEqual(refused(body('secret = { env = "HOOK" }')), ['SEN-0123@5: `secret` means nothing to an export of kind "replica"']);
  assert.deepEqual(refused(body('', 'https://169.254.169.254')), ['SEN-0112@4: `url` names a link-local or cloud metadata address, which no backend may have']);
  assert.deepEqual(read(body('', 'http://other.example.com')).warnings.map(({ code }) => code), ['SEN-0168']);
});

test('a file whose folder is not there is warned of: it may be a disk that is not mounted', () => {
  const { errors, warnings } = read('name = "local"\nkind = "file"\npath = "/mnt/elsewhere/audit.jsonl"', (path) => (path === '/mnt' ? path : undefined));
  assert.deepEqual([errors, warnings.map(({ code, message }) => [code, message])], [[], [['SEN-0174', 'the folder "/mnt/elsewhere" is not there, and will not be made']]]);
});

test('two exports to one file are found out by the place, however it is written', () => {
  const two = (other: string): string => `name = "a"\nkind = "file"\npath = "/var/log/audit.jsonl"\n[[audit.exports]]\nname = "b"\nkind = "file"\npath = "${other}"`;
  const links = (path: string): string | undefined => (path === '/logs' ? '/var/log' : path === '/logs/linked' || path === '/var/log/audit.jsonl' ? '/var/log/audit.jsonl' : path.includes('.') ? undefined : path);
  for (const other of ['/var/log/audit.jsonl', '/var/log/../log/audit.jsonl', '/var//log/./audit.jsonl', '/logs/audit.jsonl', '/logs/linked']) assert.deepEqual(read(two(other), links).errors.map(({ message }) => message), ['two exports write to one file'], other);
  assert.deepEqual(read(two('/logs/other.jsonl'), links).errors, []);
  assert.deepEqual(read(two('/var/log/../log/audit.jsonl')).errors.length, 1);
});

test('what an export lacks is told with an example of it', () => {
  const help = (body: string): string => read(body).errors.map((one) => one.help).join();
  assert.match(help('name = "soc"\nkind = "webhook"\nurl = "https://soc.example.com"'), /secret = \{ file = "/);
  assert.match(help('name = "soc"\nkind = "syslog"'), /url = "tls:/);
  assert.match(help('name = "soc"\nkind = "file"'), /path = "/);
});
