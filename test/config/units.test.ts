import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from '../../src/core/loopback.ts';
import { suggest } from '../../src/config/suggest.ts';
import { parseAddress, parseDuration, parseSize, showAddress } from '../../src/config/units.ts';

test('durations and sizes need a unit and a whole number', () => {
  assert.deepEqual(['500ms', '30s', '5m', '2h', '1d', '0s'].map(parseDuration), [500, 30_000, 300_000, 7_200_000, 86_400_000, 0]);
  assert.deepEqual(['1B', '64KiB', '4MiB', '1GiB'].map(parseSize), [1, 65_536, 4_194_304, 1_073_741_824]);
  for (const text of ['', '5', '5 s', '-5s', '1.5s', '5S', '1h30m', '99999999999s', '٣s']) assert.equal(parseDuration(text), undefined, text);
  for (const text of ['4MB', '4M', '4mib', 'MiB']) assert.equal(parseSize(text), undefined, text);
});

test('an address is a host and a port, and a host is never left out', () => {
  for (const text of ['127.0.0.1:9200', '[::1]:0', 'localhost:65535', 'gateway.internal:1']) assert.equal(showAddress(parseAddress(text) ?? { host: '', port: -1 }), text);
  for (const text of ['', ':9200', '9200', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:-1', '::1:9200', '[zz]:1', '[1:2]:3', 'a b:1', 'http://x:1', '*:9200']) assert.equal(parseAddress(text), undefined, text);
});

test('only loopback is loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1']) assert.equal(isLoopback(host), false, host);
});

test('a suggestion is near, or there is none', () => {
  const keys = ['jwt_secret_env', 'listen', 'log_level', 'type'];
  assert.equal(suggest('lisetn', keys), 'listen');
  assert.equal(suggest('jwtSecretEnv', keys), 'jwt_secret_env');
  assert.equal(suggest('typ', keys), 'type');
  assert.equal(suggest('password', keys), undefined);
  assert.equal(suggest('x'.repeat(100_000), keys), undefined);
});
