// The scopes a token was granted: `scope` (RFC 8693 §4.2, RFC 9068 §2.2.3), or `scp`, as other issuers call it. Scopes only ever add, so what
// cannot be read is no scope, and never a reason to refuse the token.
import { elements, stringOf } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import { isScopeName, SCOPES_MAX } from '../core/policy/scopes.ts';
import type { Claims } from './token.ts';

/** Each once, in the order of the claim. Empty when there is none, one of them is no `scope-token`, or there are too many. */
export function scopesOf(claims: Claims): readonly string[] {
  const raw = claims.get('scope') ?? claims.get('scp');
  const names = raw === undefined ? [] : namesIn(raw);
  const fits = names !== undefined && names.length <= SCOPES_MAX && names.every((name) => name !== undefined && isScopeName(name));
  return fits ? [...new Set(names.filter((name) => name !== undefined))] : [];
}

/** Separated by spaces, or one by one. */
function namesIn(raw: RawJson): readonly (string | undefined)[] | undefined {
  const text = stringOf(raw);
  if (text !== undefined) return text.split(' ').filter((name) => name !== '');
  return elements(raw)?.map((item) => stringOf(item));
}
