// Preloaded (`node --import`) into the demo server, which is somebody else's program: ends it with the process that started it, and keeps it on loopback.
import { Server } from 'node:net';

// Whatever ends the parent, SIGKILL included, closes the other end of this pipe.
process.stdin.on('close', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
process.stdin.resume();

// The server listens on every interface, asks for no token and allows every web origin. None of that may leave this machine.
const listen = Server.prototype.listen;
Server.prototype.listen = function onLoopback(this: Server, port?: unknown, ...rest: unknown[]): Server {
  const callback = rest.find((argument) => typeof argument === 'function');
  const options = { host: '127.0.0.1', port: Number(port) };
  Reflect.apply(listen, this, callback === undefined ? [options] : [options, callback]);
  return this;
};
