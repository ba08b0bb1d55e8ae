// Where a request comes from, as the pipeline is told: of its session (2025 revisions), or of the request itself and nothing
// before it (2026-07-28, S5, T36). Pure.
import type { CallOrigin } from '../../core/call.ts';
import type { ModernEnvelope } from './classify.ts';
import type { LegacySession } from './session.ts';

export type Place = Pick<CallOrigin, 'surface' | 'endpoint' | 'peer' | 'trace'>;

export function legacyOrigin(place: Place, { version, label, client, capabilities, logLevel }: LegacySession): CallOrigin {
  return { ...place, era: 'legacy', version, session: label, client, capabilities, logLevel };
}

export function modernOrigin(place: Place, { version, client, capabilities, logLevel }: ModernEnvelope): CallOrigin {
  return { ...place, era: 'modern', version, session: undefined, client, capabilities, logLevel };
}
