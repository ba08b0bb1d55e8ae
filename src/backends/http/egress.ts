// The one door for outbound connections: a name may not lead to an address its operator did not mean (SSRF, DNS rebinding; D cases).
// Judges the address that is connected to, at the time of connecting; redirects are never followed at all (CH9, T78).
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

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

/** `named`: the operator wrote this very address. Only then may it be link-local, where cloud metadata lives. */
export function isAllowedAddress(address: string, allowPrivate: boolean, named: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` looks through IPv4-mapped IPv6.
  const range = ipaddr.process(address).range();
  if (range === 'unicast') return true;
  if (!allowPrivate || NEVER.has(range)) return false;
  return range !== 'linkLocal' || named;
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
