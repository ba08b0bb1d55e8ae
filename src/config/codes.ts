// Every problem a configuration can have: its stable code, what it means and how to mend it. The pages in docs/errors are made from this.
// Codes are never reused; a retired one keeps its page.

export type ProblemKind =
  | 'not_found' | 'syntax' | 'too_large' | 'encoding' | 'unsafe_key' | 'nul' | 'unknown_key' | 'missing_key' | 'value' | 'range'
  | 'duplicate_backend' | 'backend_name' | 'backend_url' | 'wrong_transport' | 'unsafe_env' | 'interpolation' | 'exposed' | 'pattern'
  | 'no_verifier' | 'secret_unset' | 'secret_file' | 'secret_readable' | 'restart_needed' | 'contradiction' | 'unknown_name' | 'header' | 'issuer'
  | 'weak_secret' | 'names_prefixed' | 'retries_ignored' | 'role_empty' | 'permission' | 'url_completed' | 'secret_inline' | 'shared_secret_off'
  | 'store_embedded' | 'restart_off' | 'breaker_off' | 'policy_order' | 'listens' | 'no_effect' | 'metrics_open' | 'log_level' | 'no_roles'
  | 'not_interpolated' | 'cleartext' | 'command_missing' | 'dead_entry' | 'run_as' | 'writable' | 'proxy_unnamed' | 'alias' | 'kinds_open' | 'scope' | 'scopes_whole' | 'witness_key' | 'folder_missing';

/** Process exit statuses a problem may lead to: no file, a faulty file, a missing secret. */
export type ProblemExit = 10 | 11 | 12;

export interface CodeEntry {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  readonly meaning: string;
  readonly cure: string;
  readonly exit?: ProblemExit;
  /** What the place of the problem is: the key, or its value (the default). */
  readonly points?: 'key';
  /** Of the page alone: how to fix it in surroundings where the cure is not enough. */
  readonly cases?: string;
}

function error(code: string, title: string, meaning: string, cure: string, extra: Pick<CodeEntry, 'exit' | 'points' | 'cases'> = {}): CodeEntry {
  return { code, severity: 'error', title, meaning, cure, exit: 11, ...extra };
}

function warning(code: string, title: string, meaning: string, cure: string, extra: Pick<CodeEntry, 'points'> = {}): CodeEntry {
  return { code, severity: 'warning', title, meaning, cure, ...extra };
}

const KEY = { points: 'key' } as const;

const WHERE_MODES_ARE_STRANGE = `Where the modes are not what one thinks:

- A bind mount in a container: the file keeps the owner and the mode it has on the host. Run the container as that user (the compose file has \`SENTINEL_UID\`), or give the file to root, mode 0644, or copy it into the image.
- umask 002, and a primary group that many share (such as \`users\`): new files can be written by that group, whose number is not the owner's. \`chmod g-w\` the file.
- A file system without modes (\`/mnt/c\` of WSL, checkouts that some CI systems mount): everything is 0777, and \`chmod\` changes nothing. Copy the file to one that has modes (\`install -m 600 sentinel.toml ~/.config/sentinel/\`), or mount it so that it keeps them (WSL: \`options = "metadata"\` under \`[automount]\` in \`/etc/wsl.conf\`) and run \`chmod\` then.`;

