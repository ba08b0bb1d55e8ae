// The home of whoever runs this. An empty HOME is none: paths under it would begin at the root.
import { homedir } from 'node:os';
import type { Env } from './deps.ts';

export function homeOf(env: Env): string {
  const home = env['HOME'];
  return home === undefined || home === '' ? homedir() : home;
}
