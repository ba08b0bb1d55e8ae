// Patterns of roles, limits and kills: compiled once, matched against the canonical target, never against exposed names.
// Compares UTF-16 units as they are: no case folding, no normalisation, no trimming (attack C06). No regex, so no backtracking.
import type { TargetKind } from '../call.ts';
import { err, ok, type Result } from '../result.ts';
import { hasControl } from '../text.ts';

/** One side of a pattern. `any` also covers names with `/`: a rule for a whole backend may leave nothing out. */
type Glob =
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'wild'; readonly text: string };

/**
 * `backend/tool`: the first `/` splits, so a tool name may hold more of them. Without `/`: that tool on any backend.
 * `prompt:backend/name`, `resource:backend/uri` and `tool:backend/name` speak of one kind. Without a kind a pattern speaks of tools,
 * and one whose name is only `*` of everything the backend has: a rule for a whole backend may leave nothing out.
 * `*` is any run of characters except `/`; `?` is one character except `/`; a side that is only `*` is anything at all. `**` says no more than `*`.
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
  /** `character`: a control character or half a surrogate pair. */
  readonly code: 'empty' | 'empty_backend' | 'empty_tool' | 'too_long' | 'character';
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
const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;

export function compilePattern(text: string): Result<Pattern, PatternFault> {
  if (text === '') return err({ code: 'empty' });
  if (text.length > MAX_PATTERN_LENGTH) return err({ code: 'too_long' });
  if (hasControl(text) || !text.isWellFormed()) return err({ code: 'character' });
  const written = KIND.exec(text)?.[1];
  const rest = written === undefined ? text : text.slice(written.length + 1);
  const slash = rest.indexOf('/');
  if (slash === 0) return err({ code: 'empty_backend' });
  if (rest === '' || slash === rest.length - 1) return err({ code: 'empty_tool' });
  const backend = slash < 0 ? undefined : compileGlob(rest.slice(0, slash));
  const tool = compileGlob(rest.slice(slash + 1));
  const kind = isKind(written) ? written : tool.kind === 'any' ? undefined : 'tool';
  return ok(Object.freeze({ text, kind, backend, tool }));
}

const KIND = /^(tool|prompt|resource):/;

function isKind(word: string | undefined): word is TargetKind {
  return word === 'tool' || word === 'prompt' || word === 'resource';
}

function compileGlob(text: string): Glob {
  if (ONLY_STARS.test(text)) return ANY;
  return Object.freeze({ kind: text.includes('*') || text.includes('?') ? 'wild' : 'literal', text });
}

export function matches(pattern: Pattern, target: PatternTarget): boolean {
  if (pattern.kind !== undefined && pattern.kind !== target.kind) return false;
  if (pattern.backend !== undefined) return globMatches(pattern.backend, target.backend) && globMatches(pattern.tool, target.name);
  return globMatches(pattern.tool, target.name) || isLegacyName(pattern, target);
}

/** Could this pattern match something of the backend, whatever it has? */
export function reaches(pattern: Pattern, backend: string): boolean {
  return pattern.backend === undefined || globMatches(pattern.backend, backend);
}

/** Does this pattern match everything of the backend? */
export function covers(pattern: Pattern, backend: string): boolean {
  return pattern.kind === undefined && pattern.tool.kind === 'any' && reaches(pattern, backend);
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
  }
}

/**
 * Greedy with one restart point, the last `*`. Taking the earliest place for what follows a `*` loses nothing: a `*`
 * cannot cross `/`, so every other place lies in the same segment and leaves less for the rest.
 */
function wildMatches(glob: string, name: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < name.length) {
    const code = at < glob.length ? glob.charCodeAt(at) : -1;
    if (code === STAR) {
      star = at;
      resume = from;
      at += 1;
    } else if (code === QUESTION && name.charCodeAt(from) !== SLASH) {
      at += 1;
      from += characterLength(name, from);
    } else if (code === name.charCodeAt(from)) {
      at += 1;
      from += 1;
    } else {
      if (star < 0 || name.charCodeAt(resume) === SLASH) return false;
      resume += characterLength(name, resume);
      at = star + 1;
      from = resume;
    }
  }
  while (at < glob.length && glob.charCodeAt(at) === STAR) at += 1;
  return at === glob.length;
}

/** `?` is one character as people count them, not half an emoji. */
function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
