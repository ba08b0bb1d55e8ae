// What a child may know of the machine: a short list, what was declared for it, and nothing of the gateway's own (H04, T82, CI9).
import type { StdioBackendSettings } from '../../core/settings.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** In every child's environment: finds what it started, even after setsid and a double fork. */
export const RUN_MARKER = 'SENTINEL_BACKEND_RUN';

const PASSED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;
const LOCALE = /^LC_[A-Z]+$/;
/** The gateway's own settings and its agents' credentials never pass, not even by request. */
const OWN = /^SENTINEL_/i;

export interface PrivateDirs {
  readonly home: string;
  readonly tmp: string;
}

/** Later wins: the list, private directories, names passed through, declared values, our marker. */
export function childEnv(settings: StdioBackendSettings, gateway: Env, dirs: PrivateDirs | undefined, marker: string): Record<string, string> {
  const env = new Map<string, string>();
  for (const [name, value] of Object.entries(gateway)) {
    if (value !== undefined && (PASSED.some((passed) => passed === name) || LOCALE.test(name))) env.set(name, value);
  }
  env.set('TERM', 'dumb');
  if (dirs !== undefined) {
    env.set('HOME', dirs.home);
    env.set('TMPDIR', dirs.tmp);
  }
  for (const name of settings.envPassthrough) {
    const value = gateway[name];
    if (value !== undefined && !OWN.test(name)) env.set(name, value);
  }
  for (const [name, secret] of Object.entries(settings.env)) env.set(name, secret.reveal());
  env.set(RUN_MARKER, marker);
  return Object.fromEntries(env);
}
