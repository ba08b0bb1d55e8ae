// [scopes]: what agents' tokens must have been granted, by whoever issued them (RFC 6749 §3.3; MCP authorization). Beside roles, never
// instead of them. A faulty scope is an error: it would leave open what should need it.
import * as z from 'zod';
import { isOmnibus, isScopeName } from '../core/policy/scopes.ts';
import type { BackendSettings, ScopeGrant, ScopeSettings } from '../core/settings.ts';
import { words } from './keys.ts';
import type { Path } from './locate.ts';
import { checkPattern, tellStray } from './patterns.ts';
import { quoted } from './problems.ts';
import { section, type Context, type Section } from './section.ts';
import { suggest } from './suggest.ts';

const GRANT = z.strictObject({
  allow: words([], { doc: 'What needs this scope, or one that includes it (patterns, as in roles). A target that no scope names needs none; one that several name needs any of them.', example: '["files/read_*", "prompt:files/*"]' }),
  includes: words([], { doc: 'Other scopes that this one gives as well, with all that they include.' }),
});
const SCOPES = z.strictObject({
  baseline: words([], { doc: 'What agents are told to ask for first: named in the challenge of a 401 and as `scopes_supported`. Empty: none is named.' }),
  grants: z.record(z.string().min(1).max(512), GRANT).default({}),
});

interface Known {
  readonly backends: readonly BackendSettings[] | undefined;
}

export const scopes: Section<ScopeSettings, Known> = section('scopes', SCOPES, (file, context, { backends }: Known): ScopeSettings => {
  const names = Object.keys(file.grants);
  const grants = Object.entries(file.grants).map(([name, grant]) => grantOf(name, grant, names, backends?.map(({ id }) => id), context));
  for (const [index, name] of file.baseline.entries()) {
    const path: Path = ['scopes', 'baseline', index];
    if (checkName(name, path, context)) checkKnown(name, names, path, context);
  }
  const loop = loopIn(grants);
  if (loop !== undefined) context.problem('scope', ['scopes', 'grants', loop, 'includes'], `the scope ${quoted(loop)} includes itself`);
  if (names.length > 1 && names.every((name) => file.baseline.includes(name))) {
    context.problem('scopes_whole', ['scopes', 'baseline'], 'the baseline names every scope there is, so that every agent asks for all of them at once');
  }
  return { baseline: [...new Set(file.baseline)], grants };
});

function grantOf(name: string, grant: z.output<typeof GRANT>, names: readonly string[], backends: readonly string[] | undefined, context: Context): ScopeGrant {
  const path: Path = ['scopes', 'grants', name];
  checkName(name, path, context);
  for (const [index, text] of grant.allow.entries()) tellStray(text, 'scope', [...path, 'allow', index], backends, context);
  for (const [index, other] of grant.includes.entries()) checkKnown(other, names, [...path, 'includes', index], context);
  if (grant.allow.length === 0 && grant.includes.length === 0) context.problem('dead_entry', path, `nothing needs the scope ${quoted(name)}: it names nothing and includes none`);
  return { name, allow: grant.allow.filter((text, index) => checkPattern(text, [...path, 'allow', index], context)), includes: grant.includes };
}

function checkName(name: string, path: Path, context: Context): boolean {
  const fault = faultIn(name);
  if (fault !== undefined) context.problem('scope', path, `the scope ${quoted(name)} ${fault}`);
  return fault === undefined;
}

/** Of several, the first that mends it. */
function faultIn(name: string): string | undefined {
  if (!isScopeName(name)) return 'must be 1 to 128 visible ASCII characters without space, quotation mark or backslash';
  if (!isOmnibus(name)) return undefined;
  if (name.includes('*')) return 'has a `*` in it: a scope is compared as it is written, and none may stand for several';
  return name.toLowerCase() === 'offline_access' ? 'is a matter between a client and its authorization server, not of a gateway' : 'would stand for everything';
}

function checkKnown(name: string, names: readonly string[], path: Path, context: Context): void {
  if (names.includes(name)) return;
  const near = suggest(name, names);
  context.problem('scope', path, `there is no scope ${quoted(name)} in [scopes.grants]`, near === undefined ? undefined : `did you mean ${quoted(near)}?`);
}

/** A scope that is reached from itself. */
function loopIn(grants: readonly ScopeGrant[]): string | undefined {
  return grants.find(({ name }) => reachOf(name, grants).has(name))?.name;
}

/** Names of all that this scope includes, by however many steps. */
export function reachOf(name: string, grants: readonly ScopeGrant[]): ReadonlySet<string> {
  const byName = new Map(grants.map((grant) => [grant.name, grant.includes]));
  const reached = new Set<string>();
  const open = [...(byName.get(name) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...(byName.get(next) ?? []));
  }
  return reached;
}
