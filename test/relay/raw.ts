// JSON for tests of the relay: texts as they would arrive, and arbitraries that a careless rewriter would harm.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BACKEND_LIMITS } from '../../src/core/json/raw.ts';
import { type RawJson, scan } from '../../src/core/json/scan.ts';

export function raw(text: string): RawJson {
  const scanned = scan(text, BACKEND_LIMITS);
  assert.ok(scanned.ok, text);
  return scanned.value;
}

/** Valid texts whose numbers, escapes, spaces and order do not survive a parse and a stringify. */
export const delicate: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  object: fc.uniqueArray(fc.tuple(fc.constantFrom('z', 'a', '1', '0', 'x-vendor', '\\u0076', 'Ö', 'annotations', 'note'), tie('value')), { selector: ([key]) => key, maxLength: 4 })
    .map((pairs) => `{${pairs.map(([key, value]) => `"${key}" : ${value}`).join(' ,')}}`),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('12345678901234567890', '1.0', '-0', '1E+2', '0.1000', '"\\u0041\\/"', '"\\ud83d"', '" "', 'null', 'true', '[]', '{}', '[ 1.0 , -0 ]'),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(' , ')}]`),
  ),
})).value;

/** An address that runs instead of leading anywhere. */
export const SCRIPT: string = ['javascript', 'alert(1)'].join(':');
