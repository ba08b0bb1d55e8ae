// Which Host and Origin a listener answers to: the wall against DNS rebinding and cross-site requests (A01, A02, A04, A07).
// Pure; every HTTP listener of the gateway asks here.
import type { GatewaySettings } from '../core/settings.ts';

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?::([0-9]{1,5}))?$/i;
const PORT_MAX = 65_535;

/** Host name of a Host header without its port, lower case, or undefined when it does not follow the grammar (RFC 9110 §7.2). */
export function hostName(header: string | undefined): string | undefined {
  const found = header === undefined ? null : HOST.exec(header);
  if (found === null || Number(found[2] ?? 0) > PORT_MAX) return undefined;
  return found[1]?.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/**
 * A rebound name points at us but is not ours, so only known names pass: loopback, the address the connection came in on,
 * the public URL, and what the operator listed. Ports are not compared: tunnels change them, rebinding does not need them.
 */
export function hostAllowed(header: string | undefined, localAddress: string | undefined, gateway: GatewaySettings): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  if (LOOPBACK.has(name) || name === plainAddress(localAddress)) return true;
  if (name === gateway.listen.host.toLowerCase()) return true;
  if (gateway.publicUrl !== undefined && name === hostName(hostOf(gateway.publicUrl))) return true;
  return gateway.allowedHosts.some((allowed) => hostName(allowed) === name);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** No Origin: not a browser. `null` and everything unlisted: no (SH2). */
export function originAllowed(origin: string | undefined, gateway: GatewaySettings): boolean {
  return origin === undefined || (origin !== 'null' && gateway.allowedOrigins.includes(origin));
}

/** IPv4 inside IPv6 written as IPv4: one peer, one name. */
export function plainAddress(address: string | undefined): string {
  return (address ?? 'unknown').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').toLowerCase();
}
