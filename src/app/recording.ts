// What the audit says of itself, and how long it is kept: lists, parts that were left or have had their time, keys of captured values.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Principal } from '../core/principal.ts';
import { err } from '../core/result.ts';
import { expireKeys } from './audit-capture.ts';
import { journalDirectories } from '../stores/journal/folder.ts';
import type { Witness } from '../stores/witness/witness.ts';
import type { AppDeps } from './deps.ts';
import { createExports, type Exports } from './exports.ts';
import { startFault } from './fault.ts';
import { ListTally } from './list-tally.ts';
import type { Memory } from './memory.ts';
import { keepRetention } from './retention.ts';
import type { RuntimeCell } from './runtime.ts';
import type { Telemetry } from './telemetry.ts';
import { openWitness } from './witness.ts';

export interface RecordingParts {
  readonly memory: Memory;
  readonly cell: RuntimeCell;
  readonly telemetry: Telemetry;
  /** Ends it before the memory. */
  readonly stack: AsyncDisposableStack;
  /** Heard by all, and durable when it resolves well. */
  noted(event: LifecycleEvent): ReturnType<Memory['audit']['note']>;
}

export interface Recording {
  /** Where else the audit goes. To be finished when the journal is closed: its last records go out too. */
  readonly exports: Exports;
  /** Keeps checkpoints of other gateways. */
  readonly witness: Witness;
  /** A list was served, with so many in it. */
  listed(principal: Principal, method: string, shown: number): void;
  /** A part of the journal cannot be written any more. */
  abandoned(segment: number, why: string): void;
}

export function keepRecord({ memory, cell, telemetry, stack, noted }: RecordingParts, { clock, random, timers, version }: AppDeps): Recording {
  const onFault = (error: unknown): void => telemetry.fault(error);
  const revision = (): number => cell.current().revision;
  stack.defer(keepRetention({
    clock, random, timers, onFault, settings: () => cell.current().settings, shipped: () => memory.shipping()?.cursor,
    note: async (event) => (await noted(event)).ok,
  }));
  stack.defer(expireKeys({
    ...memory.captures, clock, timers, settings: () => cell.current().settings.audit.capture, onFault: (fault) => telemetry.auditCapture(fault.message),
    record: async (fact) => {
      const done = await noted({ ...fact, id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision() });
      return done.ok ? done : err(startFault(1, 'SEN-0601', done.error.detail));
    },
  }));
  const tally = new ListTally({ clock, random, timers, revision, announce: (event) => void memory.audit.note(event).catch(onFault) });
  stack.defer(() => tally.close());
  const witness = openWitness({ node: memory.captures.node, note: (event) => memory.audit.note(event), health: () => memory.audit.health(), settings: () => cell.current().settings.audit, revision, telemetry }, { clock, random });
  const echoes = (): number => witness.counts().recorded;
  const { gateway, audit } = cell.current().settings;
  const exports = createExports({ stateDir: gateway.stateDir, directories: journalDirectories({ gateway, audit }), node: memory.captures.node, version, clock, random, timers, onEvent: telemetry.auditExport, echoes });
  return {
    exports, witness,
    listed: (principal, method, shown) => tally.count(principal, method, shown),
    abandoned: (segment, note) => {
      telemetry.auditAbandoned(segment, note);
      noted({ id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision(), kind: 'segment_abandoned', segment, note }).catch(onFault);
    },
  };
}
