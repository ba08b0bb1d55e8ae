// Opens the audit of the configuration that is meant, for a verb that reads it, and closes it again.
import type { Audit } from '../app/audit.ts';
import type { Configuration } from '../app/configuration.ts';
import type { Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { tellEmbedded } from './embedded.ts';
import { EXIT } from './exit.ts';
import type { Fault, VerbContext } from './verb.ts';

type Run = (cx: VerbContext, audit: Audit, configuration: Configuration) => Promise<Result<number, Fault>>;

export async function withAudit(cx: VerbContext, run: Run): Promise<number> {
  const { readConfiguration } = await import('../app/configuration.ts');
  const { openAudit } = await import('../app/audit.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellEmbedded(cx, read.value);
  const opened = await openAudit(read.value.settings);
  if (!opened.ok) return cx.fail(opened.error);
  try {
    const done = await run(cx, opened.value, read.value);
    return done.ok ? done.value : cx.fail(done.error);
  } finally {
    await opened.value.close();
  }
}

export function storeFault(fault: { readonly detail: string }): Fault {
  return { exit: EXIT.failed, code: 'SEN-0601', message: `the store cannot be read: ${printable(fault.detail)}`, help: 'sentinel doctor' };
}
