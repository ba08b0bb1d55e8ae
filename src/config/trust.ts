// Whether the configuration file is the operator's own: it names programs to run and says who may call them, so whoever can write it is
// the gateway. Judges what stat(2) said; asks for nothing itself.
import { openFolder, showMode, writableByStrangers, type FileFacts } from '../core/file-mode.ts';
import type { Diagnostic } from '../core/operations.ts';
import { CODES } from './codes.ts';

export interface FoundFile {
  /** As it was named or found, absolute. */
  readonly named: string;
  /** Without links: a mounted ConfigMap is a link to a link. */
  readonly path: string;
  readonly facts: FileFacts;
  /** Owner of the link, where `named` is one. */
  readonly linkUid: number | undefined;
  /** Where `path` lies. */
  readonly folder: { readonly path: string; readonly mode: number };
}

/** Undefined when nobody but root and `uid`, who reads it, can have written it. */
export function distrust(found: FoundFile, uid: number): Diagnostic | undefined {
  const { named, path, facts, linkUid, folder } = found;
  const own = (owner: number): boolean => owner === 0 || owner === uid;
  if (!own(facts.uid)) return refusal(named, `${path} belongs to user ${facts.uid}, who is neither root nor user ${uid}, as whom this runs`, `chown ${uid} ${path}, or run the gateway as that user (uid ${facts.uid})`);
  if (writableByStrangers(facts)) return refusal(named, `${path} can be written by others (mode ${showMode(facts.mode)}, group ${facts.gid})`, `chmod go-w ${path}`);
  // The link is in a folder of its own, whose owner and mode say nothing (0777 where a ConfigMap is mounted); who made it does.
  if (linkUid !== undefined && !own(linkUid)) return refusal(named, `${named} is a link of user ${linkUid}, who is neither root nor user ${uid}, as whom this runs`, `name the file itself: --config ${path}`);
  if (openFolder(folder.mode)) return refusal(named, `everybody may write in ${folder.path} (mode ${showMode(folder.mode)}), and put another file in the place of ${path}`, `chmod o-w ${folder.path}`);
  return undefined;
}

function refusal(file: string, message: string, help: string): Diagnostic {
  const { code, severity } = CODES.writable;
  return { code, severity, message, file, line: undefined, column: undefined, help };
}
