// `resources/read`, and how a URI leads to a backend: by its prefix, listed or not, for a template has more URIs than any list.
// Policy judges the canonical form; the backend gets the URI as the agent wrote it (T133).
import type { Endpoint, Target } from '../../core/call.ts';
import type { Catalog } from '../../core/catalog.ts';
import { members, stringOf } from '../../core/json/slice.ts';
import { matches } from '../../core/policy/globs.ts';
import { canonicalUri, splitUri } from '../../core/policy/uris.ts';
import { unknownName } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { type CallMethod, viewOf } from './method.ts';

export const resourceReads: CallMethod = {
  invalid: 'Missing resource uri in params',
  continues: true,
  ask(params) {
    const uri = stringOf(members(params)?.get('uri'));
    if (uri === undefined) return undefined;
    return {
      kind: 'resource',
      exposed: uri,
      meta: readMeta(params),
      content: '',
      find: (catalog, endpoint) => {
        const at = resourceAt(catalog, endpoint, uri);
        return at === undefined ? undefined : { target: at.target, call: (basis) => ({ ...basis, kind: 'resource', uri: at.uri }) };
      },
      unknown: (era) => unknownName('resource', uri, era),
    };
  },
};

export interface ResourceAt {
  readonly target: Target;
  /** The backend's own. */
  readonly uri: string;
}

/** Undefined: no such backend here, it offers no resources, no rule could judge the URI, or it is hidden from everybody. */
export function resourceAt(catalog: Catalog, endpoint: Endpoint, exposed: string): ResourceAt | undefined {
  const split = endpoint.kind === 'merged' ? splitUri(exposed) : { prefix: undefined, uri: exposed };
  const name = split === undefined ? undefined : canonicalUri(split.uri);
  if (split === undefined || name === undefined) return undefined;
  const backend = split.prefix === undefined ? undefined : catalog.byUriPrefix.get(split.prefix);
  const view = backend === undefined ? viewOf(catalog, endpoint) : catalog.byBackend.get(backend);
  if (view === undefined || !view.offers.resources) return undefined;
  const target: Target = { kind: 'resource', backend: view.backend, name };
  return view.hide.some((pattern) => matches(pattern, target)) ? undefined : { target, uri: split.uri };
}
