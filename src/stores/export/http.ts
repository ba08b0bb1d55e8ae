// One POST to a receiver: a deadline over all of it, a bound on the answer, no redirects, no cookies, no decompression, and the egress guard at its door.
import type { LookupFunction } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { Timestamp } from '../../core/ids.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Secret } from '../../core/secret.ts';
import { codeIn } from '../../core/thrown.ts';
import type { Identity } from './tls-files.ts';
import { type Egress, type SendFault, unreachable } from './transport.ts';

export interface HttpTarget {
  readonly url: string;
  readonly allowPrivate: boolean;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly timeoutMs: number;
}

export interface HttpDeps {
  readonly wall: () => Timestamp;
  readonly egress: Egress;
  readonly identity: () => Result<Identity, SendFault>;
  /** What a status means at this kind of receiver, where that is more than HTTP says. */
  readonly meaning?: (status: number) => SendFault | undefined;
}

export interface Poster {
  /** Ok: the status was a success, whatever the body says after that. Its text, as much as the bound allows; empty when it did not come in time. */
  post(body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Result<string, SendFault>>;
  close(): Promise<void>;
}

const MOST_ANSWER = 64 * 1024;
const MOST_HEADERS = 16 * 1024;
const LONGEST_WAIT_MS = 3_600_000;
/** Of 4xx, those that do not speak of what was sent. A 403 may be a filter's word on what an agent wrote; where it is for the sender, a marker alone is not taken either, and nothing is passed over. */
const NOT_ABOUT_CONTENT: ReadonlySet<number> = new Set([401, 402, 404, 407, 408, 421, 425, 426, 429]);

/** The other side spoke. */
const ANSWERS: ReadonlySet<SendFault['code']> = new Set(['refused', 'status', 'conflict']);

export function openPoster(target: HttpTarget, deps: HttpDeps): Poster {
  const url = new URL(target.url);
  let client: Client | undefined;
  const drop = (): void => {
    client?.destroy().catch(() => undefined);
    client = undefined;
  };
  return {
    async post(body, headers, signal) {
      const ready = client === undefined ? dial(url, target, deps) : ok(client);
      if (!ready.ok) return ready;
      client = ready.value;
      const posted = await exchange(client, { path: `${url.pathname}${url.search}`, headers: { ...revealed(target.headers), ...headers }, body }, target.timeoutMs, signal, deps);
      // A connection in doubt, or made with a certificate that is no good any more, is not used again.
      if (!posted.ok && !ANSWERS.has(posted.error.code)) drop();
      return posted;
    },
    close: async () => drop(),
  };
}

function dial(url: URL, { allowPrivate, timeoutMs }: HttpTarget, { egress, identity }: HttpDeps): Result<Client, SendFault> {
  const lookup = egress(url.hostname.replaceAll(/^\[|\]$/g, ''), allowPrivate);
  if (!lookup.ok) return err({ code: 'egress', detail: lookup.error });
  const own = identity();
  if (!own.ok) return own;
  return ok(clientOf(url, lookup.value, own.value, timeoutMs));
}

function clientOf(url: URL, lookup: LookupFunction, own: Identity, timeoutMs: number): Client {
  return new Client(url.origin, {
    pipelining: 1, allowH2: false, maxHeaderSize: MOST_HEADERS, headersTimeout: timeoutMs, bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, lookup, ...own, rejectUnauthorized: true },
  });
}

function revealed(headers: HttpTarget['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
}

interface Outgoing {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function exchange(client: Client, request: Outgoing, timeoutMs: number, stop: AbortSignal, { wall, meaning }: HttpDeps): Promise<Result<string, SendFault>> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await client.request({ method: 'POST', ...request, signal: AbortSignal.any([stop, deadline]) });
    if (answer.statusCode >= 200 && answer.statusCode < 300) return ok(await capped(answer.body));
    discard(answer.body);
    return err(meaning?.(answer.statusCode) ?? faultOf(answer, wall()));
  } catch (thrown) {
    if (stop.aborted) return err({ code: 'stopped', detail: 'the exporter is being stopped' });
    const late = deadline.aborted || /^UND_ERR_\w*TIMEOUT$/.test(codeIn(thrown) ?? '');
    return err(late ? { code: 'timeout', detail: `no answer within ${timeoutMs} ms` } : unreachable(thrown));
  }
}

function faultOf({ statusCode, headers }: Dispatcher.ResponseData, now: Timestamp): SendFault {
  if (statusCode >= 400 && statusCode < 500 && !NOT_ABOUT_CONTENT.has(statusCode)) return { code: 'refused', detail: `HTTP ${statusCode}` };
  return { code: 'status', detail: `HTTP ${statusCode}${statusCode >= 300 && statusCode < 400 ? ': redirects are not followed' : ''}`, retryAfterMs: retryAfter(headers['retry-after'], now) };
}

/** RFC 9110 §5.6.7: the form of dates that is still written. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfter(header: string | string[] | undefined, now: Timestamp): number | undefined {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : HTTP_DATE.test(header) ? Date.parse(header) - now : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_WAIT_MS);
}

/** The success is known by then: an answer that is too long, too slow or broken off is not waited for. */
async function capped(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) return '';
      size += chunk.byteLength;
      // Leaving the loop destroys the body: the rest is not read.
      if (size > MOST_ANSWER) return '';
      chunks.push(chunk);
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}

function discard(body: Dispatcher.ResponseData['body']): void {
  // Destroying it makes undici report an abort that nobody waits for.
  body.on('error', () => undefined);
  body.destroy();
}
