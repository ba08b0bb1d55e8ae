// MCP servers for end-to-end tests: the published ones and the misbehaving fixture, as lines of a configuration or as running processes.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../postgres.ts';
import { plainEnv, ROOT, start, until, type Running } from './processes.ts';

const entry = (name: string): string => join(ROOT, 'node_modules/@modelcontextprotocol', name, 'dist/index.js');
const FIXTURE: string = join(ROOT, 'test/fixtures/backends/misbehaving.ts');

/** A TOML basic string; its escapes are JSON's. */
export const quoted = (text: string): string => JSON.stringify(text);

/** `more`: further lines of the table. */
export function stdioBackend(name: string, argv: readonly string[], more: readonly string[] = []): string {
  const [command = '', ...args] = argv;
  return ['[[backends]]', `name = ${quoted(name)}`, 'type = "stdio"', `command = ${quoted(command)}`, `args = [${args.map(quoted).join(', ')}]`, ...more, ''].join('\n');
}

export function httpBackend(name: string, url: string, more: readonly string[] = []): string {
  return ['[[backends]]', `name = ${quoted(name)}`, 'type = "http"', `url = ${quoted(url)}`, ...more, ''].join('\n');
}

export const EVERYTHING_ENTRY: string = entry('server-everything');
export const everything = (name = 'everything', more: readonly string[] = []): string => stdioBackend(name, [process.execPath, EVERYTHING_ENTRY, 'stdio'], more);
export const thinking = (more: readonly string[] = []): string => stdioBackend('thinking', [process.execPath, entry('server-sequential-thinking')], more);
export const filesystem = (folder: string, more: readonly string[] = []): string => stdioBackend('filesystem', [process.execPath, entry('server-filesystem'), folder], more);

/** Keeps its graph in `folder`. */
export function memory(folder: string, more: readonly string[] = []): string {
  return stdioBackend('memory', [process.execPath, entry('server-memory')], [`env = { MEMORY_FILE_PATH = ${quoted(join(folder, 'graph.jsonl'))} }`, ...more]);
}

/** The fixture that does what it is told, and nothing right if it is told so. */
export function fixture(name: string, flags: readonly string[] = [], more: readonly string[] = []): string {
  return stdioBackend(name, [process.execPath, FIXTURE, ...flags], more);
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly process: Running;
}

const STARTS = 3;

/** The published server over Streamable HTTP, kept on loopback and ended with this process by the demo's leash. */
export async function startEverything(folder: string): Promise<HttpServer> {
  mkdirSync(folder, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const env = { ...plainEnv(folder), PORT: String(port) };
    const server = start([process.execPath, '--import', join(ROOT, 'src/cli/demo/leash.ts'), EVERYTHING_ENTRY, 'streamableHttp'], { env, cwd: folder });
    await until(() => server.hasEnded() || server.stderr().includes('listening'), 'the published server listens');
    if (!server.hasEnded()) return { url: `http://127.0.0.1:${port}/mcp`, process: server, [Symbol.asyncDispose]: async () => void (server.signal('SIGKILL'), await server.ended) };
    if (attempt === STARTS) throw new Error(`the published server does not start: ${server.stderr()}`);
  }
}
