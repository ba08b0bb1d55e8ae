// Syslog over TLS (RFC 5425), TCP (RFC 6587, octet counting) or a Unix socket. Syslog has no receipts, so each batch has a connection of its own that
// is closed in order: a receiver closes its side only after it has read ours to the end (RFC 5425 §4.4 demands the reply), and that is the receipt. One that
// closes with something unread resets the connection; one that had closed before anything came does so within a round trip, which is waited for.
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ExportStream } from '../../core/audit/exports.ts';
import type { Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { octetCounted } from './syslog.ts';
import type { Identity } from './tls-files.ts';
import { type Egress, type Receipt, type SendFault, TAKEN, type Transport, unreachable } from './transport.ts';

export interface StreamDeps {
  readonly timers: Timers;
  readonly egress: Egress;
  /** Read for each connection: certificates are renewed while the gateway runs. */
  readonly identity: () => Result<Identity, SendFault>;
}

/** A receiver has nothing to say. */
const MOST_REPLY = 64 * 1024;
/** More than a round trip to anywhere. */
const SETTLE_MS = 250;

export function streamTransport(target: ExportStream, deps: StreamDeps): Transport {
  return {
    async send(parts, signal) {
      const frames = Buffer.from(parts.map(octetCounted).join(''));
      const dialled = dial(target, deps);
      return dialled.ok ? deliver(dialled.value, { frames, signal, ready: target.via === 'tls' ? 'secureConnect' : 'connect', timeoutMs: target.timeoutMs, timers: deps.timers }) : dialled;
    },
    close: async () => undefined,
  };
}

function dial(target: ExportStream, { egress, identity }: StreamDeps): Result<Socket, SendFault> {
  try {
    if (target.via === 'unix') return ok(connectTcp({ path: target.path, allowHalfOpen: true }));
    const lookup = egress(target.host, target.allowPrivate);
    if (!lookup.ok) return err({ code: 'egress', detail: lookup.error });
    const place: { host: string; port: number; lookup: LookupFunction } = { host: target.host, port: target.port, lookup: lookup.value };
    if (target.via === 'tcp') return ok(connectTcp({ ...place, allowHalfOpen: true }));
    const own = identity();
    if (!own.ok) return own;
    // Chain and name are checked; there is no setting against it.
    return ok(connectTls({ ...place, ...own.value, servername: serverName(target.host), rejectUnauthorized: true, minVersion: 'TLSv1.2' }));
  } catch (thrown) {
    return err(unreachable(thrown));
  }
}

/** RFC 6066 §3: an address is no server name; it is checked against the certificate all the same. */
function serverName(host: string): string {
  return /^[0-9.]+$|:/.test(host) ? '' : host;
}

interface Delivery {
  readonly frames: Buffer;
  readonly signal: AbortSignal;
  readonly ready: 'connect' | 'secureConnect';
  readonly timeoutMs: number;
  readonly timers: Timers;
}

async function deliver(socket: Socket, { frames, signal, ready, timeoutMs, timers }: Delivery): Promise<Result<Receipt, SendFault>> {
  return new Promise((resolve) => {
    let written = false;
    let heard = 0;
    const done = (result: Result<Receipt, SendFault>): void => {
      undo();
      settle();
      signal.removeEventListener('abort', stopped);
      socket.destroy();
      resolve(result);
    };
    let settle = (): void => undefined;
    const undo = timers.after(timeoutMs, () => done(err({ code: 'timeout', detail: `${written ? 'the receiver did not close the connection' : 'not delivered'} within ${timeoutMs} ms` })));
    const stopped = (): void => done(err({ code: 'stopped', detail: 'the exporter is being stopped' }));
    const closed = (): void => done(written ? ok(TAKEN) : err({ code: 'unreachable', detail: 'the receiver closed the connection before it had everything' }));
    signal.addEventListener('abort', stopped, { once: true });
    socket.on('error', (thrown) => done(err(unreachable(thrown))));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.length;
      if (heard > MOST_REPLY) done(err({ code: 'unreachable', detail: 'the receiver talks instead of listening' }));
    });
    socket.once('end', closed);
    socket.once('close', closed);
    const finish = (): void => {
      socket.end(() => {
        written = true;
      });
    };
    socket.once(ready, () => socket.write(frames, () => {
      settle = timers.after(SETTLE_MS, finish);
    }));
    if (signal.aborted) stopped();
  });
}
