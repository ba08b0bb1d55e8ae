// [audit.witness]: whose checkpoints this gateway keeps in its own audit. Only what these keys have signed is taken, so a key that cannot be read is
// an error: an anchor that was meant to be there would not be.
import * as z from 'zod';
import { writableByOthers } from '../core/file-mode.ts';
import { words } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { pathOf } from './secrets.ts';

export interface WitnessFile {
  readonly keys: readonly string[];
}

/** The key `witness` of [audit]. */
export const WITNESS: z.ZodType<WitnessFile | undefined> = z.strictObject({
  keys: words([], { doc: 'Gateways whose checkpoints are taken at `/audit/checkpoints` of `gateway.listen` and kept in this audit: the line of `audit-sign.pub` of each, or files with such lines. Empty: none, and there is no such place.', example: '["/etc/sentinel/other.pub"]' }),
}).optional();

/** Each is remembered with what it sent. */
const MOST_KEYS = 256;
const LINE = /^sentinel-audit\/[A-Za-z0-9._-]{1,64}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/;
const MEANT_AS_LINE = /^sentinel-audit\/[^/]*\+/;

export function witnessOf(file: WitnessFile | undefined, context: Context): readonly string[] {
  const place: Path = ['audit', 'witness', 'keys'];
  const lines = (file?.keys ?? []).flatMap((entry, index) => {
    const at = [...place, index];
    return (MEANT_AS_LINE.test(entry) ? [entry] : linesIn(entry, at, context)).filter((line) => isKey(line, at, context));
  });
  const keys = [...new Set(lines)];
  if (keys.length > MOST_KEYS) context.problem('range', place, `${keys.length} keys are more than the ${MOST_KEYS} that a gateway is a witness for`);
  return keys;
}

function linesIn(entry: string, at: Path, context: Context): readonly string[] {
  const path = pathOf(entry, context.directory, context.home);
  const read = context.readFile?.(path);
  const lines = read?.ok === true ? read.value.text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')) : [];
  if (read?.ok !== true) context.problem('witness_key', at, `${quoted(entry)} is no line of a key, and no file that can be read${read === undefined ? '' : ` (${read.error})`}`);
  else if (writableByOthers(read.value.mode)) context.problem('witness_key', at, `the file ${path} can be written by group or others`, `run: chmod go-w ${path}`);
  else if (lines.length === 0) context.problem('witness_key', at, `the file ${path} holds no key`);
  return lines;
}

function isKey(line: string, at: Path, context: Context): boolean {
  const flaw = LINE.test(line) ? context.vkeyFlaw?.(line) : 'it is not of the form sentinel-audit/<node>+<id>+<key>';
  if (flaw !== undefined) context.problem('witness_key', at, `a key cannot be used: ${flaw}`);
  return flaw === undefined;
}
