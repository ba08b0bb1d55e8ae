// Agents that follow resources: by a session of the 2025 revisions, or by a stream of 2026-07-28.
import assert from 'node:assert/strict';
import { backendId } from '../../src/core/ids.ts';
import type { SessionIo } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { BackendListing } from '../../src/core/ports.ts';
import { ALL_OFFERS } from '../support/offers.ts';
import { allowAll, parse, settings, world, type FakeBackend, type Message, type World } from '../support/world.ts';

export const FULL: Partial<BackendListing> = { prompts: [toRaw({ name: 'p' })], resources: [toRaw({ uri: 'file:///a', name: 'a' })], offers: ALL_OFFERS };
export const denied = (...deny: readonly string[]): ReturnType<typeof settings> => settings({ roles: [{ ...allowAll, deny }] });
export const full = (over: Parameters<typeof world>[0] = {}): World => world({ listings: { alpha: FULL, beta: FULL }, ...over });

export function backendOf(w: World, id: string = 'alpha'): FakeBackend {
  const found = w.backends.get(backendId(id));
  assert.ok(found);
  return found;
}

export const tick = async (): Promise<void> => { for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve)); };

export interface Session { readonly io: SessionIo; readonly heard: Message[]; end(): void }

export function session(): Session {
  const over = new AbortController();
  const heard: Message[] = [];
  return { heard, end: () => over.abort(), io: { ended: over.signal, notify: (message) => heard.push(parse(message)) } };
}

export const subscribe = (w: World, { io }: Session, uri: unknown, method: string = 'resources/subscribe'): ReturnType<World['ask']> => w.ask(method, { uri }, { era: 'legacy', io: { session: io } });

export interface Stream { readonly heard: Message[]; readonly stop: AbortController; readonly pending: ReturnType<World['ask']> }

export async function listen(w: World, notifications: object, over: Parameters<World['ask']>[2] = {}): Promise<Stream> {
  const stop = new AbortController();
  const heard: Message[] = [];
  const pending = w.ask('subscriptions/listen', { notifications }, { ...over, io: { signal: stop.signal, notify: (message) => heard.push(parse(message)) } });
  await tick();
  return { heard, stop, pending };
}
