// The four lists: what this principal sees, in pages with cursors that are good for this list, this endpoint and this principal only.
import type { Answer, Inbound, Viewer } from '../core/inbound.ts';
import { toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members, stringOf } from '../core/json/slice.ts';
import { principalKey } from '../core/principal.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { FAULT_CODES } from '../core/wire/denials.ts';
import type { ListedIn } from '../relay/definitions.ts';
import { pageResult, type PageRequest } from '../relay/page.ts';
import { ownResult } from '../relay/results.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import { invalid } from './answer.ts';
import type { PipelineDeps } from './deps.ts';
import { definitionAt, isWithheld, viewDigest, visible } from './view.ts';

const MEMBER: Readonly<Record<ListedIn, PageRequest['member']>> = { tools: 'tools', prompts: 'prompts', resources: 'resources', templates: 'resourceTemplates' };

/** In the form of a call that its backend did not answer, and without its name. */
const WITHHELD = toRaw({ sentinel: { code: FAULT_CODES.not_ready, fault: 'not_ready' } });

export function serveList(list: ListedIn, inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const { origin, principal, id } = inbound;
  const { endpoint } = origin;
  const viewer: Viewer = { principal, endpoint };
  if (isWithheld(list, snapshot, viewer, deps.clock.wall())) return { message: errorMessage(id, CODE.internal, 'Not all servers behind this list are available now: try again later', WITHHELD), status: 200 };
  const entries = visible(list, snapshot, viewer, deps.clock.wall());
  const page = pageFor(inbound, {
    member: MEMBER[list],
    items: { length: entries.length, slice: (from, to) => entries.slice(from, to).map((entry) => definitionAt(list, entry, snapshot, endpoint, origin)) },
    epoch: viewDigest(entries, deps.digest),
  }, snapshot, deps);
  if (page === undefined) return invalidCursor(inbound);
  deps.listed(principal, inbound.method, entries.length);
  return { message: resultMessage(id, ownResult(origin.era, page, deps.identity, true)), status: 200 };
}

/** The page that a request names by its cursor. Undefined: `invalidCursor`. */
export function pageFor({ origin: { endpoint }, principal, method, params }: Inbound, list: Pick<PageRequest, 'member' | 'items' | 'epoch'>, snapshot: Snapshot, deps: PipelineDeps): RawJson | undefined {
  const raw = members(params)?.get('cursor');
  const cursor = stringOf(raw);
  if (raw !== undefined && cursor === undefined) return undefined;
  const binding = deps.digest(`${method}\u0000${endpoint.kind === 'single' ? endpoint.backend : ''}\u0000${principalKey(principal)}`);
  return pageResult({ ...list, cursor, pageSize: snapshot.settings.bounds.pageSize, binding }, deps.seal);
}

export function invalidCursor(inbound: Inbound): Answer {
  return invalid(inbound, 'Invalid cursor: start the list again');
}
