// What one request on a line transport is before the pipeline hears of it: of which era, from where, and whether it may be asked now.
// It answers refusals as messages; it runs nothing.
import type { CallOrigin, SurfaceName } from '../../core/call.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Settings } from '../../core/settings.ts';
import { DENIAL_CODES } from '../../core/wire/denials.ts';
import { methodOf } from '../../relay/methods.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { climbPlain, eraOfMessage, type MetaMembers, metaOf } from './classify.ts';
import type { RequestEnvelope } from './envelope.ts';
import { legacyOrigin, modernOrigin, type Place } from './origin.ts';
import type { LegacySession } from './session.ts';
import { traceOf } from './trace.ts';

export interface Conversation {
  readonly surface: SurfaceName;
  readonly peer: string;
  readonly talk: LegacySession;
  /** Open requests without a natural end. */
  readonly long: number;
  readonly settings: Settings;
}

export type Prepared = { readonly refused: RawJson } | { readonly refused: undefined; readonly origin: CallOrigin; readonly long: boolean };

/** Requests of one agent at once; the pipeline's own caps are far below. */
const RUNNING_MAX = 1024;

export function prepare(message: RequestEnvelope, conversation: Conversation): Prepared {
  const meta = metaOf(message);
  if (conversation.talk.inflight.size >= RUNNING_MAX) return { refused: errorMessage(message.id, CODE.internal, 'Too many requests at once') };
  return eraOfMessage(meta, undefined) === 'modern' ? prepareModern(message, meta, conversation) : prepareLegacy(message, meta, conversation);
}

function prepareLegacy(message: RequestEnvelope, meta: MetaMembers, conversation: Conversation): Prepared {
  const { talk } = conversation;
  const refused = talk.refusal(message);
  if (refused !== undefined) return { refused: refused.message };
  if (message.method === 'initialize') talk.introduce(message);
  return { refused: undefined, long: false, origin: legacyOrigin(placeOf(conversation, meta), talk) };
}

function prepareModern(message: RequestEnvelope, meta: MetaMembers, conversation: Conversation): Prepared {
  const climbed = climbPlain(meta);
  if (!climbed.ok) return { refused: errorMessage(message.id, climbed.error.code, climbed.error.message, climbed.error.data) };
  if (conversation.talk.inflight.has(message.key)) return { refused: errorMessage(message.id, CODE.invalidRequest, 'Invalid Request: this id is already in use') };
  const long = methodOf(message.method)?.plan === 'listen';
  if (long && conversation.long >= conversation.settings.bounds.streamsPerPrincipal) {
    return { refused: errorMessage(message.id, CODE.internal, 'Too many open streams', toRaw({ sentinel: { code: DENIAL_CODES.busy } })) };
  }
  return { refused: undefined, long, origin: modernOrigin(placeOf(conversation, meta), climbed.value) };
}

function placeOf({ surface, peer }: Conversation, meta: MetaMembers): Place {
  return { surface, endpoint: { kind: 'merged' }, peer, trace: traceOf(meta, undefined) };
}
