// Addresses as --listen takes them. Pure.
import { parseAddress, showAddress } from '../../config/units.ts';

/** `0`, `9200` or `host:port`; undefined when it is none of them. As the configuration writes it. */
export function addressFrom(text: string): string | undefined {
  const address = parseAddress(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
  return address === undefined ? undefined : showAddress(address);
}
