// What a backend is given: time, chance, the ways out, and the bounds it keeps. Nothing here is read from the process.
import type { ClientInfo } from '../core/call.ts';
import type { BackendId } from '../core/ids.ts';
import type { BackendEvents, Clock, Random, Timers } from '../core/ports.ts';
import type { Spawn } from './stdio/launch.ts';
import type { Watchdog } from './stdio/watchdog.ts';

export interface BackendLogLine {
  readonly backend: BackendId;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** A fixed word or short sentence of ours. */
  readonly event: string;
  /** Untrusted or variable text: stderr of a child, a fault's detail. Already capped and printable. */
  readonly text: string | undefined;
}
export type BackendLog = (line: BackendLogLine) => void;

export interface BackendLimits {
  /** A line of a child, and a page of a list. A tool result has its own bound in the settings. */
  readonly lineBytes: number;
  /** Lines that are not protocol, within `noiseWindowMs`, before the child is replaced (T79). */
  readonly noiseStrikes: number;
  readonly noiseWindowMs: number;
  /** Messages nobody asked for, per second; above it the child's stdout rests for the remainder of the second (I12). */
  readonly unsolicitedPerSecond: number;
  /** Bytes waiting for a child that does not read (B13). */
  readonly stdinBytes: number;
  readonly stderrBytes: number;
  readonly stderrLinesPerSecond: number;
  readonly listPages: number;
  readonly listBytes: number;
  /** Silence after `server/discover` that makes `initialize` worth a try. */
  readonly probeMs: number;
  /** How long a legacy verdict is believed before the era is asked for again (CH3). */
  readonly eraHorizonMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** A life longer than this starts the backoff anew. */
  readonly stableMs: number;
  /** After the child ended, how long its last bytes may still arrive. */
  readonly lastBytesMs: number;
  /** Changes of the list within this time are one change. */
  readonly relistMs: number;
  /** Different URIs that are followed, and followers of all of them together. */
  readonly followedUris: number;
  readonly followers: number;
  readonly connectMs: number;
  readonly headerBytes: number;
}

export const BACKEND_LIMITS: BackendLimits = Object.freeze({
  lineBytes: 4 * 1024 * 1024,
  noiseStrikes: 50,
  noiseWindowMs: 60_000,
  unsolicitedPerSecond: 2_000,
  stdinBytes: 8 * 1024 * 1024,
  stderrBytes: 64 * 1024,
  stderrLinesPerSecond: 50,
  listPages: 64,
  listBytes: 16 * 1024 * 1024,
  probeMs: 3_000,
  eraHorizonMs: 3_600_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 60_000,
  stableMs: 60_000,
  lastBytesMs: 250,
  relistMs: 50,
  followedUris: 1_024,
  followers: 16_384,
  connectMs: 5_000,
  headerBytes: 16 * 1024,
});

export interface BackendDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly events: BackendEvents;
  readonly log: BackendLog;
  readonly limits: BackendLimits;
  /** How the gateway names itself to backends; never the agent. */
  readonly client: ClientInfo;
  readonly stateDir: string;
  readonly gatewayEnv: Readonly<Record<string, string | undefined>>;
  readonly spawn: Spawn;
  readonly watchdog: Watchdog;
}
