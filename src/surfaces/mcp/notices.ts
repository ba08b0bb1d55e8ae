// Notices of a session on a line transport that belong to no request: changes of what its principal can see, and what else
// outlives a request. Told when the reader has caught up, equal ones once.
import type { Ingress, ListName } from '../../core/inbound.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Principal } from '../../core/principal.ts';
import { notificationMessage } from '../../relay/rpc.ts';
import type { Outlet } from './outlet.ts';

const CHANGED: Readonly<Record<ListName, RawJson>> = {
  tools: notificationMessage('notifications/tools/list_changed'),
  prompts: notificationMessage('notifications/prompts/list_changed'),
  resources: notificationMessage('notifications/resources/list_changed'),
};

export function changedMessage(list: ListName): RawJson {
  return CHANGED[list];
}

/** Different notices kept for a reader that is behind; beyond them it has missed some, as one without a stream has. */
const HELD_MAX = 1024;

export class Notices {
  readonly #ingress: Ingress;
  readonly #outlet: Outlet;
  readonly #held = new Set<RawJson>();
  #principal: Principal | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;
  #stopped = false;

  constructor(ingress: Ingress, outlet: Outlet) {
    this.#ingress = ingress;
    this.#outlet = outlet;
  }

  /** From `initialized` on. */
  start(principal: Principal): void {
    if (this.#stopped) return;
    this.#unwatch?.();
    this.#principal = principal;
    this.#unwatch = this.#ingress.watch({ principal, endpoint: { kind: 'merged' } }, (list) => this.send(changedMessage(list)));
  }

  /** A refreshed token may see other tools. */
  seen(principal: Principal): void {
    if (this.#principal !== undefined && this.#principal.credential !== principal.credential) this.start(principal);
  }

  send(message: RawJson): void {
    if (this.#stopped || this.#held.size >= HELD_MAX || this.#isRefused()) return;
    const isWaiting = this.#held.size > 0;
    this.#held.add(message);
    if (isWaiting) return;
    void this.#outlet.drained().then(() => {
      for (const held of this.#held) this.#outlet.write(held);
      this.#held.clear();
    });
  }

  /** A credential that ended since its agent last said something is told nothing more (B22). */
  #isRefused(): boolean {
    return this.#principal !== undefined && this.#ingress.authenticator.recheck(this.#principal) !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#held.clear();
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#principal = undefined;
  }
}
