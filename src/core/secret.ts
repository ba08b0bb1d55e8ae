// A value that cannot be printed by accident: string conversion, JSON and inspection all show a mark.
const MARK = '[secret]';

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
}

// console.log and util.inspect ask this symbol; set here because declarations forbid computed names in the class.
Object.defineProperty(Secret.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => MARK });
