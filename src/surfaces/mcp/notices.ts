// Change notices of a session on a line transport: watches what its principal can see, and tells it once per change.
import type { Ingress } from '../../core/inbound.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Principal } from '../../core/principal.ts';
import { notificationMessage } from '../../relay/rpc.ts';
import type { Outlet } from './outlet.ts';

export const TOOLS_CHANGED: RawJson = notificationMessage('notifications/tools/list_changed');

export class Notices {
  readonly #ingress: Ingress;
  readonly #outlet: Outlet;
  #principal: Principal | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;
  #held = false;

  constructor(ingress: Ingress, outlet: Outlet) {
    this.#ingress = ingress;
    this.#outlet = outlet;
  }

  /** From `initialized` on. */
  start(principal: Principal): void {
    this.stop();
    this.#principal = principal;
    this.#unwatch = this.#ingress.watch({ principal, endpoint: { kind: 'merged' } }, () => this.#changed());
  }

  /** A refreshed token may see other tools. */
  seen(principal: Principal): void {
    if (this.#principal !== undefined && this.#principal.credential !== principal.credential) this.start(principal);
  }

  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#principal = undefined;
  }

  /** To a reader that is behind, one notice when it has caught up stands for all. */
  #changed(): void {
    if (this.#held) return;
    this.#held = true;
    void this.#outlet.drained().then(() => {
      this.#held = false;
      if (this.#principal !== undefined) this.#outlet.write(TOOLS_CHANGED);
    });
  }
}
