// Who besides its owner may touch a file, by what stat(2) says of it. One rule for the configuration, for keys and secrets, and for
// the folders they lie in.

export interface FileFacts {
  /** Permission bits; those of the file's type may be among them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Group or others may read, write or enter: then it holds no secret. */
export function openToOthers(mode: number): boolean {
  return (mode & 0o077) !== 0;
}

/** Group or others may write. */
export function writableByOthers(mode: number): boolean {
  return (mode & (GROUP_WRITES | OTHERS_WRITE)) !== 0;
}

/**
 * The same, but a group with the number of the owner counts as the owner: where the umask is 002, each user has a private group of
 * that number, and every file of a checkout is 0664. Any other group has members who are somebody else.
 */
export function writableByStrangers({ mode, uid, gid }: FileFacts): boolean {
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && gid !== uid);
}

/** A folder where everybody may rename and remove what is not theirs. */
export function openFolder(mode: number): boolean {
  return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
}

/** `0664`. */
export function showMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
