// Every requirement, in the order of its lists. manifest.test.ts holds each row to the tests that name it.
import * as agents from './agent-side.ts';
import { OAUTH_CLIENT, OAUTH_PROXY, RESOURCE_SERVER } from './authorization.ts';
import * as backends from './backend-side.ts';
import type { Requirement } from './requirement.ts';
import { SECURITY } from './security.ts';

/** The letters of a list, and its rows. */
export const LISTS: Readonly<Record<string, readonly Requirement[]>> = {
  S: agents.EVERY_TRANSPORT, SH: agents.MODERN_HTTP, SL: agents.LEGACY_HTTP, SI: agents.STDIO,
  C: backends.EVERY_TRANSPORT, CH: backends.HTTP, CI: backends.STDIO,
  R: RESOURCE_SERVER, O: OAUTH_CLIENT, P: OAUTH_PROXY,
  SEC: SECURITY,
};

export const MANIFEST: readonly Requirement[] = Object.values(LISTS).flat();

const ONE = `(?:${Object.keys(LISTS).join('|')})\\d+`;
const CITED = new RegExp(`\\[(${ONE}(?:, ${ONE})*)\\]`, 'g');

/** The ids that the name of a test names: `… [S5, SH8]`. Brackets, because other catalogues have letters and numbers too. */
export function citedIn(name: string): readonly string[] {
  return [...name.matchAll(CITED)].flatMap((found) => (found[1] ?? '').split(', '));
}
