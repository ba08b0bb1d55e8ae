// URIs of resources: how they are told apart on the merged endpoint, and in which form policy reads them. Pure text; nothing is fetched.
// Sources: RFC 3986 §3.1, §6.2.2; protocol reference 5.3. Attacks: traversal and encoding of names that a rule names (T133).
import type { Digest } from '../ports.ts';

const SEPARATOR = '+';
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const URI_MAX = 8192;
const PREFIX_MAX = 32;
const SUFFIX_HEX = 8;
const CONTROL = /[\u0000-\u0020\u007f-\u009f]/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** A name is decoded as often as a careless server might. */
const DECODINGS = 3;

/**
 * The scheme prefix of a backend: its name where that is a scheme already (lower case, RFC 3986 §3.1), else a form of it with a digest,
 * so that two names never share one and no other backend can change it.
 */
export function uriPrefix(backend: string, digest: Digest): string {
  const safe = backend.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-');
  const scheme = /^[a-z]/.test(safe) ? safe : `b${safe}`;
  if (scheme === backend && scheme.length <= PREFIX_MAX) return scheme;
  return `${scheme.slice(0, PREFIX_MAX - SUFFIX_HEX - 1)}-${digest(backend).slice(0, SUFFIX_HEX)}`;
}

/** As agents of the merged endpoint see it. `ui://` keeps its scheme, by which hosts know it. */
export function exposedUri(prefix: string, uri: string): string {
  return uri.startsWith(UI) ? `${UI}${prefix}${SEPARATOR}${uri.slice(UI.length)}` : `${prefix}${SEPARATOR}${uri}`;
}

const UI = 'ui://';

export interface SplitUri {
  readonly prefix: string;
  readonly uri: string;
}

/** The reverse; undefined for a URI without a prefix. Which backend the prefix belongs to is looked up in the catalogue. */
export function splitUri(exposed: string): SplitUri | undefined {
  const scheme = exposed.startsWith(UI) ? UI : '';
  const at = exposed.indexOf(SEPARATOR, scheme.length);
  if (at <= scheme.length || at > scheme.length + PREFIX_MAX) return undefined;
  return { prefix: exposed.slice(scheme.length, at), uri: `${scheme}${exposed.slice(at + SEPARATOR.length)}` };
}

/**
 * The form that policy matches: scheme and authority in lower case, encoded letters decoded, other encodings in upper case.
 * Undefined for what no rule could judge: no scheme, control characters or spaces, broken encodings, too long, or a path that
 * climbs (`..`, also encoded, also twice): what it names depends on who resolves it.
 */
export function canonicalUri(uri: string): string | undefined {
  if (uri.length > URI_MAX || !SCHEME.test(uri) || CONTROL.test(uri) || !uri.isWellFormed() || climbs(uri)) return undefined;
  const decoded = decodeUnreserved(uri);
  if (decoded === undefined) return undefined;
  const colon = decoded.indexOf(':');
  const scheme = decoded.slice(0, colon).toLowerCase();
  const rest = decoded.slice(colon);
  if (!rest.startsWith('://')) return scheme + rest;
  const end = rest.slice(3).search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end + 3);
  return scheme + authority.toLowerCase() + rest.slice(authority.length);
}

function decodeUnreserved(uri: string): string | undefined {
  let broken = false;
  const decoded = uri.replaceAll(/%(.{0,2})/gs, (whole, hex: string) => {
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) {
      broken = true;
      return whole;
    }
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : `%${hex.toUpperCase()}`;
  });
  return broken ? undefined : decoded;
}

/** A segment `.` or `..` in the path or query, by either slash, behind up to three encodings. */
function climbs(uri: string): boolean {
  let text = uri;
  for (let turn = 0; turn <= DECODINGS; turn += 1) {
    if (/(?:^|[/\\:?#&=])\.{1,2}(?:$|[/\\?#&;])/.test(text)) return true;
    const next = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return false;
    text = next;
  }
  // Still encoded after that: nobody means this.
  return true;
}
