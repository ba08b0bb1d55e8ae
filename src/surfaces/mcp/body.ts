// Reads one request body up to a cap. A client that goes away ends the reading without an answer.
import type { IncomingMessage } from 'node:http';
import { Gather } from '../../core/gather.ts';

export type BodyEnd =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'too_large' }
  /** No room now for what is being sent all at once. */
  | { readonly kind: 'crowded' }
  | { readonly kind: 'gone' };

/** What bodies that are still arriving may hold together: a thousand connections with almost a whole body each are gigabytes. */
export interface BodyRoom {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

const AMPLE: BodyRoom = { take: () => true, give: () => undefined };

/** Calls `done` once. Past the cap the rest is thrown away as it comes, so that the client can finish and read the refusal. */
export function readBody(req: IncomingMessage, maxBytes: number, done: (end: BodyEnd) => void, room: BodyRoom = AMPLE): void {
  const body = new Gather();
  let told = false;
  let taken = 0;
  const finish = (end: BodyEnd): void => {
    if (told) return;
    told = true;
    room.give(taken);
    done(end);
  };
  req.on('data', (chunk: Buffer) => {
    if (told) return;
    if (body.length + chunk.length > maxBytes) {
      body.drop();
      finish({ kind: 'too_large' });
    } else if (room.take(chunk.length)) {
      taken += chunk.length;
      body.push(chunk);
    } else {
      body.drop();
      finish({ kind: 'crowded' });
    }
  });
  req.on('end', () => finish({ kind: 'read', bytes: body.take() }));
  req.on('error', () => finish({ kind: 'gone' }));
  req.on('close', () => finish({ kind: 'gone' }));
}
