// How far each import has come: a small file beside the journal, and where that is lost or behind, the journal itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { guardedNow } from '../fault.ts';
import { type Directories, listSegments } from '../journal/folder.ts';
import { eachSegment, inSegment } from '../journal/reading.ts';
import { placeOf, rowIdOf } from '../journal/segment.ts';
import { replaceFileNow } from '../small-file.ts';
import type { ImportedFrom } from './source.ts';

export interface Progress {
  /** The last row that is in the journal, and the id that it has there. */
  readonly row: number;
  readonly id: string;
  /** The newest row of the journal then: what was imported later stands behind it. */
  readonly at: number;
  /** Records that no event `imported` has told of. */
  readonly untold: number;
}

const FILE = 'imported.json';

/** Damaged or lost: as if there were none, and the journal is read from its beginning. */
export function readProgress([directory]: Directories, source: string, from: ImportedFrom): readonly Progress[] {
  // Under its name first; under others of its sort because files move and hosts have several names.
  const entries = Object.entries(sourcesIn(directory)).filter(([name]) => name.startsWith(`${from} `));
  return entries.toSorted(([a], [b]) => Number(b === source) - Number(a === source)).map(([, entry]) => entry).filter(isProgress);
}

/** On the disk when it returns well. */
export function saveProgress([directory]: Directories, source: string, progress: Progress): Result<void, StoreFault> {
  try {
    replaceFileNow(join(directory, FILE), `${JSON.stringify({ ...sourcesIn(directory), [source]: progress })}\n`);
    return ok(undefined);
  } catch (thrown) {
    return err({ code: 'unavailable', detail: `${join(directory, FILE)}: ${messageIn(thrown)}` });
  }
}

function sourcesIn(directory: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(directory, FILE), 'utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch (thrown) {
    if (thrown instanceof SyntaxError || codeIn(thrown) === 'ENOENT') return {};
    throw thrown;
  }
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const numbers: Readonly<Record<string, unknown>> = { ...value };
  return ['row', 'at', 'untold'].every((name) => Number.isSafeInteger(numbers[name])) && typeof numbers['id'] === 'string';
}

/** The newest row of the journal; 0: it is empty. Throws when it cannot be read. */
export function newestRow(directories: Directories): number {
  const file = listSegments(directories).at(-1);
  return file === undefined ? 0 : rowIdOf(file.number, inSegment(file, (reader) => reader.newest()));
}

export interface Found {
  /** Ids of imported records. */
  readonly ids: ReadonlySet<string>;
  /** Of those and of `before` others, what no event has told of. */
  readonly untold: number;
}

const PAGE = 1000;
const ID = /"id":"([^"]*)"/;

/** What was imported behind a row of the journal; `before`: records in front of it that no event has told of. */
export function importedBehind(directories: Directories, { at, untold: before }: Pick<Progress, 'at' | 'untold'>, from: ImportedFrom): Result<Found, StoreFault> {
  const ids = new Set<string>();
  let told = -before;
  // Inside a string the quotes would be escaped.
  const [imported, event] = [`"detail":{"imported":{"from":"${from}"`, `"detail":{"from":"${from}"`];
  const start = placeOf(at);
  return guardedNow(() => {
    const [unreadable] = eachSegment(directories, (reader) => {
      if (reader.number < start.number) return;
      for (let row = reader.number === start.number ? start.row : 0; ;) {
        const page = reader.records(row, PAGE);
        for (const { record } of page) {
          if (record.includes(imported)) ids.add(ID.exec(record)?.[1] ?? '');
          else if (record.includes('"event":"imported"') && record.includes(event)) told = ids.size;
        }
        row += page.length;
        if (page.length < PAGE) break;
      }
    });
    if (unreadable !== undefined) return err({ code: 'unavailable', detail: `${unreadable.path} cannot be read, so nobody can tell what of it was imported: ${messageIn(unreadable.why)}` });
    return ok({ ids, untold: ids.size - told });
  });
}
