// What to type after `start`: a list, a call that is allowed, one that is refused, and the record of both. Each line works as it is printed.
import { existsSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import type { StatusReport } from '../../core/operations.ts';
import { ownCommand, packageRoot } from '../package.ts';
import { shellWord } from '../quote.ts';
import type { VerbContext } from '../verb.ts';
import { defaultConfig } from '../whereabouts.ts';

type Here = Pick<VerbContext, 'cwd' | 'env'>;

export function nextLine(here: Here, report: StatusReport, home: string): string {
  return `next      ${inspect(here, report, home)} --method tools/list`;
}

export function thenLines(here: Here, report: StatusReport, home: string): string {
  return [
    'then:',
    `  ${inspect(here, report, home)} --method tools/call --tool-name filesystem__read_text_file --tool-arg path=${shellWord(join(home, 'demo-files', 'welcome.txt'))}`,
    `  ${refusedCall(here, report, home)}   # is refused`,
    `  ${command(here, home, 'audit tail')}`,
    `  ${command(here, home, 'connect claude')}`,
  ].join('\n');
}

/** As it would be typed here; what names the demo must come along where another file would be found. */
export function command(here: Here, home: string, words: string): string {
  const own = ownCommand().map((part) => near(here, part)).join(' ');
  const named = here.env['SENTINEL_HOME'] ?? '';
  const file = join(home, 'sentinel.toml');
  const config = defaultConfig(here.env, here.cwd) === file ? '' : ` --config ${near(here, file)}`;
  return `${named === '' ? '' : `SENTINEL_HOME=${shellWord(named)} `}${own} ${words}${config}`;
}

function inspect(here: Here, report: StatusReport, home: string): string {
  return `${inspector(here)} --cli ${report.endpoint} --transport http --header ${bearer(here, home)}`;
}

/** Double quotes: the shell that is typed into reads the file, and the token is in no history. */
function bearer(here: Here, home: string): string {
  return `"Authorization: Bearer $(cat ${near(here, join(home, 'agent.token'))})"`;
}

/** By curl, since well-behaved clients do not call what they were not shown. One request of the stateless revision is a whole conversation. */
function refusedCall(here: Here, report: StatusReport, home: string): string {
  const name = 'filesystem__write_file';
  const meta = { protocolVersion: '2026-07-28', clientInfo: { name: 'curl', version: '1' }, clientCapabilities: {} };
  const reserved = Object.fromEntries(Object.entries(meta).map(([key, value]) => [`io.modelcontextprotocol/${key}`, value]));
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { path: join(home, 'demo-files', 'x'), content: 'x' }, _meta: reserved } };
  const headers = ['Content-Type: application/json', 'Accept: application/json, text/event-stream', 'MCP-Protocol-Version: 2026-07-28', 'Mcp-Method: tools/call', `Mcp-Name: ${name}`];
  return `curl -s ${report.endpoint} -H ${bearer(here, home)} ${headers.map((header) => `-H ${shellWord(header)}`).join(' ')} -d ${shellWord(JSON.stringify(body))}`;
}

/** `npx` would run it with whatever Node is first in PATH; the inspector needs a recent one. */
function inspector(here: Here): string {
  const bin = join(packageRoot(), 'node_modules', '.bin', 'mcp-inspector');
  const first = (here.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node')).find((file) => existsSync(file));
  return first === process.execPath ? near(here, bin) : `${near(here, process.execPath)} ${near(here, bin)}`;
}

/** The shorter of the absolute path and the one from here. */
function near(here: Here, path: string): string {
  const from = relative(here.cwd, path);
  const short = from.startsWith('..') ? path : from.includes('/') ? from : `./${from}`;
  return shellWord(short.length < path.length ? short : path);
}
