// Durations, sizes and addresses as the configuration writes them, and back. Pure; the inverse is exact, so that what is shown is what was set.
import ipaddr from 'ipaddr.js';
import type { Address } from '../core/settings.ts';

/** setTimeout fires at once beyond 2^31-1 ms, so no duration may be longer. */
export const LONGEST_MS = 2_147_483_000;

type Unit = readonly [name: string, factor: number];
const TIMES: readonly Unit[] = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000], ['ms', 1]];
const SIZES: readonly Unit[] = [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10], ['B', 1]];

export const DURATION_PATTERN: RegExp = /^[0-9]{1,10}(ms|s|m|h|d)$/;
export const SIZE_PATTERN: RegExp = /^[0-9]{1,10}(B|KiB|MiB|GiB)$/;

/** Milliseconds; undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  return DURATION_PATTERN.test(text) ? scaled(text, TIMES) : undefined;
}

/** Bytes; undefined when the text is no size. */
export function parseSize(text: string): number | undefined {
  return SIZE_PATTERN.test(text) ? scaled(text, SIZES) : undefined;
}

export function showDuration(ms: number): string {
  return shown(ms, TIMES, 's');
}

export function showSize(bytes: number): string {
  return shown(bytes, SIZES, 'B');
}

function scaled(text: string, units: readonly Unit[]): number | undefined {
  const unit = text.replace(/^[0-9]+/, '');
  const factor = units.find(([name]) => name === unit)?.[1];
  return factor === undefined ? undefined : Number.parseInt(text, 10) * factor;
}

function shown(value: number, units: readonly Unit[], zero: string): string {
  if (value === 0) return `0${zero}`;
  const [name, factor] = units.find(([, size]) => value % size === 0) ?? ['ms', 1];
  return `${value / factor}${name}`;
}

const HOST_PORT = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/;

/** `127.0.0.1:9200`, `[::1]:9200`, `localhost:9200`. A host is always needed: an empty one would mean every interface. */
export function parseAddress(text: string): Address | undefined {
  const found = HOST_PORT.exec(text);
  const host = found?.[1];
  const port = Number(found?.[2]);
  if (host === undefined || !(port <= 65_535)) return undefined;
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  if (host.startsWith('[') && !URL.canParse(`http://${host}`)) return undefined;
  return { host: bare, port };
}

export function showAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** `10.0.0.0/8` as it is; an address as the network it is alone in. A prefix of no bits is everybody, and none can be meant by that. */
export function networkOf(text: string): string | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `${text}/32`;
  if (ipaddr.IPv6.isValid(text) && !text.includes('%')) return `${text}/128`;
  const [address = ''] = text.split('/');
  if (!ipaddr.isValidCIDR(text) || /\/0+$/.test(text) || address.includes('%')) return undefined;
  return ipaddr.IPv6.isValid(address) || ipaddr.IPv4.isValidFourPartDecimal(address) ? text : undefined;
}
