// Where in what is read something was seen.
import type { Divergence } from './verdict.ts';

/** A line of what is read. One of it moves along, and is copied where it must be known later. */
export class Spot {
  #source = '';
  #line = 0;
  /** Lines before it, of all sources. -1: nowhere. */
  order = -1;

  advance(source: string, line: number): void {
    this.#source = source;
    this.#line = line;
    this.order += 1;
  }

  become(other: Spot): void {
    this.#source = other.#source;
    this.#line = other.#line;
    this.order = other.order;
  }

  toString(): string {
    return `${this.#source}:${this.#line}`;
  }
}

export interface Finding {
  readonly order: number;
  readonly divergence: Divergence;
}

/** A line that could not be read: the next gap it lies in is where it belongs. */
export interface Stray {
  readonly order: number;
  readonly where: string;
  readonly detail: string;
}
