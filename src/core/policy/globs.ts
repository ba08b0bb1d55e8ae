// Patterns of roles, limits and kills: compiled once, matched against the canonical target, never against exposed names.
// Compares UTF-16 units as they are: no case folding, no normalisation, no trimming (attack C06). No regex, so no backtracking.
import type { TargetKind } from '../call.ts';
import { err, ok, type Result } from '../result.ts';
import { hasControl } from '../text.ts';
import { asksForClimb, canonicalUriPattern } from './uris.ts';
import { deepMatches, wildMatches } from './wild.ts';

/** One side of a pattern. `any` also covers names with `/`: a rule for a whole backend may leave nothing out. `deep`: `**` crosses `/`. */
type Glob =
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'wild'; readonly text: string }
  | { readonly kind: 'deep'; readonly head: string; readonly text: string };

/**
 * `backend/tool`: the first `/` splits, so a tool name may hold more of them. Without `/`: that tool on any backend.
 * `prompt:backend/name`, `resource:backend/uri` and `tool:backend/name` speak of one kind. Without a kind a pattern speaks of tools,
 * and one whose name is only `*` of everything the backend has: a rule for a whole backend may leave nothing out.
 * `*` is any run of characters except `/`; `?` is one character except `/`; a side that is only `*` is anything at all. For resources
 * `**` is any run of characters, `/` included; elsewhere it says no more than `*`. URIs in patterns are read in their canonical form.
 */
export interface Pattern {
  /** As written. */
  readonly text: string;
  /** Undefined: every kind. */
  readonly kind: TargetKind | undefined;
  /** Undefined: no backend was named. */
  readonly backend: Glob | undefined;
  readonly tool: Glob;
}

export interface PatternFault {
  /** `character`: a control character or half a surrogate pair. `climb`: a segment `.` or `..`, which no URI that is read has. */
  readonly code: 'empty' | 'empty_backend' | 'empty_tool' | 'too_long' | 'character' | 'climb';
}

/** Shaped like core `Target`; plain strings, so that names not yet branded can be asked about. */
export interface PatternTarget {
  readonly kind: TargetKind;
  readonly backend: string;
  readonly name: string;
}

/** Matching costs at most pattern × name units; this keeps the first factor small. MCP tool names are 128 at most. */
const MAX_PATTERN_LENGTH = 512;

const ANY: Glob = Object.freeze({ kind: 'any' });
const ONLY_STARS = /^\*+$/;

export function compilePattern(text: string): Result<Pattern, PatternFault> {
  if (text === '') return err({ code: 'empty' });
  if (text.length > MAX_PATTERN_LENGTH) return err({ code: 'too_long' });
  if (hasControl(text) || !text.isWellFormed()) return err({ code: 'character' });
  const written = KIND.exec(text)?.[1];
  const rest = written === undefined ? text : text.slice(written.length + 1);
  const slash = rest.indexOf('/');
  if (slash === 0) return err({ code: 'empty_backend' });
  if (rest === '' || slash === rest.length - 1) return err({ code: 'empty_tool' });
  return patternOf(text, written, slash < 0 ? undefined : compileGlob(rest.slice(0, slash)), rest.slice(slash + 1));
}

/** The same for a pattern that stands where the backend is known: no `/` splits it, so a URI may stand there as it is. */
export function compileOwnPattern(text: string): Result<Pattern, PatternFault> {
  const compiled = compilePattern(text);
  const written = KIND.exec(text)?.[1];
  const name = written === undefined ? text : text.slice(written.length + 1);
  // A URI may end with its only slash; a tool or prompt that does is more likely meant as a backend, and would hit nothing.
  const whole = compiled.ok || compiled.error.code === 'empty_backend' || (compiled.error.code === 'empty_tool' && written === 'resource' && name !== '');
  if (!whole) return compiled;
  return patternOf(text, written, undefined, name);
}

const KIND = /^(tool|prompt|resource):/;

function patternOf(text: string, written: string | undefined, backend: Glob | undefined, name: string): Result<Pattern, PatternFault> {
  const tool = written === 'resource' ? compileUriGlob(canonicalUriPattern(name)) : compileGlob(name);
  if (written === 'resource' && asksForClimb(name)) return err({ code: 'climb' });
  const kind = isKind(written) ? written : tool.kind === 'any' ? undefined : 'tool';
  return ok(Object.freeze({ text, kind, backend, tool }));
}

function isKind(word: string | undefined): word is TargetKind {
  return word === 'tool' || word === 'prompt' || word === 'resource';
}

function compileGlob(text: string): Glob {
  if (ONLY_STARS.test(text)) return ANY;
  return Object.freeze({ kind: text.includes('*') || text.includes('?') ? 'wild' : 'literal', text });
}

function compileUriGlob(text: string): Glob {
  const glob = compileGlob(text);
  if (glob.kind !== 'wild' || !text.includes('**')) return glob;
  return Object.freeze({ kind: 'deep', head: text.slice(0, text.search(/[*?]/)), text });
}

export function matches(pattern: Pattern, target: PatternTarget): boolean {
  if (pattern.kind !== undefined && pattern.kind !== target.kind) return false;
  if (pattern.backend !== undefined) return globMatches(pattern.backend, target.backend) && globMatches(pattern.tool, target.name);
  return globMatches(pattern.tool, target.name) || isLegacyName(pattern, target);
}

/** Could this pattern match something of the backend, whatever it has? Of one kind, when that is asked. */
export function reaches(pattern: Pattern, backend: string, kind?: TargetKind): boolean {
  if (kind !== undefined && pattern.kind !== undefined && pattern.kind !== kind) return false;
  return pattern.backend === undefined || globMatches(pattern.backend, backend);
}

/** Does this pattern match everything of this kind that the backend has? */
export function covers(pattern: Pattern, backend: string, kind: TargetKind): boolean {
  return pattern.tool.kind === 'any' && reaches(pattern, backend, kind);
}

/** The original named colliding tools `<backend>__<tool>`, and its configurations say so. Compared whole, as written, never split. */
function isLegacyName(pattern: Pattern, target: PatternTarget): boolean {
  return pattern.text === `${target.backend}__${target.name}`;
}

function globMatches(glob: Glob, name: string): boolean {
  switch (glob.kind) {
    case 'any': return true;
    case 'literal': return glob.text === name;
    case 'wild': return wildMatches(glob.text, name);
    case 'deep': return name.startsWith(glob.head) && deepMatches(glob.text.slice(glob.head.length), name.slice(glob.head.length));
  }
}
