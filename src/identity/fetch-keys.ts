// Fetches one issuer's key set. The address is the operator's; nothing of a token, not even its kid, goes into the request.
import { Agent, type Dispatcher, request } from 'undici';
import { decodeUtf8 } from '../core/json/scan.ts';
import { isLoopback } from '../core/loopback.ts';
import { err, ok, type Result } from '../core/result.ts';
import { codeIn } from '../core/thrown.ts';

/** The document's text, or words for the operator. */
export type FetchKeys = (url: string, signal: AbortSignal) => Promise<Result<string, string>>;

export interface FetchBounds {
  readonly bytes: number;
  readonly ms: number;
}

/** 256 KB is some hundred RSA keys with certificate chains; 5 s is what a waiting agent forgives. */
const FETCH_BOUNDS: FetchBounds = { bytes: 256 * 1024, ms: 5_000 };

/** Why a key set may not be fetched from there; undefined when it may. Plain http would let the path choose who may act. */
export function keySetUrlFault(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return 'is not a URL';
  if (parsed.username !== '' || parsed.password !== '') return 'holds credentials';
  if (parsed.protocol === 'https:') return undefined;
  if (parsed.protocol !== 'http:') return 'is not an https URL';
  return isLoopback(parsed.hostname) ? undefined : 'is plain http beyond loopback';
}

/** Redirects are not followed: an issuer that moved is a new address in the configuration. */
export function createFetchKeys(dispatcher: Dispatcher, bounds: FetchBounds = FETCH_BOUNDS): FetchKeys {
  return async (url, signal) => {
    const fault = keySetUrlFault(url);
    if (fault !== undefined) return err(`the address ${fault}`);
    const deadline = AbortSignal.timeout(bounds.ms);
    try {
      const answer = await request(url, { dispatcher, method: 'GET', headers: { accept: 'application/jwk-set+json, application/json' }, signal: AbortSignal.any([signal, deadline]) });
      if (answer.statusCode !== 200) {
        discard(answer.body);
        return err(`HTTP ${answer.statusCode}`);
      }
      return await readCapped(answer.body, bounds.bytes);
    } catch (cause) {
      if (deadline.aborted) return err(`no answer within ${bounds.ms} ms`);
      return err(codeIn(cause) ?? 'the connection failed');
    }
  };
}

export interface KeyFetcher {
  readonly fetchKeys: FetchKeys;
  /** Lets its connections go, after running fetches. */
  close(): Promise<void>;
}

/** With connections of its own. Few: key sets are fetched one per issuer at a time. */
export function openFetchKeys(): KeyFetcher {
  const agent = new Agent({ connections: 4 });
  return { fetchKeys: createFetchKeys(agent), close: () => agent.close() };
}

async function readCapped(body: Dispatcher.ResponseData['body'], limit: number): Promise<Result<string, string>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) return err('a body that is not bytes');
    size += chunk.byteLength;
    // Leaving the loop destroys the body: the rest is not read.
    if (size > limit) return err(`larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  const text = decodeUtf8(Buffer.concat(chunks));
  return text.ok ? ok(text.value) : err('not UTF-8');
}

function discard(body: Dispatcher.ResponseData['body']): void {
  // Destroying it makes undici report an abort that nobody waits for.
  body.on('error', () => undefined);
  body.destroy();
}
