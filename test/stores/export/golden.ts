// The golden files of the exports, and the program that writes them: `node test/stores/export/golden.ts`. Look at the difference before it is kept.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORMAT_NAMES } from '../../../src/core/audit/exports.ts';
import { formatOf, inSyslog, type RecordFormat } from '../../../src/stores/export/format.ts';
import { parseRecord } from '../../../src/stores/export/record.ts';
import { LINES } from './records.ts';
import { CONTEXT } from './sample.ts';

export const GOLDEN: string = join(import.meta.dirname, 'golden');

export function written(format: RecordFormat, lines: readonly string[]): string {
  return format.join(lines.map((line) => {
    const record = parseRecord(line);
    if (record === undefined) throw new Error(`no record: ${line.slice(0, 200)}`);
    return format.one(record, line);
  }));
}

/** File name → text. */
export function goldenTexts(): ReadonlyMap<string, string> {
  return new Map([
    ...FORMAT_NAMES.map((name): [string, string] => [`records.${name}`, written(formatOf(name, CONTEXT), LINES)]),
    ['records.cef-in-syslog', written(inSyslog(formatOf('cef', CONTEXT), CONTEXT), LINES)],
  ]);
}

if (import.meta.main) for (const [name, text] of goldenTexts()) writeFileSync(join(GOLDEN, name), text);
