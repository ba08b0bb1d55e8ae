// Icons that may be shown: hosts fetch what they are told to, and only `https:` and `data:` cannot make them read a file or reach inwards (SEC46).
import { arrayOf } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, memberOf, stringOf } from '../core/json/slice.ts';

const SAFE = /^(?:https:\/\/|data:image\/)/i;
const MOST = 32;

/** The same list without the others: the same slice when all may stay, empty when it is no list at all. */
export function safeIcons(raw: RawJson): RawJson {
  const all = elements(raw, MOST);
  if (all === undefined) return arrayOf([]);
  const kept = all.slice(0, MOST).filter((icon) => SAFE.test(stringOf(memberOf(icon, 'src')) ?? ''));
  return kept.length === all.length ? raw : arrayOf(kept);
}
