// What operators have said, read from the store without a gateway. Writes nothing.
import { existsSync } from 'node:fs';
import type { Override } from '../core/override.ts';
import type { Settings } from '../core/settings.ts';
import { openDatabase } from '../stores/database.ts';
import { checkSchema } from '../stores/migrate.ts';
import { createOverrides } from '../stores/overrides.ts';

/** None where there is no store yet; undefined where there is one that cannot be read. */
export async function storedOverrides({ store }: Pick<Settings, 'store'>): Promise<readonly Override[] | undefined> {
  if (store.postgresUrl === undefined && !existsSync(store.sqlitePath)) return [];
  const database = openDatabase(store, { readOnly: true, thread: false });
  try {
    const known = await checkSchema(database);
    const listed = known.ok ? await createOverrides(database).list() : known;
    return listed.ok ? listed.value : undefined;
  } finally {
    await database.close();
  }
}

/**
 * What is in force once the store can be read after all: what it says, and what was said to this process since it `began` with a copy. A kill
 * that could not be stored meanwhile must not end because the store came back without it.
 */
export function withThose(stored: readonly Override[], present: readonly Override[], began: readonly Override[]): readonly Override[] {
  const known = new Set([...stored, ...began].map(({ id }) => id));
  return [...stored, ...present.filter(({ id }) => !known.has(id))];
}
