// OTLP over HTTP with JSON bodies. A success may say that some records were thrown away; the protocol forbids to send those again.
import { ok } from '../../core/result.ts';
import type { RecordFormat } from './format.ts';
import type { Poster } from './http.ts';
import { type Receipt, said, TAKEN, type Transport } from './transport.ts';

export function otlpTransport(format: RecordFormat, poster: Poster): Transport {
  return {
    async send(parts, signal) {
      const posted = await poster.post(format.join(parts), { 'content-type': format.contentType }, signal);
      return posted.ok ? ok(receiptIn(posted.value, parts.length)) : posted;
    },
    close: () => poster.close(),
  };
}

/** `ExportLogsServiceResponse`. An answer that is none is no receipt of anything wrong. */
function receiptIn(text: string, sent: number): Receipt {
  const partial = member(parsed(text), 'partialSuccess');
  if (partial === undefined) return TAKEN;
  const count = Number(member(partial, 'rejectedLogRecords') ?? 0);
  const note = member(partial, 'errorMessage');
  return { rejected: Number.isSafeInteger(count) ? Math.min(Math.max(0, count), sent) : 0, note: typeof note === 'string' && note !== '' ? said(note) : undefined };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}
