// Certificates for tests, made by hand (X.509, RFC 5280): an authority of one's own, and what it signs.
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

export interface Authority {
  readonly certificate: string;
  /** A certificate and its key, PEM, for one host name or IPv4 address. */
  issue(host: string): { readonly certificate: string; readonly key: string };
}

const SIGNED_BY = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
const DAY_MS = 86_400_000;

export function makeAuthority(name: string): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension([2, 5, 29, 19], sequence(tlv(0x01, Buffer.of(0xff))));
  const make = (subject: string, key: KeyObject, more: Buffer): string => {
    const content = sequence(
      tlv(0xa0, integer(Buffer.of(2))), integer(Buffer.concat([Buffer.of(1), randomBytes(8)])), SIGNED_BY, commonName(name), sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
      commonName(subject), key.export({ type: 'spki', format: 'der' }), tlv(0xa3, sequence(more)),
    );
    const whole = sequence(content, SIGNED_BY, tlv(0x03, Buffer.of(0), sign('sha256', content, createPrivateKey(own.privateKey.export({ type: 'pkcs8', format: 'pem' })))));
    // No empty line at the end: OpenSSL reads nothing then.
    return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replaceAll(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  };
  return {
    certificate: make(name, own.publicKey, isAuthority),
    issue: (host) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternative = isIP(host) === 0 ? tlv(0x82, Buffer.from(host)) : tlv(0x87, Buffer.from(host.split('.').map(Number)));
      return { certificate: make(host, pair.publicKey, extension([2, 5, 29, 17], sequence(alternative))), key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

function tlv(tag: number, ...content: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const length = bytes.length < 128 ? [bytes.length] : bytes.length < 256 ? [0x81, bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), bytes]);
}

function sequence(...content: readonly Buffer[]): Buffer {
  return tlv(0x30, ...content);
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  const septets = (value: number): readonly number[] => (value < 128 ? [value] : [...septets(value >> 7).map((one) => one | 0x80), value & 0x7f]);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(septets)]));
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(oid(2, 5, 4, 3), tlv(0x0c, Buffer.from(name)))));
}

function time(ms: number): Buffer {
  return tlv(0x17, Buffer.from(new Date(ms).toISOString().replaceAll(/^..|[-:T]|\.\d+/g, '')));
}

function extension([first = 0, second = 0, ...rest]: readonly number[], value: Buffer): Buffer {
  return sequence(oid(first, second, ...rest), tlv(0x01, Buffer.of(0xff)), tlv(0x04, value));
}
