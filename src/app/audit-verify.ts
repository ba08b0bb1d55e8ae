// Checks the audit against its chains, its checkpoints and what was kept elsewhere. Reads only; needs no gateway and no network.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { messageIn } from '../core/thrown.ts';
import { beginningsOf, checkJournal, claimedBefore } from '../stores/journal/check.ts';
import { journalDirectories, listSegments } from '../stores/journal/folder.ts';
import { checkSegmentFiles } from '../stores/journal/segment-check.ts';
import { notesOf } from '../stores/tlog/anchors.ts';
import { piecesOf, verifyLines } from '../stores/tlog/lines.ts';
import { nodeOf } from '../stores/tlog/checkpoint.ts';
import { parseVkey, type VerifierKey } from '../stores/tlog/note.ts';
import { PUBLIC_FILE } from '../stores/tlog/signing-key.ts';
import type { Divergence, EpochReport, Verdict } from '../stores/tlog/verdict.ts';
import { createVerifier, type Verifier } from '../stores/tlog/verify.ts';
import { type DatabaseFindings, verifyDatabase } from './audit-verify-database.ts';
import { startFault, type StartFault } from './fault.ts';

export type { Divergence, EpochReport } from '../stores/tlog/verdict.ts';

export interface VerifyRequest {
  /** Exports as JSON Lines, `-` for stdin; none: the journal. */
  readonly files: readonly string[];
  readonly stdin: AsyncIterable<Uint8Array>;
  /** What PostgreSQL holds, instead of both; `detached`: with the days that were detached and are still there. */
  readonly database?: { readonly detached: boolean } | undefined;
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
  /** Where PostgreSQL was asked. */
  readonly database?: DatabaseFindings;
}

type Configured = Pick<Settings, 'gateway' | 'audit' | 'store'>;

/** `settings`: undefined where nothing is read but files, against keys that are named. */
export async function verifyAudit(settings: Configured | undefined, request: VerifyRequest): Promise<Result<Verified, StartFault>> {
  const own = settings === undefined ? [] : [join(settings.gateway.stateDir, PUBLIC_FILE)];
  const keys = readKeys(request.keys.length > 0 ? request.keys : own);
  if (!keys.ok) return keys;
  const directories = settings === undefined ? [] : journalDirectories(settings);
  const fromJournal = request.files.length === 0 && request.database === undefined;
  // With an anchor it can be told that something was there.
  if (fromJournal && request.anchors.length === 0 && listSegments(directories).length === 0) return err(startFault(1, 'SEN-0601', `there is no journal in ${directories[0]}`, 'is this the configuration the gateway runs with? sentinel status'));
  const kept = fromJournal ? { starts: beginningsOf(directories), claimed: claimedBefore(directories) } : {};
  const verifier = createVerifier({ keys: keys.value, strict: request.strict, ...kept });
  if (!verifier.ok) return err(startFault(22, 'SEN-0603', `the beginning of the oldest segment is not to be believed: ${verifier.error.detail}`, 'sentinel audit verify with an export from before'));
  const anchored = await addAnchors(verifier.value, request.anchors);
  if (!anchored.ok) return anchored;
  const read = await readAll(verifier.value, settings, request, keys.value);
  if (!read.ok) return read;
  const verdict = verifier.value.finish();
  const { problems, ...rest } = read.value;
  const beside = fromJournal ? await checkSegmentFiles(directories, request.signal) : [];
  const all = [...problems, ...verdict.problems, ...beside, ...(fromJournal ? verdict.epochs.flatMap((epoch) => unsignedIn(epoch) ?? []) : [])];
  // An anchor that says nothing must not pass for one that agrees.
  const isIdle = request.anchors.length > 0 && !verdict.epochs.some(({ anchored }) => anchored > 0);
  if (all.length === 0 && isIdle && !request.signal.aborted) return err(startFault(1, 'SEN-0603', `no checkpoint in ${request.anchors.join(', ')} is of what was checked, so that they showed nothing`, 'are they of this node? sentinel audit verify without --anchor checks the rest'));
  const [absent] = rest.database?.absent ?? [];
  // Who deletes everything leaves nothing that could be wrong.
  if (all.length === 0 && absent !== undefined && !request.signal.aborted) return err(startFault(1, 'SEN-0601', `PostgreSQL holds no record of node ${absent}`, 'is this its database, and its key? sentinel audit verify --database --key <file>'));
  return ok({ ...verdict, ...rest, problems: all, keys: keys.value.map(({ name, id }) => `${name}+${id}`) });
}

/** A journal signs with each so many records: more of them that nobody vouches for had a checkpoint, which somebody took. */
const SIGNED_EACH = 1024;

function unsignedIn({ node, epoch, size, unsigned, end }: EpochReport): Divergence | undefined {
  if (unsigned < SIGNED_EACH || end === undefined) return undefined;
  const first = size - unsigned + 1;
  return { node, epoch, seq: first, where: `epoch ${epoch}`, problem: 'checkpoint_signature', detail: `no checkpoint covers records ${first} to ${size}, and one is made with each ${SIGNED_EACH}th` };
}

interface Read {
  readonly problems: readonly Divergence[];
  readonly database?: DatabaseFindings;
}

async function readAll(verifier: Verifier, settings: Configured | undefined, request: VerifyRequest, keys: readonly VerifierKey[]): Promise<Result<Read, StartFault>> {
  if (request.database !== undefined && settings !== undefined) {
    const nodes = new Set(keys.flatMap((key) => nodeOf(key) ?? []));
    return verifyDatabase(verifier, settings, { nodes, ...request.database, onRecords: () => request.onProgress(verifier.records), signal: request.signal });
  }
  const read = request.files.length === 0 && settings !== undefined ? ok(await journalProblems(verifier, journalDirectories(settings), request)) : await readFiles(verifier, request);
  return read.ok ? ok({ problems: read.value }) : read;
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

async function addAnchors(verifier: Verifier, paths: readonly string[]): Promise<Result<void, StartFault>> {
  for (const path of paths) {
    let found = 0;
    try {
      for await (const note of notesOf(piecesOf(path))) {
        found += 1;
        verifier.anchor(note, `${path} note ${found}`);
      }
    } catch (thrown) {
      return err(startFault(1, 'SEN-0601', existsSync(path) ? `${path}: ${messageIn(thrown)}` : `${path} is not there`, 'ls -l'));
    }
    // An anchor that says nothing must not pass for one that agrees.
    if (found === 0) return err(startFault(2, 'SEN-0603', `${path} holds no checkpoint`, 'an export with format = "checkpoints" makes such a file: docs/audit-export.md'));
  }
  return ok(undefined);
}

function readText(path: string): Result<string, StartFault> {
  if (!existsSync(path)) return err(startFault(1, 'SEN-0601', `${path} is not there`, 'ls -l'));
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch (thrown) {
    return err(startFault(1, 'SEN-0601', `${path}: ${messageIn(thrown)}`, 'ls -l'));
  }
}
