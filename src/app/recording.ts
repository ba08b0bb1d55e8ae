// What the audit says of itself, and how long it is kept: lists, parts that were left or have had their time, keys of captured values.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Principal } from '../core/principal.ts';
import { err } from '../core/result.ts';
import { expireKeys } from './audit-capture.ts';
import { journalDirectories } from '../stores/journal/folder.ts';
import type { AppDeps } from './deps.ts';
import { createExports, type Exports } from './exports.ts';
import { startFault } from './fault.ts';
import { ListTally } from './list-tally.ts';
import type { Memory } from './memory.ts';
import { keepRetention } from './retention.ts';
import type { RuntimeCell } from './runtime.ts';
import type { Telemetry } from './telemetry.ts';

export interface RecordingParts {
  readonly memory: Memory;
  readonly cell: RuntimeCell;
  readonly telemetry: Telemetry;
  /** Ends it before the memory. */
  readonly stack: AsyncDisposableStack;
  announce(event: LifecycleEvent): Promise<void>;
}

export interface Recording {
  /** Where else the audit goes. */
  readonly exports: Exports;
  /** A list was served, with so many in it. */
  listed(principal: Principal, method: string, shown: number): void;
  /** A part of the journal cannot be written any more. */
  abandoned(segment: number, why: string): void;
}

export function keepRecord({ memory, cell, telemetry, stack, announce }: RecordingParts, { clock, random, timers, version }: AppDeps): Recording {
  const onFault = (error: unknown): void => telemetry.fault(error);
  const revision = (): number => cell.current().revision;
  /** Heard by all, and durable when it resolves well. */
  const noted = async (event: LifecycleEvent): ReturnType<Memory['audit']['note']> => {
    telemetry.lifecycle(event);
    return memory.audit.note(event);
  };
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
  const tally = new ListTally({ clock, random, timers, revision, announce: (event) => void memory.note(event).catch(onFault) });
  stack.defer(() => tally.close());
  const { gateway, audit } = cell.current().settings;
  const exports = createExports({ stateDir: gateway.stateDir, directories: journalDirectories({ gateway, audit }), node: memory.captures.node, version, clock, random, timers, onEvent: telemetry.auditExport });
  stack.defer(() => exports.stop());
  return {
    exports,
    listed: (principal, method, shown) => tally.count(principal, method, shown),
    abandoned: (segment, note) => {
      telemetry.auditAbandoned(segment, note);
      announce({ id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision(), kind: 'segment_abandoned', segment, note }).catch(onFault);
    },
  };
}
