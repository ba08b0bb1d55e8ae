// The server that the official conformance suite is asked about: every tool, resource and prompt its documentation names, of every revision.
// `fixture.ts stdio`, or `fixture.ts http [port]`, which prints `port N` on stderr.
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { serveHttp } from './fixture/http.ts';
import { fixture } from './fixture/server.ts';
import { taskTransport } from './fixture/tasks.ts';

const [transport, port] = process.argv.slice(2);
if (transport === 'stdio') {
  const own = fixture({ legacy: true, modern: true });
  serveStdio(own.make, { transport: taskTransport(new StdioServerTransport(), own.book) });
} else if (transport === 'http') {
  const server = serveHttp(fixture({ legacy: true, modern: false }));
  server.listen(Number(port ?? 0), '127.0.0.1', () => {
    const address = server.address();
    process.stderr.write(`port ${typeof address === 'object' && address !== null ? address.port : ''}\n`);
  });
} else {
  process.stderr.write('fixture.ts stdio | http [port]\n');
  process.exitCode = 2;
}
