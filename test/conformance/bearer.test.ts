import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { bearerProxy } from './bearer.ts';

test('the proxy adds the token and changes nothing else, in either direction', async () => {
  await using stack = new AsyncDisposableStack();
  const seen: { headers: readonly string[]; body: string; url: string | undefined; method: string | undefined }[] = [];
  const gone = Promise.withResolvers<void>();
  const upstream = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      seen.push({ headers: request.rawHeaders, body, url: request.url, method: request.method });
      response.writeHead(404, 'Nowhere', ['X-Twice', '1', 'X-Twice', '2', 'Content-Type', 'text/event-stream']);
      response.write('data: first\n\n');
      response.on('close', () => gone.resolve());
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  stack.defer(() => void upstream.close());
  const address = upstream.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy = stack.use(await bearerProxy());
  proxy.lead(`http://127.0.0.1:${address.port}/mcp/one`, 'a.b.c');

  const leave = new AbortController();
  const answer = await fetch(proxy.url, { method: 'POST', body: '{"n":1.0}', headers: { Origin: 'http://evil.example', 'Mcp-Name': '  x  ' }, signal: leave.signal });
  assert.deepEqual([answer.status, answer.statusText, answer.headers.get('x-twice')], [404, 'Nowhere', '1, 2']);
  const first = await answer.body?.getReader().read();
  assert.equal(new TextDecoder().decode(first?.value), 'data: first\n\n');
  const [request] = seen;
  assert.deepEqual([request?.method, request?.url, request?.body], ['POST', '/mcp/one', '{"n":1.0}']);
  const headers = new Map(Array.from({ length: (request?.headers.length ?? 0) / 2 }, (_, at) => [request?.headers[2 * at]?.toLowerCase(), request?.headers[2 * at + 1]]));
  assert.equal(headers.get('authorization'), 'Bearer a.b.c');
  assert.equal(headers.get('host'), new URL(proxy.url).host);
  assert.equal(headers.get('origin'), 'http://evil.example');
  // The stream is still open: going away here must end it there.
  leave.abort();
  await gone.promise;
});
