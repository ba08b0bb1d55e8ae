// The configuration that `init` and `start` write: only what was chosen, with a word about each. Pure.

export type DemoBackend =
  | { readonly type: 'stdio'; readonly name: string; readonly command: string; readonly args: readonly string[]; readonly note: string }
  | { readonly type: 'http'; readonly name: string; readonly url: string; readonly note: string };

export interface ConfigPlan {
  readonly listen: string;
  readonly healthListen: string;
  /** As written: absolute, or relative to the file. */
  readonly stateDir: string;
  /** Undefined = the default. */
  readonly logLevel?: string;
  readonly role: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly backends: readonly DemoBackend[];
}

export function configText(plan: ConfigPlan): string {
  return [
    '# Configuration of sentinel. Every key: docs/config.md. Look at changes with `sentinel check`, put them into force with `sentinel reload`.',
    `[gateway]\nlisten = ${text(plan.listen)}\nhealth_listen = ${text(plan.healthListen)}\n# Keys, store and control socket.\nstate_dir = ${text(plan.stateDir)}${plan.logLevel === undefined ? '' : `\nlog_level = ${text(plan.logLevel)}`}`,
    '# Tokens are signed with Ed25519 keys of the gateway itself: sentinel token issue, sentinel keys rotate.\n[auth]\nown_keys = true',
    '# Tools are named <backend>__<tool>.\n[catalog]\nnames = "prefixed"',
    `# What a role may see and call, as backend/tool patterns; everything else is refused, and deny wins.\n[rbac.roles.${key(plan.role)}]\nallow = ${list(plan.allow)}\ndeny = ${list(plan.deny)}`,
    ...(plan.backends.length === 0 ? [EXAMPLE] : plan.backends.map(backendText)),
  ].join('\n\n') + '\n';
}

const EXAMPLE = `# The MCP servers behind the gateway. One that is started, for example:
# [[backends]]
# name = "files"
# type = "stdio"
# command = "npx"
# args = ["-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "/srv/files"]
#
# and one that is called:
# [[backends]]
# name = "tools"
# type = "http"
# url = "https://tools.example.com/mcp"
# bearer = { env = "TOOLS_TOKEN" }`;

function backendText(backend: DemoBackend): string {
  const head = `# ${backend.note}\n[[backends]]\nname = ${text(backend.name)}\ntype = ${text(backend.type)}`;
  return backend.type === 'stdio' ? `${head}\ncommand = ${text(backend.command)}\nargs = ${list(backend.args)}` : `${head}\nurl = ${text(backend.url)}`;
}

/** JSON's strings are TOML's basic strings, but for DEL, which TOML wants escaped. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : text(name);
}

function list(values: readonly string[]): string {
  const inline = `[${values.map(text).join(', ')}]`;
  return inline.length <= 100 ? inline : `[\n${values.map((value) => `  ${text(value)},\n`).join('')}]`;
}
