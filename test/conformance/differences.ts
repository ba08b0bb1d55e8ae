// What a scenario scored directly against what it scored through the gateway, check by check, and the file of differences that are known. Pure.
import type { Check } from './suite.ts';
import { TARGETS, THROUGH, type TargetName } from './targets.ts';

export interface Row {
  readonly suite: string;
  readonly revision: string;
  readonly scenario: string;
  readonly extension: boolean;
  /** Of each target that was asked. */
  readonly checks: ReadonlyMap<TargetName, readonly Check[]>;
}

export interface Difference {
  readonly suite: string;
  readonly revision: string;
  readonly scenario: string;
  readonly check: string;
  readonly through: TargetName;
  /** `SUCCESS, SUCCESS`: every time the check was made. */
  readonly direct: string;
  readonly scored: string;
  readonly message: string;
}

/** An entry of the file: checks of one scenario that score otherwise, and why they do. It stands for each of them, everywhere it names. */
export interface Expected extends Pick<Difference, 'revision' | 'scenario'> {
  readonly suites: readonly string[];
  readonly checks: readonly string[];
  readonly through: readonly TargetName[];
  readonly why: string;
}

export function differencesOf(rows: readonly Row[]): readonly Difference[] {
  return rows.flatMap(({ suite, revision, scenario, checks }) => THROUGH.flatMap((through): Difference[] => {
    const [own, other] = [checks.get('direct') ?? [], checks.get(through)];
    if (other === undefined) return [];
    const ids = [...new Set([...own, ...other].map((check) => check.id))];
    return ids.flatMap((check): Difference[] => {
      const [direct, scored] = [statuses(own, check), statuses(other, check)];
      if (direct === scored) return [];
      const message = other.find((one) => one.id === check && one.status !== 'SUCCESS')?.message ?? '';
      return [{ suite, revision, scenario, check, through, direct, scored, message }];
    });
  }));
}

function statuses(checks: readonly Check[], id: string): string {
  return checks.filter((check) => check.id === id).map((check) => check.status).toSorted().join(', ') || 'not made';
}

type Place = Pick<Difference, 'suite' | 'revision' | 'scenario' | 'check' | 'through'>;

const keyOf = (one: Place): string => [one.suite, one.revision, one.scenario, one.check, one.through].join(' ');

function placesOf({ suites, revision, scenario, checks, through }: Expected): readonly string[] {
  return suites.flatMap((suite) => checks.flatMap((check) => through.map((name) => keyOf({ suite, revision, scenario, check, through: name }))));
}

/** `stale`: what is expected to differ and does not. */
export function judge(found: readonly Difference[], expected: readonly Expected[]): { readonly unexpected: readonly Difference[]; readonly stale: readonly string[] } {
  const [known, seen] = [new Set(expected.flatMap(placesOf)), new Set(found.map(keyOf))];
  return { unexpected: found.filter((one) => !known.has(keyOf(one))), stale: [...known].filter((key) => !seen.has(key)) };
}

/** Scored scenarios that the fixture itself does not pass: then a comparison says little. */
export function directFailures(rows: readonly Row[]): readonly string[] {
  return rows.filter((row) => !row.extension).flatMap((row) =>
    (row.checks.get('direct') ?? []).filter((check) => check.status === 'FAILURE').map((check) => `${row.suite} ${row.revision} ${row.scenario} ${check.id}: ${check.message}`));
}

const count = (checks: readonly Check[], status: string): number => checks.filter((check) => check.status === status).length;

/** `passed/failed`, and warnings and skips where there are any. */
function score(checks: readonly Check[]): string {
  const [warned, skipped] = [count(checks, 'WARNING'), count(checks, 'SKIPPED')];
  return `${count(checks, 'SUCCESS')}/${count(checks, 'FAILURE')}${warned > 0 ? ` ${warned}w` : ''}${skipped > 0 ? ` ${skipped}s` : ''}`;
}

export function render(rows: readonly Row[]): string {
  const differing = new Set(differencesOf(rows).map((one) => `${one.suite} ${one.revision} ${one.scenario}`));
  const line = (name: string, cells: readonly string[], mark = ''): string => `  ${name.padEnd(46)} ${cells.map((cell) => cell.padEnd(15)).join(' ')}${mark}`.trimEnd();
  const groups = Map.groupBy(rows, (row) => `conformance ${row.suite}, revision ${row.revision}${row.extension ? ', extensions (not scored)' : ''}`);
  const lines = [...groups].flatMap(([title, some]) => {
    const asked = TARGETS.filter((name) => some.some((row) => row.checks.has(name)));
    const total = (name: TargetName): string => score(some.flatMap((row) => row.checks.get(name) ?? []));
    return [
      '', title, line('passed/failed (w: warnings, s: skipped)', asked.map((name) => (name === 'direct' ? name : `/mcp/${name}`))),
      ...some.map((row) => line(row.scenario, asked.map((name) => score(row.checks.get(name) ?? [])), differing.has(`${row.suite} ${row.revision} ${row.scenario}`) ? '<- differs' : '')),
      line('total', asked.map(total)),
    ];
  });
  return lines.join('\n');
}

export function sayDifference(one: Difference): string {
  return `${one.suite} ${one.revision} ${one.scenario} ${one.check} through ${one.through}: ${one.direct} -> ${one.scored}${one.message === '' ? '' : ` (${one.message.slice(0, 300)})`}`;
}
