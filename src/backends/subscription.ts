// The words of subscriptions: what is asked for, what was agreed, and what a notification is about. Sends nothing.
// Sources: MCP 2025-11-25 server/resources (subscribe); 2026-07-28 basic/patterns/subscriptions.
import type { ListName } from '../core/inbound.ts';
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, members, stringOf } from '../core/json/slice.ts';
import type { BackendReply, BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { META } from '../relay/meta.ts';
import type { UpdateLine } from './follows.ts';
import { shortText } from './text.ts';

/** Most bytes of an answer to subscribe, and of the end of a stream. */
export const SMALL_BYTES: number = 64 * 1024;

const TRUE = toRaw(true);

/** Params of `subscriptions/listen`, `_meta` apart. */
export function listenParams({ tools, prompts, resources }: Readonly<Record<ListName, boolean>>, uris: ReadonlySet<string>): RawJson {
  const filter: (readonly [string, RawJson])[] = [];
  if (tools) filter.push(['toolsListChanged', TRUE]);
  if (prompts) filter.push(['promptsListChanged', TRUE]);
  if (resources) filter.push(['resourcesListChanged', TRUE]);
  if (uris.size > 0) filter.push(['resourceSubscriptions', toRaw([...uris])]);
  return objectOf([['notifications', objectOf(filter)]]);
}

/** Of `notifications/subscriptions/acknowledged`. */
export function agreedUris(params: RawJson): ReadonlySet<string> {
  const uris = elements(members(members(params)?.get('notifications'))?.get('resourceSubscriptions')) ?? [];
  return new Set(uris.flatMap((uri) => stringOf(uri) ?? []));
}

/** The listen request that a notification belongs to: its JSON-RPC id as written. */
export function subscriptionOf(params: RawJson | undefined): RawJson | undefined {
  return members(members(params)?.get('_meta'))?.get(META.subscriptionId);
}

/** The URI of `notifications/resources/updated`. */
export function updatedUri(params: RawJson | undefined): string | undefined {
  return stringOf(members(params)?.get('uri'));
}

/** Of a legacy backend: each URI by a request of its own. */
export function legacyLine(say: (method: string, params: RawJson, sent?: () => void) => Promise<Result<BackendReply, BackendFault>>): UpdateLine {
  const about = (uri: string): RawJson => objectOf([['uri', quote(uri)]]);
  return {
    add: async (uri, sent) => {
      const answer = await say('resources/subscribe', about(uri), sent);
      if (!answer.ok) return answer;
      return answer.value.kind === 'result' ? ok(undefined) : err({ code: 'protocol', detail: `resources/subscribe was refused: ${answer.value.code}`, said: shortText(answer.value.message, 200) });
    },
    drop: (uri) => void say('resources/unsubscribe', about(uri)),
  };
}
