import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitFor } from '../../src/config/codes.ts';
import { settingsTable } from '../../src/config/settings.ts';
import { accepted, codes, http, JWT_SECRET, marks, read, refused, stdio } from './source.ts';

test('an empty file with a secret in the environment is a whole configuration with the defaults of the original [SH3]', () => {
  const { settings } = accepted('');
  assert.deepEqual(settings.gateway.listen, { host: '127.0.0.1', port: 9200 });
  assert.deepEqual(settings.gateway.healthListen, { host: '127.0.0.1', port: 9201 });
  assert.equal(settings.gateway.logLevel, 'info');
  assert.equal(settings.limits.perTool, 1000);
  assert.equal(settings.store.maxConnections, 10);
  assert.equal(settings.auth.hmac?.issuer, 'sentinel-gateway');
  assert.equal(settings.auth.hmac?.audience, 'sentinel-api');
  assert.equal(settings.auth.hmac?.secret.reveal(), JWT_SECRET);
  assert.equal(settings.gateway.stateDir, '/home/op/.local/state/sentinel');
  assert.equal(settings.store.sqlitePath, '/home/op/.local/state/sentinel/sentinel.db');
  assert.equal(settings.bounds.bodyBytes, 4 * 1024 * 1024);
});

test('a backend of the original gets the defaults of the original', () => {
  const [backend] = accepted(stdio('')).settings.backends;
  assert.ok(backend?.type === 'stdio');
  assert.equal(backend.timeoutMs, 60_000);
  assert.equal(backend.retries, 3);
  assert.equal(backend.maxRestarts, 5);
  assert.equal(backend.healthIntervalMs, 300_000);
  assert.deepEqual(backend.breaker, { threshold: 5, recoveryMs: 30_000, windowMs: 60_000, minimumCalls: 20, failureRate: 0.5 });
});

test('settings cannot be changed after they are read', () => {
  const { settings } = accepted(stdio('args = ["x"]'));
  assert.equal(Reflect.set(settings.gateway, 'logLevel', 'trace'), false);
  assert.ok(Object.isFrozen(settings.backends[0]));
});

test('A01: an unset or empty secret refuses the start, with exit status 12', () => {
  for (const env of [{}, { JWT_SECRET_KEY: '' }]) {
    const bare = refused('', { env });
    assert.deepEqual(codes(bare), ['SEN-0118']);
    const named = refused('[auth]\njwt_secret_env = "JWT_SECRET_KEY"\n', { env });
    assert.deepEqual(marks(named), ['SEN-0119@2:1']);
    assert.equal(exitFor(codes(named)), 12);
  }
  assert.equal(exitFor(['SEN-0119', 'SEN-0106']), 11);
  assert.equal(exitFor(['SEN-0100']), 10);
});

test('own keys or an issuer are enough to verify tokens', () => {
  const own = accepted('[auth]\nown_keys = true\n', { env: {} }).settings.auth;
  assert.deepEqual(own.ownKeys, { directory: '/home/op/.local/state/sentinel/keys', issuer: 'sentinel-gateway', audience: 'sentinel-api', graceMs: 3_600_000 });
  assert.equal(own.hmac, undefined);
  const issuer = accepted('[[auth.issuers]]\nissuer = "https://i"\naudience = "a"\njwks_url = "https://i/keys"\ntyp = "application/AT+JWT"\n', { env: {} });
  assert.equal(issuer.settings.auth.issuers[0]?.typ, 'at+jwt');
  assert.deepEqual(codes(refused('[[auth.issuers]]\nissuer = "i"\naudience = "a"\njwks_url = "http://i/keys"\n', { env: {} })), ['SEN-0126']);
});

test('a short HS256 secret is told, not refused', () => {
  assert.ok(codes(accepted('', { env: { JWT_SECRET_KEY: 'short' } }).warnings).includes('SEN-0150'));
});

