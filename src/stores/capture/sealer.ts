// Holds the key of the day while it is in use. It looks at the file before each record: a key that was destroyed meanwhile is let go of at
// once, and what comes is encrypted under a new one.
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { dayOf } from './days.ts';
import { keyPath, type RandomBytes } from './key-files.ts';
import { markOf, takeKey, type KeyFault, type KeyFolder } from './keys.ts';
import type { RuleTag } from './plan.ts';
import { IV_BYTES, keyName, runKey, SALT_BYTES, seal, type Place } from './seal.ts';

export interface SealerDeps {
  readonly clock: Clock;
  readonly folder: () => KeyFolder;
  readonly random: RandomBytes;
  readonly onFault: (fault: KeyFault | undefined) => void;
  /** Records under one key of a run; less than the standard's bound for tests. */
  readonly most?: number;
}

interface Held {
  readonly day: string;
  readonly path: string;
  readonly mark: string;
  readonly kid: string;
  readonly key: KeyObject;
  used: number;
}

/** NIST SP 800-38D §8.3: random nonces of 96 bits for at most so many records of one key. */
const MOST_RECORDS: number = 2 ** 32;
/** A folder that cannot be used is tried again after this; until then no record waits for it. */
const RETRY_MS = 1000;

export class Sealer {
  readonly #deps: SealerDeps;
  #held: Held | undefined;
  #fault: KeyFault | undefined;
  #retryAt = 0;

  constructor(deps: SealerDeps) {
    this.#deps = deps;
  }

  /** The member `captured`; the error says for which day there is no key. */
  seal(text: string, place: Place, rules: readonly RuleTag[]): Result<string, KeyFault & { readonly day: string }> {
    const day = dayOf(this.#deps.clock.wall());
    const held = this.#current(day);
    if (!held.ok) return err({ ...held.error, day });
    held.value.used += 1;
    return ok(seal(text, { place, day, kid: held.value.kid, rules }, held.value.key, this.#deps.random(IV_BYTES)));
  }

  tick(): void {
    if (this.#held !== undefined && this.#held.day !== dayOf(this.#deps.clock.wall())) this.#held = undefined;
  }

  #current(day: string): Result<Held, KeyFault> {
    const { folder, most } = this.#deps;
    const held = this.#held;
    if (held !== undefined && held.day === day && held.used < (most ?? MOST_RECORDS) && held.path === keyPath(folder(), day) && markOf(held.path) === held.mark) return ok(held);
    this.#held = undefined;
    if (this.#fault !== undefined && this.#deps.clock.mono() < this.#retryAt) return err(this.#fault);
    const taken = this.#take(day);
    if (taken.ok) this.#held = taken.value;
    else this.#retryAt = this.#deps.clock.mono() + RETRY_MS;
    this.#tell(taken.ok ? undefined : taken.error);
    return taken;
  }

  #take(day: string): Result<Held, KeyFault> {
    const { folder, random } = this.#deps;
    const taken = takeKey(folder(), day, random);
    if (!taken.ok) return taken;
    const { id, key, mark } = taken.value;
    if (taken.value.day !== day) return err({ code: 'corrupt', detail: `${keyPath(folder(), day)} is the key of ${taken.value.day}` });
    const salt = random(SALT_BYTES);
    return ok({ day, path: keyPath(folder(), day), mark, kid: keyName(id, salt), key: createSecretKey(runKey(key, salt)), used: 0 });
  }

  #tell(fault: KeyFault | undefined): void {
    const before = this.#fault;
    this.#fault = fault;
    if (before?.detail !== fault?.detail) this.#deps.onFault(fault);
  }
}
