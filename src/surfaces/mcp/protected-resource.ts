// The listener as an OAuth protected resource: its RFC 9728 document, and the challenges that say where it stands and which scopes to ask for.
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Answer } from '../../core/inbound.ts';
import type { AuthFailureCode } from '../../core/principal.ts';
import { challenge, resourceMetadata, resourceMetadataUrl, scopeChallenge } from '../../relay/oauth.ts';
import type { Visit } from './state.ts';

type Place = Pick<Visit, 'settings' | 'headers' | 'endpoint'>;

export function documentOf(visit: Place): RawJson {
  return toRaw(resourceMetadata(factsOf(visit)));
}

/** Of a 401, name and value. */
export function askForToken(visit: Place, failure: AuthFailureCode): readonly string[] {
  return ['WWW-Authenticate', challenge(failure, placeOf(visit), visit.settings.scopes.baseline)];
}

/** Of an answer that a token with more scope would not have got; else nothing. */
export function askForScope(visit: Place, { scopes }: Answer): readonly string[] {
  return scopes === undefined ? [] : ['WWW-Authenticate', scopeChallenge(placeOf(visit), scopes)];
}

function placeOf(visit: Place): string {
  const { publicUrl, path } = factsOf(visit);
  return resourceMetadataUrl(publicUrl, path);
}

/** The resource as this agent sees it: the public URL, or the (checked) name it called us by. */
function factsOf({ settings, headers, endpoint }: Place): Parameters<typeof resourceMetadata>[0] {
  const { gateway, auth, scopes } = settings;
  const issuers = [auth.hmac, auth.ownKeys, ...auth.issuers].flatMap((source) => (source === undefined ? [] : [source.issuer]));
  return {
    publicUrl: gateway.publicUrl ?? `http://${headers.host ?? gateway.listen.host}`,
    path: endpoint.kind === 'merged' ? '/mcp' : `/mcp/${endpoint.backend}`,
    issuers,
    scopes: scopes.baseline,
  };
}
