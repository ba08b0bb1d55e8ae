// Reads one request body up to a cap. A client that goes away ends the reading without an answer.
import type { IncomingMessage } from 'node:http';
import { Gather } from '../../core/gather.ts';

export type BodyEnd =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'gone' };

/** Calls `done` once. Past the cap the rest is thrown away as it comes, so that the client can finish and read the refusal. */
export function readBody(req: IncomingMessage, maxBytes: number, done: (end: BodyEnd) => void): void {
  const body = new Gather();
  let told = false;
  const finish = (end: BodyEnd): void => {
    if (told) return;
    told = true;
    done(end);
  };
  req.on('data', (chunk: Buffer) => {
    if (told) return;
    if (body.length + chunk.length > maxBytes) {
      body.drop();
      finish({ kind: 'too_large' });
    } else {
      body.push(chunk);
    }
  });
  req.on('end', () => finish({ kind: 'read', bytes: body.take() }));
  req.on('error', () => finish({ kind: 'gone' }));
  req.on('close', () => finish({ kind: 'gone' }));
}