test('H07: all faults of a file are told at once, each with its place and a suggestion', () => {
  const found = refused(['[gateway]', 'listn = "x"', 'log_level = "inof"', '[rate_limits]', 'default_rpm = -1', '[rbac.role.dev]', '[[backends]]', 'name = "a"', 'type = "htp"',
    '[[backends]]', 'name = "b"', 'type = "stdio"', 'comand = "x"'].join('\n'));
  assert.deepEqual(marks(found), ['SEN-0106@2:1', 'SEN-0108@3:13', 'SEN-0109@5:15', 'SEN-0106@6:7', 'SEN-0108@9:8', 'SEN-0106@13:1']);
  assert.deepEqual(found.map((one) => one.help), ['did you mean `listen`?', 'did you mean "info"?', undefined, 'did you mean `roles`?', 'did you mean "http"?', 'did you mean `command`?']);
});

test('a key in the wrong table is told where it belongs', () => {
  assert.equal(refused('[gateway]\njwt_secret_env = "X"\n')[0]?.help, '`jwt_secret_env` belongs in [auth]');
  assert.equal(refused('max_connections = 5\n')[0]?.help, '`max_connections` belongs in [postgres]');
  assert.equal(refused('[rbac.roles.x]\ndenied_tool = ["a"]\n')[0]?.help, 'did you mean `denied_tools`?');
});

test('H07: `__proto__` and `constructor` are refused wherever they stand', () => {
  for (const text of ['__proto__ = 1', '[gateway]\nconstructor = 1', 'a = { __proto__ = 1 }', '[rbac.roles.constructor]\npermissions = ["*"]', '[__proto__.x]']) {
    assert.deepEqual(codes(refused(text)), ['SEN-0104'], text);
  }
});

test('H07: a file over 1 MiB, deep nesting and duplicate keys are refused', () => {
  assert.deepEqual(codes(refused(`# ${'x'.repeat(1024 * 1024)}`)), ['SEN-0102']);
  assert.deepEqual(codes(refused(`a = ${'['.repeat(100)}${']'.repeat(100)}`)), ['SEN-0101']);
  assert.deepEqual(marks(refused('[gateway]\nlisten = "127.0.0.1:1"\nlisten = "127.0.0.1:2"\n')), ['SEN-0101@3:1']);
  assert.deepEqual(codes(refused('a = "\ud800"')), ['SEN-0103']);
});

test('H02: NUL in any text is refused', () => {
  assert.deepEqual(marks(refused(stdio('args = ["a", "b\\u0000c"]'))), ['SEN-0105@5:14']);
  assert.deepEqual(codes(refused('[rbac.roles."a\\u0000"]\npermissions = ["*"]')), ['SEN-0105']);
});

test('H01: arguments are kept to the letter, whatever a shell would make of them', () => {
  const args = ['$(id)', ';', '|', '`id`', 'a\nb', ''];
  const [backend] = accepted(stdio(`args = ${JSON.stringify(args)}`)).settings.backends;
  assert.ok(backend?.type === 'stdio');
  assert.deepEqual(backend.args, args);
});

test('H03: a command is looked up once at load; a relative path starts at the file; a missing one is told', () => {
  const which = (command: string): string | undefined => ({ npx: '/usr/bin/npx', '/etc/sentinel/bin/x': '/etc/sentinel/bin/x' })[command];
  const commandOf = (command: string): string => {
    const [backend] = accepted(`[[backends]]\nname = "f"\ntype = "stdio"\ncommand = "${command}"\n`, { env: { JWT_SECRET_KEY: JWT_SECRET }, which }).settings.backends;
    return backend?.type === 'stdio' ? backend.command : '';
  };
  assert.equal(commandOf('npx'), '/usr/bin/npx');
  assert.equal(commandOf('./bin/x'), '/etc/sentinel/bin/x');
  assert.ok(codes(accepted(stdio(''), { env: { JWT_SECRET_KEY: JWT_SECRET }, which }).warnings).includes('SEN-0169'));
});

