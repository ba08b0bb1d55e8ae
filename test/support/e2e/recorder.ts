// A relay in front of an HTTP server that remembers every byte of each request, and can refuse in the backend's place.
import { createServer, request } from 'node:http';

export interface Recorder extends AsyncDisposable {
  readonly url: string;
  /** Request lines, headers and bodies, all of them. */
  text(): string;
  /** Every request from now on is answered so; undefined: relayed again. */
  refuseWith(answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string } | undefined): void;
}

export async function startRecorder(upstream: string): Promise<Recorder> {
  const target = new URL(upstream);
  let text = '';
  let refusal: Parameters<Recorder['refuseWith']>[0];
  const server = createServer((req, res) => {
    text += `${req.method} ${req.url}\n${req.rawHeaders.join('\n')}\n`;
    if (refusal !== undefined) {
      req.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      res.writeHead(refusal.status, refusal.headers).end(refusal.body);
      return;
    }
    const sent = request({ host: target.hostname, port: target.port, path: req.url, method: req.method, headers: { ...req.headers, host: target.host } }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    sent.on('error', () => res.destroy());
    res.on('close', () => sent.destroy());
    req.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      sent.write(chunk);
    });
    req.on('end', () => sent.end());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    text: () => text,
    refuseWith: (answer) => (refusal = answer),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
