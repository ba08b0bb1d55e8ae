// One process of a state directory sends an export: two would send everything twice, and each would move the other's cursor. The others wait for its end.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { type StoreLock, takeLock } from '../lock.ts';

export class Sole {
  readonly #path: string;
  #lock: StoreLock | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** False: another process has it. The error is for the operator. */
  hold(): Result<boolean, string> {
    if (this.#lock !== undefined) return ok(true);
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    } catch (thrown) {
      return err(`${this.#path}: ${codeIn(thrown) ?? messageIn(thrown)}`);
    }
    const taken = takeLock(this.#path);
    if (!taken.ok) return err(taken.error.detail);
    this.#lock = taken.value;
    return ok(taken.value !== undefined);
  }

  release(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }
}
