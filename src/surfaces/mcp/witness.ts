// Where other gateways bring their checkpoints: POST /audit/checkpoints. There is no token: the signature under each note is what speaks for it. So
// everything before it is bounded: bodies that arrive, what one peer may get wrong, and what is looked at together.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CHECKPOINTS_PATH, MOST_BODY_BYTES, type Witnessed, type WitnessPort } from '../../core/audit/witness.ts';
import { decodeUtf8 } from '../../core/json/scan.ts';
import { toRaw } from '../../core/json/compose.ts';
import { type BodyEnd, readBody } from './body.ts';
import { FailureLimiter } from './failures.ts';
import { isCheckpointsType, type WireHeaders } from './headers.ts';
import { record } from './record.ts';
import { replyFault, replyJson, retryAfter, safely } from './reply.ts';
import { type HttpState, SharedBytes } from './state.ts';

export interface WitnessState {
  readonly port: WitnessPort;
  /** What arrives, of everybody together. */
  readonly bodies: SharedBytes;
  /** Requests that held nothing good, by peer; not those of agents, who may be behind the same address. */
  readonly failures: FailureLimiter;
}

/** Whole bodies at once; a peer may have a quarter of them. */
const BODIES_AT_ONCE = 16;
const BUSY_MS = 1000;
const UNRECORDED_MS = 5000;

export function witnessState(port: WitnessPort, mostPeers: number): WitnessState {
  return { port, bodies: new SharedBytes(() => MOST_BODY_BYTES * BODIES_AT_ONCE), failures: new FailureLimiter(mostPeers) };
}

/** One request that has passed the gate. */
export interface CheckpointsVisit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly headers: WireHeaders;
  readonly peer: string;
}

export function receiveCheckpoints(state: HttpState, visit: CheckpointsVisit): void {
  const { req, res, headers, peer } = visit;
  const { witness } = state;
  if (witness === undefined) return replyFault(res, 404, 'not found');
  if (!isCheckpointsType(headers.contentType)) return replyFault(res, 415, 'Content-Type must be application/x-ndjson');
  const wait = witness.failures.wait(peer, state.ingress.clock.mono());
  if (wait !== undefined) {
    state.counters.hits.guesses += 1;
    return replyFault(res, 429, 'too many that were not good', ['Connection', 'close', ...retryAfter(wait)]);
  }
  readBody(req, MOST_BODY_BYTES, (end) => safely(res, () => arrived(state, witness, visit, end)), witness.bodies.roomOf(peer));
}

async function arrived(state: HttpState, witness: WitnessState, visit: CheckpointsVisit, end: BodyEnd): Promise<void> {
  const { res } = visit;
  if (end.kind === 'gone') return;
  if (end.kind !== 'read') {
    state.counters.hits.body += 1;
    if (end.kind === 'too_large') return replyFault(res, 413, 'the body is too large');
    return replyFault(res, 503, 'too much is being sent at once', ['Connection', 'close', ...retryAfter(BUSY_MS)]);
  }
  const text = decodeUtf8(end.bytes);
  answer(state, witness, visit, text.ok ? await witness.port.take(text.value) : { kind: 'malformed' });
}

function answer(state: HttpState, witness: WitnessState, { res, peer }: CheckpointsVisit, came: Witnessed): void {
  const failed = (): void => witness.failures.failed(peer, state.ingress.clock.mono());
  switch (came.kind) {
    case 'kept': return replyJson(res, 200, toRaw({ recorded: came.recorded, known: came.known }));
    case 'conflict': return replyFault(res, 409, 'another checkpoint of this size is kept here');
    case 'own': return replyFault(res, 400, 'these are checkpoints of this very gateway');
    case 'malformed': {
      failed();
      return replyFault(res, 400, 'not lines of {"checkpoint": "<signed note>"}');
    }
    case 'untrusted': {
      failed();
      record(state, { surface: 'http', peer, principal: undefined, method: undefined, name: CHECKPOINTS_PATH, reason: { code: 'unauthenticated', failure: came.forged ? 'signature' : 'unknown_key' } });
      // RFC 9110 §15.5.2 wants a challenge; there is no scheme for a note that signs itself.
      return replyFault(res, 401, 'not signed by a key that is believed here', ['WWW-Authenticate', 'SignedNote']);
    }
    case 'wait': return came.why === 'rate'
      ? replyFault(res, 429, 'too many checkpoints of one node', retryAfter(came.ms))
      : replyFault(res, 503, 'too much is being looked at', retryAfter(came.ms));
    case 'unrecorded': return replyFault(res, 503, 'the audit cannot be written', retryAfter(UNRECORDED_MS));
  }
}