test('H04: variables that load code are refused unless the backend says unsafe_env', () => {
  for (const name of ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES', 'NODE_OPTIONS', 'PYTHONPATH', 'PYTHONSTARTUP', 'BASH_ENV', 'PERL5OPT', 'RUBYOPT', 'JAVA_TOOL_OPTIONS', 'GIT_SSH_COMMAND', 'npm_config_registry']) {
    assert.deepEqual(codes(refused(stdio(`env = { ${name} = "x" }`))), ['SEN-0114'], name);
    assert.deepEqual(codes(refused(stdio(`env_passthrough = ["${name}"]`))), ['SEN-0114'], name);
    accepted(stdio(`unsafe_env = true\nenv = { ${name} = "x" }`));
  }
});

test('H04: the gateway\'s own secrets are never given to a backend', () => {
  const env = { JWT_SECRET_KEY: JWT_SECRET, MY_JWT: JWT_SECRET, DATABASE_URL: 'postgres://x' };
  assert.deepEqual(codes(refused(stdio('env = { A = "${env:JWT_SECRET_KEY}" }'), { env })), ['SEN-0114']);
  assert.deepEqual(codes(refused(stdio('env_passthrough = ["DATABASE_URL"]'), { env })), ['SEN-0114']);
  assert.deepEqual(codes(refused(`${http('url = "https://x/mcp"\nbearer = { env = "MY_JWT" }')}[auth]\njwt_secret_env = "MY_JWT"\n`, { env })), ['SEN-0114']);
});

test('H13: a backend gets the user it asks for, or the file is refused with a way out; nothing starts as somebody else', () => {
  const [backend] = accepted(stdio('run_as = "files"')).settings.backends;
  assert.deepEqual(backend?.type === 'stdio' ? backend.runAs : '', { name: 'files', uid: 65_534, gid: 65_533 });
  const fault = { message: 'only root can', help: 'be root' };
  const problems = refused(stdio('run_as = "files"'), { account: () => ({ ok: false, error: fault }) });
  assert.deepEqual(marks(problems), ['SEN-0127@5:10']);
  assert.deepEqual([problems[0]?.message, problems[0]?.help], ['`run_as = "files"`: only root can', 'be root']);
  assert.deepEqual(codes(refused(http('url = "https://x/mcp"\nrun_as = "files"'))), ['SEN-0113']);
});

test('H05: interpolation works in env, headers and bearer, and is refused in args and url', () => {
  const env = { JWT_SECRET_KEY: JWT_SECRET, KEY: 'k1', TOKEN: 't1' };
  const [files] = accepted(stdio('env = { A = "x-${env:KEY}-y", B = { env = "TOKEN" } }'), { env }).settings.backends;
  assert.ok(files?.type === 'stdio');
  assert.equal(files.env['A']?.reveal(), 'x-k1-y');
  assert.equal(files.env['B']?.reveal(), 't1');
  const [tools] = accepted(http('url = "https://x.example/mcp"\nheaders = { X-Key = "${env:KEY}" }\nbearer = "${env:TOKEN}"'), { env }).settings.backends;
  assert.ok(tools?.type === 'http');
  assert.equal(tools.headers['x-key']?.reveal(), 'k1');
  assert.equal(tools.bearer?.reveal(), 't1');
  assert.deepEqual(marks(refused(stdio('args = ["--key", "${env:KEY}"]'), { env })), ['SEN-0115@5:18']);
  assert.deepEqual(codes(refused(http('url = "https://x/${env:KEY}/mcp"'), { env })), ['SEN-0115']);
  assert.deepEqual(codes(refused(stdio('env = { A = "${env:NOPE}" }'), { env })), ['SEN-0119']);
});

