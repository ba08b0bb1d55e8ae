// One agent on a pair of byte streams: the process's own stdio, or a socket attached to the daemon. Newline-delimited JSON,
// both eras per message, parallel calls. Writes nothing but protocol; authenticates on every message.
import type { Readable, Writable } from 'node:stream';
import type { SurfaceName } from '../../core/call.ts';
import type { Ingress } from '../../core/inbound.ts';
import { decodeUtf8 } from '../../core/json/scan.ts';
import type { AuthFailure } from '../../core/principal.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { Dialogue } from './dialogue.ts';
import { agentLimits, faulty, readEnvelope } from './envelope.ts';
import { LineReader } from './lines.ts';
import { Outlet } from './outlet.ts';

export interface StdioOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Asked again for each message, so a refreshed token file counts. */
  readonly token: () => string | undefined;
  /** Network peer as text, or `local`. */
  readonly peer: string;
  /** `stdio` unless told. */
  readonly surface?: SurfaceName;
}

export type StdioEnd =
  /** The agent closed its side; everything it asked for was answered, or the drain time was over. */
  | { readonly kind: 'eof' }
  /** `close` was called. */
  | { readonly kind: 'closed' }
  /** The token was refused before anything was read. Nothing was written. */
  | { readonly kind: 'unauthenticated'; readonly failure: AuthFailure }
  /** The agent's side broke: a pipe without a reader. */
  | { readonly kind: 'broken'; readonly detail: string };

export interface StdioSurface {
  /** Never rejects. */
  readonly done: Promise<StdioEnd>;
  /** Stops reading, waits for answers in flight at most `graceMs`, then cancels them. */
  close(graceMs: number): Promise<void>;
  /** Responses that answered nothing: dropped. */
  strays(): number;
}

export function serveStdio(ingress: Ingress, options: StdioOptions): StdioSurface {
  const ending = Promise.withResolvers<StdioEnd>();
  let closed = false;
  let strays = (): number => 0;
  let close = async (_graceMs: number): Promise<void> => {
    closed = true;
    ending.resolve({ kind: 'closed' });
  };
  const begin = async (): Promise<void> => {
    const first = await ingress.authenticator.authenticate(options.token());
    if (!first.ok) return ending.resolve({ kind: 'unauthenticated', failure: first.error });
    if (closed) return;
    if (options.input.destroyed) return ending.resolve({ kind: 'broken', detail: 'it left before it was heard' });
    const run = converse(ingress, options, ending.resolve);
    close = run.close;
    strays = run.strays;
  };
  begin().catch((error: unknown) => ending.resolve({ kind: 'broken', detail: error instanceof Error ? error.message : 'failed' }));
  return { done: ending.promise, close: (graceMs) => close(graceMs), strays: () => strays() };
}

function converse(ingress: Ingress, options: StdioOptions, ended: (end: StdioEnd) => void): Pick<StdioSurface, 'close' | 'strays'> {
  const { input } = options;
  const { bounds, gateway } = ingress.runtime.current().settings;
  const outlet = new Outlet(options.output);
  const dialogue = new Dialogue(ingress, { outlet, token: options.token, peer: options.peer, surface: options.surface ?? 'stdio' });
  const lines = new LineReader(bounds.lineBytes, {
    line: (bytes) => dialogue.take(envelopeOf(ingress, bytes)),
    oversize: () => outlet.write(errorMessage(undefined, CODE.invalidRequest, `Invalid Request: a line is longer than ${bounds.lineBytes} bytes`)),
  });
  let over = false;
  const read = (chunk: Buffer): void => {
    lines.push(chunk);
    // An agent that does not read its answers is not listened to until it does: the backlog stays bounded (I15).
    const behind = outlet.backlog > ingress.runtime.current().settings.bounds.streamBufferBytes || dialogue.waiting > WAITING_MAX;
    if (!behind) return;
    input.pause();
    void Promise.all([outlet.drained(), dialogue.caughtUp()]).then(() => {
      if (!over) input.resume();
    });
  };
  const finish = async (end: StdioEnd, graceMs: number): Promise<void> => {
    if (over) return;
    over = true;
    input.off('data', read);
    input.pause();
    await dialogue.end(graceMs, end.kind === 'closed' ? 'shutdown' : 'agent');
    await outlet.flushed(graceMs);
    ended(end);
  };
  outlet.onBroken((detail) => void finish({ kind: 'broken', detail }, 0));
  input.once('end', () => {
    lines.end();
    void finish({ kind: 'eof' }, gateway.drainMs);
  });
  input.once('error', (error) => void finish({ kind: 'broken', detail: error.message }, 0));
  input.once('close', () => void finish({ kind: 'eof' }, gateway.drainMs));
  input.on('data', read);
  return { close: (graceMs) => finish({ kind: 'closed' }, graceMs), strays: () => dialogue.strays };
}

/** Messages read but not yet begun; each waits for its authentication at most. */
const WAITING_MAX = 256;

function envelopeOf(ingress: Ingress, bytes: Uint8Array): ReturnType<typeof readEnvelope> {
  const text = decodeUtf8(bytes);
  return text.ok ? readEnvelope(text.value, agentLimits(ingress.runtime.current().settings.bounds)) : faulty(text.error);
}
