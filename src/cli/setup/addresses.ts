// Where the gateway of `start` will listen: decided before anything is written, from the flags and from the file of an earlier start.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { demoPlan, demoPortIn } from '../demo/plan.ts';
import { usageFault } from '../faults.ts';
import { packageRoot } from '../package.ts';
import type { Fault } from '../verb.ts';
import { configText } from './config-text.ts';

/** As the configuration writes them; undefined = the flag was not given. */
export interface AddressFlags {
  readonly listen: string | undefined;
  readonly healthListen: string | undefined;
}

export interface Addresses {
  /** As the configuration writes or will write them; undefined where the file says it in a way that start did not write. */
  readonly listen: string | undefined;
  readonly healthListen: string | undefined;
  /** The whole file, when it has to be written (anew). */
  readonly write: ((demoPort: number) => string) | undefined;
}

export const DEFAULT_ADDRESSES = { listen: '127.0.0.1:9200', healthListen: '127.0.0.1:9201' } as const;
const KEYS = [['listen', 'listen'], ['healthListen', 'health_listen']] as const;

/** A file that people changed is theirs: the flags then may only say what it says. One that is as start wrote it is written anew. */
export function settleAddresses(home: string, flags: AddressFlags): Result<Addresses, Fault> {
  const file = join(home, 'sentinel.toml');
  if (!existsSync(file)) {
    const chosen = { listen: flags.listen ?? DEFAULT_ADDRESSES.listen, healthListen: flags.healthListen ?? DEFAULT_ADDRESSES.healthListen };
    return ok({ ...chosen, write: (port) => demoText(home, chosen, port) });
  }
  const text = readFileSync(file, 'utf8');
  const now = { listen: written(text, 'listen'), healthListen: written(text, 'health_listen') };
  const differs = KEYS.filter(([flag]) => flags[flag] !== undefined && flags[flag] !== now[flag]);
  const [first] = differs;
  if (first === undefined) return ok({ ...now, write: undefined });
  const port = demoPortIn(text);
  const { listen, healthListen } = now;
  if (port !== undefined && listen !== undefined && healthListen !== undefined && text === demoText(home, { listen, healthListen }, port)) {
    const chosen = { listen: flags.listen ?? listen, healthListen: flags.healthListen ?? healthListen };
    return ok({ ...chosen, write: () => demoText(home, chosen, port) });
  }
  const [flag, key] = first;
  return err(usageFault(`${file} was changed since start wrote it, and says another ${key} than --${key.replace('_', '-')}`, `set ${key} = "${flags[flag] ?? ''}" in it, or leave the flag out`));
}

function demoText(home: string, addresses: { readonly listen: string; readonly healthListen: string }, port: number): string {
  return configText(demoPlan({ root: packageRoot(), node: process.execPath, files: join(home, 'demo-files') }, addresses.listen, addresses.healthListen, port));
}

function written(text: string, key: string): string | undefined {
  return new RegExp(`^${key} = "([^"]+)"`, 'm').exec(text)?.[1];
}