test('secret files must exist, be closed to others, and lose one line end', () => {
  const text = '[auth]\njwt_secret = { file = "jwt" }\n';
  const at = (mode: number, content: string) => ({ env: {}, files: { '/etc/sentinel/jwt': { text: content, mode } } });
  assert.equal(accepted(text, at(0o100600, `${JWT_SECRET}\n`)).settings.auth.hmac?.secret.reveal(), JWT_SECRET);
  assert.deepEqual(codes(refused(text, at(0o100640, JWT_SECRET))), ['SEN-0121']);
  assert.deepEqual(codes(refused(text, at(0o100604, JWT_SECRET))), ['SEN-0121']);
  assert.deepEqual(codes(refused(text, at(0o100600, '\n'))), ['SEN-0120']);
  assert.deepEqual(codes(refused(text, { env: {} })), ['SEN-0120']);
  assert.deepEqual(codes(refused('[auth]\njwt_secret = { file = "a", env = "B" }\n', { env: {} })), ['SEN-0108']);
});

test('listening beyond loopback needs a proxy that speaks TLS [SH3]', () => {
  assert.deepEqual(marks(refused('[gateway]\nlisten = "0.0.0.0:9200"\n')), ['SEN-0116@2:10']);
  assert.deepEqual(accepted('[gateway]\nlisten = "[::]:9200"\nbehind_proxy = true\ntrusted_proxies = []\n').settings.gateway.listen, { host: '::', port: 9200 });
  assert.ok(codes(accepted('[gateway]\nhealth_listen = "0.0.0.0:9201"\n').warnings).includes('SEN-0164'));
  assert.ok(!codes(accepted('[gateway]\nhealth_listen = "0.0.0.0:9201"\n', { env: { JWT_SECRET_KEY: JWT_SECRET, HEALTH_TOKEN: 'h' } }).warnings).includes('SEN-0164'));
  assert.deepEqual(codes(refused('[gateway]\nlisten = ":9200"\n')), ['SEN-0108']);
  assert.deepEqual(codes(refused('[gateway]\nlisten = "127.0.0.1:9201"\n')), ['SEN-0123']);
});

test('a proxy is believed when it is named, and a file that only says that there is one is told so', () => {
  const proxies = (list: string): readonly string[] => accepted(`[gateway]\ntrusted_proxies = ${list}\n`).settings.gateway.trustedProxies;
  assert.deepEqual(proxies('["10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8"]'), ['10.0.0.7/32', '10.0.0.0/8', '::1/128', 'fd00::/8']);
  assert.deepEqual(accepted('').settings.gateway.trustedProxies, []);
  for (const wrong of ['"0.0.0.0/0"', '"::/0"', '"10.0.0.0/33"', '"proxy.internal"', '"10.1/16"', '"0x0a000001"', '"10.0.0.0/8 "', '"fe80::1%eth0"', '"10.0.0.7:80"']) {
    assert.deepEqual(marks(refused(`[gateway]\ntrusted_proxies = ["::1", ${wrong}]\n`)).map((mark) => mark.slice(0, 10)), ['SEN-0108@2'], wrong);
  }
  const shown = settingsTable().find((row) => row.path === 'gateway.trusted_proxies');
  assert.deepEqual(proxies(shown?.example ?? ''), ['10.0.0.7/32'], 'what is copied trusts one machine');
  assert.ok(shown?.doc.includes(shown.example ?? '-'));
  const unnamed = accepted('[gateway]\nbehind_proxy = true\n');
  assert.ok(codes(unnamed.warnings).includes('SEN-0171'));
  assert.deepEqual(unnamed.settings.gateway.trustedProxies, [], 'silence trusts nobody');
  assert.ok(!codes(accepted('[gateway]\nbehind_proxy = true\ntrusted_proxies = []\n').warnings).includes('SEN-0171'));
});

