// That somebody read the audit is on record too: by the gateway that runs here, else by this process.
import type { Audit } from '../app/audit.ts';
import { startFault, type StartFault } from '../app/fault.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { FILTER_OPTIONS } from './audit-filter.ts';
import { openControl } from './daemon.ts';
import { EXIT } from './exit.ts';
import type { VerbContext } from './verb.ts';

const ASKED_MOST = 1000;

/** The question in its own words, flags as they were given. */
export function askedWith({ args, flags }: Pick<VerbContext, 'args' | 'flags'>): string {
  const given = Object.keys(FILTER_OPTIONS).flatMap((name) => {
    const value = flags.text(name);
    return value === undefined ? [] : [`--${name} ${value}`];
  });
  return [...args, ...given].join(' ');
}

/** Durable when it resolves well. Nothing is written where the audit is switched off. */
export async function recordRead(cx: VerbContext, settings: Settings, verb: string, asked: string): Promise<Result<void, StartFault>> {
  if (!settings.audit.enabled) return ok(undefined);
  const read = { verb, asked: asked.slice(0, ASKED_MOST) };
  const control = await openControl(cx);
  const told = control.ok ? await control.value.recordRead({ ...read, by: cx.user }) : control;
  if (told.ok) return ok(undefined);
  const { exit, code, message, help } = told.error;
  if (exit !== EXIT.daemonNotRunning) return err(startFault(exit, code, message, help));
  const { recordFact } = await import('../app/record.ts');
  const { otherOwner } = await import('../app/owner.ts');
  const owner = otherOwner(settings.gateway.stateDir);
  if (owner !== undefined) return err(startFault(EXIT.failed, 'SEN-0601', `${settings.gateway.stateDir} belongs to user ${owner}, who could not write to what this user makes there`, 'run this as that user'));
  return await recordFact(settings, cx.user, { kind: 'audit_read', ...read });
}

/**
 * Told before the first answer is handed on, and once. What cannot be recorded is shown all the same, with a word on it: the audit is read above all
 * when something is wrong with it.
 */
export function onRecord(audit: Audit, record: () => Promise<Result<void, StartFault>>, cx: Pick<VerbContext, 'err'>): Audit {
  let told: Promise<void> | undefined;
  const tell = async (): Promise<void> => {
    const done = await record();
    if (!done.ok) cx.err(`note: this reading is not on record: ${done.error.message}`);
  };
  const first = <Asked extends unknown[], Answer>(read: (...asked: Asked) => Promise<Answer>) => async (...asked: Asked): Promise<Answer> => {
    const answer = await read(...asked);
    await (told ??= tell());
    return answer;
  };
  return {
    query: first(audit.query), show: first(audit.show), stats: first(audit.stats), after: first(audit.after),
    // It hands on while it runs.
    follow: async (...asked) => {
      await (told ??= tell());
      return audit.follow(...asked);
    },
    close: audit.close,
  };
}
