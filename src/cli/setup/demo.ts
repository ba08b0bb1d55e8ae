// Lays down the demo: state, keys, role, token, configuration, two files to read. A second time it finds everything and changes nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { freePort } from '../demo/server.ts';
import { DEMO_FILES, DEMO_ROLE, DEMO_SUBJECT, EVERYTHING_ENTRY, FILES_ENTRY, demoPortIn, withDemoPort } from '../demo/plan.ts';
import { fileFault } from '../faults.ts';
import { portTrouble } from '../holder.ts';
import { packageRoot } from '../package.ts';
import type { Fault, VerbContext } from '../verb.ts';
import type { Addresses } from './addresses.ts';
import { layCredentials } from './credentials.ts';
import { layDirectory, layFile, replaceFile } from './files.ts';
import type { Laid } from './files.ts';

export interface Demo {
  readonly home: string;
  readonly configFile: string;
  readonly tokenFile: string;
  readonly controlSocket: string;
  /** Port of the demo's HTTP server; undefined when the file no longer names it. */
  readonly demoPort: number | undefined;
  readonly laid: readonly Laid[];
}

export interface DemoWishes {
  readonly home: string;
  /** The configuration, when it has to be written. */
  readonly write: Addresses['write'];
}

export async function layDemo(cx: Pick<VerbContext, 'env' | 'cwd' | 'user'>, wishes: DemoWishes): Promise<Result<Demo, Fault>> {
  const root = packageRoot();
  for (const entry of [FILES_ENTRY, EVERYTHING_ENTRY]) {
    if (!existsSync(join(root, entry))) return err(fileFault(`the demo needs ${entry}, which only a checkout has`, 'in a checkout: ./scripts/start; otherwise: sentinel init'));
  }
  const { home } = wishes;
  const files = join(home, 'demo-files');
  const configFile = join(home, 'sentinel.toml');
  const laid: Laid[] = [layDirectory(home, 'everything of this gateway'), layDirectory(files, 'what the demo may read')];
  for (const [name, text] of Object.entries(DEMO_FILES)) laid.push(layFile(join(files, name), text, 'a file to read'));
  if (wishes.write !== undefined) laid.push((existsSync(configFile) ? replaceFile : layFile)(configFile, wishes.write(await freePort()), 'configuration'));
  const credentials = await layCredentials({ configFile, env: cx.env, cwd: cx.cwd, subject: DEMO_SUBJECT, role: DEMO_ROLE, tokenFile: join(home, 'agent.token'), by: cx.user });
  if (!credentials.ok) return credentials;
  const demoPort = await settlePort(configFile);
  return ok({ home, configFile, tokenFile: join(home, 'agent.token'), controlSocket: join(home, 'control.sock'), demoPort, laid: [...laid, ...credentials.value] });
}

/** The port was free when it was written down. If somebody has it now, the demo server gets another. */
async function settlePort(configFile: string): Promise<number | undefined> {
  const text = readFileSync(configFile, 'utf8');
  const port = demoPortIn(text);
  if (port === undefined || (await portTrouble({ host: '127.0.0.1', port })) === undefined) return port;
  const other = await freePort();
  writeFileSync(configFile, withDemoPort(text, port, other));
  return other;
}
