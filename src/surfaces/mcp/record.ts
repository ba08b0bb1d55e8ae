// What is turned away is recorded, until one caller has had its share: a flood of refusals must not become a flood of audit records.
import type { RefusedRequest } from '../../core/inbound.ts';
import { principalKey } from '../../core/principal.ts';
import type { HttpState } from './state.ts';

/** By principal where there is one, else by peer: agents behind one address do not use up each other's share. */
export function record(state: HttpState, refused: RefusedRequest): void {
  const now = state.ingress.clock.mono();
  const key = `record ${refused.principal === undefined ? refused.peer : principalKey(refused.principal)}`;
  if (state.failures.wait(key, now) === undefined) state.ingress.refuse(refused);
  else state.counters.unrecorded += 1;
  state.failures.failed(key, now);
}
