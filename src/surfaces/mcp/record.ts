// What is turned away is recorded, until one caller has had its share: a flood of refusals must not become a flood of audit records.
import type { RefusedRequest } from '../../core/inbound.ts';
import { principalKey } from '../../core/principal.ts';
import type { HttpState } from './state.ts';

const STRANGERS = 'all';

/**
 * By principal where there is one, else by peer: agents behind one address do not use up each other's share. Strangers have a
 * share together as well: addresses cost nothing in IPv6, nor where a proxy passes on what it was told.
 */
export function record(state: HttpState, refused: RefusedRequest): void {
  const now = state.ingress.clock.mono();
  const isStranger = refused.principal === undefined;
  const key = `record ${refused.principal === undefined ? refused.peer : principalKey(refused.principal)}`;
  const isFull = state.failures.wait(key, now) !== undefined || (isStranger && state.strangers.wait(STRANGERS, now) !== undefined);
  state.failures.failed(key, now);
  if (isFull) {
    state.counters.unrecorded += 1;
    return;
  }
  if (isStranger) state.strangers.failed(STRANGERS, now);
  state.ingress.refuse(refused);
}
