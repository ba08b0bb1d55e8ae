// The writing side of a line transport: one message per line, a known backlog, and a broken pipe told once instead of thrown.
import type { Writable } from 'node:stream';
import type { RawJson } from '../../core/json/scan.ts';
import { oneLine } from '../../core/json/compose.ts';

export class Outlet {
  readonly #output: Writable;
  #broken: string | undefined = undefined;
  #told: ((detail: string) => void) | undefined = undefined;

  constructor(output: Writable) {
    this.#output = output;
    const failed = (detail: string): void => {
      if (this.#broken !== undefined) return;
      this.#broken = detail;
      this.#told?.(detail);
    };
    output.on('error', (error) => failed(error.message));
    output.on('close', () => failed('closed'));
  }

  /** Bytes handed over and not yet taken by the reader. */
  get backlog(): number {
    return this.#output.writableLength;
  }

  write(message: RawJson): void {
    if (this.#broken === undefined && this.#output.writable) this.#output.write(`${oneLine(message)}\n`);
  }

  onBroken(told: (detail: string) => void): void {
    this.#told = told;
    if (this.#broken !== undefined) told(this.#broken);
  }

  /** When the backlog is gone, or nothing will ever read it. */
  drained(): Promise<void> {
    if (this.#broken !== undefined || !this.#output.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#output.off('drain', done);
        this.#output.off('close', done);
        this.#output.off('error', done);
        resolve();
      };
      this.#output.on('drain', done);
      this.#output.on('close', done);
      this.#output.on('error', done);
    });
  }

  /** When everything written so far has left, waiting at most `withinMs`. Does not end the stream. */
  async flushed(withinMs: number): Promise<void> {
    if (this.#broken !== undefined || !this.#output.writable || this.#output.writableLength === 0) return;
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, withinMs);
    await Promise.race([timer.promise, new Promise<void>((resolve) => this.#output.write('', () => resolve()))]);
    clearTimeout(timeout);
  }
}
