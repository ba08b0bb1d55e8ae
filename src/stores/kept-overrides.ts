// The operators' overrides with a copy in the state directory: while PostgreSQL is away, a gateway starts with what was in force, and lets
// nobody undo it. Nor does a database that was put back, or has failed over to one that was behind: what it has lost, it gets again.
import { readFileSync } from 'node:fs';
import type { Override } from '../core/override.ts';
import type { OverrideStore, StoreFault } from '../core/ports.ts';
import { ok, type Result } from '../core/result.ts';
import { overrideOf, type OverrideRows, rowOf } from './overrides.ts';
import { replaceFileNow } from './small-file.ts';

export interface KeptOverrides extends OverrideStore {
  /** As the store said last; undefined where it never did, or where one of them cannot be read. */
  copy(): readonly Override[] | undefined;
}

/** `onLost`: of each that the store had lost, and that is in force all the same. */
export function keptOverrides(store: OverrideRows, path: string, onLost: (override: Override) => void): KeptOverrides {
  const list = async (): Promise<Result<readonly Override[], StoreFault>> => {
    const listed = await store.list();
    if (!listed.ok) return listed;
    const lost = await lostOf(store, listed.value, read(path) ?? []);
    if (!lost.ok) return lost;
    for (const one of lost.value) {
      onLost(one);
      // Where it cannot be added, as when another gateway was faster, it is in force here, and tried again.
      await store.add(one);
    }
    const active = [...listed.value, ...lost.value];
    write(path, active);
    return ok(active);
  };
  return {
    copy: () => read(path),
    list,
    // After a change the whole list is asked for: another gateway may have changed it too.
    add: async (override) => {
      const added = await store.add(override);
      if (added.ok) await list();
      return added;
    },
    remove: async (id, by, reason, at) => {
      const removed = await store.remove(id, by, reason, at);
      if (removed.ok) await list();
      return removed;
    },
  };
}

/** Of what was in force here, what is neither in force nor undone there: nobody said that it should end. */
async function lostOf(store: OverrideRows, active: readonly Override[], copy: readonly Override[]): Promise<Result<readonly Override[], StoreFault>> {
  const there = new Set(active.map(({ id }) => id));
  const missing = copy.filter(({ id }) => !there.has(id));
  if (missing.length === 0) return ok([]);
  const known = await store.known(missing.map(({ id }) => id));
  return known.ok ? ok(missing.filter(({ id }) => !known.value.has(id))) : known;
}

/** The store has it: a copy that cannot be written is worth no failure. */
function write(path: string, active: readonly Override[]): void {
  try {
    replaceFileNow(path, `${JSON.stringify(active.map(rowOf))}\n`);
  } catch {
    // The next change tries again.
  }
}

function read(path: string): readonly Override[] | undefined {
  try {
    const rows: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(rows)) return undefined;
    const active: Override[] = [];
    for (const row of rows) {
      const override = isRow(row) ? overrideOf(row) : undefined;
      // To leave one out would undo somebody's kill without a word.
      if (override === undefined) return undefined;
      active.push(override);
    }
    return active;
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is Parameters<typeof overrideOf>[0] {
  return typeof value === 'object' && value !== null && 'id' in value && 'kind' in value && 'subject' in value && typeof value.subject === 'string';
}
