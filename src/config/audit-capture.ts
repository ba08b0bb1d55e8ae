// [[audit.capture]]: which words of which calls the audit keeps, and what for. Nothing is kept that no rule names, so a rule that cannot be read
// is an error: it would keep less than was asked for, or more.
import * as z from 'zod';
import type { CaptureRule, CaptureSettings } from '../core/capture.ts';
import { compilePointer, DEEPEST_POINTER, keysOf, LONGEST_POINTER, type PointerFault } from '../core/json/pointer.ts';
import { keyMatcher } from '../core/masking.ts';
import { compilePattern, reaches } from '../core/policy/globs.ts';
import { hasControl } from '../core/text.ts';
import { duration, maybeText, neededText, size, words } from './keys.ts';
import type { Path } from './locate.ts';
import { checkPattern } from './patterns.ts';
import { quoted, showPath } from './problems.ts';
import type { Context } from './section.ts';
import { pathOf } from './secrets.ts';

const DAY_MS = 86_400_000;
const MOST_RULES = 100;
const MOST_WORDS = 256;

interface RuleFile {
  readonly targets: readonly string[];
  readonly arguments: readonly string[];
  readonly results: readonly string[];
  readonly bytes: number;
  readonly owner: string | undefined;
  readonly reason: string;
}

const RULE: z.ZodType<RuleFile> = z.strictObject({
  targets: words([], { doc: 'Whose calls (patterns): tools, `prompt:backend/name`, `resource:backend/uri`.', example: '["files/write_*"]' }),
  arguments: words([], { doc: 'Which arguments are kept: JSON Pointers (RFC 6901), `*` for any one segment, as the paths of `args_shape`.', example: '["/path", "/edits/*/line"]' }),
  results: words([], { doc: 'Which parts of the result, as the backend gave it.', example: '["/structuredContent/id"]' }),
  bytes: size('4KiB', { doc: 'What is kept of one record by this rule, at most; longer values are cut, and what does not fit is left out.' }, { least: 64, most: 65_536 }),
  owner: maybeText({ doc: 'Who answers for it.', example: '"team-platform"' }),
  reason: neededText({ doc: 'What it is kept for; stands in each record.', example: '"to undo what an agent did"' }),
});

interface CaptureFile {
  readonly capture_keep: number;
  readonly capture_key_dir: string | undefined;
  readonly capture: readonly RuleFile[];
}

/** Keys of [audit]. */
export const CAPTURE_KEYS: { readonly [Name in keyof CaptureFile]: z.ZodType<CaptureFile[Name]> } = {
  capture_keep: duration('30d', { doc: 'Captured values cannot be read longer than this: then the key of their day is destroyed, whole days at a time.' }, { least: DAY_MS, most: 3650 * DAY_MS }),
  capture_key_dir: maybeText({ doc: 'Where the keys of captured values are. Unset: audit-keys in `state_dir`. Best where nothing makes copies: no backup, no snapshot.', reload: 'restart', example: '"/run/sentinel-keys"' }),
  capture: z.array(RULE).max(MOST_RULES).default([]),
};

export interface CaptureGiven {
  /** Undefined where the table of backends is faulty. */
  readonly backends: readonly string[] | undefined;
  /** `audit.redact`. */
  readonly redactKeys: readonly string[];
}

export function captureOf(file: CaptureFile, context: Context, given: CaptureGiven): CaptureSettings {
  const rules = file.capture.map((rule, index) => ruleOf(rule, ['audit', 'capture', index], context, given));
  const keyDir = file.capture_key_dir === undefined ? undefined : pathOf(file.capture_key_dir, context.directory, context.home);
  return { rules, keepMs: file.capture_keep, keyDir };
}

function ruleOf(rule: RuleFile, path: Path, context: Context, { backends, redactKeys }: CaptureGiven): CaptureRule {
  if (rule.targets.length === 0) context.problem('missing_key', path, `${quotedPath(path)} needs \`targets\`: whose calls it is about`);
  if (rule.arguments.length + rule.results.length === 0) context.problem('missing_key', path, `${quotedPath(path)} needs \`arguments\` or \`results\`: what is to be kept`);
  checkWords(rule.reason, [...path, 'reason'], context);
  if (rule.owner !== undefined) checkWords(rule.owner, [...path, 'owner'], context);
  for (const [index, text] of rule.targets.entries()) tellStray(text, [...path, 'targets', index], backends, context);
  const isSecret = keyMatcher(redactKeys);
  const pointers = (key: 'arguments' | 'results'): readonly string[] => rule[key].filter((text, index) => checkPointer(text, [...path, key, index], isSecret, context));
  return {
    targets: rule.targets.filter((text, index) => checkPattern(text, [...path, 'targets', index], context)),
    arguments: pointers('arguments'),
    results: pointers('results'),
    bytes: rule.bytes,
    owner: rule.owner,
    reason: rule.reason,
  };
}

function quotedPath(path: Path): string {
  return `\`${showPath(path)}\``;
}

/** They stand in every record. */
function checkWords(text: string, path: Path, context: Context): void {
  if (text.length > MOST_WORDS) context.problem('range', path, `${quotedPath(path)} is too long: at most ${MOST_WORDS}`);
  if (hasControl(text) || text.trim() === '') context.problem('value', path, `${quotedPath(path)} must be a line of text`);
}

const FAULTS: Readonly<Record<PointerFault['code'], string>> = {
  whole: 'names everything there is; name what is needed',
  start: 'does not begin with `/`',
  escape: 'holds a `~` that is none of `~0` (for `~`), `~1` (for `/`) and `~2` (for a key\'s own `*`)',
  star: 'holds a `*` beside other characters: it stands for a whole segment, and a key\'s own `*` is written `~2`',
  character: 'holds a control character',
  long: `is longer than ${LONGEST_POINTER} characters`,
  deep: `has more than ${DEEPEST_POINTER} segments`,
};

function checkPointer(text: string, path: Path, isSecret: (key: string) => boolean, context: Context): boolean {
  const compiled = compilePointer(text);
  if (!compiled.ok) {
    context.problem('value', path, `the path ${quoted(text)} ${FAULTS[compiled.error.code]}`);
    return false;
  }
  const secret = keysOf(compiled.value).find(isSecret);
  if (secret !== undefined) context.problem('no_effect', path, `the path ${quoted(text)} leads through ${quoted(secret)}, whose values are masked, so nothing of it can be read later`, 'remove it; `audit.redact` says which names are masked');
  return true;
}

/** A pattern whose backend is none of the file's keeps nothing. */
function tellStray(text: string, path: Path, backends: readonly string[] | undefined, context: Context): void {
  const compiled = compilePattern(text);
  if (!compiled.ok || backends === undefined || backends.length === 0 || backends.some((name) => reaches(compiled.value, name))) return;
  context.problem('dead_entry', path, `${quoted(text)} names no backend of this file, so this capture keeps nothing`, 'compare with `sentinel tools`');
}
