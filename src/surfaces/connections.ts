// How many connections one peer may hold on a listener: without a cap, one of them takes them all. Counts and closes; reads nothing.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback } from '../core/loopback.ts';
import type { BoundsSettings } from '../core/settings.ts';
import { plainAddress } from './host.ts';

export type PeerBounds = Pick<BoundsSettings, 'connectionsPerPeer' | 'connectionsLoopback'>;

/** Every agent of this machine, and a proxy on it, has the one address of loopback. */
export function peerCap(peer: string, bounds: PeerBounds): number {
  return isLoopback(peer) ? bounds.connectionsLoopback : bounds.connectionsPerPeer;
}

/** `capOf` is asked at each connection. `refused` hears also of those that the server's own total turned away. */
export function guardConnections(server: Server, capOf: (peer: string) => number, refused: () => void): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  const perPeer = new Map<string, number>();
  server.on('drop', refused);
  server.on('connection', (socket: Socket) => {
    const peer = plainAddress(socket.remoteAddress);
    const before = perPeer.get(peer) ?? 0;
    if (before >= capOf(peer)) {
      refused();
      socket.destroy();
      return;
    }
    perPeer.set(peer, before + 1);
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      const left = (perPeer.get(peer) ?? 1) - 1;
      if (left > 0) perPeer.set(peer, left);
      else perPeer.delete(peer);
    });
  });
  return open;
}
