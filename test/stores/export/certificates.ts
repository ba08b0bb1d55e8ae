// Certificates made in the test itself (X.509 v3, ECDSA P-256): an authority, and what it vouches for. DER by hand: Node reads certificates and makes none.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  /** For host names and IPv4 addresses. */
  readonly issue: (...names: readonly string[]) => Issued;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts);
const integer = (bytes: Uint8Array): Buffer => der(0x02, bytes);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const bits = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), bytes);
const utc = (at: Date): Buffer => der(0x17, Buffer.from(`${at.toISOString().replaceAll(/[-:T]|\..*/g, '').slice(2)}Z`));
const name = (common: string): Buffer => sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from(common)))));
const extension = (id: string, critical: boolean, value: Buffer): Buffer => sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const YEAR_MS = 365 * 86_400_000;

function certificate(subject: string, publicKey: KeyObject, issuer: string, issuerKey: KeyObject, extensions: readonly Buffer[]): string {
  const now = Date.now();
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(8)]);
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))), integer(serial), ECDSA_SHA256, name(issuer), sequence(utc(new Date(now - YEAR_MS)), utc(new Date(now + YEAR_MS))), name(subject),
    publicKey.export({ type: 'spki', format: 'der' }), der(0xa3, sequence(...extensions)),
  );
  const whole = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, issuerKey)));
  // No empty line at the end: OpenSSL reads nothing then.
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replaceAll(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

const pair = (): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function makeAuthority(common = 'Test CA'): Authority {
  const own = pair();
  const isAuthority = [extension('551d13', true, sequence(der(0x01, Buffer.from([0xff])))), extension('551d0f', true, bits(Buffer.from([0x06]), 1))];
  return {
    cert: certificate(common, own.publicKey, common, own.privateKey, isAuthority),
    issue: (...names) => {
      const leaf = pair();
      const alternatives = names.map((one) => (/^[0-9.]+$/.test(one) ? der(0x87, Buffer.from(one.split('.').map(Number))) : der(0x82, Buffer.from(one))));
      const cert = certificate(names[0] ?? 'leaf', leaf.publicKey, common, own.privateKey, [extension('551d11', false, sequence(...alternatives))]);
      return { cert, key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}
