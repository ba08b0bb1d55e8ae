// Checkpoints to another gateway, which keeps them in its own audit. Nothing is signed here: each note is.
import { CHECKPOINTS_TYPE, MOST_BODY_BYTES } from '../../core/audit/witness.ts';
import { ok } from '../../core/result.ts';
import type { RecordFormat } from './format.ts';
import type { Poster } from './http.ts';
import { type SendFault, TAKEN, type Transport } from './transport.ts';

/** Within what a witness takes of a node in a minute. */
export const MOST_AT_ONCE: { readonly records: number; readonly bytes: number } = { records: 500, bytes: MOST_BODY_BYTES };

/** What the other one means, in words of its operator. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [400, 'what it was sent is its own, or no checkpoints'],
  [401, 'it believes no key of this node: audit-sign.pub of this gateway belongs into [audit.witness] there'],
  [403, 'it takes no requests with this Origin header'],
  [404, 'nothing takes checkpoints there: [audit.witness] is not set'],
  [421, 'it does not answer to the host name of this url: allowed_hosts there'],
]);

export function replicaMeaning(status: number): SendFault | undefined {
  if (status === 409) return { code: 'conflict', detail: 'HTTP 409: it keeps another checkpoint of this gateway for the same records; one of the two journals is not what was written' };
  const meaning = MEANINGS.get(status);
  return meaning === undefined ? undefined : { code: 'refused', detail: `HTTP ${status}: ${meaning}` };
}

export function replicaTransport(format: RecordFormat, poster: Poster): Transport {
  return {
    async send(parts, signal) {
      const posted = await poster.post(format.join(parts), { 'content-type': CHECKPOINTS_TYPE }, signal);
      return posted.ok ? ok(TAKEN) : posted;
    },
    close: () => poster.close(),
  };
}