export const CODES: Readonly<Record<ProblemKind, CodeEntry>> = {
  not_found: error('SEN-0100', 'No configuration file',
    'None of the places that are looked at holds a configuration file, or the one that was named does not exist. They are, in order: `--config`, the variable `SENTINEL_CONFIG`, `./sentinel.toml`, `$XDG_CONFIG_HOME/sentinel/sentinel.toml` (or `~/.config/…`), in a checkout `.sentinel/sentinel.toml` as `sentinel start` wrote it, `/etc/sentinel/sentinel.toml`. A file that is named is the only one tried. `sentinel stdio` takes none from the working directory that was not named: an agent\'s client starts it in the folder of its project.',
    'Run `sentinel init` to make one with real keys, or name yours with `--config`.', { exit: 10 }),
  syntax: error('SEN-0101', 'Not TOML',
    'The text breaks the rules of TOML 1.1 at the place shown. Of what follows the `=`, only the shape is shown, with `·` for each character, since it may be a secret.',
    'Mend the line. Text values need quotes; a table header needs `[` and `]`; a key may be set once.'),
  too_large: error('SEN-0102', 'File too large',
    'A configuration of more than 1 MiB is refused unread.',
    'Keep one gateway to one file of settings, and data out of it.'),
  encoding: error('SEN-0103', 'Not UTF-8',
    'TOML is UTF-8. The file holds bytes that are not.',
    'Save the file as UTF-8.'),
  unsafe_key: error('SEN-0104', 'Forbidden key',
    'A key called `__proto__` or `constructor` could change how objects behave in the program, so it is refused wherever it stands.',
    'Remove or rename it.'),
  nul: error('SEN-0105', 'NUL character',
    'A value holds U+0000. No path, argument, variable or name may.',
    'Remove the `\\u0000`.', KEY),
  unknown_key: error('SEN-0106', 'Unknown key',
    'The file sets something that does not exist. An ignored typo in a security setting is an open door, so the whole file is refused.',
    'Use the suggested key, or remove the line. `docs/config.md` lists every key.', KEY),
  missing_key: error('SEN-0107', 'Missing key',
    'A key that has no default is not set. The place shown is the table it belongs to.',
    'Add the key.', KEY),
  value: error('SEN-0108', 'Wrong kind of value',
    'The value is not of the kind the key takes: another type, a word that is not in the list, or a text in another form.',
    'Write it as the message says. Durations are `"30s"`, sizes `"4MiB"`, addresses `"127.0.0.1:9200"`.'),
  range: error('SEN-0109', 'Out of range',
    'The value is of the right kind but too small or too large. Every bound has a bound, so that no typo takes a limit away.',
    'Choose a value in the range of the message.'),
  duplicate_backend: error('SEN-0110', 'Backend named twice',
    'Two `[[backends]]` have one name. Policies, limits, kills and the audit know a backend by its name.',
    'Rename one of them.'),
  backend_name: error('SEN-0111', 'Backend name not usable',
    'A name starts with a letter, goes on with letters, digits, `-` and `_`, has at most 32 characters, no `__`, and no `_` at the end: it becomes part of tool names, of URLs and of policies.',
    'Rename the backend.'),
  backend_url: error('SEN-0112', 'Backend URL not usable',
    'The URL is not http or https, carries user name, password or fragment, or names an address that no backend may have (link-local and cloud metadata).',
    'Write `https://host/mcp`; put credentials in `bearer` or `headers`.', KEY),
  wrong_transport: error('SEN-0113', 'Key of the other transport',
    'The key means something only for the other `type` of backend.',
    'Remove the key, or change `type`.', KEY),
  unsafe_env: error('SEN-0114', 'Variable that loads code or leaks the gateway',
    'The variable makes a program load code (`LD_PRELOAD`, `NODE_OPTIONS`, `PYTHONPATH`, `BASH_ENV`, …), or holds a secret of the gateway itself.',
    'Remove it. If a backend really needs a loader variable, set `unsafe_env = true` in it; the gateway\'s own secrets are never passed on.', KEY),
  interpolation: error('SEN-0115', 'Interpolation not possible here',
    '`${env:NAME}` works in `env`, `headers` and `bearer` of a backend. Arguments are visible to every user of the machine, and URLs are logged, so secrets have no place in them.',
    'Pass the secret by `env`, `headers` or `bearer`.', KEY),
  exposed: error('SEN-0116', 'Listens to the network without protection',
    'The address is reachable from other machines, and the gateway itself does not speak TLS: tokens would travel in clear.',
    'Listen on 127.0.0.1, or put a TLS proxy in front, set `behind_proxy = true`, and name the proxy in `trusted_proxies`.'),
  pattern: error('SEN-0117', 'Pattern not usable',
    'A pattern is `backend/tool` or `tool`, with `*` and `?` in each part; neither part may be empty. For prompts and resources the kind stands before it: `prompt:backend/name`, `resource:backend/uri`. A URI with a segment `.` or `..` is never read, so no pattern may ask for one.',
    'Write for example `"files/read_*"`, `"prompt:files/*"` or `"resource:files/file:///srv/**"`.'),
  no_verifier: error('SEN-0118', 'No way to verify tokens',
    'There is no secret, no key of one\'s own and no issuer, so nobody could be let in. There is no mode without authentication.',
    'Run `sentinel init`, or set `own_keys = true` in `[auth]`, or put a secret into the variable that `jwt_secret_env` names, or add `[[auth.issuers]]`.', { exit: 12, points: 'key' }),
  secret_unset: error('SEN-0119', 'Secret not set',
    'The environment variable that a secret setting names is not set, or empty. The gateway does not go on without it.',
    'Set the variable for the gateway\'s process, or take the setting out.', { exit: 12, points: 'key' }),
  secret_file: error('SEN-0120', 'Secret file not readable',
    'The file that a secret setting names does not exist, cannot be read, or is empty.',
    'Make the file, owned by the user the gateway runs as.', { exit: 12, points: 'key' }),
  secret_readable: error('SEN-0121', 'Secret file open to others',
    'Group or others may read the file: then it is no secret.',
    'Run `chmod 600` on it.', { exit: 12, points: 'key' }),
  restart_needed: error('SEN-0122', 'Needs a restart',
    'The setting cannot change while the gateway runs. A reload takes the whole file or none of it, so none of it was taken; the running revision goes on.',
    'Restart the gateway, or put the old value back and reload.'),
  contradiction: error('SEN-0123', 'Settings contradict each other',
    'Two settings cannot both be meant.',
    'Remove one of the two that the message names; of two numbers, raise or lower one, as the message says.', KEY),
  unknown_name: error('SEN-0124', 'Names something that is not configured',
    'A limit is set for a backend or a role, or a `deny` or a scope names a backend, that this file does not have: it would never apply. A deny that hits nothing lets through what it should stop, and what no scope names needs none.',
    'Use the suggested name, or remove the entry.', KEY),
  header: error('SEN-0125', 'Header not usable',
    'The name is not an HTTP header name, the value cannot be sent in one, or the header belongs to the protocol and is set by the gateway.',
    'Rename or remove it.', KEY),
  issuer: error('SEN-0126', 'Issuer not usable',
    'Two issuers have one name, or the key set URL is not https.',
    'Name each issuer once; use https (http only on loopback).'),
  run_as: error('SEN-0127', 'User that the backend cannot run as',
    'The user of `run_as` is not known here, is root, or the gateway does not run as root on Linux and so cannot start a program as somebody else. Nothing is started as another user than the one that was asked for.',
    'Name a user of the machine other than root (`useradd --system --no-create-home NAME`), and run the gateway as root; or remove `run_as`.'),
  writable: error('SEN-0128', 'Configuration that others can write',
    'The file names the programs that the gateway starts and says who may call them: whoever can write it is the gateway. It is read only when it belongs to root or to the user the gateway runs as, when neither others nor a group may write it, and when it does not lie in a folder where everybody may write (unless that is sticky, as `/tmp` is). The owner\'s private group, the one with the number of the owner (umask 002), may write. A link is followed: file and folder are those it leads to, and the link itself must be root\'s or the user\'s.',
    'Run the `chmod` or `chown` of the message, after a look at what the file says.', { cases: WHERE_MODES_ARE_STRANGE }),
  alias: error('SEN-0129', 'Alias not usable',
    'An alias of `[[backends]] aliases` is the name that agents see instead of the one that is made: 1 to 64 letters, digits, `_` and `-`, as models accept. It holds in the whole gateway, so no two tools have one alias.',
    'Choose another name for one of the tools.'),
  scope: error('SEN-0130', 'Scope not usable',
    'The name of a scope is a `scope-token` of RFC 6749 §3.3: 1 to 128 visible ASCII characters without quotation mark or backslash. One with `*` in it, or called `all` or `full-access`, would stand for everything, and `offline_access` is a matter of the authorization server alone: none of them may be a scope here. `includes` and `baseline` name scopes that `[scopes.grants]` has, and no scope may include itself by any number of steps.',
    'Name what each scope is for, such as `"files:read"` and `"files:write"`.', KEY),
  witness_key: error('SEN-0131', 'Key of another gateway not usable',
    'An entry of `[audit.witness] keys` is the line of `audit-sign.pub` of the gateway whose checkpoints are kept here (`sentinel-audit/<node>+<id>+<key>`), or a file with such lines that nobody but its owner can write: who can add a key can have anything kept.',
    'Copy `audit-sign.pub` out of the state directory of the other gateway, and write its line or its path.', KEY),

  weak_secret: warning('SEN-0150', 'Weak secret',
    'HS256 needs at least 32 bytes of secret (RFC 7518 §3.2); shorter ones can be guessed from one token.',
    'Make a new one: `openssl rand -base64 48`, or move to `own_keys = true`.', KEY),
  names_prefixed: warning('SEN-0151', 'Tools carry the name of their backend',
    'The original gave a tool its bare name unless two backends offered it, so that names depended on who was up first. Here each tool is `<backend>__<tool>`. Policies of the original go on working with either form.',
    'Say which you want: `[catalog] names = "prefixed"`, or `"bare"` (then a collision is an error).', KEY),
  retries_ignored: warning('SEN-0152', 'Retries without idempotent tools',
    'A call that may have happened is never sent again, so `retries` means nothing until the backend says which tools may be repeated.',
    'List them in `idempotent_tools`, or remove `retries`.', KEY),
  role_empty: warning('SEN-0153', 'Role that may call nothing',
    'What is listed is what may be called. The original showed such a role every tool and refused each call; here it sees an empty list. `tools.read` alone gives no right to call.',
    'Add `allow = ["backend/tool", …]` for what the role may use.', KEY),
  permission: warning('SEN-0154', 'Unknown permission',
    'Only `*`, `tools.read` and `tools.execute` mean something; the original ignored others as well. It grants nothing.',
    'Use `allow` with patterns, or remove it.'),
  url_completed: warning('SEN-0155', '`/mcp` was added to a backend URL',
    'As in the original, `/mcp` is added to the path of a URL that does not end with it.',
    'Write the whole URL, or set `exact_url = true` to take it as it stands.', KEY),
  secret_inline: warning('SEN-0156', 'Secret in the file',
    'The value looks like a secret and stands in the configuration in clear.',
    'Put it into the environment and write `"${env:NAME}"`, or into a file and write `{ file = "path" }`.', KEY),
  shared_secret_off: warning('SEN-0157', 'Shared secret not sent',
    'The original sent `X-Sentinel-Auth` to every HTTP backend, third parties included. Here only backends that opt in get it.',
    'Set `shared_secret = true` in the backends that check it.', KEY),
  store_embedded: warning('SEN-0158', 'Audit goes to the embedded store',
    'The variable that `postgres.url_env` names is not set. The original switched the audit off then; here it is written to the embedded store.',
    'Set the variable, or remove `[postgres]`.', KEY),
  restart_off: warning('SEN-0159', 'Backend stays down when it ends',
    'The original never read `restart_on_exit` and always restarted. Here `false` is believed.',
    'Remove the key to have the backend restarted.'),
  breaker_off: warning('SEN-0160', 'Circuit breaker is off',
    'A threshold of 0 behaved like 1 in the original. Here it means no breaker.',
    'Set at least 1.'),
  policy_order: warning('SEN-0161', 'Limits count otherwise than in the original',
    'Roles are asked before limits, refused calls use up a limit of their own (`probe_rpm`), and the window slides: never more than N calls in any 60 seconds, also across a reload.',
    'Nothing to do. Any key of this gateway in the file (such as `[catalog] names`) ends this note.', KEY),
  listens: warning('SEN-0162', 'The listen address is served',
    'The original only logged `gateway.listen`. Here agents can connect to it over HTTP, with a token.',
    'Nothing to do, or choose the address you want.', KEY),
  no_effect: warning('SEN-0163', 'Setting without effect',
    'Something else in the file makes the setting meaningless.',
    'Remove it, or change what the message names.', KEY),
  metrics_open: warning('SEN-0164', 'Metrics are open to the network',
    'The health address is reachable from other machines and `/metrics` asks for no token.',
    'Set `HEALTH_TOKEN` in the environment of the gateway, or listen on 127.0.0.1.'),
  log_level: warning('SEN-0165', 'Log level not understood',
    'The variable `LOG_LEVEL` holds no level of this gateway. Filters per module, which the original took, are not known.',
    'Use fatal, error, warn, info, debug or trace.', KEY),
  no_roles: warning('SEN-0166', 'No roles',
    'Without `[rbac.roles]` every call of everybody is refused.',
    'Add a role, such as `[rbac.roles.developer]` with `allow = ["files/*"]`.', KEY),
  not_interpolated: warning('SEN-0167', 'Looks like a variable, is taken as it stands',
    'Only `${env:NAME}` is replaced. The original replaced nothing.',
    'Write `${env:NAME}`.', KEY),
  cleartext: warning('SEN-0168', 'Credentials travel in clear',
    'The backend gets a credential over http, and its host is not on this machine.',
    'Use https.', KEY),
  command_missing: warning('SEN-0169', 'Command not found',
    'The command of a backend was not found in PATH. The gateway starts without this backend and tries again.',
    'Install it, or write the absolute path.'),
  dead_entry: warning('SEN-0170', 'Entry that hits nothing',
    'A kill names a backend or a role that is not configured, or a pattern of an `allow`, a limit or a kill names a backend that this file does not have, or matches no tool that is known: perhaps a typo, and then what should be stopped is not.',
    'Compare with `sentinel tools`.'),
  proxy_unnamed: warning('SEN-0171', 'The proxy is not named',
    'Only proxies in `gateway.trusted_proxies` are believed when they say, by `X-Forwarded-For`, whom they speak for. Without it everybody behind the proxy is one address: one share of wrong tokens, one peer in the audit. And since every address may then be the proxy, `bounds.connections_per_peer` does not hold on `listen`; only `bounds.connections` does.',
    'Set `trusted_proxies` to the address or network of the proxy, or to `[]` where there is none and the port is only published, as by Docker.', KEY),
  kinds_open: warning('SEN-0172', 'Denies that leave prompts and resources open',
    'The role has a whole backend (`*`, `backend/*`, `permissions = ["*"]`), which takes in prompts and resources, and every deny of it speaks of tools, as patterns without a kind do. So what the deny is to keep from the role may still be had as a prompt or a resource. The original had tools only.',
    'For tools only, allow `tool:backend/*` (or `permissions = ["tools.execute"]`). Else deny the others as well (`prompt:backend/…`, `resource:backend/…`), or, where all of them are meant, say so: `prompt:backend/*` and `resource:backend/*` in `allow`.'),
  folder_missing: warning('SEN-0174', 'Folder not there',
    'The folder of an export\'s file is not there. The gateway does not make it: it may be the place where a disk is mounted, and what is to be kept on another disk would come onto this one. The export waits until it is there.',
    'Mount it, or make the folder, for the user the gateway runs as.'),
  scopes_whole: warning('SEN-0173', 'Every scope is asked for at once',
    'The baseline is what agents ask for before they have called anything. With every scope of the file in it, each token that is stolen or misled may do all that its roles allow, and no step-up is left that a person would see.',
    'Keep what every agent needs in `baseline`. What few need they are told when they call it.', KEY),
};

/** The exit status for a refused configuration: secrets are named apart only when nothing else is wrong. */
export function exitFor(codes: Iterable<string>): ProblemExit {
  const exits = new Set<ProblemExit>();
  for (const code of codes) {
    const entry = Object.values(CODES).find((candidate) => candidate.code === code);
    if (entry?.exit !== undefined) exits.add(entry.exit);
  }
  if (exits.has(10)) return 10;
  return exits.size === 1 && exits.has(12) ? 12 : 11;
}
