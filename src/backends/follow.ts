// One permit to listen, brought to what is followed on the link of its backend. Knows no transport.
import type { BackendId } from '../core/ids.ts';
import type { Permit } from '../core/permit.ts';
import type { BackendFault } from '../core/ports.ts';
import { err, type Result } from '../core/result.ts';
import { admittedListen } from './admitted.ts';
import type { Follows, Updated } from './follows.ts';
import type { Link } from './handshake.ts';

/** A link that is made again whenever it is lost, and what is followed on it. */
export interface Kept {
  readonly follows: Follows;
  /** The link of now, or of the attempt that is under way. */
  ready(signal: AbortSignal): Promise<Result<{ readonly link: Link }, BackendFault>>;
}

export async function followOn(kept: Kept, own: BackendId, permit: Permit, updated: Updated, sent?: () => void): Promise<Result<() => void, BackendFault>> {
  const admitted = admittedListen(permit, own);
  if (!admitted.ok) return admitted;
  const live = await kept.ready(new AbortController().signal);
  if (!live.ok) return live;
  if (!live.value.link.offers.subscribe) return err({ code: 'protocol', detail: 'this backend has no subscriptions' });
  return kept.follows.follow(admitted.value.uri, updated, sent);
}
