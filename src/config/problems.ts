// Collects what is wrong with one file, by key path, and turns it into diagnostics with places. Bounded; holds no values.
import type { Diagnostic } from '../core/operations.ts';
import { CODES, type ProblemKind } from './codes.ts';
import type { Path, Places } from './locate.ts';

/** A file can be wrong in more ways than anybody reads; the rest is counted. */
const MOST = 200;

/** Their message says what to write. */
const SELF_EXPLAINING: ReadonlySet<ProblemKind> = new Set(['value', 'range', 'missing_key']);

export interface Problems {
  /** Points at the key instead of the value when told so: for values that may be secret. */
  add(kind: ProblemKind, path: Path, message: string, help?: string, points?: 'key'): void;
  readonly failed: boolean;
  diagnostics(severity: 'error' | 'warning'): readonly Diagnostic[];
}

export function collectProblems(file: string, places: Places): Problems {
  const found: Readonly<Record<'error' | 'warning', Diagnostic[]>> = { error: [], warning: [] };
  return {
    add(kind, path, message, help, points) {
      const entry = CODES[kind];
      const list = found[entry.severity];
      if (list.length >= MOST) return;
      const place = places.find(path, points ?? entry.points ?? 'value');
      list.push({ code: entry.code, severity: entry.severity, message, file, line: place?.line, column: place?.column, help: help ?? (SELF_EXPLAINING.has(kind) ? undefined : entry.cure) });
    },
    get failed() {
      return found.error.length > 0;
    },
    diagnostics(severity) {
      return found[severity].toSorted(byPlace);
    },
  };
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** `backends[2].env.KEY`, as the documentation writes keys. */
export function showPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = /^[A-Za-z0-9_-]+$/.test(step) ? step : quoted(step);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** Somebody's own word in a sentence: quoted, escaped and cut. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
