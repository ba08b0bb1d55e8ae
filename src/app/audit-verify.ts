// Checks the audit against its chains, its checkpoints and what was kept elsewhere. Reads only; needs no gateway and no network.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { messageIn } from '../core/thrown.ts';
import { beginningsOf, checkJournal } from '../stores/journal/check.ts';
import { journalDirectories, listSegments } from '../stores/journal/folder.ts';
import { splitNotes } from '../stores/tlog/checkpoint.ts';
import { piecesOf, verifyLines } from '../stores/tlog/lines.ts';
import { parseVkey, type VerifierKey } from '../stores/tlog/note.ts';
import { PUBLIC_FILE } from '../stores/tlog/signing-key.ts';
import type { Divergence, Verdict } from '../stores/tlog/verdict.ts';
import { createVerifier, type Verifier } from '../stores/tlog/verify.ts';
import { startFault, type StartFault } from './fault.ts';

export type { Divergence, EpochReport } from '../stores/tlog/verdict.ts';

export interface VerifyRequest {
  /** Exports as JSON Lines, `-` for stdin; none: the journal. */
  readonly files: readonly string[];
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Files of checkpoints that were kept elsewhere. */
  readonly anchors: readonly string[];
  /** Files with the line of a key each; none: the key of this gateway. */
  readonly keys: readonly string[];
  /** Reads each record as JSON too. */
  readonly strict: boolean;
  /** Told with the records so far. */
  readonly onProgress: (records: number) => void;
  readonly signal: AbortSignal;
}

export interface Verified extends Verdict {
  /** Keys that were believed, as they are written. */
  readonly keys: readonly string[];
}

export async function verifyAudit(settings: Pick<Settings, 'gateway' | 'audit'>, request: VerifyRequest): Promise<Result<Verified, StartFault>> {
  const keys = readKeys(request.keys.length > 0 ? request.keys : [join(settings.gateway.stateDir, PUBLIC_FILE)]);
  if (!keys.ok) return keys;
  const directories = journalDirectories(settings);
  const fromJournal = request.files.length === 0;
  if (fromJournal && listSegments(directories).length === 0) return err(startFault(1, 'SEN-0601', `there is no journal in ${directories[0]}`, 'is this the configuration the gateway runs with? sentinel status'));
  const verifier = createVerifier({ keys: keys.value, strict: request.strict, starts: fromJournal ? beginningsOf(directories) : [] });
  if (!verifier.ok) return err(startFault(22, 'SEN-0603', `the beginning of the oldest segment is not to be believed: ${verifier.error.detail}`, 'sentinel audit verify with an export from before'));
  const anchored = addAnchors(verifier.value, request.anchors);
  if (!anchored.ok) return anchored;
  const read = fromJournal ? ok(await journalProblems(verifier.value, directories, request)) : await readFiles(verifier.value, request);
  if (!read.ok) return read;
  const verdict = verifier.value.finish();
  return ok({ ...verdict, problems: [...read.value, ...verdict.problems], keys: keys.value.map(({ name, id }) => `${name}+${id}`) });
}

function journalProblems(verifier: Verifier, directories: readonly string[], { onProgress, signal }: VerifyRequest): Promise<readonly Divergence[]> {
  return checkJournal(verifier, directories, { onRecords: () => onProgress(verifier.records), signal });
}

async function readFiles(verifier: Verifier, { files, stdin, onProgress, signal }: VerifyRequest): Promise<Result<readonly Divergence[], StartFault>> {
  for (const file of files) {
    const pieces = file === '-' ? stdin : piecesOf(file);
    const read = await verifyLines(verifier, file === '-' ? 'stdin' : file, pieces, { onProgress: () => onProgress(verifier.records) });
    if (!read.ok) return err(startFault(1, 'SEN-0601', read.error.detail, 'ls -l'));
    if (signal.aborted) break;
  }
  return ok([]);
}

function readKeys(paths: readonly string[]): Result<readonly VerifierKey[], StartFault> {
  const keys: VerifierKey[] = [];
  for (const path of paths) {
    const text = readText(path);
    if (!text.ok) return text;
    for (const line of text.value.split('\n').map((one) => one.trim()).filter((one) => one !== '' && !one.startsWith('#'))) {
      const key = parseVkey(line);
      if (!key.ok) return err(startFault(2, 'SEN-0603', `${path} holds no key for checkpoints: ${key.error.detail}`, `${PUBLIC_FILE} of the gateway's state directory is one`));
      keys.push(key.value);
    }
  }
  return ok(keys);
}

function addAnchors(verifier: Verifier, paths: readonly string[]): Result<void, StartFault> {
  for (const path of paths) {
    const text = readText(path);
    if (!text.ok) return text;
    for (const [at, note] of notesIn(text.value).entries()) verifier.anchor(note, `${path} note ${at + 1}`);
  }
  return ok(undefined);
}

/** Notes as they are, one behind the other, or JSON Lines as exports of checkpoints write them. */
function notesIn(text: string): readonly string[] {
  if (!text.trimStart().startsWith('{')) return splitNotes(text);
  return text.split('\n').filter((line) => line.trim() !== '').map((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null && 'checkpoint' in value ? String(value.checkpoint) : line;
    } catch {
      return line;
    }
  });
}

function readText(path: string): Result<string, StartFault> {
  if (!existsSync(path)) return err(startFault(1, 'SEN-0601', `${path} is not there`, 'ls -l'));
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch (thrown) {
    return err(startFault(1, 'SEN-0601', `${path}: ${messageIn(thrown)}`, 'ls -l'));
  }
}
