// A batch as one POST, signed in the manner of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over id, timestamp and body.
// The id is made of the body: the same batch sent twice has the same id, and a receiver can tell.
import { createHmac, hash } from 'node:crypto';
import type { Timestamp } from '../../core/ids.ts';
import { ok } from '../../core/result.ts';
import type { Secret } from '../../core/secret.ts';
import type { RecordFormat } from './format.ts';
import type { Poster } from './http.ts';
import { TAKEN, type Transport } from './transport.ts';

const PREFIX = 'whsec_';

export function webhookTransport(format: RecordFormat, poster: Poster, secret: Secret, wall: () => Timestamp): Transport {
  return {
    async send(parts, signal) {
      const body = format.join(parts);
      const id = `msg_${hash('sha256', body, 'base64url').slice(0, 32)}`;
      const timestamp = String(Math.floor(wall() / 1000));
      const headers = {
        'content-type': format.contentType, 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature(secret, `${id}.${timestamp}.${body}`)}`,
      };
      const posted = await poster.post(body, headers, signal);
      return posted.ok ? ok(TAKEN) : posted;
    },
    close: () => poster.close(),
  };
}

/** `whsec_…`: the key in base64, as the standard hands it out; any other text is the key itself. */
function webhookKey(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret, 'utf8');
}

function signature(secret: Secret, text: string): string {
  return createHmac('sha256', webhookKey(secret.reveal())).update(text).digest('base64');
}
