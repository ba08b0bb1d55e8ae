// The `requestState` that modern agents carry between two requests of one call: sealed, bound to principal, target and arguments, and
// good for a while. An agent's text until it is opened; what it refers to lives in parking.ts or inside it (MRTR, 2026-07-28; T85–T89).
import type { Target } from '../core/call.ts';
import { targetKey } from '../core/call.ts';
import type { Instant } from '../core/ids.ts';
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import { AGENT_LIMITS, BACKEND_LIMITS } from '../core/json/raw.ts';
import { scan, type RawJson } from '../core/json/scan.ts';
import { elements, members, safeIntegerOf, stringOf } from '../core/json/slice.ts';
import type { RefusalReason } from '../core/outcome.ts';
import type { Clock, Digest } from '../core/ports.ts';
import { principalKey, type Principal } from '../core/principal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Seal } from '../relay/page.ts';

export type Handle =
  /** A call that waits here. `ticket` is good once. */
  | { readonly kind: 'parked'; readonly park: string; readonly ticket: string }
  /** A modern backend waits for the answers; `state` is its own, undefined when it gave none. */
  | { readonly kind: 'passed'; readonly state: RawJson | undefined }
  /** A legacy backend wants pages visited before the call is made at all; asked for the `times`th time. */
  | { readonly kind: 'pages'; readonly times: number; readonly keys: readonly string[] };

/** What a handle is good for: a retry must name the same, by the same principal. */
export interface Binding {
  readonly principal: Principal;
  readonly method: string;
  readonly target: Target;
  /** Raw arguments. */
  readonly content: string;
}

export type HandleFault = Extract<RefusalReason, { code: 'bad_handle' }>['handle'];

export interface HandleDeps {
  readonly seal: Seal;
  readonly digest: Digest;
  readonly clock: Clock;
}

/** The one answer to every bad handle: which check failed is for the record only. */
export const BAD_HANDLE = 'Invalid requestState: it is not of this request, was used already, or is too old';

export function sealHandle(handle: Handle, binding: Binding, lastsMs: number, { seal, digest, clock }: HandleDeps): string {
  const expires = Math.ceil(clock.mono() + lastsMs);
  return seal.seal(objectOf([['w', quote(ownerOf(binding, digest))], ['t', quote(subjectOf(binding, digest))], ['e', toRaw(expires)], ...wordsOf(handle)]));
}

export function openHandle(token: string, binding: Binding, { seal, digest, clock }: HandleDeps): Result<Handle, HandleFault> {
  const opened = seal.open(token);
  const scanned = opened === undefined ? undefined : scan(opened, AGENT_LIMITS);
  const all = scanned?.ok === true ? members(scanned.value) : undefined;
  const handle = all === undefined ? undefined : readHandle(all);
  const expires = safeIntegerOf(all?.get('e'));
  if (all === undefined || handle === undefined || expires === undefined) return err('forged');
  if (stringOf(all.get('w')) !== ownerOf(binding, digest)) return err('foreign');
  if (stringOf(all.get('t')) !== subjectOf(binding, digest)) return err('mismatch');
  return isOver(expires, clock.mono()) ? err('expired') : ok(handle);
}

function isOver(expires: number, now: Instant): boolean {
  return expires <= now;
}

function ownerOf({ principal }: Binding, digest: Digest): string {
  return digest(principalKey(principal));
}

function subjectOf({ method, target, content }: Binding, digest: Digest): string {
  return digest(`${method}\u0000${targetKey(target)}\u0000${content}`);
}

function wordsOf(handle: Handle): readonly (readonly [string, RawJson])[] {
  switch (handle.kind) {
    case 'parked': return [['k', quote('parked')], ['p', quote(handle.park)], ['n', quote(handle.ticket)]];
    // As text of text: whatever the backend wrote comes out byte for byte.
    case 'passed': return [['k', quote('passed')], ...(handle.state === undefined ? [] : [['s', quote(handle.state)] as const])];
    case 'pages': return [['k', quote('pages')], ['c', toRaw(handle.times)], ['q', toRaw(handle.keys)]];
  }
}

function readHandle(all: ReadonlyMap<string, RawJson>): Handle | undefined {
  switch (stringOf(all.get('k'))) {
    case 'parked': {
      const [park, ticket] = [stringOf(all.get('p')), stringOf(all.get('n'))];
      return park === undefined || ticket === undefined ? undefined : { kind: 'parked', park, ticket };
    }
    case 'passed': {
      const text = stringOf(all.get('s'));
      const scanned = text === undefined ? undefined : scan(text, BACKEND_LIMITS);
      return scanned?.ok === false ? undefined : { kind: 'passed', state: scanned?.value };
    }
    case 'pages': {
      const times = safeIntegerOf(all.get('c'));
      const keys = elements(all.get('q'))?.map(stringOf).filter((key) => key !== undefined);
      return times === undefined || keys === undefined ? undefined : { kind: 'pages', times, keys };
    }
    default: return undefined;
  }
}
