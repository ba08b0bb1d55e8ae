// Words of change notices: of one resource, or of a list, with the subscription they belong to in the modern era.
// Source: MCP basic/patterns/subscriptions (2026-07-28); schema ResourceUpdatedNotification (a part of what was subscribed).
import { objectOf, quote } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { META } from './meta.ts';

/** Params of `notifications/resources/updated`. `uri` as the agent knows it; `subscription`: id of its listen request as it arrived, undefined in legacy sessions. */
export function updatedParams(uri: string, subscription: RawJson | undefined): RawJson {
  const own: readonly [string, RawJson] = ['uri', quote(uri)];
  return subscription === undefined ? objectOf([own]) : objectOf([own, ['_meta', subscriptionMeta(subscription)]]);
}

/** `_meta` of every message of one subscription; same type and bytes as the id (T61). */
export function subscriptionMeta(subscription: RawJson): RawJson {
  return objectOf([[META.subscriptionId, subscription]]);
}

/** True when news of `updated` are news for who follows `followed`: the same resource, or a part of it (T115). */
export function concerns(followed: string, updated: string): boolean {
  if (!updated.startsWith(followed)) return false;
  if (updated.length === followed.length || /[/?#]$/.test(followed)) return true;
  return /^[/?#]/.test(updated.slice(followed.length));
}
