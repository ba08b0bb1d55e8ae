// The life of one child: pipes wired to a peer, an end that is noticed, leftovers that are ended with it.
import { existsSync } from 'node:fs';
// Not the injected timers, which keep no process alive: the gateway must not end before this child's leftovers have.
import { setTimeout as delay } from 'node:timers/promises';
import type { BackendFault } from '../../core/ports.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { RUN_MARKER } from './environment.ts';
import { LineReader } from './framing.ts';
import type { Child, ChildExit } from './launch.ts';
import { lockMark } from './lock-mark.ts';
import { Peer } from './peer.ts';
import { killUntilGone, type Matches, signalGroup } from './processes.ts';
import { StderrLog } from './stderr.ts';
import { Strikes } from '../strikes.ts';

export interface SessionHooks {
  listChanged(): void;
  updated(uri: string): void;
  noise(): void;
  /** No call can be answered any more; `ended` follows when the process and its leftovers are gone. */
  lost(fault: BackendFault): void;
}

const SWEEP_ROUNDS = 40;
const SWEEP_PAUSE_MS = 25;
const KILL_WAIT_MS = 2_000;
const DETAIL_CHARS = 300;
/** A message nobody asked for counts once, and once more for each of these. */
const UNITS_OF_ONE = 4096;
/** Measured: a child that does nothing but write lines to stderr took all the gateway's time. */
const STDERR_BYTES_PER_SECOND = 2 * 1024 * 1024;
/** `id` of an answer as servers write it: next to the front or at the very end. In a request of theirs it would be an id of their own. */
const ID_AT_HEAD = /^\{"jsonrpc":"2\.0","id":(\d{1,15}),"(?:result|error)":/;
const ANSWER_AT_HEAD = /^\{(?:"jsonrpc":"2\.0",)?"(?:result|error)":/;
const ID_AT_TAIL = /,"id":(\d{1,15})(?:,"jsonrpc":"2\.0")?\}\s*$/;
const END_BYTES = 256;

export class StdioSession {
  readonly peer: Peer;
  readonly pid: number;
  /** Resolves once: the child is gone, and so is what it started. */
  readonly ended: Promise<BackendFault>;
  readonly #child: Child;
  readonly #deps: BackendDeps;
  readonly #settings: StdioBackendSettings;
  readonly #hooks: SessionHooks;
  readonly #marker: string;
  readonly #stderr: StderrLog;
  readonly #strikes: Strikes;
  readonly #flood: Strikes;
  readonly #shouting: Strikes;
  #undoPause: (() => void) | undefined;
  #fault: BackendFault | undefined;
  #gone = false;
  #killed = false;
  #undoHush: (() => void) | undefined;

  constructor(child: Child, marker: string, settings: StdioBackendSettings, deps: BackendDeps, hooks: SessionHooks) {
    const { limits, clock, timers } = deps;
    this.#child = child;
    this.#marker = marker;
    this.#settings = settings;
    this.#deps = deps;
    this.#hooks = hooks;
    this.pid = child.pid;
    this.#strikes = new Strikes(clock, limits.noiseStrikes, limits.noiseWindowMs);
    this.#flood = new Strikes(clock, limits.unsolicitedPerSecond, 1000);
    this.#shouting = new Strikes(clock, STDERR_BYTES_PER_SECOND, 1000);
    this.#stderr = new StderrLog({
      clock,
      keepBytes: limits.stderrBytes,
      linesPerSecond: limits.stderrLinesPerSecond,
      secrets: Object.values(settings.env).map((secret) => secret.reveal()),
      log: (text) => deps.log({ backend: settings.id, level: 'info', event: 'stderr', text }),
    });
    this.peer = new Peer({ clock, timers, stdinBytes: limits.stdinBytes, settings }, {
      write: (line) => this.#write(line),
      listChanged: () => hooks.listChanged(),
      updated: (uri) => hooks.updated(uri),
      noise: (what) => this.#noise(what),
      unreadable: (line, detail) => {
        this.#failOne(line.subarray(0, END_BYTES), line.subarray(-END_BYTES), () => ({ code: 'protocol', detail }));
        this.#noise(detail);
      },
      unsolicited: (units) => this.#unsolicited(units),
    });
    this.#wire();
    this.ended = this.#child.exited.then(async (exit) => this.#onExit(exit));
  }

  #wire(): void {
    const { stdin, stdout, stderr } = this.#child;
    const reader = new LineReader(Math.max(this.#deps.limits.lineBytes, this.#settings.resultBytes + 4096), {
      line: (bytes) => this.peer.receive(bytes),
      oversize: (head, tail) => this.#oversize(head, tail),
    });
    stdout.on('data', (chunk: Buffer) => reader.push(chunk));
    stderr.on('data', (chunk: Buffer) => this.#heard(chunk));
    // A broken pipe is no news of its own: the exit, or the end of stdout, follows.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
    stdout.once('close', () => {
      if (!this.#gone) this.#deps.timers.after(this.#deps.limits.lastBytesMs, () => this.fail({ code: 'protocol', detail: 'it closed its stdout' }));
    });
  }

  /** Read without an end, but not faster than anybody could want: a child that shouts waits, and the gateway has time for others. */
  #heard(chunk: Buffer): void {
    this.#stderr.push(chunk);
    if (!this.#shouting.hit(chunk.length) || this.#undoHush !== undefined || this.#gone) return;
    this.#child.stderr.pause();
    this.#undoHush = this.#deps.timers.after(Math.max(1, this.#shouting.restMs()), () => {
      this.#undoHush = undefined;
      this.#child.stderr.resume();
    });
  }

  #write(line: string): boolean {
    const { stdin } = this.#child;
    const waiting = stdin.writableLength;
    // An empty queue takes a line of any size: the bound is against those that do not read.
    if (!stdin.writable || (waiting > 0 && waiting + line.length > this.#deps.limits.stdinBytes)) return false;
    stdin.write(line);
    return true;
  }

  #noise(what: string): void {
    this.#hooks.noise();
    this.#deps.log({ backend: this.#settings.id, level: 'debug', event: 'noise on stdout', text: what });
    if (this.#strikes.hit()) this.fail({ code: 'protocol', detail: `its stdout is not MCP: ${what}` });
  }

  /** Backpressure through the pipe: only this child waits, nobody's calls are parsed later because of it (I12). */
  #unsolicited(units: number): void {
    // By weight too: messages of megabytes, each one lawful, kept the event loop busy with nothing else.
    if (!this.#flood.hit(1 + units / UNITS_OF_ONE) || this.#undoPause !== undefined || this.#gone) return;
    this.#child.stdout.pause();
    this.#undoPause = this.#deps.timers.after(Math.max(1, this.#flood.restMs()), () => {
      this.#undoPause = undefined;
      this.#child.stdout.resume();
    });
  }

  #oversize(head: Buffer, tail: Buffer): void {
    if (this.#failOne(head, tail, (limit) => ({ code: 'oversize', limit }))) this.#hooks.noise();
    else this.#noise('a line above the bound');
  }

  /** The call whose answer begins and ends so ends now, and not when its time is over. False: nobody waits for it. */
  #failOne(head: Uint8Array, tail: Uint8Array, fault: (limit: number) => BackendFault): boolean {
    const front = Buffer.from(head).toString('latin1');
    const found = ID_AT_HEAD.exec(front) ?? (ANSWER_AT_HEAD.test(front) ? ID_AT_TAIL.exec(Buffer.from(tail).toString('latin1')) : null);
    return found?.[1] !== undefined && this.peer.fail(Number(found[1]), fault);
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
    this.#child.stdin.end();
    // A child that was paused must be able to write its last words, or it will not end by itself.
    this.#child.stdout.resume();
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
    this.#undoHush?.();
    this.#child.stderr.resume();
    await this.#lastBytes();
    this.#undoPause?.();
    this.#stderr.end();
    const fault = this.#fault ?? { code: 'exited', detail: this.#exitDetail(exit) };
    this.#lose(fault);
    await this.#sweep();
    this.#deps.watchdog.forget(this.pid);
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
    return fault;
  }

  /** What it wrote before it ended is still an answer. A grandchild that holds the pipe open is not waited for. */
  async #lastBytes(): Promise<void> {
    const { stdout } = this.#child;
    stdout.resume();
    if (stdout.readableEnded || stdout.destroyed) return;
    const closed = new Promise<void>((resolve) => stdout.once('close', () => resolve()));
    await settlesWithin(this.#deps.timers, closed, this.#deps.limits.lastBytesMs);
  }

  #exitDetail(exit: ChildExit): string {
    const how = exit.signal === undefined ? `exit code ${exit.code ?? 'unknown'}` : `killed by ${exit.signal}`;
    const last = this.#stderr.tail(DETAIL_CHARS);
    return last === '' ? how : `${how}; last on stderr: ${last}`;
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