test('LOG_LEVEL wins over the file, and the first bare word of a filter is its level', () => {
  const level = (value: string): string => accepted('[gateway]\nlog_level = "warn"\n', { env: { JWT_SECRET_KEY: JWT_SECRET, LOG_LEVEL: value } }).settings.gateway.logLevel;
  assert.equal(level('DEBUG'), 'debug');
  assert.equal(level('sentinel=trace,info'), 'info');
  assert.equal(level('loud'), 'warn');
  assert.equal(level(''), 'warn');
});

test('a key of the other kind of backend is an error', () => {
  assert.deepEqual(marks(refused(stdio('url = "http://x"'))), ['SEN-0113@5:1']);
  assert.deepEqual(marks(refused(http('url = "http://x/mcp"\ncwd = "/"'))), ['SEN-0113@5:1']);
});

test('a backend needs what its kind needs, and a name of its own', () => {
  assert.deepEqual(codes(refused('[[backends]]\nname = "a"\ntype = "stdio"\n')), ['SEN-0107']);
  assert.deepEqual(codes(refused(http(''))), ['SEN-0107']);
  assert.deepEqual(marks(refused(`${stdio('')}${stdio('')}`)), ['SEN-0110@7:8']);
  for (const name of ['a__b', 'a_', '_a', '1a', 'a b', 'a/b', 'x'.repeat(33)]) assert.deepEqual(codes(refused(`[[backends]]\nname = "${name}"\ntype = "stdio"\ncommand = "/x"\n`)), ['SEN-0111'], name);
  for (const name of ['a', 'web_search', 'N8N-2']) accepted(`[[backends]]\nname = "${name}"\ntype = "stdio"\ncommand = "/x"\n`);
});

test('F7: /mcp is added to the path, never after a query, and told', () => {
  const urlOf = (url: string, more = ''): string => {
    const [backend] = accepted(http(`url = "${url}"\n${more}`)).settings.backends;
    return backend?.type === 'http' ? backend.url : '';
  };
  assert.equal(urlOf('http://127.0.0.1:3000'), 'http://127.0.0.1:3000/mcp');
  assert.equal(urlOf('https://x.example/api/'), 'https://x.example/api/mcp');
  assert.equal(urlOf('https://x.example/mcp'), 'https://x.example/mcp');
  assert.equal(urlOf('https://x.example/a?k=v'), 'https://x.example/a/mcp?k=v');
  assert.equal(urlOf('https://x.example/sse', 'exact_url = true'), 'https://x.example/sse');
  assert.ok(codes(accepted(http('url = "http://127.0.0.1:3000"')).warnings).includes('SEN-0155'));
});

test('D01, D02: URLs with credentials, other schemes, and addresses no backend may have are refused', () => {
  for (const url of ['ftp://x/mcp', 'file:///etc/passwd', 'nonsense', 'https://u:p@x/mcp', 'https://x/mcp#f', 'http://169.254.169.254/mcp', 'http://0xa9fea9fe/mcp', 'http://2852039166/mcp', 'http://[fe80::1]/mcp',
    'http://[::ffff:169.254.169.254]/mcp', 'http://[fd00:ec2::254]/mcp', 'http://metadata.google.internal/mcp', 'http://metadata.google.internal./mcp', 'http://100.100.100.200/mcp', 'http://0.0.0.0/mcp', 'http://[::]/mcp', 'http://[64:ff9b::7f00:1]/mcp']) {
    assert.deepEqual(codes(refused(http(`url = "${url}"`))), ['SEN-0112'], url);
  }
});

test('a private address is allowed when the operator wrote it, and not when only a public name is written', () => {
  const allows = (url: string): boolean => {
    const [backend] = accepted(http(`url = "${url}"`)).settings.backends;
    return backend?.type === 'http' && backend.allowPrivate;
  };
  for (const url of ['http://127.0.0.1:1/mcp', 'http://localhost/mcp', 'http://10.0.0.5/mcp', 'http://n8n:3000/mcp', 'https://a.internal/mcp', 'http://[::1]/mcp']) assert.equal(allows(url), true, url);
  for (const url of ['https://tools.example.com/mcp', 'https://8.8.8.8/mcp']) assert.equal(allows(url), false, url);
});

