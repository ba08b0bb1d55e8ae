// Who asks whom, as relay/questions.ts wants to know it: the operator's word for this backend, and what this agent declared.
import type { CallOrigin, ServedCall } from '../../core/call.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { Asking } from '../../relay/questions.ts';
import { LATEST_LEGACY, type Spoken } from '../../relay/versions.ts';
import { exposeFor } from '../expose.ts';

const NOTHING: Asking['asks'] = Object.freeze({ elicitation: false, sampling: false, roots: false });

/** `origin`: of the request that is answered now; `elicitationId`: no two questions share one. */
export function askingOf({ target }: ServedCall, { era, version, capabilities, endpoint }: CallOrigin, snapshot: Snapshot, elicitationId: string): Asking {
  return {
    era, version, capabilities, elicitationId,
    asks: snapshot.settings.backends.find((row) => row.id === target.backend)?.asks ?? NOTHING,
    label: endpoint.kind === 'merged' ? target.backend : undefined,
    expose: exposeFor(snapshot.catalog, endpoint, target.backend),
  };
}

/** What the backend of a call speaks. */
export function spokenBy({ target }: ServedCall, { catalog }: Snapshot): Spoken {
  const view = catalog.byBackend.get(target.backend);
  return view === undefined ? { era: 'legacy', version: LATEST_LEGACY } : { era: view.era, version: view.version };
}
