// The single exit. Every call and every refusal ends here once: the audit, the metrics, the log and the tail hear of it
// from the same Outcome, and the answer is made from it.
import type { RawJson } from '../core/json/scan.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AuditStore } from '../core/ports.ts';

export type OutcomeListener = (outcome: Outcome) => void;

export interface ConcludeDeps {
  readonly audit: AuditStore;
  /** Telemetry: metrics, log, live tail. They must not throw; one that does is reported and the rest still hear. */
  readonly listeners: readonly OutcomeListener[];
  readonly onListenerFault: (error: unknown) => void;
}

/**
 * The record of a refusal is awaited before its answer; that of a made call is not, because its intent is durable and a
 * crash in between reads as `indeterminate`. A record that cannot be written is the store's to retry, count and show.
 */
export async function conclude(outcome: Outcome, deps: ConcludeDeps, result?: RawJson): Promise<void> {
  const written = deps.audit.conclude(outcome, result);
  tell(outcome, deps);
  if (outcome.kind === 'refused' || outcome.end.kind === 'denied') await written;
  else void written;
}

/** Metrics, log and tail alone: for refusals of which there are too many to keep each. */
export function tell(outcome: Outcome, deps: Pick<ConcludeDeps, 'listeners' | 'onListenerFault'>): void {
  for (const listener of deps.listeners) {
    try {
      listener(outcome);
    } catch (error) {
      deps.onListenerFault(error);
    }
  }
}
