// Bodies into JSON messages: one JSON document, or server-sent events of which each carries one (CH2, CH11, original F3).
// Several events per stream, data over several lines and comments are all as the standard says. Bounded; never throws.
import { createParser } from 'eventsource-parser';
import { BACKEND_LIMITS as JSON_LIMITS } from '../../core/json/raw.ts';
import { decodeUtf8, type RawJson, scan } from '../../core/json/scan.ts';
import { elements } from '../../core/json/slice.ts';
import type { BackendFault } from '../../core/ports.ts';
import { Gather } from '../../core/gather.ts';
import { BATCH_MOST } from '../message.ts';

/** What stands around a result in its message. */
export const ENVELOPE_BYTES = 4096;

export interface BodySink {
  /** `bytes`: of the document or event it came in. */
  message(raw: RawJson, bytes: number): void;
  /** The body cannot be read on. */
  fault(fault: BackendFault): void;
  /** SSE only. */
  eventId(id: string): void;
  retry(ms: number): void;
  /** SSE only: where messages go (HTTP+SSE, 2024-11-05). */
  endpoint?(uri: string): void;
}

export interface BodyReader {
  push(chunk: Buffer): void;
  end(): void;
}

/** Arrays are batches, which 2025-03-26 servers may send. */
function give(text: string, bytes: number, sink: BodySink, fail: BodySink['fault']): void {
  const scanned = scan(text, JSON_LIMITS);
  if (!scanned.ok) return fail({ code: 'protocol', detail: `not JSON (${scanned.error.code} at ${scanned.error.offset})` });
  const batch = elements(scanned.value, BATCH_MOST) ?? [scanned.value];
  if (batch.length > BATCH_MOST) return fail({ code: 'protocol', detail: 'a batch above the bound' });
  for (const raw of batch) sink.message(raw, bytes);
  return undefined;
}

export function jsonReader(cap: number, sink: BodySink): BodyReader {
  const body = new Gather();
  return {
    push: (chunk) => {
      if (body.length + chunk.length > cap) {
        body.drop();
        sink.fault({ code: 'oversize', limit: cap });
      } else body.push(chunk);
    },
    end: () => {
      const { length } = body;
      const decoded = decodeUtf8(body.take());
      if (decoded.ok) give(decoded.value, length, sink, (fault) => sink.fault(fault));
      else sink.fault({ code: 'protocol', detail: 'the body is not UTF-8' });
    },
  };
}

export function sseReader(cap: number, sink: BodySink): BodyReader {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let broken = false;
  const fail = (fault: BackendFault): void => {
    if (!broken) sink.fault(fault);
    broken = true;
  };
  const parser = createParser({
    maxBufferSize: cap,
    onEvent: ({ event, data }) => {
      if (!broken && event === 'endpoint') sink.endpoint?.(data);
      // An empty event primes the id for resumption; other event names are not ours.
      if (!broken && data !== '' && (event === undefined || event === 'message')) give(data, Buffer.byteLength(data), sink, fail);
    },
    onId: (id) => sink.eventId(id),
    onRetry: (ms) => sink.retry(ms),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') fail({ code: 'oversize', limit: cap });
    },
  });
  const feed = (bytes: Buffer | undefined): void => {
    if (broken) return;
    let text: string;
    try {
      text = bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      return fail({ code: 'protocol', detail: 'the stream is not UTF-8' });
    }
    parser.feed(text);
    return undefined;
  };
  return { push: (chunk) => feed(chunk), end: () => feed(undefined) };
}
