// Headers of our requests: made from settings and from the message itself, never from an agent's request (CH1, CH10).
import type { HttpBackendSettings } from '../../core/settings.ts';

/** Ours to set. An operator's value for one of these would break framing or the protocol. */
const RESERVED = /^(?:host|content-type|content-length|content-encoding|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|accept|accept-encoding|last-event-id|mcp-.*)$/;

/** Name, value, name, value: the form undici sends without another pass. */
export type FlatHeaders = readonly string[];

export function settingHeaders(settings: HttpBackendSettings): FlatHeaders {
  const headers = new Map<string, string>();
  for (const [name, secret] of Object.entries(settings.headers)) {
    const lower = name.toLowerCase();
    if (!RESERVED.test(lower)) headers.set(lower, secret.reveal());
  }
  if (settings.bearer !== undefined) headers.set('authorization', `Bearer ${settings.bearer.reveal()}`);
  if (settings.sharedSecret !== undefined) headers.set('x-sentinel-auth', settings.sharedSecret.reveal());
  return [...headers].flat();
}

const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
const LOOKS_ENCODED = /^=\?base64\?.*\?=$/;

/** A value that cannot split a header whatever it holds (A23): printable as it is, else Base64 between markers (SEP-2243). */
export function headerValue(text: string): string {
  if (PLAIN.test(text) && !LOOKS_ENCODED.test(text)) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

/** Session ids are visible ASCII (2025-11-25 transports); anything else is not sent back. */
export function isSessionId(text: string): boolean {
  return text.length <= 1024 && /^[\x21-\x7e]+$/.test(text);
}
