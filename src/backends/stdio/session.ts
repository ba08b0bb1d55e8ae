// The life of one child: its pipes lead to a peer, its end is noticed, its leftovers are ended with it.
import { existsSync } from 'node:fs';
// Not the injected timers, which keep no process alive: the gateway must not end before this child's leftovers have.
import { setTimeout as delay } from 'node:timers/promises';
import type { BackendFault } from '../../core/ports.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { Strikes } from '../strikes.ts';
import { RUN_MARKER } from './environment.ts';
import type { Child, ChildExit } from './launch.ts';
import { lockMark } from './lock-mark.ts';
import { Peer } from './peer.ts';
import { ChildPipes } from './pipes.ts';
import { killUntilGone, type Matches, signalGroup } from './processes.ts';
import { StderrLog } from './stderr.ts';
import { answeredIn, END_BYTES } from './torn.ts';

export interface SessionHooks {
  listChanged(): void;
  updated(uri: string): void;
  /** False: of a page that nobody was shown. */
  completed(elicitation: string): boolean;
  /** This task runs, and whoever began it has given it up. */
  orphaned(task: string): void;
  noise(): void;
  /** No call can be answered any more; `ended` follows when the process and its leftovers are gone. */
  lost(fault: BackendFault): void;
}

const SWEEP_ROUNDS = 40;
const SWEEP_PAUSE_MS = 25;
const KILL_WAIT_MS = 2_000;
const DETAIL_CHARS = 300;

export class StdioSession {
  readonly peer: Peer;
  readonly pid: number;
  /** Resolves once: the child is gone, and so is what it started. */
  readonly ended: Promise<BackendFault>;
  readonly #deps: BackendDeps;
  readonly #settings: StdioBackendSettings;
  readonly #hooks: SessionHooks;
  readonly #marker: string;
  readonly #stderr: StderrLog;
  readonly #strikes: Strikes;
  readonly #pipes: ChildPipes;
  #fault: BackendFault | undefined;
  #gone = false;
  #killed = false;

