import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeMirrored } from '../../src/relay/mirrored.ts';
import { hostAllowed, hostName, originAllowed } from '../../src/surfaces/host.ts';
import { bearerOf, readHeaders } from '../../src/surfaces/mcp/headers.ts';
import { passGate } from '../../src/surfaces/mcp/gate.ts';
import { routeOf } from '../../src/surfaces/mcp/route.ts';
import { testSettings } from './settings.ts';

const SETTINGS = testSettings({ gateway: { publicUrl: 'https://gw.example/base', allowedHosts: ['other.example:8443'] } });

test('the first wrong thing answers, in the order of the protocol reference', () => {
  const wrong = {
    method: 'PUT',
    target: '/mcp',
    headers: ['Host', 'evil.example', 'Origin', 'https://evil.example', 'Content-Length', '99999999'],
    repeated: ['Host', 'localhost'],
  };
  const status = (headers: readonly string[], method = 'PUT', target = '/mcp'): number => {
    const gate = passGate({ method, target, headers: readHeaders(headers), localAddress: '127.0.0.1' }, SETTINGS);
    return gate.ok ? 200 : gate.error.status;
  };
  const lines = Array.from({ length: 101 }, () => ['X-Y', 'z']).flat();
  assert.equal(status([...wrong.headers, ...wrong.repeated, ...lines]), 400);
  assert.equal(status([...wrong.headers, ...lines]), 421);
  assert.equal(status(['Host', 'localhost', ...wrong.headers.slice(2), ...lines]), 403);
  assert.equal(status(['Host', 'localhost', ...wrong.headers.slice(2), ...lines], 'PUT', '/nope'), 404);
  assert.equal(status(['Host', 'localhost', 'Content-Length', '99999999', ...lines]), 405);
  assert.equal(status(['Host', 'localhost', 'Content-Length', '99999999', ...lines], 'POST'), 431);
  assert.equal(status(['Host', 'localhost', 'Content-Length', '99999999'], 'POST'), 413);
  assert.equal(status(['Host', 'localhost'], 'POST'), 200);
});

test('no host name passes but ours, whatever is put around it', () => {
  const allowed = (host: string): boolean => hostAllowed(host, '::ffff:10.0.0.5', SETTINGS.gateway);
  for (const host of ['localhost', '127.0.0.1:1', '[::1]', 'gw.example', 'GW.example:443', 'other.example', '10.0.0.5:9200']) assert.ok(allowed(host), host);
  fc.assert(fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.string()), fc.constantFrom('', ':80', '.localhost', '@localhost', '/localhost', '#localhost', '\tlocalhost'), (name, tail) => {
    const host = name + tail;
    const ours = ['localhost', '127.0.0.1', '::1', 'gw.example', 'other.example', '10.0.0.5'];
    assert.equal(allowed(host), ours.includes(hostName(host) ?? 'none'));
  }));
  assert.equal(hostAllowed(undefined, undefined, SETTINGS.gateway), false);
});

test('an origin passes only when it is absent or listed, letter for letter', () => {
  assert.ok(originAllowed(undefined, SETTINGS.gateway));
  assert.ok(originAllowed('https://good.example', SETTINGS.gateway));
  for (const origin of ['null', '', 'https://GOOD.example', 'https://good.example/', 'https://good.example:443', 'https://good.example.evil']) assert.equal(originAllowed(origin, SETTINGS.gateway), false);
  assert.equal(originAllowed('null', testSettings({ gateway: { allowedOrigins: ['null'] } }).gateway), false);
});

test('routes are exact', () => {
  assert.deepEqual(routeOf('/mcp'), { kind: 'mcp', endpoint: { kind: 'merged' } });
  assert.deepEqual(routeOf('/mcp/a.b-c_9'), { kind: 'mcp', endpoint: { kind: 'single', backend: 'a.b-c_9' } });
  fc.assert(fc.property(fc.webPath(), (path) => {
    const route = routeOf(path);
    if (route.kind === 'mcp') assert.match(path, /^\/mcp(?:\/[A-Za-z0-9][A-Za-z0-9_.-]*)?$/);
  }));
});

test('a mirrored name comes back as it was encoded', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (name) => {
    assert.equal(decodeMirrored(`=?base64?${Buffer.from(name).toString('base64')}?=`), name.toWellFormed());
  }));
});

test('a bearer is one token and nothing else', () => {
  assert.equal(bearerOf('Bearer abc'), 'abc');
  assert.equal(bearerOf('bearer  abc '), 'abc');
  assert.equal(bearerOf(undefined), undefined);
  for (const value of ['', 'Bearer', 'Bearer a b', 'Bearer a,b', 'Basic abc', 'Bearerabc', 'x Bearer abc']) assert.equal(bearerOf(value), '', value);
});
