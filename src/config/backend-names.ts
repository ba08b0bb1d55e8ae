// What a backend's table says of names and of agents: aliases of tools, what is hidden, what it may ask, and the roots it is told of.
import type { BackendSettings } from '../core/settings.ts';
import type { Path } from './locate.ts';
import { checkOwnPattern } from './patterns.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';

/** As models and clients accept names of tools. */
const ALIAS = /^[A-Za-z0-9_-]{1,64}$/;

export function aliasesOf(aliases: Readonly<Record<string, string>>, path: Path, context: Context): BackendSettings['aliases'] {
  for (const [tool, alias] of Object.entries(aliases)) {
    if (!ALIAS.test(alias)) context.problem('alias', [...path, 'aliases', tool], `${quoted(alias)} cannot be the name of a tool: 1 to 64 of A-Z, a-z, 0-9, \`_\` and \`-\``);
  }
  return aliases;
}

/** One name, one tool: an alias holds in the whole gateway. */
export function checkAliases(backends: readonly (Pick<BackendSettings, 'aliases'> | undefined)[], context: Pick<Context, 'problem'>): void {
  const taken = new Set<string>();
  for (const [index, backend] of backends.entries()) {
    for (const [tool, alias] of Object.entries(backend?.aliases ?? {})) {
      if (taken.has(alias)) context.problem('alias', ['backends', index, 'aliases', tool], `the alias ${quoted(alias)} is given to two tools`);
      taken.add(alias);
    }
  }
}

export function hiddenBy(hide: readonly string[], path: Path, context: Context): readonly string[] {
  return hide.filter((text, index) => checkOwnPattern(text, [...path, 'hide', index], context));
}

export function rootsOf(roots: readonly string[], path: Path, context: Context): BackendSettings['roots'] {
  return roots.map((text, index) => {
    const uri = rootUri(text);
    if (uri === undefined) context.problem('value', [...path, 'roots', index], `${quoted(text)} is no root: it must be an absolute path or a \`file:///\` URI without a query`);
    return { uri: uri ?? '', name: undefined };
  });
}

function rootUri(text: string): string | undefined {
  if (text.startsWith('/')) return new URL(`file://${text.split('/').map(encodeURIComponent).join('/')}`).href;
  const url = /^file:\/\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined || url.search !== '' || url.hash !== '' ? undefined : url.href;
}
