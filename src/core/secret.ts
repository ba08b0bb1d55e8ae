// A value that cannot be printed by accident: string conversion, JSON and inspection all show a mark.
const MARK = '[secret]';
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it only where the secret leaves the process by design. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MARK;
  }

  toJSON(): string {
    return MARK;
  }

  [inspect](): string {
    return MARK;
  }
}
