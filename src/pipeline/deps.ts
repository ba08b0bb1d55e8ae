// All that the pipeline is given. Composed once; what changes over time is behind `runtime`.
import type { ListName, Viewer } from '../core/inbound.ts';
import type { Disguise, SchemaChecker, Timers } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { WindowTable } from '../core/policy/window.ts';
import type { ServerIdentity } from '../relay/meta.ts';
import type { Seal } from '../relay/page.ts';
import type { ConcludeDeps } from './conclude.ts';
import type { DispatchDeps } from './dispatch.ts';
import type { Inflight } from './inflight.ts';
import type { Parking } from './parking.ts';
import type { Unrecorded } from './probes.ts';
import type { Elicitations } from './questions/elicitations.ts';
import type { Run } from './run.ts';
import type { Silence } from './silence.ts';
import type { Subscriptions } from './subscribe.ts';
import type { KnownTasks } from './tasks/known.ts';
import type { WatchDeps } from './watch.ts';

export interface PipelineDeps extends ConcludeDeps, DispatchDeps, WatchDeps {
  readonly windows: WindowTable;
  readonly probes: WindowTable;
  readonly unrecorded: Unrecorded;
  readonly schemas: SchemaChecker;
  readonly disguise: Disguise;
  readonly inflight: Inflight;
  readonly parking: Parking<Run>;
  readonly subscriptions: Subscriptions;
  readonly elicitations: Elicitations;
  readonly identity: ServerIdentity;
  readonly seal: Seal;
  readonly taskSeal: Seal;
  readonly tasks: KnownTasks;
  readonly timers: Timers;
  readonly silence: Silence;
  /** For the record: a list was served, with so many in it. */
  listed(principal: Principal, method: string, shown: number): void;
  watch(viewer: Viewer, changed: (list: ListName) => void): () => void;
}
