// What changed between two Settings, one line per key, and what of it cannot change while the gateway runs. Secrets only ever "changed".
import type { Diagnostic } from '../core/operations.ts';
import type { Settings } from '../core/settings.ts';
import { CODES } from './codes.ts';
import { placesOf, type Place } from './locate.ts';
import { settingsTable } from './settings.ts';
import { groupsOf, plainEntries, type Entry, type Group, type Shown } from './view.ts';

export interface Difference {
  /** `backend fs: timeout_secs 60s → 30s` */
  readonly changes: readonly string[];
  /** Not empty: the new settings must be refused as a whole. */
  readonly refusals: readonly Diagnostic[];
}

/** `source` is the file that `after` was read from. */
export function diffSettings(before: Settings, after: Settings, source: { readonly file: string; readonly text: string }): Difference {
  const plain = changed(plainEntries(before), plainEntries(after));
  const groups = changedGroups(groupsOf(before), groupsOf(after));
  const fixed = restartPaths();
  const refused = plain.filter((change) => fixed.has(change.path));
  const places = refused.length === 0 ? undefined : placesOf(source.text);
  const refusals = refused.map((change) => refusal(change, source.file, places?.find(change.path.split('.'), 'key')));
  return { changes: [...plain.map((change) => `${change.path}: ${change.words}`), ...groups], refusals };
}

interface Change {
  readonly path: string;
  readonly words: string;
}

function changed(before: readonly Entry[], after: readonly Entry[]): readonly Change[] {
  const old = new Map(before.map((entry) => [entry.path, entry.shown]));
  const next = new Map(after.map((entry) => [entry.path, entry.shown]));
  const changes: Change[] = [];
  for (const path of new Set([...old.keys(), ...next.keys()])) {
    const words = wordsFor(old.get(path), next.get(path));
    if (words !== undefined) changes.push({ path, words });
  }
  return changes;
}

function changedGroups(before: readonly Group[], after: readonly Group[]): readonly string[] {
  const old = new Map(before.map((group) => [group.title, group]));
  const lines = [...old.keys()].filter((title) => !after.some((group) => group.title === title)).map((title) => `${title}: removed`);
  for (const group of after) {
    const was = old.get(group.title);
    if (was === undefined) lines.push(`${group.title}: added`);
    else for (const change of changed(was.entries, group.entries)) lines.push(`${group.title}: ${keyOf(change.path)} ${change.words}`);
  }
  const order = (groups: readonly Group[]): string => groups.map((group) => group.title).join('\n');
  if (lines.length === 0 && order(before) !== order(after)) lines.push('order of backends, roles or issuers changed');
  return lines;
}

/** The key as it stands in its own table. */
function keyOf(path: string): string {
  return path.replace(/^(backends\[\]|auth\.issuers\[\]|audit\.(?:capture|exports)\[\]|rbac\.roles\.<name>|scopes\.grants\.<name>)\./, '');
}

/** Undefined when nothing changed. */
function wordsFor(before: Shown | undefined, after: Shown | undefined): string | undefined {
  if (before === undefined) return after === undefined ? undefined : `set to ${said(after)}`;
  if (after === undefined) return 'no longer set';
  if (before.kind === 'list' && after.kind === 'list') return listWords(before.items, after.items);
  if (before.kind === 'masked' && after.kind === 'masked') return before.value === after.value ? undefined : 'changed';
  return said(before) === said(after) && before.kind === after.kind ? undefined : `${said(before)} → ${said(after)}`;
}

function listWords(before: readonly string[], after: readonly string[]): string | undefined {
  const plus = after.filter((item) => !before.includes(item)).map((item) => `+${item}`);
  const minus = before.filter((item) => !after.includes(item)).map((item) => `-${item}`);
  if (plus.length + minus.length > 0) return [...plus, ...minus].join(' ');
  return before.length === after.length && before.every((item, index) => item === after[index]) ? undefined : 'in another order';
}

function said(shown: Shown): string {
  switch (shown.kind) {
    case 'text': return shown.text;
    case 'list': return JSON.stringify(shown.items);
    case 'masked': return '(hidden)';
  }
}

function restartPaths(): ReadonlySet<string> {
  return new Set(settingsTable().filter((row) => row.reload === 'restart').map((row) => row.path));
}

function refusal(change: Change, file: string, place: Place | undefined): Diagnostic {
  const { code, cure } = CODES.restart_needed;
  const message = `${change.path} cannot change while the gateway runs: ${change.words}`;
  return { code, severity: 'error', message, file, line: place?.line, column: place?.column, help: cure };
}
