// URIs of resources: how they are told apart on the merged endpoint, and in which form policy reads them. Pure text; nothing is fetched.
// Sources: RFC 3986 §3.1, §6.2.2; RFC 8089 (file). Attacks: traversal, and other spellings of what a rule names (T133).
import type { Digest } from '../ports.ts';

const SEPARATOR = '+';
const PREFIX_MAX = 32;
const SUFFIX_HEX = 8;
const UI = 'ui://';

/**
 * The scheme prefix of a backend: its name where that is a scheme already (lower case, RFC 3986 §3.1), else a form of it with a digest.
 * Backend names hold no dot, so a made prefix is never the name of another backend, and no other backend can change it.
 */
export function uriPrefix(backend: string, digest: Digest): string {
  const safe = backend.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
  const scheme = /^[a-z]/.test(safe) ? safe : `b${safe}`;
  if (scheme === backend && scheme.length <= PREFIX_MAX) return scheme;
  return `${scheme.slice(0, PREFIX_MAX - SUFFIX_HEX - 1)}.${digest(backend).slice(0, SUFFIX_HEX)}`;
}

/** As agents of the merged endpoint see it. `ui://` keeps its scheme, by which hosts know it. */
export function exposedUri(prefix: string, uri: string): string {
  return uri.startsWith(UI) ? `${UI}${prefix}${SEPARATOR}${uri.slice(UI.length)}` : `${prefix}${SEPARATOR}${uri}`;
}

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