test('headers that belong to the protocol, cannot be sent, or come twice are refused', () => {
  for (const header of ['Host', 'Content-Length', 'Mcp-Session-Id', 'Accept', 'X-Sentinel-Auth', '"bad name"']) assert.deepEqual(codes(refused(http(`url = "https://x.example/mcp"\nheaders = { ${header} = "v" }`))), ['SEN-0125'], header);
  assert.deepEqual(codes(refused(http('url = "https://x.example/mcp"\nheaders = { X-A = "a\\r\\nb" }'))), ['SEN-0125']);
  assert.deepEqual(codes(refused(http('url = "https://x.example/mcp"\nheaders = { X-A = "a", x-a = "b" }'))), ['SEN-0125']);
  assert.deepEqual(codes(refused(http('url = "https://x.example/mcp"\nbearer = "t"\nheaders = { Authorization = "a" }'))), ['SEN-0123']);
});

test('a role that allows everything cannot also list what it allows', () => {
  assert.deepEqual(marks(refused('[rbac.roles.dev]\npermissions = ["tools.execute"]\nallow = ["files/*"]\n')), ['SEN-0123@3:1']);
});

test('a limit for nothing is an error; a kill of nothing is told and never stops the other kills', () => {
  const known = `${stdio('')}[rbac.roles.dev]\nallow = ["*"]\n`;
  assert.deepEqual(codes(refused(`${known}[rate_limits]\nper_backend = { flies = 1 }\n`)), ['SEN-0124']);
  assert.deepEqual(codes(refused(`${known}[rate_limits]\nper_role = { devs = 1 }\n`)), ['SEN-0124']);
  const kill = accepted(`${known}[kill_switch]\ndisabled_backends = ["flies"]\ndisabled_tools = ["files/rm"]\n`);
  assert.ok(codes(kill.warnings).includes('SEN-0170'));
  assert.deepEqual(kill.settings.kills.tools, ['files/rm']);
});

test('a deny for a backend that is not there is an error, since it would let through what it should stop; elsewhere it is told', () => {
  const role = (keys: string, rest = ''): string => `${stdio('')}[rbac.roles.dev]\n${keys}\n${rest}`;
  for (const key of ['deny', 'denied_tools']) {
    const [problem, ...more] = refused(role(`permissions = ["*"]\n${key} = ["write", "fils/write_*"]`));
    assert.equal(problem?.code, 'SEN-0124');
    assert.match(problem?.message ?? '', /"fils" is no backend of this file, so this deny hits nothing/);
    assert.equal(problem?.help, 'did you mean "files/write_*"?');
    assert.deepEqual(more, []);
  }
  const stray = (text: string): readonly string[] => accepted(text).warnings.filter((one) => one.code === 'SEN-0170').map((one) => one.message);
  assert.deepEqual(stray(role('allow = ["fils/*", "files/*"]')), ['"fils" is no backend of this file, so this allow hits nothing']);
  assert.deepEqual(stray(role('allow = ["*"]\ndeny = ["db*/drop"]')), ['"db*" is no backend of this file, so this deny hits nothing']);
  assert.deepEqual(stray(role('allow = ["*"]', '[rate_limits.per_tool]\n"fils/x" = 3\n[kill_switch]\ndisabled_tools = ["flies/x"]\n')).length, 2);
  assert.deepEqual(stray(role('allow = ["*"]\ndeny = ["files/x", "f*/x", "*/x", "x", "files__x"]')), []);
  assert.deepEqual(stray('[rbac.roles.dev]\nallow = ["*"]\ndeny = ["later/x"]\n'), [], 'without any backend there is nothing to open');
});

