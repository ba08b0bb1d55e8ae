// What each MCP client wants to read, in its own words. A token is only ever named (an environment variable, a prompt, a file), never written. Pure.
import { shellWord } from '../quote.ts';

export const CLIENTS = ['claude', 'cursor', 'vscode', 'codex', 'json'] as const;
export type Client = (typeof CLIENTS)[number];

export type Access =
  | { readonly via: 'stdio'; readonly command: string; readonly args: readonly string[] }
  | { readonly via: 'http'; readonly url: string; readonly tokenEnv: string };

export interface Snippet {
  readonly language: 'json' | 'toml';
  readonly text: string;
  /** One line each, in order. */
  readonly steps: readonly string[];
}

export type JsonObject = { readonly [key: string]: unknown };

/** Key under which the client keeps its servers. VS Code reads `servers` and ignores `mcpServers` without a word. */
export function serversKey(client: Client): string {
  return client === 'vscode' ? 'servers' : 'mcpServers';
}

export function entryFor(client: Client, name: string, access: Access): JsonObject {
  if (access.via === 'stdio') {
    const entry = { command: access.command, args: access.args };
    return client === 'claude' || client === 'vscode' ? { type: 'stdio', ...entry } : entry;
  }
  const headers = { Authorization: `Bearer ${tokenReference(client, name, access.tokenEnv)}` };
  return client === 'cursor' ? { url: access.url, headers } : { type: 'http', url: access.url, headers };
}

/** Claude Code expands `${VAR}`, Cursor `${env:VAR}`, VS Code asks once and keeps the answer in its own secret storage. */
function tokenReference(client: Client, name: string, tokenEnv: string): string {
  if (client === 'cursor') return `\${env:${tokenEnv}}`;
  if (client === 'vscode') return `\${input:${inputId(name)}}`;
  return `\${${tokenEnv}}`;
}

function inputId(name: string): string {
  return `${name}-token`;
}

/** VS Code's prompt, where the entry needs one. */
export function inputFor(client: Client, name: string, access: Access): JsonObject | undefined {
  if (client !== 'vscode' || access.via !== 'http') return undefined;
  return { type: 'promptString', id: inputId(name), description: `Token for ${name} (sentinel token issue)`, password: true };
}

/** Codex refuses an inline `bearer_token` and ignores `headers`; `bearer_token_env_var` is the one that works. */
export function codexTable(name: string, access: Access): string {
  const head = `[mcp_servers.${/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name)}]`;
  if (access.via === 'http') return `${head}\nurl = ${JSON.stringify(access.url)}\nbearer_token_env_var = ${JSON.stringify(access.tokenEnv)}\n`;
  return `${head}\ncommand = ${JSON.stringify(access.command)}\nargs = [${access.args.map((arg) => JSON.stringify(arg)).join(', ')}]\n`;
}

export function snippetFor(client: Client, name: string, access: Access): Snippet {
  if (client === 'codex') return { language: 'toml', text: codexTable(name, access), steps: [...exportStep(access), 'put it into ~/.codex/config.toml, or run this again with --write'] };
  const input = inputFor(client, name, access);
  const body = { ...(input === undefined ? {} : { inputs: [input] }), [serversKey(client)]: { [name]: entryFor(client, name, access) } };
  return { language: 'json', text: `${JSON.stringify(body, null, 2)}\n`, steps: stepsFor(client, name, access) };
}

function stepsFor(client: Client, name: string, access: Access): readonly string[] {
  switch (client) {
    case 'claude': return [...exportStep(access), claudeCommand(name, access), 'or put the above into .mcp.json of a project (--write), then: claude mcp list'];
    case 'cursor': return [...exportStep(access), 'put it into .cursor/mcp.json of a project or ~/.cursor/mcp.json, or run this again with --write'];
    case 'vscode': return ['put it into .vscode/mcp.json, or run this again with --write; VS Code asks for the token once'];
    case 'codex':
    case 'json': return exportStep(access);
  }
}

function exportStep(access: Access): readonly string[] {
  return access.via === 'http' ? [`set ${access.tokenEnv} in the environment of the client, for example: export ${access.tokenEnv}="$(cat <token file>)"`] : [];
}

/** Single quotes on purpose: in double quotes the shell would expand the variable, and the token itself would be stored. */
export function claudeCommand(name: string, access: Access): string {
  if (access.via === 'stdio') return ['claude mcp add', shellWord(name), '--', shellWord(access.command), ...access.args.map(shellWord)].join(' ');
  return `claude mcp add --transport http ${shellWord(name)} ${shellWord(access.url)} --header 'Authorization: Bearer \${${access.tokenEnv}}'`;
}
