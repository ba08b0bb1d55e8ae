// The operators' overrides with a copy in the state directory: while PostgreSQL is away, a gateway starts with what was in force, and lets
// nobody undo it.
import { readFileSync } from 'node:fs';
import type { Override } from '../core/override.ts';
import type { OverrideStore } from '../core/ports.ts';
import { replaceFile } from './journal/folder.ts';
import { overrideOf, rowOf } from './overrides.ts';

export interface KeptOverrides extends OverrideStore {
  /** As the store said last; undefined where it never did, or where one of them cannot be read. */
  copy(): readonly Override[] | undefined;
}

export function keptOverrides(store: OverrideStore, path: string): KeptOverrides {
  /** After a change the whole list is asked for: another gateway may have changed it too. */
  const keep = async (): Promise<void> => {
    const listed = await store.list();
    if (listed.ok) write(path, listed.value);
  };
  return {
    copy: () => read(path),
    list: async () => {
      const listed = await store.list();
      if (listed.ok) write(path, listed.value);
      return listed;
    },
    add: async (override) => {
      const added = await store.add(override);
      if (added.ok) await keep();
      return added;
    },
    remove: async (id, by, reason, at) => {
      const removed = await store.remove(id, by, reason, at);
      if (removed.ok) await keep();
      return removed;
    },
  };
}

/** The store has it: a copy that cannot be written is worth no failure. */
function write(path: string, active: readonly Override[]): void {
  try {
    replaceFile(path, `${JSON.stringify(active.map(rowOf))}\n`);
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