// ── the form that policy matches ────────────────────────────────────────────
const URI_MAX = 8192;
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
/** Controls, space, and the backslash, which parsers of URLs read in two ways. */
const UNFIT = /[\u0000-\u0020\u007f-\u009f\\]/;
const HIDDEN_CONTROL = /[\u0000-\u001f\u007f]/;
/** A segment `.` or `..`, by either slash, in the path or in a parameter. */
const CLIMB = /(?:^|[/\\:?#&=])\.{1,2}(?:$|[/\\?#&;])/;
/** A name is decoded as often as a careless server might. */
const DECODINGS = 3;
/** What an authority may not hide: where it ends, and which part of it is the host. */
const HIDDEN_DELIMITER = /%(?:2F|5C|3F|23|40)/i;
const UNRESERVED = /[A-Za-z0-9._~-]/;
/** Decoded in a path: what is printable, but for what begins a part, separates parameters or is a wildcard of patterns. */
const DECODED = /[!"$'(),./0-9:<>@A-Z[\\\]^_`a-z{|}~-]/;

/**
 * A URI as policy names it: scheme and host in lower case, characters decoded that need no encoding, every slash as `/`, all other
 * encodings in upper case; a `file` URI as `file:///path`, without a query or fragment. Undefined for what no rule could judge: no scheme, a `file` of another host, a web address without one,
 * controls or spaces, a backslash, broken encodings, too long, an authority with an encoded delimiter, or a segment `.` or `..` (also
 * encoded, also twice): what that names depends on who resolves it.
 */
export function canonicalUri(uri: string): string | undefined {
  return canonical(uri, false);
}

/** `template`: a host may be an expression, and nothing is read by it. */
function canonical(uri: string, template: boolean): string | undefined {
  if (uri.length > URI_MAX || UNFIT.test(uri) || !isDecodable(uri) || isUnjudgeable(uri)) return undefined;
  const scheme = SCHEME.exec(uri)?.[1];
  if (scheme === undefined) return undefined;
  const { authority, rest } = partsOf(uri.slice(scheme.length + 1), /[/?#]/);
  if (authority !== undefined && HIDDEN_DELIMITER.test(authority)) return undefined;
  if (!template && scheme.toLowerCase() === 'file' && !isHere(authority)) return undefined;
  // `https:h/x` and `https:///h/x` are `https://h/x` to a browser's parser, and something else to all others.
  if (isWeb(scheme.toLowerCase()) && (authority === undefined || authority === '')) return undefined;
  const name = named(scheme.toLowerCase(), authority === undefined ? undefined : escapedStars(hostLowered(plain(authority, UNRESERVED))), escapedStars(plain(rest, DECODED)), true);
  return name === undefined || name.length > URI_MAX ? undefined : name;
}

/** Not in any URI that gets this far: stands for one expression of a template. */
const HOLE = '\ue000';
const ENCODED_HOLE = '%EE%80%80';

/** The same for a URI template (RFC 6570), whose expressions stay as they are. One that begins with an expression is kept whole. */
export function canonicalTemplate(template: string): string | undefined {
  if (template === '' || template.length > URI_MAX || UNFIT.test(template) || template.includes(HOLE) || template.toUpperCase().includes(ENCODED_HOLE)) return undefined;
  if (template.startsWith('{')) return template;
  const expressions = template.match(/\{[^{}]*\}/g) ?? [];
  const name = canonical(template.replaceAll(/\{[^{}]*\}/g, HOLE), true);
  let at = 0;
  return name?.replaceAll(ENCODED_HOLE, () => expressions[at++] ?? '');
}

/** The name of a pattern for resources in that form, so that no rule misses because it was written in another. `*` and `?` stay wildcards. */
export function canonicalUriPattern(text: string): string {
  const scheme = /^([A-Za-z*?][A-Za-z0-9+.*?-]*):/.exec(text)?.[1];
  if (scheme === undefined) return plain(text, DECODED);
  const { authority, rest } = partsOf(text.slice(scheme.length + 1), /[/#]/);
  return named(scheme.toLowerCase(), authority === undefined ? undefined : hostLowered(plain(authority, UNRESERVED)), plain(rest, DECODED), false) ?? text;
}

/** Does a pattern ask for a segment that no canonical URI has? It would hit nothing. */
export function asksForClimb(pattern: string): boolean {
  return /(?:^|\/)\.{1,2}(?:\/|$)/.test(pattern);
}

function isDecodable(uri: string): boolean {
  try {
    decodeURIComponent(uri);
    return uri.isWellFormed();
  } catch {
    return false;
  }
}

function isUnjudgeable(uri: string): boolean {
  let text = uri;
  for (let turn = 0; turn <= DECODINGS; turn += 1) {
    if (CLIMB.test(text) || HIDDEN_CONTROL.test(text)) return true;
    const next = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return false;
    text = next;
  }
  // Still encoded after that: nobody means this.
  return true;
}

/** A host of a `file` URI: many servers read the path and overlook it, so that a rule for the path would miss what is read. */
function isHere(authority: string | undefined): boolean {
  return authority === undefined || authority === '' || plain(authority, UNRESERVED).toLowerCase() === 'localhost';
}

/** What follows the `:` of the scheme. */
function partsOf(text: string, end: RegExp): { readonly authority: string | undefined; readonly rest: string } {
  if (!text.startsWith('//')) return { authority: undefined, rest: text };
  const length = text.slice(2).search(end);
  return length < 0 ? { authority: text.slice(2), rest: '' } : { authority: text.slice(2, length + 2), rest: text.slice(length + 2) };
}

/** Undefined: without an authority, a path with two slashes would read as one (RFC 3986 §3.3). `cuts`: `?` and `#` end the path of a file. */
function named(scheme: string, authority: string | undefined, rest: string, cuts: boolean): string | undefined {
  if (scheme === 'file') {
    // `file://**` of a pattern: all files there are.
    if (!cuts && rest === '' && authority?.includes('**') === true) return `file://${authority}`;
    const path = `/${cuts ? rest.replace(/[?#].*$/s, '') : rest}`.replaceAll(/\/{2,}/g, '/');
    return `file://${authority === 'localhost' ? '' : authority ?? ''}${path}`;
  }
  if (authority !== undefined) return `${scheme}://${authority}${isBare(scheme, authority, rest) ? '/' : ''}${rest}`;
  return rest.startsWith('//') ? undefined : `${scheme}:${rest}`;
}

function isWeb(scheme: string): boolean {
  return scheme === 'http' || scheme === 'https';
}

/** The empty path of the web is `/` (RFC 3986 §6.2.3). Without it a `?` or `#` would stand in the host for a wildcard: `https://*.a.example/` must not hit `https://b.example?.a.example/`. */
function isBare(scheme: string, authority: string, rest: string): boolean {
  return isWeb(scheme) && !rest.startsWith('/') && authority !== '' && !authority.includes('**');
}

function plain(text: string, decoded: RegExp): string {
  return text.replaceAll(/%[0-9A-Fa-f]{2}|[^\u0000-\u007f]+/g, (found) => {
    if (!found.startsWith('%')) return found.isWellFormed() ? encodeURIComponent(found) : found;
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    if (!decoded.test(character)) return found.toUpperCase();
    return character === '\\' ? '/' : character;
  });
}

function escapedStars(text: string): string {
  return text.replaceAll('*', '%2A');
}

/** User and password, before the last `@`, keep their case. */
function hostLowered(authority: string): string {
  const host = authority.lastIndexOf('@') + 1;
  return authority.slice(0, host) + authority.slice(host).toLowerCase().replaceAll(/%[0-9a-f]{2}/g, (escape) => escape.toUpperCase());
}
