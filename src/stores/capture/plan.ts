// The rules of the configuration, made ready: for each target one look says what of its calls is kept, and for nearly all that is nothing.
import { hash } from 'node:crypto';
import type { Target, TargetKind } from '../../core/call.ts';
import type { CaptureRule } from '../../core/capture.ts';
import { compilePointer, pointerTree, type PointerTree } from '../../core/json/pointer.ts';
import { compilePattern, matches, type Pattern } from '../../core/policy/globs.ts';
import type { Result } from '../../core/result.ts';

/** How a record names a rule: by what it says, for its place in the file changes. */
export interface RuleTag {
  /** The first 12 digits of the SHA-256 of the rule. */
  readonly id: string;
  readonly reason: string;
  readonly owner?: string;
}

export interface PlannedRule {
  readonly tag: RuleTag;
  readonly arguments: PointerTree | undefined;
  readonly results: PointerTree | undefined;
  readonly bytes: number;
}

export type Plan = readonly PlannedRule[];

/** Targets whose answer is remembered. Whoever reads resources can name any number of them. */
const REMEMBERED = 4096;

/** Undefined: nothing of this target's calls is kept. */
export function planner(rules: readonly CaptureRule[]): (target: Target) => Plan | undefined {
  const ready = rules.map((rule) => ({ patterns: compiled(rule.targets, compilePattern), planned: planned(rule) }));
  const known: Readonly<Record<TargetKind, Map<string, Map<string, Plan | undefined>>>> = { tool: new Map(), prompt: new Map(), resource: new Map() };
  let count = 0;
  return (target) => {
    // Two looks by names that are there already: to join them into one key would cost more than both.
    const named = known[target.kind].get(target.backend);
    if (named?.has(target.name) === true) return named.get(target.name);
    const plan = ready.filter(({ patterns }) => patterns.some((pattern: Pattern) => matches(pattern, target))).map((one) => one.planned);
    if (count >= REMEMBERED) for (const kind of Object.values(known)) kind.clear();
    count = count >= REMEMBERED ? 1 : count + 1;
    const names = known[target.kind].get(target.backend) ?? new Map<string, Plan | undefined>();
    known[target.kind].set(target.backend, names.set(target.name, plan.length === 0 ? undefined : plan));
    return names.get(target.name);
  };
}

function planned(rule: CaptureRule): PlannedRule {
  return { tag: tagOf(rule), arguments: treeOf(rule.arguments), results: treeOf(rule.results), bytes: rule.bytes };
}

export function tagOf({ targets, arguments: args, results, bytes, owner, reason }: CaptureRule): RuleTag {
  const id = hash('sha256', JSON.stringify([targets, args, results, bytes, owner ?? null, reason]), 'hex').slice(0, 12);
  return { id, reason, ...(owner === undefined ? {} : { owner }) };
}

function treeOf(texts: readonly string[]): PointerTree | undefined {
  const pointers = compiled(texts, compilePointer);
  return pointers.length === 0 ? undefined : pointerTree(pointers);
}

/** One that cannot be compiled was refused when the file was read. */
function compiled<T>(texts: readonly string[], compile: (text: string) => Result<T, unknown>): readonly T[] {
  return texts.flatMap((text) => {
    const made = compile(text);
    return made.ok ? [made.value] : [];
  });
}
