// What PostgreSQL holds of the audit, checked where it lies. Reads only: the auditor's role is enough.
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { openDatabase } from '../stores/database.ts';
import { checkSchema } from '../stores/migrate.ts';
import { checkShipped, type ShippedFindings, type ShippedOptions } from '../stores/ship/check.ts';
import type { Divergence } from '../stores/tlog/verdict.ts';
import type { Verifier } from '../stores/tlog/verify.ts';
import { startFault, type StartFault } from './fault.ts';

export type DatabaseFindings = Omit<ShippedFindings, 'problems'>;

export async function verifyDatabase(verifier: Verifier, { store }: Pick<Settings, 'store'>, options: ShippedOptions): Promise<Result<{ readonly problems: readonly Divergence[]; readonly database: DatabaseFindings }, StartFault>> {
  if (store.postgresUrl === undefined) return err(startFault(2, 'SEN-0901', '--database: no PostgreSQL is configured', 'set [postgres] url_env in the configuration, or leave the flag out to check the journal'));
  const database = openDatabase(store, { readOnly: true, thread: false });
  try {
    const known = await checkSchema(database);
    if (!known.ok) return err(known.error.code === 'schema' ? startFault(15, 'SEN-0602', `PostgreSQL has another schema: ${known.error.detail}`, 'start the gateway once, or run the version that wrote it') : unread(known.error.detail));
    const checked = await checkShipped(verifier, database.db, options);
    if (!checked.ok) return err(unread(checked.error.detail));
    const { problems, ...rest } = checked.value;
    return ok({ problems, database: rest });
  } finally {
    await database.close();
  }
}

function unread(detail: string): StartFault {
  return startFault(1, 'SEN-0601', `PostgreSQL could not be read to the end, and nothing is said of it: ${detail}`, 'sentinel doctor');
}
