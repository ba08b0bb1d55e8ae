// What the demo consists of: two published MCP servers, a role that may read, and calls that are refused. Pure.
import { join } from 'node:path';
import type { ConfigPlan } from '../setup/config-text.ts';

export const DEMO_ROLE = 'developer';
export const DEMO_SUBJECT = 'demo-agent';
export const FILES = 'filesystem';
export const EVERYTHING = 'everything';

/** Relative to the package; development dependencies, so only a checkout has them. */
export const FILES_ENTRY: string = join('node_modules', '@modelcontextprotocol', 'server-filesystem', 'dist', 'index.js');
export const EVERYTHING_ENTRY: string = join('node_modules', '@modelcontextprotocol', 'server-everything', 'dist', 'index.js');

export interface DemoPaths {
  readonly root: string;
  readonly node: string;
  readonly files: string;
}

export function demoPlan(paths: DemoPaths, listen: string, healthListen: string, port: number): ConfigPlan {
  return {
    listen,
    healthListen,
    stateDir: '.',
    // What happens is in the audit; a first look at a terminal should not be at lines of JSON.
    logLevel: 'warn',
    role: DEMO_ROLE,
    allow: [
      ...['read_*', 'list_*', 'directory_tree', 'search_files', 'get_file_info'].map((tool) => `${FILES}/${tool}`),
      ...['echo', 'get-sum', 'get-tiny-image', 'get-annotated-message', 'get-structured-content', 'trigger-long-running-operation'].map((tool) => `${EVERYTHING}/${tool}`),
    ],
    deny: ['write_file', 'edit_file', 'move_file'].map((tool) => `${FILES}/${tool}`),
    backends: [
      { type: 'stdio', name: FILES, command: paths.node, args: [join(paths.root, FILES_ENTRY), paths.files], note: 'A published MCP server, started by the gateway, on the folder demo-files.' },
      { type: 'http', name: EVERYTHING, url: demoUrl(port), note: 'A published MCP server over Streamable HTTP; `sentinel start` runs it, on this port, for as long as the gateway runs.' },
    ],
  };
}

function demoUrl(port: number): string {
  return `http://127.0.0.1:${port}/mcp`;
}

/** The port that an earlier start wrote down; undefined when the demo server is no longer in the file. */
export function demoPortIn(text: string): number | undefined {
  const found = /^name = "everything"\ntype = "http"\nurl = "http:\/\/127\.0\.0\.1:(\d+)\/mcp"$/m.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Somebody else has the old port: the line that start itself wrote moves to another. */
export function withDemoPort(text: string, from: number, to: number): string {
  return text.replace(`url = "${demoUrl(from)}"`, `url = "${demoUrl(to)}"`);
}

export const DEMO_FILES: Readonly<Record<string, string>> = {
  'welcome.txt': 'This file was read through sentinel: the call was authenticated, allowed by a role, counted and written to the audit.\n',
  'notes.md': '# Notes\n\n- Reading is allowed to the role developer.\n- Writing is not: try filesystem__write_file, and look at the audit.\n',
};
