// What a scenario scored directly against what it scored through the gateway, check by check, and the file of differences that are known. Pure.
import type { Check } from './suite.ts';
import { THROUGH, type TargetName } from './targets.ts';

export interface Row {
  readonly suite: string;
  readonly revision: string;
  readonly scenario: string;
  readonly extension: boolean;
  readonly checks: Readonly<Record<TargetName, readonly Check[]>>;
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

/** A line of the file: one check of one scenario, and why it scores otherwise. */
export interface Expected extends Pick<Difference, 'suite' | 'revision' | 'scenario' | 'check' | 'through'> {
  readonly why: string;
}

export function differencesOf(rows: readonly Row[]): readonly Difference[] {
  return rows.flatMap(({ suite, revision, scenario, checks }) => THROUGH.flatMap((through): Difference[] => {
    const ids = [...new Set([...checks.direct, ...checks[through]].map((check) => check.id))];
    return ids.flatMap((check): Difference[] => {
      const [direct, scored] = [statuses(checks.direct, check), statuses(checks[through], check)];
      if (direct === scored) return [];
      const message = checks[through].find((one) => one.id === check && one.status !== 'SUCCESS')?.message ?? '';
      return [{ suite, revision, scenario, check, through, direct, scored, message }];
    });
  }));
}

function statuses(checks: readonly Check[], id: string): string {
  return checks.filter((check) => check.id === id).map((check) => check.status).toSorted().join(', ') || 'not made';
}

const keyOf = (one: Omit<Expected, 'why'>): string => [one.suite, one.revision, one.scenario, one.check, one.through].join(' ');

export function judge(found: readonly Difference[], expected: readonly Expected[]): { readonly unexpected: readonly Difference[]; readonly stale: readonly Expected[] } {
  const [known, seen] = [new Set(expected.map(keyOf)), new Set(found.map(keyOf))];
  return { unexpected: found.filter((one) => !known.has(keyOf(one))), stale: expected.filter((one) => !seen.has(keyOf(one))) };
}

/** Scored scenarios that the fixture itself does not pass: then a comparison says little. */
export function directFailures(rows: readonly Row[]): readonly string[] {
  return rows.filter((row) => !row.extension).flatMap((row) =>
    row.checks.direct.filter((check) => check.status === 'FAILURE').map((check) => `${row.suite} ${row.revision} ${row.scenario} ${check.id}: ${check.message}`));
}

const count = (checks: readonly Check[], status: string): number => checks.filter((check) => check.status === status).length;

/** `passed/failed`, and warnings and skips where there are any. */
function score(checks: readonly Check[]): string {
  const [warned, skipped] = [count(checks, 'WARNING'), count(checks, 'SKIPPED')];
  return `${count(checks, 'SUCCESS')}/${count(checks, 'FAILURE')}${warned > 0 ? ` ${warned}w` : ''}${skipped > 0 ? ` ${skipped}s` : ''}`;
}

export function render(rows: readonly Row[]): string {
  const differing = new Set(differencesOf(rows).map((one) => `${one.suite} ${one.revision} ${one.scenario}`));
  const cells = (name: string, three: readonly string[], mark: string): string => `  ${name.padEnd(46)} ${three.map((cell) => cell.padEnd(12)).join(' ')}${mark}`.trimEnd();
  const groups = Map.groupBy(rows, (row) => `conformance ${row.suite}, revision ${row.revision}${row.extension ? ', extensions (not scored)' : ''}`);
  const lines = [...groups].flatMap(([title, some]) => {
    const total = (name: TargetName): string => score(some.flatMap((row) => row.checks[name]));
    return [
      '', cells(title, [], ''), cells('scenario (passed/failed, w: warnings, s: skipped)', ['direct', '/mcp/http', '/mcp/stdio'], ''),
      ...some.map((row) => cells(row.scenario, [score(row.checks.direct), score(row.checks.http), score(row.checks.stdio)], differing.has(`${row.suite} ${row.revision} ${row.scenario}`) ? '<- differs' : '')),
      cells('total', [total('direct'), total('http'), total('stdio')], ''),
    ];
  });
  return lines.join('\n');
}

export function sayDifference(one: Difference): string {
  return `${one.suite} ${one.revision} ${one.scenario} ${one.check} through ${one.through}: ${one.direct} -> ${one.scored}${one.message === '' ? '' : ` (${one.message.slice(0, 300)})`}`;
}
