// Export to a file: append, fsync, and only then say that it is there. Opened by its name for each batch, so that a tool that rotates it may.
import { constants } from 'node:fs';
import { type FileHandle, open as openFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { type Receipt, said, type SendFault, TAKEN, type Transport } from './transport.ts';

export interface FileTarget {
  readonly path: string;
  /** A file that would become larger is moved aside first. */
  readonly maxBytes: number;
  /** How many older ones stay: `path.1` is the newest of them. */
  readonly keep: number;
}

type Open = (path: string, flags: number, mode: number) => Promise<FileHandle>;

const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const MODE = 0o600;
const LINE_FEED = 0x0a;
const LOOK_BACK = 65_536;
/** More than any batch, and so than any line. */
const LONGEST_LINE = 64 * 1024 * 1024;
/** Enough to tell one format from another, and from a file that is something else. */
const BEGINNING = 8;

export function fileTransport(target: FileTarget, join: (parts: readonly string[]) => string, open: Open = openFile): Transport {
  return {
    async send(parts) {
      try {
        return await append(target, Buffer.from(join(parts)), open);
      } catch (thrown) {
        // Not made here: the folder of a disk that is not mounted would come to be on this one, and with it what is kept elsewhere on purpose.
        const gone = codeIn(thrown) === 'ENOENT' ? `its folder ${dirname(target.path)} is not there` : undefined;
        return err({ code: 'io', detail: said(`${target.path}: ${gone ?? codeIn(thrown) ?? messageIn(thrown)}`) });
      }
    },
    close: async () => undefined,
  };
}

async function append(target: FileTarget, bytes: Buffer, open: Open): Promise<Result<Receipt, SendFault>> {
  const first = await usable(target.path, bytes, open);
  if (!first.ok) return first;
  let { handle, size } = first.value;
  try {
    if (size > 0 && size + bytes.length > target.maxBytes) {
      await handle.close();
      await rotate(target);
      const next = await usable(target.path, bytes, open);
      if (!next.ok) return next;
      ({ handle, size } = next.value);
    }
    await writeWhole(handle, size, bytes);
    await handle.sync();
    if (size === 0) await syncDirectory(target.path, open);
    return ok(TAKEN);
  } finally {
    // Closed already where the file that should follow a rotation could not be opened.
    await handle.close().catch(() => undefined);
  }
}

interface Opened {
  readonly handle: FileHandle;
  readonly size: number;
}

/** A link is not followed, and a pipe or device is nothing that can be read again. */
async function usable(path: string, bytes: Buffer, open: Open): Promise<Result<Opened, SendFault>> {
  const handle = await opened(path, open);
  let flaw = 'is no regular file';
  try {
    const facts = await handle.stat();
    const size = facts.isFile() ? await withoutTornLine(handle, facts.size, bytes.subarray(0, BEGINNING)) : undefined;
    if (size !== undefined) return ok({ handle, size });
    if (facts.isFile()) flaw = 'has something else in it: no line of an export';
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
  await handle.close();
  return err({ code: 'io', detail: said(`${path} ${flaw}`) });
}

async function opened(path: string, open: Open): Promise<FileHandle> {
  try {
    return await open(path, APPEND, MODE);
  } catch (thrown) {
    if (codeIn(thrown) !== 'ENOENT') throw thrown;
  }
  const handle = await open(path, APPEND | constants.O_CREAT | constants.O_EXCL, MODE);
  // Whatever the umask took away or an access list of the folder gave.
  await handle.chmod(MODE);
  return handle;
}

/** What a crash left of a line is taken away: its record is sent again, whole. Undefined: it has no lines, and does not begin as ours do. */
async function withoutTornLine(handle: FileHandle, size: number, begins: Buffer): Promise<number | undefined> {
  let end = size;
  while (end > 0) {
    if (size - end >= LONGEST_LINE) return undefined;
    const from = Math.max(0, end - LOOK_BACK);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - from), 0, end - from, from);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) {
      end = from + at + 1;
      break;
    }
    end = from;
    if (end === 0 && !begins.subarray(0, bytesRead).equals(buffer.subarray(0, Math.min(bytesRead, begins.length)))) return undefined;
  }
  if (end < size) await handle.truncate(end);
  return end;
}

/** All of it or, where the disk is full, nothing: half a batch would be there twice after the next attempt. */
async function writeWhole(handle: FileHandle, size: number, bytes: Buffer): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
  } catch (thrown) {
    await handle.truncate(size).catch(() => undefined);
    throw thrown;
  }
}

async function rotate({ path, keep }: FileTarget): Promise<void> {
  await rm(`${path}.${keep}`, { force: true });
  for (let at = keep - 1; at >= 1; at -= 1) await moved(`${path}.${at}`, `${path}.${at + 1}`);
  if (keep === 0) await rm(path, { force: true });
  else await moved(path, `${path}.1`);
}

async function moved(from: string, to: string): Promise<void> {
  await rename(from, to).catch((thrown: unknown) => {
    if (codeIn(thrown) !== 'ENOENT') throw thrown;
  });
}

async function syncDirectory(path: string, open: Open): Promise<void> {
  const handle = await open(dirname(path), constants.O_RDONLY, 0);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
