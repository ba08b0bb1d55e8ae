// The one door for outbound connections: a name may not lead to an address its operator did not mean (SSRF, DNS rebinding; D cases).
// Judges the address that is connected to, at the time of connecting; redirects are never followed at all (CH9, T78).
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { HttpBackendSettings } from '../../core/settings.ts';

/** Never a server, whatever the operator allows. */
const NEVER: ReadonlySet<string> = new Set(['unspecified', 'multicast', 'broadcast', 'reserved']);

export class EgressRefused extends Error {
  override readonly name = 'EgressRefused';
}

export interface EgressRules {
  /** The host of the configured URL, without brackets. */
  readonly host: string;
  readonly allowPrivate: boolean;
}

export function egressRules({ url, allowPrivate }: Pick<HttpBackendSettings, 'url' | 'allowPrivate'>): EgressRules {
  return { host: new URL(url).hostname.replaceAll(/^\[|\]$/g, ''), allowPrivate };
}

/** `named`: the operator wrote this very address. Only then may it be link-local, where cloud metadata lives. */
export function isAllowedAddress(address: string, allowPrivate: boolean, named: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` looks through IPv4-mapped IPv6.
  const parsed = ipaddr.process(address);
  const inner = parsed instanceof ipaddr.IPv6 ? embedded(parsed) : undefined;
  if (inner !== undefined) return allowPrivate && isAllowedAddress(inner, allowPrivate, named);
  const range = parsed.range();
  if (range === 'unicast') return true;
  if (!allowPrivate || NEVER.has(range)) return false;
  return range !== 'linkLocal' || named;
}

/** The IPv4 address that a translator or tunnel would go to: IPv4-compatible (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052, RFC 8215), RFC 6145. */
function embedded({ parts }: ipaddr.IPv6): string | undefined {
  const ipv4 = (high = 0, low = 0): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  if (parts[0] === 0x2002) return ipv4(parts[1], parts[2]);
  const isTranslated = parts[0] === 0x64 && parts[1] === 0xff9b;
  const isZero = parts.slice(0, 4).every((part) => part === 0) && (parts[4] === 0 || parts[4] === 0xffff) && parts[5] === 0;
  // `::` and `::1` are addresses of their own.
  if (isTranslated || (isZero && (parts[4] !== 0 || parts[6] !== 0))) return ipv4(parts[6], parts[7]);
  return undefined;
}

/** Undefined when the host is a name: its addresses are judged by `guardedLookup`. */
export function literalProblem(rules: EgressRules): string | undefined {
  if (isIP(rules.host) === 0 || isAllowedAddress(rules.host, rules.allowPrivate, true)) return undefined;
  return `the address ${rules.host} is not allowed`;
}

export function guardedLookup(rules: EgressRules, lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, []);
      const allowed = found.filter(({ address }) => isAllowedAddress(address, rules.allowPrivate, false));
      const [first] = allowed;
      if (first === undefined) return callback(new EgressRefused(`${hostname} leads to an address that is not allowed`), []);
      if (options.all === true) return callback(null, allowed);
      return callback(null, first.address, first.family);
    });
  };
}