test('a role that has a whole backend and denies only tools of it is told that prompts and resources stay open', () => {
  const two = `${stdio('')}${http('url = "https://x.example/mcp"')}`;
  const told = (keys: string, backends = two): readonly string[] => {
    const { warnings } = accepted(`${backends}[rbac.roles.dev]\n${keys}\n`);
    return warnings.filter((one) => one.code === 'SEN-0172').map((one) => `${one.line ?? 0}: ${one.message}`);
  };
  const [all, help] = [accepted(`${two}[rbac.roles.dev]\nallow = ["*"]\ndeny = ["*/delete_*"]\n`).warnings.find((one) => one.code === 'SEN-0172'), /`tool:\*`.*`prompt:.*`resource:/];
  assert.equal(all?.message, 'role "dev" may use every prompt and resource of files and of tools: what it denies there are tools only');
  assert.match(all?.help ?? '', help);
  assert.deepEqual(told('permissions = ["*"]\ndenied_tools = ["files__write", "rm"]'), ['11: role "dev" may use every prompt and resource of files and of tools: what it denies there are tools only']);
  assert.deepEqual(told('allow = ["tools/read", "files/*"]\ndeny = ["files/write_*"]'), ['11: role "dev" may use every prompt and resource of files: what it denies there are tools only']);
  for (const meant of [
    'allow = ["*"]', 'allow = ["tool:files/*"]\ndeny = ["files/w"]', 'permissions = ["tools.execute"]\ndeny = ["files/w"]', 'allow = ["files/*"]\ndeny = ["tools/w"]', 'allow = ["files/*"]\ndeny = ["*/*"]',
    'allow = ["files/*", "prompt:files/*", "resource:files/*"]\ndeny = ["files/w"]', 'allow = ["files/*"]\ndeny = ["files/w", "resource:files/file:///etc/**"]', 'allow = ["files/read_*"]\ndeny = ["files/read_x"]',
  ]) assert.deepEqual(told(meant), [], meant);
  assert.deepEqual(told('allow = ["*"]\ndeny = ["x"]', ''), [], 'without a backend there is nothing open');
});

test('a pattern that cannot match is an error where it stands', () => {
  for (const pattern of ['', '/x', 'x/']) assert.equal(codes(refused(`[kill_switch]\ndisabled_tools = ["a", "${pattern}"]\n`))[0], pattern === '' ? 'SEN-0109' : 'SEN-0117', pattern);
});

test('the number of diagnostics is bounded whatever the file holds', () => {
  const result = read(Array.from({ length: 5000 }, (_, index) => `k${index} = 1`).join('\n'));
  assert.ok(!result.ok && result.error.length === 200);
});

test('what a backend may ask defaults to elicitation alone; roots are paths or file URIs', () => {
  const [plain] = accepted(stdio('')).settings.backends;
  assert.deepEqual(plain?.asks, { elicitation: true, sampling: false, roots: false });
  assert.deepEqual(plain?.roots, []);
  const [set] = accepted(stdio('asks = { elicitation = false, roots = true }\nroots = ["/srv/a b", "file:///srv/c"]')).settings.backends;
  assert.deepEqual(set?.asks, { elicitation: false, sampling: false, roots: true });
  assert.deepEqual(set?.roots, [{ uri: 'file:///srv/a%20b', name: undefined }, { uri: 'file:///srv/c', name: undefined }]);
  for (const root of ['srv', 'https://x.example/', 'file://host/x', 'file:///x?y', 'file:///x#y', '~/x']) assert.deepEqual(marks(refused(stdio(`roots = ["${root}"]`))), ['SEN-0108@5:10'], root);
  assert.deepEqual(marks(refused(stdio('asks = { elicit = true }'))), ['SEN-0106@5:10']);
});

