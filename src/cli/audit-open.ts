// Opens the audit of the configuration that is meant, for a verb that reads it, and closes it again. What is read is on record.
import type { Audit } from '../app/audit.ts';
import type { Configuration } from '../app/configuration.ts';
import type { Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { onRecord, recordRead } from './audit-read.ts';
import { openControl } from './daemon.ts';
import { tellEmbedded } from './embedded.ts';
import { EXIT } from './exit.ts';
import type { Fault, VerbContext } from './verb.ts';

type Run = (cx: VerbContext, audit: Audit, configuration: Configuration) => Promise<Result<number, Fault>>;

/** `verb` and `asked`: what the audit says of this reading. */
export async function withAudit(cx: VerbContext, verb: string, asked: string, run: Run): Promise<number> {
  const { readConfiguration } = await import('../app/configuration.ts');
  const { openAudit } = await import('../app/audit.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellEmbedded(cx, read.value);
  const opened = await openAudit(read.value.settings);
  if (!opened.ok) return cx.fail(opened.error);
  await tellOther(cx, read.value);
  try {
    const done = await run(cx, onRecord(opened.value, () => recordRead(cx, read.value.settings, verb, asked), cx), read.value);
    return done.ok ? done.value : cx.fail(done.error);
  } finally {
    await opened.value.close();
  }
}

/** With PostgreSQL the journal is what is on its way there: an answer from it alone looks like all of it. */
async function tellOther(cx: VerbContext, { settings }: Configuration): Promise<void> {
  if (settings.store.postgresUrl !== undefined) return;
  const control = await openControl(cx);
  const status = control.ok ? await control.value.status() : control;
  if (status.ok && status.value.store === 'postgres') cx.err('note: the gateway keeps its audit in PostgreSQL, and this reads what its journal still holds: give this command the same DATABASE_URL');
}

export function storeFault(fault: { readonly detail: string }): Fault {
  return { exit: EXIT.failed, code: 'SEN-0601', message: `the store cannot be read: ${printable(fault.detail)}`, help: 'sentinel doctor' };
}