  constructor(child: Child, marker: string, settings: StdioBackendSettings, deps: BackendDeps, hooks: SessionHooks) {
    const { limits, clock, timers } = deps;
    this.#marker = marker;
    this.#settings = settings;
    this.#deps = deps;
    this.#hooks = hooks;
    this.pid = child.pid;
    this.#strikes = new Strikes(clock, limits.noiseStrikes, limits.noiseWindowMs);
    this.#stderr = new StderrLog({
      clock,
      keepBytes: limits.stderrBytes,
      linesPerSecond: limits.stderrLinesPerSecond,
      secrets: Object.values(settings.env).map((secret) => secret.reveal()),
      log: (text) => deps.log({ backend: settings.id, level: 'info', event: 'stderr', text }),
    });
    this.peer = new Peer({ clock, timers, stdinBytes: limits.stdinBytes, settings, events: deps.events, log: deps.log }, {
      write: (line) => this.#pipes.write(line),
      listChanged: () => hooks.listChanged(),
      updated: (uri) => hooks.updated(uri),
      completed: (elicitation) => {
        if (!hooks.completed(elicitation)) this.#stray();
      },
      orphaned: (task) => hooks.orphaned(task),
      noise: (what) => this.#noise(what),
      unreadable: (line, detail) => {
        this.#failOne(line.subarray(0, END_BYTES), line.subarray(-END_BYTES), () => ({ code: 'protocol', detail }));
        this.#noise(detail);
      },
      unsolicited: (units) => this.#pipes.unsolicited(units),
    });
    this.#pipes = new ChildPipes(child, settings, deps, {
      line: (bytes) => this.peer.receive(bytes),
      oversize: (head, tail) => this.#oversize(head, tail),
      stderr: (chunk) => this.#stderr.push(chunk),
      closed: () => this.fail({ code: 'protocol', detail: 'it closed its stdout' }),
    });
    this.ended = child.exited.then(async (exit) => this.#onExit(exit));
  }

  #noise(what: string): void {
    this.#hooks.noise();
    this.#deps.log({ backend: this.#settings.id, level: 'debug', event: 'noise on stdout', text: what });
    if (this.#strikes.hit()) this.fail({ code: 'protocol', detail: `its stdout is not MCP: ${what}` });
  }

  /** Noise, but MCP: a page may have been forgotten here, and its backend is not ended for that. */
  #stray(): void {
    this.#hooks.noise();
    this.#deps.log({ backend: this.#settings.id, level: 'debug', event: 'noise on stdout', text: 'the end of an elicitation that nobody was shown' });
  }

  #oversize(head: Buffer, tail: Buffer): void {
    if (this.#failOne(head, tail, (limit) => ({ code: 'oversize', limit }))) this.#hooks.noise();
    else this.#noise('a line above the bound');
  }

  /** The call whose answer begins and ends so ends now, and not when its time is over. False: nobody waits for it. */
  #failOne(head: Uint8Array, tail: Uint8Array, fault: (limit: number) => BackendFault): boolean {
    const id = answeredIn(head, tail);
    return id !== undefined && this.peer.fail(id, fault);
  }

  /** The child is beyond use: everybody waiting is told now, and its whole group is killed. */
  fail(fault: BackendFault): void {
    if (this.#gone || this.#killed) return;
    this.#killed = true;
    this.#fault ??= fault;
    this.#lose(fault);
    signalGroup(this.pid, 'SIGKILL');
  }

  #lose(fault: BackendFault): void {
    this.#hooks.lost(fault);
    this.peer.close(fault);
  }

  /** End of stdin → wait → SIGTERM to the group → wait → SIGKILL to the group → nothing left (CI4, B9). */
  async stop(): Promise<void> {
    this.#fault ??= { code: 'stopped' };
    this.peer.close({ code: 'stopped' });
    this.#pipes.hangUp();
    if (await this.#endsWithin(this.#settings.stopMs)) return;
    if (!this.#gone) signalGroup(this.pid, 'SIGTERM');
    if (await this.#endsWithin(this.#settings.stopMs)) return;
    if (!this.#gone) signalGroup(this.pid, 'SIGKILL');
    await this.#endsWithin(KILL_WAIT_MS);
  }

  async #endsWithin(ms: number): Promise<boolean> {
    return settlesWithin(this.#deps.timers, this.ended, ms);
  }

  async #onExit(exit: ChildExit): Promise<BackendFault> {
    this.#gone = true;
    await this.#pipes.drain();
    this.#stderr.end();
    const fault = this.#fault ?? this.#exited(exit);
    this.#lose(fault);
    await this.#sweep();
    this.#deps.watchdog.forget(this.pid);
    this.#pipes.destroy();
    return fault;
  }

  #exited(exit: ChildExit): BackendFault {
    const detail = exit.signal === undefined ? `exit code ${exit.code ?? 'unknown'}` : `killed by ${exit.signal}`;
    const last = this.#stderr.tail(DETAIL_CHARS);
    return { code: 'exited', detail, ...(last === '' ? {} : { said: `last on stderr: ${last}` }) };
  }

  /** Those that left the group carry a mark (H12); those without one are found by group, unless the pid has a new owner (B11). */
  async #sweep(): Promise<void> {
    const reused = existsSync(`/proc/${this.pid}`);
    const mark = lockMark(this.#marker);
    const mine: Matches = (run, group, locks) => run === this.#marker || (mark !== undefined && locks === mark) || (group === this.pid && !reused);
    const left = await killUntilGone(RUN_MARKER, mine, SWEEP_ROUNDS, async () => delay(SWEEP_PAUSE_MS));
    if (left > 0) this.#deps.log({ backend: this.#settings.id, level: 'error', event: 'processes of this backend could not be killed', text: String(left) });
  }
}
