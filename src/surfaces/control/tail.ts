// The live tail: one JSON line per event to a reader that may be slow. Bounded: what a reader could not take is counted and
// told in the stream itself. Arguments and credentials never leave by this way; the audit holds what may be kept of them.
import type { ServerResponse } from 'node:http';
import type { LiveEvent, Operations } from '../../core/operations.ts';
import type { Principal } from '../../core/principal.ts';

/** Bytes that may wait for one reader. */
const BACKLOG_MAX = 1024 * 1024;

export function serveTail(operations: Operations, res: ServerResponse): void {
  res.writeHead(200, ['Content-Type', 'application/x-ndjson', 'Cache-Control', 'no-store']);
  res.flushHeaders();
  let dropped = 0;
  const stop = operations.tail((event) => {
    if (res.destroyed || res.writableEnded) return;
    if (res.writableLength > BACKLOG_MAX) {
      dropped += 1;
      return;
    }
    if (dropped > 0) res.write(`${JSON.stringify({ type: 'dropped', count: dropped })}\n`);
    dropped = 0;
    res.write(`${tailLine(event)}\n`);
  });
  res.on('close', stop);
}

function tailLine(event: LiveEvent): string {
  if (event.type === 'lifecycle') return JSON.stringify(event);
  const { outcome } = event;
  if (outcome.kind === 'refused') return JSON.stringify({ ...event, outcome: { ...outcome, principal: outcome.principal && named(outcome.principal) } });
  const { id, kind, principal, origin, target, at, wall } = outcome.call;
  return JSON.stringify({ ...event, outcome: { ...outcome, call: { id, kind, principal: named(principal), origin, target, at, wall } } });
}

function named({ subject, roles, issuer, via }: Principal): Pick<Principal, 'subject' | 'roles' | 'issuer' | 'via'> {
  return { subject, roles, issuer, via };
}
