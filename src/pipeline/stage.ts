// What a stage is: a name and a function that must decide. There is no `next()`.
import type { Call } from '../core/call.ts';
import type { Decision } from '../core/decision.ts';
import type { Instant, Timestamp } from '../core/ids.ts';
import type { ParamHeaders } from '../core/inbound.ts';
import type { Segment } from '../core/json/segment.ts';
import type { SchemaChecker } from '../core/ports.ts';
import type { WindowTable } from '../core/policy/window.ts';
import type { Snapshot } from '../core/snapshot.ts';

export type StageName = 'kill' | 'role' | 'limit' | 'arguments' | 'guards';

export interface StageContext {
  readonly snapshot: Snapshot;
  readonly now: Instant;
  readonly wall: Timestamp;
  readonly windows: Pick<WindowTable, 'takeAll' | 'refund'>;
  readonly schemas: SchemaChecker;
  /** How keys are written in evidence, where these may stand in the clear. */
  readonly segment: (declared: ReadonlySet<string>) => Segment;
  readonly paramHeaders: ParamHeaders | undefined;
  /** What a stage took and a later refusal must give back. */
  onRefusal(undo: () => void): void;
}

export interface Stage {
  readonly name: StageName;
  run(call: Call, cx: StageContext): Decision | Promise<Decision>;
}
