// Lists on record, without a record for each: an agent may ask as often as it likes. The first at once, what follows within a minute together.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { type Principal, principalKey } from '../core/principal.ts';
import type { Clock, Random, Timers } from '../core/ports.ts';

export interface TallyDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly revision: () => number;
  readonly announce: (event: LifecycleEvent) => void;
}

interface Counting {
  readonly principal: Pick<Principal, 'subject' | 'issuer' | 'roles'>;
  readonly method: string;
  times: number;
  shown: number;
}

const SPAN_MS = 60_000;
/** Principals times lists that are counted apart; all others are counted together. */
const KEYS_MOST = 1024;
const OTHERS: Counting['principal'] = { subject: '(others)', issuer: '', roles: [] };

export class ListTally {
  readonly #deps: TallyDeps;
  readonly #counts = new Map<string, Counting>();
  #undo: (() => void) | undefined;

  constructor(deps: TallyDeps) {
    this.#deps = deps;
  }

  /** `shown`: how many there were in it. */
  count(principal: Principal, method: string, shown: number): void {
    // What is seen goes by the roles: another token of the same subject may have others.
    const key = `${method} ${principalKey(principal)} ${JSON.stringify(principal.roles)}`;
    const known = this.#counts.get(key);
    if (known !== undefined) {
      known.times += 1;
      known.shown = shown;
      return;
    }
    this.#undo ??= this.#deps.timers.after(SPAN_MS, () => this.#flush());
    if (this.#counts.size < KEYS_MOST) {
      this.#counts.set(key, { principal: { subject: principal.subject, issuer: principal.issuer, roles: principal.roles }, method, times: 0, shown });
      this.#say({ principal, method, times: 1, shown });
      return;
    }
    const others = this.#counts.get(method) ?? { principal: OTHERS, method, times: 0, shown: 0 };
    others.times += 1;
    this.#counts.set(method, others);
  }

  /** What was counted and not yet said. */
  close(): void {
    this.#undo?.();
    this.#flush();
  }

  #flush(): void {
    this.#undo = undefined;
    for (const counting of this.#counts.values()) if (counting.times > 0) this.#say(counting);
    this.#counts.clear();
  }

  #say({ principal: { subject, issuer, roles }, method, times, shown }: Counting): void {
    const { clock, random, revision, announce } = this.#deps;
    announce({ id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision(), kind: 'listed', subject, issuer, roles, method, times, shown });
  }
}
