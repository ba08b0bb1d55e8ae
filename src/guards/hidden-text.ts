// Finds text that a person reviewing a call does not see but a model or a tool reads: Unicode tag characters
// ("ASCII smuggling"), bidirectional overrides (CVE-2021-42574) and runs of zero-width characters. Pure.
import type { Finding } from '../core/decision.ts';

const TAGS = /[\u{e0020}-\u{e007f}]/u;
const BIDI = /[\u202a-\u202e\u2066-\u2069]/;
/** A single joiner is ordinary in emoji and several scripts; a run of them carries bits. */
const ZERO_WIDTH_RUN = /[\u200b-\u200d\u2060\ufeff]{4,}/;
/** The flag sequences of England, Scotland and Wales are the one legal use of tags: U+1F3F4 … U+E007F. */
const FLAG_SEQUENCE = /\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f}/gu;

/** `text` is decoded text, not JSON: escapes would hide what this looks for. */
export function hiddenText(text: string): readonly Finding[] {
  const findings: Finding[] = [];
  if (TAGS.test(text.replaceAll(FLAG_SEQUENCE, ''))) findings.push({ rule: 'hidden-text:tags', severity: 'high', note: 'Unicode tag characters' });
  if (BIDI.test(text)) findings.push({ rule: 'hidden-text:bidi', severity: 'medium', note: 'bidirectional override characters' });
  if (ZERO_WIDTH_RUN.test(text)) findings.push({ rule: 'hidden-text:zero-width', severity: 'medium', note: 'a run of zero-width characters' });
  return findings;
}
