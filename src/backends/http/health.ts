// Whether an HTTP backend is there: `ping` in the legacy era, `server/discover` in the modern one (4.16). Any answer of its own is a yes.
import { toRaw } from '../../core/json/compose.ts';
import type { BackendFault } from '../../core/ports.ts';
import { discoverParams } from '../handshake.ts';
import { type ConnectInput, type HttpLink, say, SESSION_LOST } from './connect.ts';

/** Undefined: it is alive. */
export async function ping(input: ConnectInput, { manner, link }: HttpLink): Promise<BackendFault | undefined> {
  const isModern = link.era === 'modern';
  const params = isModern ? discoverParams(input.deps.client, link.version) : toRaw({});
  const { asked, status } = await say(input, manner, isModern ? 'server/discover' : 'ping', params, input.deps.limits.lineBytes);
  if (asked.ok) return undefined;
  const isRefused = asked.error.code === 'http_status' && status >= 400 && status < 500;
  if (!isRefused) return asked.error;
  if (manner.session !== undefined && (status === 400 || status === 404)) return SESSION_LOST;
  // It is there, and has no `ping`.
  return status === 404 ? asked.error : undefined;
}
