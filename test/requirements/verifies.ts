// A test that verifies requirements: its name names them, and it may be expected to fail, until it does not any more.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { citedIn, MANIFEST } from './manifest.ts';

export interface ExpectedFailure {
  /** The name of the test, with its ids. */
  readonly test: string;
  readonly why: string;
}

type Body = (t: TestContext) => Promise<void> | void;

export function expectedFailures(): readonly ExpectedFailure[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'expected-failures.json'), 'utf8'));
}

/** Passes when the body does; when it is expected to fail, only when it fails: a row that has become stale is a failure. */
export async function outcome(name: string, expected: readonly ExpectedFailure[], body: () => Promise<void> | void): Promise<void> {
  if (!expected.some((row) => row.test === name)) return body();
  let failed = false;
  try {
    await body();
  } catch {
    failed = true;
  }
  assert.ok(failed, `"${name}" passes: take it out of expected-failures.json`);
}

/** `name` ends with the ids it verifies, in brackets; a name without one that exists is a failure at once. */
export function verifies(name: string, body: Body): void {
  const ids = citedIn(name);
  const unknown = ids.filter((id) => !MANIFEST.some((row) => row.id === id));
  if (ids.length === 0 || unknown.length > 0) throw new Error(`"${name}" names ${unknown.length === 0 ? 'no requirement' : unknown.join(', ')}`);
  const expected = expectedFailures();
  test(name, async (t) => outcome(name, expected, () => body(t)));
}
