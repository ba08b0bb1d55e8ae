// The three pipes of one child, each within its bounds: what it says is read no faster than anybody could want, and what it does not read
// is not kept for it without end (B13, I12, I13). Knows no protocol.
import type { StdioBackendSettings } from '../../core/settings.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { Strikes } from '../strikes.ts';
import { LineReader } from './framing.ts';
import type { Child } from './launch.ts';

export interface PipeHooks {
  line(bytes: Uint8Array): void;
  /** A line above the bound: how it begins and how it ends. */
  oversize(head: Buffer, tail: Buffer): void;
  stderr(chunk: Buffer): void;
  /** Its stdout is at an end, and the process still there. */
  closed(): void;
}

/** A message nobody asked for counts once, and once more for each of these. */
const UNITS_OF_ONE = 4096;
/** Measured: a child that does nothing but write lines to stderr took all the gateway's time. */
const STDERR_BYTES_PER_SECOND = 2 * 1024 * 1024;
/** What stands around a result in its line. */
const ENVELOPE_BYTES = 4096;

export class ChildPipes {
  readonly #child: Pick<Child, 'stdin' | 'stdout' | 'stderr'>;
  readonly #deps: Pick<BackendDeps, 'timers' | 'limits'>;
  readonly #flood: Strikes;
  readonly #shouting: Strikes;
  #undoPause: (() => void) | undefined;
  #undoHush: (() => void) | undefined;
  #over = false;

  constructor(child: Child, { resultBytes }: Pick<StdioBackendSettings, 'resultBytes'>, deps: Pick<BackendDeps, 'clock' | 'timers' | 'limits'>, hooks: PipeHooks) {
    const { clock, timers, limits } = deps;
    this.#child = child;
    this.#deps = deps;
    this.#flood = new Strikes(clock, limits.unsolicitedPerSecond, 1000);
    this.#shouting = new Strikes(clock, STDERR_BYTES_PER_SECOND, 1000);
    const { stdin, stdout, stderr } = child;
    const reader = new LineReader(Math.max(limits.lineBytes, resultBytes + ENVELOPE_BYTES), {
      line: (bytes) => hooks.line(bytes),
      oversize: (head, tail) => hooks.oversize(head, tail),
    });
    stdout.on('data', (chunk: Buffer) => reader.push(chunk));
    stderr.on('data', (chunk: Buffer) => {
      hooks.stderr(chunk);
      this.#hush(chunk.length);
    });
    // A broken pipe is no news of its own: the exit, or the end of stdout, follows.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
    stdout.once('close', () => {
      if (!this.#over) timers.after(limits.lastBytesMs, () => hooks.closed());
    });
  }

  /** Read without an end, but not faster than anybody could want: a child that shouts waits, and the gateway has time for others. */
  #hush(bytes: number): void {
    if (!this.#shouting.hit(bytes) || this.#undoHush !== undefined || this.#over) return;
    this.#child.stderr.pause();
    this.#undoHush = this.#deps.timers.after(Math.max(1, this.#shouting.restMs()), () => {
      this.#undoHush = undefined;
      this.#child.stderr.resume();
    });
  }

  /** Backpressure through the pipe: only this child waits, nobody's calls are parsed later because of it. `units`: of a message nobody asked for. */
  unsolicited(units: number): void {
    // By weight too: messages of megabytes, each one lawful, kept the event loop busy with nothing else.
    if (!this.#flood.hit(1 + units / UNITS_OF_ONE) || this.#undoPause !== undefined || this.#over) return;
    this.#child.stdout.pause();
    this.#undoPause = this.#deps.timers.after(Math.max(1, this.#flood.restMs()), () => {
      this.#undoPause = undefined;
      this.#child.stdout.resume();
    });
  }

  /** False: the child does not read, and what waits for it is at the bound. */
  write(line: string): boolean {
    const { stdin } = this.#child;
    const waiting = stdin.writableLength;
    // An empty queue takes a line of any size: the bound is against those that do not read.
    if (!stdin.writable || (waiting > 0 && waiting + line.length > this.#deps.limits.stdinBytes)) return false;
    stdin.write(line);
    return true;
  }

  /** The polite way to say that it may end. */
  hangUp(): void {
    this.#child.stdin.end();
    // A child that was paused must be able to write its last words, or it will not end by itself.
    this.#child.stdout.resume();
  }

  /** It has exited. What it wrote before is still an answer; a grandchild that holds the pipe open is not waited for. */
  async drain(): Promise<void> {
    const { stdout, stderr } = this.#child;
    this.#over = true;
    this.#undoHush?.();
    stderr.resume();
    stdout.resume();
    if (!stdout.readableEnded && !stdout.destroyed) {
      const closed = new Promise<void>((resolve) => stdout.once('close', () => resolve()));
      await settlesWithin(this.#deps.timers, closed, this.#deps.limits.lastBytesMs);
    }
    this.#undoPause?.();
  }

  destroy(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
  }
}
