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

/** Session ids are visible ASCII (2025-11-25 transports); anything else is not sent back. */
export function isSessionId(text: string): boolean {
  return text.length <= 1024 && /^[\x21-\x7e]+$/.test(text);
}
