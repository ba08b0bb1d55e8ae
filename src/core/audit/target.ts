// What `tool = …` asks: patterns that name a target as people write it, as a condition on the members that hold it.
import { canonicalUriPattern } from '../policy/uris.ts';
import { all, any, globText, like, oneOf, written, type AuditFilter, type TextPattern } from './filter.ts';

/** Kinds of calls by the kind that patterns write: whoever follows a resource reads it. */
const CALL_KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['tool', ['tool']], ['prompt', ['prompt']], ['resource', ['resource', 'listen']], ['completion', ['completion']], ['listen', ['listen']],
]);

/** A bare name is that tool on any backend, or the name the agent used. Without a kind, everything of that name. */
export function targetLike(pattern: TextPattern): AuditFilter {
  const [head] = pattern;
  const word = typeof head === 'string' ? /^[a-z]+(?=:)/.exec(head)?.[0] : undefined;
  const kinds = word === undefined ? undefined : CALL_KINDS.get(word);
  const named = kinds === undefined || word === undefined || typeof head !== 'string' ? pattern : dropEmpty([head.slice(word.length + 1), ...pattern.slice(1)]);
  const condition = namedLike(named, kinds);
  return kinds === undefined ? condition : all([oneOf('object_type', kinds), condition]);
}

function namedLike(pattern: TextPattern, kinds: readonly string[] | undefined): AuditFilter {
  const parts = atSlash(pattern);
  // No backend has a colon in its name: that is a URI, and its slash parts nothing.
  if (parts === undefined || written(parts.backend).includes(':')) return any([like('object_name', nameOf(pattern, kinds)), like('exposed', pattern)]);
  return all([like('backend', parts.backend), like('object_name', nameOf(parts.name, kinds))]);
}

function atSlash(pattern: TextPattern): { readonly backend: TextPattern; readonly name: TextPattern } | undefined {
  const at = pattern.findIndex((part) => typeof part === 'string' && part.includes('/'));
  const part = pattern[at];
  if (typeof part !== 'string') return undefined;
  const slash = part.indexOf('/');
  return { backend: dropEmpty([...pattern.slice(0, at), part.slice(0, slash)]), name: dropEmpty([part.slice(slash + 1), ...pattern.slice(at + 1)]) };
}

/** URIs are on record in their canonical form. An escaped `?` becomes the wildcard that it is in every pattern of resources; an escaped `*` is encoded there. */
function nameOf(pattern: TextPattern, kinds: readonly string[] | undefined): TextPattern {
  if (kinds?.includes('listen') !== true) return pattern;
  return globText(canonicalUriPattern(written(pattern.map((part) => (typeof part === 'string' ? part.replaceAll('*', '%2A') : part)))));
}

function dropEmpty(pattern: TextPattern): TextPattern {
  return pattern.filter((part) => part !== '');
}
