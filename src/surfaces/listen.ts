// Binding a server to an address or a path. A failure to bind is a value the caller must look at (E12, G1 of the original:
// a busy port was only a log line).
import type { Server } from 'node:http';
import type { Address } from '../core/settings.ts';
import { err, ok, type Result } from '../core/result.ts';

export interface ListenFault {
  readonly code: 'address_in_use' | 'address_unavailable' | 'permission' | 'failed';
  /** For operators: address and the system's own word. */
  readonly detail: string;
}

/** Resolves to the bound address; `port` is the real one when 0 was asked. */
export async function listenOn(server: Server, address: Address): Promise<Result<Address, ListenFault>> {
  const bound = await bind(server, () => server.listen({ host: address.host, port: address.port, exclusive: true }), `${address.host}:${address.port}`);
  if (!bound.ok) return bound;
  const actual = server.address();
  return ok(actual !== null && typeof actual === 'object' ? { host: actual.address, port: actual.port } : address);
}

export function bind(server: Server, listen: () => void, where: string): Promise<Result<void, ListenFault>> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      resolve(err({ code: codeOf(error.code), detail: `${where}: ${error.code ?? error.message}` }));
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(ok(undefined));
    };
    server.once('error', failed);
    server.once('listening', listening);
    listen();
  });
}

function codeOf(code: string | undefined): ListenFault['code'] {
  switch (code) {
    case 'EADDRINUSE': return 'address_in_use';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND': return 'address_unavailable';
    case 'EACCES':
    case 'EPERM': return 'permission';
    default: return 'failed';
  }
}
