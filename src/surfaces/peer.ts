// Who is at the other end: the address that is counted, limited and recorded. What a header says of it is believed of proxies that the
// operator named, and of nobody else: otherwise every request could come from an address of its own choice.
import { BlockList, isIP, SocketAddress } from 'node:net';
import type { GatewaySettings } from '../core/settings.ts';
import { plainAddress } from './host.ts';

type Proxies = Pick<GatewaySettings, 'trustedProxies'>;

/** Of one revision: its list is never changed. */
const lists = new WeakMap<readonly string[], BlockList>();

function listOf(ranges: readonly string[]): BlockList {
  const known = lists.get(ranges);
  if (known !== undefined) return known;
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    list.addSubnet(network, Number(bits), isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  lists.set(ranges, list);
  return list;
}

export function isTrustedProxy(address: string, { trustedProxies }: Proxies): boolean {
  const family = isIP(address);
  return family !== 0 && listOf(trustedProxies).check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * The peer to count and to record. Each proxy adds whom it saw to the right of `X-Forwarded-For`, so the list is read from there, as long
 * as who speaks is a trusted proxy: what stands further left are the client's own words. Garbage leaves the proxy that passed it on.
 */
export function peerOf(remote: string | undefined, forwardedFor: string | undefined, gateway: Proxies): string {
  const hops = forwardedFor?.split(',') ?? [];
  let peer = plainAddress(remote);
  for (let hop = hops.pop(); hop !== undefined && isTrustedProxy(peer, gateway); hop = hops.pop()) {
    const address = addressIn(hop);
    if (address === undefined) return peer;
    peer = address;
  }
  return peer;
}

const WITH_PORT = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?$/i;

/**
 * Some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]:4711`. IPv6 has many spellings of one address, and mapped IPv4 is
 * one more (`::ffff:c000:201`): one peer, one name, or one client would be as many as it can spell.
 */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const found = WITH_PORT.exec(text);
  const address = found?.[1] ?? found?.[2] ?? text;
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return undefined;
  return plainAddress(family === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address);
}
