// The file of a unix socket: its directory, its mode, and whether somebody still answers on it.
import { chmod, lstat, mkdir, stat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { writableByOthers } from '../../core/file-mode.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { SOCKET_PATH_BYTES } from '../../core/socket-path.ts';
import { codeIn } from '../../core/thrown.ts';
import type { ListenFault } from '../listen.ts';

const PROBE_MS = 1000;

/** Makes the path ready to be bound: directory there and not writable by others, no live socket, no stale one. */
export async function prepareSocketPath(path: string): Promise<Result<void, ListenFault>> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) return err({ code: 'failed', detail: `${path}: longer than ${SOCKET_PATH_BYTES} bytes` });
  const directory = dirname(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // Whoever may write to the directory could put a socket of their own in our place.
    const { mode, uid } = await stat(directory);
    if (writableByOthers(mode)) return err({ code: 'permission', detail: `${directory}: writable by others` });
    // Its owner may too, whatever the mode; root (and a gateway that runs as root) is the only other one to be trusted with it.
    if (uid !== 0 && uid !== process.geteuid?.()) return err({ code: 'permission', detail: `${directory}: belongs to another user` });
    return await clearStale(path);
  } catch (error) {
    return err({ code: 'permission', detail: `${directory}: ${codeIn(error) ?? 'failed'}` });
  }
}

async function clearStale(path: string): Promise<Result<void, ListenFault>> {
  try {
    if (!(await lstat(path)).isSocket()) return err({ code: 'address_in_use', detail: `${path}: exists and is not a socket` });
  } catch (error) {
    return codeIn(error) === 'ENOENT' ? ok(undefined) : err({ code: 'failed', detail: `${path}: ${codeIn(error) ?? 'failed'}` });
  }
  if (await answers(path)) return err({ code: 'address_in_use', detail: `${path}: another gateway answers here` });
  await unlink(path);
  return ok(undefined);
}

/** Only a refused connection proves that nobody listens; anything else counts as somebody. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(PROBE_MS, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => {
      const code = codeIn(error);
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}

/** Runs `listen` so that the socket is born with mode 0600: binding takes the mode from the umask. */
export function bornPrivate(listen: () => void): void {
  const before = process.umask(0o177);
  try {
    listen();
  } finally {
    process.umask(before);
  }
}

export async function makePrivate(path: string): Promise<void> {
  await chmod(path, 0o600);
}
