// Headers of our requests: made from settings and from the message itself, never from an agent's request (CH1, CH10).
import type { HttpBackendSettings } from '../../core/settings.ts';
import { headerValue } from '../../relay/mirrored.ts';
import type { Manner } from './ask.ts';

/** Ours to set. An operator's value for one of these would break framing or the protocol. */
const RESERVED = /^(?:host|content-type|content-length|content-encoding|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|accept|accept-encoding|last-event-id|mcp-.*)$/;

/** Name, value, name, value: the form undici sends without another pass. */
export type FlatHeaders = readonly string[];

export const JSON_BODY: FlatHeaders = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
export const EVENTS_ONLY: FlatHeaders = ['accept', 'text/event-stream'];

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

/** Computed from what is sent, after names are the backend's own (CH1). */
export function mannerHeaders(manner: Manner, method: string | undefined, name: string | undefined): FlatHeaders {
  const headers: string[] = [];
  if (manner.version !== undefined) headers.push('mcp-protocol-version', manner.version);
  if (manner.session !== undefined) headers.push('mcp-session-id', manner.session);
  if (manner.era === 'modern' && method !== undefined) headers.push('mcp-method', headerValue(method));
  if (manner.era === 'modern' && name !== undefined) headers.push('mcp-name', headerValue(name));
  return headers;
}

/** Session ids are visible ASCII (2025-11-25 transports); anything else is not sent back. */
export function isSessionId(text: string): boolean {
  return text.length <= 1024 && /^[\x21-\x7e]+$/.test(text);
}
