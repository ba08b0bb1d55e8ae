import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTrustedProxy, peerOf } from '../../src/surfaces/peer.ts';

const NONE = { trustedProxies: [] };
const PROXIES = { trustedProxies: ['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8'] };

test('without a named proxy the header is only words, whoever sends it', () => {
  for (const peer of ['127.0.0.1', '10.0.0.7', '203.0.113.9']) assert.equal(peerOf(peer, '1.1.1.1', NONE), peer);
});

test('from anybody but a trusted proxy the header is only words', () => {
  fc.assert(fc.property(fc.ipV4().filter((address) => !address.startsWith('10.') && address !== '127.0.0.1'), fc.oneof(fc.string(), fc.ipV4()), (peer, header) => {
    assert.equal(peerOf(peer, header, PROXIES), peer);
  }));
});

test('behind trusted proxies the peer is the rightmost address that is none of them', () => {
  assert.equal(peerOf('::ffff:10.0.0.7', '203.0.113.9', PROXIES), '203.0.113.9');
  assert.equal(peerOf('10.0.0.7', '1.1.1.1, 203.0.113.9', PROXIES), '203.0.113.9', 'what stands further left the client wrote');
  assert.equal(peerOf('10.0.0.7', '1.1.1.1, 203.0.113.9 ,10.9.9.9,fd00::2', PROXIES), '203.0.113.9', 'over several proxies');
  assert.equal(peerOf('10.0.0.7', '10.0.0.8, 10.0.0.9', PROXIES), '10.0.0.8', 'nobody but proxies: the one furthest away');
  assert.equal(peerOf('10.0.0.7', undefined, PROXIES), '10.0.0.7');
});

test('a hop is an address, with a port or without; anything else leaves the proxy that passed it on', () => {
  assert.equal(peerOf('10.0.0.7', '203.0.113.9:4711', PROXIES), '203.0.113.9');
  assert.equal(peerOf('10.0.0.7', '[2001:DB8::1]:4711', PROXIES), '2001:db8::1');
  assert.equal(peerOf('10.0.0.7', '2001:db8::1', PROXIES), '2001:db8::1');
  for (const hop of ['<script>', 'unknown', '', '203.0.113', '203.0.113.9x', 'fe80::1%eth0', '[::1', '999.1.1.1']) assert.equal(peerOf('10.0.0.7', `1.1.1.1, ${hop}`, PROXIES), '10.0.0.7', hop);
});

test('an IPv4 peer inside IPv6 is the same proxy', () => {
  assert.equal(isTrustedProxy('10.0.0.1', PROXIES), true);
  assert.equal(isTrustedProxy('11.0.0.1', PROXIES), false);
  assert.equal(isTrustedProxy('fd12::1', PROXIES), true);
  assert.equal(isTrustedProxy('unknown', PROXIES), false);
  assert.equal(peerOf('::ffff:127.0.0.1', '203.0.113.9', PROXIES), '203.0.113.9');
});

test('one address is one peer, however a proxy spells it', () => {
  for (const hop of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '::FFFF:C000:0201', '0:0:0:0:0:ffff:c000:201', '[::ffff:c000:201]:4711']) assert.equal(peerOf('10.0.0.7', hop, PROXIES), '192.0.2.1', hop);
  for (const hop of ['2001:db8::1', '2001:DB8:0:0::1', '[2001:0db8::0001]:4711']) assert.equal(peerOf('10.0.0.7', hop, PROXIES), '2001:db8::1', hop);
  assert.equal(peerOf('10.0.0.7', '203.0.113.9, ::ffff:a00:9', PROXIES), '203.0.113.9', 'a proxy among them is known as well');
});
