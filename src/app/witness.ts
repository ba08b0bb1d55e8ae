// Checkpoints of other gateways come into this one's own journal, as events of its life.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { AuditSettings } from '../core/audit/settings.ts';
import { createWitness, type Witness } from '../stores/witness/witness.ts';
import type { AppDeps } from './deps.ts';
import type { Memory } from './memory.ts';
import type { Telemetry } from './telemetry.ts';

export interface WitnessParts {
  /** This gateway's. */
  readonly node: string;
  readonly note: Memory['audit']['note'];
  readonly health: () => Pick<ReturnType<Memory['audit']['health']>, 'enabled' | 'fault'>;
  readonly settings: () => Pick<AuditSettings, 'witness'>;
  readonly revision: () => number;
  readonly telemetry: Pick<Telemetry, 'auditConflict'>;
}

export function openWitness({ node, note, health, settings, revision, telemetry }: WitnessParts, { clock, random }: Pick<AppDeps, 'clock' | 'random'>): Witness {
  return createWitness({
    own: node,
    keys: () => settings().witness,
    mono: () => clock.mono(),
    record: async (fact) => {
      const { enabled, fault } = health();
      // Room that is kept for the records of calls is not for those of others.
      if (!enabled || fault !== undefined) return false;
      const event: LifecycleEvent = { id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision(), kind: 'witnessed', ...fact };
      // Not announced: one line of the log each five seconds from each gateway says nothing to anybody.
      return (await note(event)).ok;
    },
    onConflict: (fact) => telemetry.auditConflict(fact),
    rest: () => new Promise((resolve) => {
      setImmediate(resolve);
    }),
  });
}
