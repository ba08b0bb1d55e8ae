// How the URIs of one backend read on an endpoint. On a single-backend endpoint they are its own.
import type { Endpoint } from '../core/call.ts';
import type { Catalog } from '../core/catalog.ts';
import type { BackendId } from '../core/ids.ts';
import { exposedUri } from '../core/policy/uris.ts';
import type { Expose } from '../relay/uris-in-results.ts';

export function exposeFor(catalog: Catalog, endpoint: Endpoint, backend: BackendId): Expose | undefined {
  const prefix = endpoint.kind === 'merged' ? catalog.byBackend.get(backend)?.uriPrefix : undefined;
  return prefix === undefined ? undefined : (uri) => exposedUri(prefix, uri);
}
