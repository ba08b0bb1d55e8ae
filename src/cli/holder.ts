// Who listens on a port, as far as this user may know. Linux reads it from /proc; elsewhere nobody is named.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import type { Address } from '../core/settings.ts';

/** State of a listening socket in /proc/net/tcp (TCP_LISTEN). */
const LISTENING = '0A';

/** Undefined when it is free; else the code of the failure, such as EADDRINUSE or EACCES. */
export function portTrouble(address: Address): Promise<string | undefined> {
  if (address.port === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    probe.listen({ host: address.host, port: address.port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

/** `name (pid 123)`. */
export function holderOf(port: number): string | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeners(readOr(file), port)));
  if (inodes.size === 0) return undefined;
  for (const pid of listOr('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of listOr(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOr(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `${nameOf(pid)} (pid ${pid})`;
    }
  }
  return undefined;
}

/** Only the program's own name: arguments may hold secrets. */
function nameOf(pid: string): string {
  const program = readOr(`/proc/${pid}/cmdline`).split('\0')[0] ?? '';
  return program === '' ? readOr(`/proc/${pid}/comm`).trim() : basename(program);
}

/** Inodes of sockets that listen on the port: fields 2 (local address), 4 (state) and 10 (inode) of proc_net_tcp(5). */
export function listeners(text: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text.split('\n').map((line) => line.trim().split(/\s+/)).filter((fields) => fields[1]?.endsWith(wanted) === true && fields[3] === LISTENING).map((fields) => fields[9] ?? '');
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function listOr(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOr(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
