// The real clock, chance, timers and digest. Everything else receives them as arguments, so that a test owns the time.
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { instant, timestamp } from '../core/ids.ts';
import type { Clock, Digest, Random, Timers } from '../core/ports.ts';
import type { Seal } from '../relay/page.ts';
import type { AppDeps, Env } from './deps.ts';

export const systemClock: Clock = {
  mono: () => instant(performance.now()),
  wall: () => timestamp(Date.now()),
};

export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export const sha256: Digest = (text) => hash('sha256', text, 'hex');

export const systemRandom: Random = {
  uuid: () => uuidv7(Date.now(), randomBytes(10)),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  float: () => Math.random(),
};

/** RFC 9562 §5.7: 48 bits of milliseconds, then chance, with version and variant set. */
export function uuidv7(ms: number, random: Buffer): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(ms, 0, 6);
  random.copy(bytes, 6, 0, 10);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Under a key of this process: a cursor does not outlive the list it pages through. */
export function processSeal(): Seal {
  return sealUnder(randomBytes(32));
}

/** AES-256-GCM with random nonces; `key`: 32 bytes. */
export function sealUnder(key: Uint8Array): Seal {
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(token) {
      const bytes = Buffer.from(token, 'base64url');
      // One text for one seal: decoding is lenient about padding, stray characters and the last bits.
      if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

/** The real thing, for whoever runs as a process. */
export function processDeps(env: Env, version: string = '0.0.0'): AppDeps {
  return { env, clock: systemClock, random: systemRandom, timers: systemTimers, version, logTo: undefined };
}
