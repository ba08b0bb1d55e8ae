// A loopback proxy that gives every request a bearer token, because the suite sends none, and changes nothing else: method, headers, bytes and
// their timing go through as they come, in both directions.
import { Agent, createServer, request } from 'node:http';

export interface BearerProxy extends AsyncDisposable {
  /** Where the suite connects: `http://127.0.0.1:port/mcp`. */
  readonly url: string;
  /** From now on to `target`. Its own address has to be known before that: the gateway is told which origins are its own. */
  lead(target: string, token: string): void;
}

export async function bearerProxy(): Promise<BearerProxy> {
  let onto: { readonly target: URL; readonly token: string } | undefined;
  // A connection kept for later could end under the next request, and look like the gateway's fault.
  const agent = new Agent({ keepAlive: false });
  const server = createServer((incoming, answer) => {
    if (onto === undefined) return void answer.destroy();
    const headers = [...incoming.rawHeaders, 'Authorization', `Bearer ${onto.token}`];
    const { hostname, port, pathname } = onto.target;
    const onward = request({ agent, hostname, port, path: pathname, method: incoming.method, headers });
    onward.on('response', (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.statusMessage, reply.rawHeaders);
      answer.flushHeaders();
      reply.on('error', () => answer.destroy());
      reply.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    // Who goes away here must be seen to go away there: that is how a request of 2026-07-28 is cancelled.
    answer.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    lead: (target, token) => (onto = { target: new URL(target), token }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