test('an alias is a name that models accept, and no two tools of the file have one', () => {
  const { settings } = accepted(stdio('aliases = { "read.file" = "read", write = "put" }'));
  assert.deepEqual(settings.backends[0]?.aliases, { 'read.file': 'read', write: 'put' });
  for (const alias of ['a b', 'a.b', 'ä', '-'.repeat(65)]) assert.deepEqual(marks(refused(stdio(`aliases = { a = "${alias}" }`))), ['SEN-0129@5:17'], alias);
  assert.deepEqual(marks(refused(stdio('aliases = { a = "x", b = "x" }'))), ['SEN-0129@5:26']);
  assert.deepEqual(marks(refused(`${stdio('aliases = { a = "x" }')}${http('url = "https://x.example/mcp"\naliases = { a = "x" }')}`)), ['SEN-0129@10:17']);
});

test('patterns of every kind are checked where they stand, and what cannot be meant is told with a way out', () => {
  accepted(`${stdio('hide = ["prompt:x", "resource:file:///x/**", "*"]')}[rbac.roles.dev]\nallow = ["prompt:files/*", "resource:files/file:///srv/**", "tool:files/x"]\n`);
  const help = (pattern: string): readonly (string | undefined)[] => refused(`${stdio('')}[rbac.roles.dev]\nallow = ["*"]\ndeny = ["${pattern}"]\n`).flatMap((one) => [one.code, one.help]);
  assert.deepEqual(help('resource:file:///srv/x'), ['SEN-0124', 'name the backend before the URI: "resource:files/file:///srv/x"']);
  assert.deepEqual(help('prompts:files/x'), ['SEN-0124', 'a pattern says `tool:`, `prompt:` or `resource:` before the backend, or no kind']);
  assert.deepEqual(help('prompt:fils/x'), ['SEN-0124', 'did you mean "prompt:files/x"?']);
  assert.equal(help('resource:files/file:///srv/../x')[0], 'SEN-0117');
  assert.deepEqual(marks(refused(stdio('hide = ["x", "resource:file:///a/../b"]'))), ['SEN-0117@5:14']);
  accepted(stdio('hide = ["resource:mem:a/"]'));
  assert.deepEqual(refused(stdio('hide = ["resource:", "files/"]')).map(({ message }) => message), ['the pattern "resource:" ends where a name must stand', 'the pattern "files/" ends where a name must stand']);
});

test('`tools.execute` with an allow of prompts and resources is no contradiction; with one of tools it is', () => {
  const role = (allow: string): string => `${stdio('')}[rbac.roles.dev]\npermissions = ["tools.execute"]\nallow = ["${allow}"]\n`;
  accepted(role('prompt:files/*'));
  for (const allow of ['files/*', 'files/x', 'tool:files/x', '*']) assert.deepEqual(codes(refused(role(allow))), ['SEN-0123'], allow);
});

test('connections that the gateway ends by itself need answers that can be resumed, of every size', () => {
  const bounds = (lines: string): string => `${stdio('')}[bounds]\n${lines}\n`;
  accepted(bounds('stream_time = "30s"'));
  accepted(bounds('resume_time = "0s"\nresume_buffer = "1KiB"'));
  accepted(bounds('stream_time = "30s"\nresult = "1MiB"\nresume_buffer = "2MiB"\nresume_total = "8MiB"'));
  for (const lines of ['resume_time = "0s"', 'resume_time = "1s"\nstream_retry = "1s"', 'resume_buffer = "16MiB"', 'resume_total = "64MiB"', 'result = "20MiB"']) {
    const problems = refused(bounds(`stream_time = "30s"\n${lines}`));
    assert.deepEqual(codes(problems), ['SEN-0123'], lines);
    assert.equal(problems[0]?.line, bounds('').split('\n').length, 'at the setting that is given, and at fault');
  }
  const [small] = refused(bounds('stream_time = "30s"\nresume_buffer = "1KiB"'));
  assert.equal(small?.message, '`stream_time` ends connections, and `[bounds] resume_buffer` is 1KiB, while `[bounds] result` is 16MiB (default): its largest answer could not be kept meanwhile');
});
