import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { describe, test } from 'node:test';
import { guardedLookup, isAllowedAddress, literalProblem } from '../../src/backends/http/egress.ts';
import { isSessionId, settingHeaders } from '../../src/backends/http/headers.ts';
import { httpSettings, secret } from './support.ts';

describe('headers', () => {
  test('session ids are visible ASCII', () => {
    assert.ok(isSessionId('abc-123~'));
    for (const id of ['', 'a b', 'a\r\nx: y', 'é', 'x'.repeat(2_000)]) assert.equal(isSessionId(id), false);
  });

  test('settings cannot replace the headers of the protocol', () => {
    const headers = { Host: secret('evil'), 'MCP-Session-Id': secret('s'), 'Transfer-Encoding': secret('chunked'), Accept: secret('x'), 'X-Ok': secret('1') };
    assert.deepEqual(settingHeaders(httpSettings('http://x/mcp', { headers })), ['x-ok', '1']);
  });
});

describe('egress', () => {
  const PRIVATE = ['127.0.0.1', '10.1.2.3', '192.168.0.1', '172.16.0.1', '100.64.0.1', '::1', 'fc00::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'];
  const METADATA = ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254'];
  const NEVER = ['0.0.0.0', '255.255.255.255', '224.0.0.1', '::', 'ff02::1'];

  test('private addresses only where allowed, public ones always, some never [SEC18]', () => {
    for (const address of ['93.184.216.34', '2606:2800:220:1::1']) assert.ok(isAllowedAddress(address, false, false));
    for (const address of PRIVATE) {
      assert.equal(isAllowedAddress(address, false, false), false, address);
      assert.equal(isAllowedAddress(address, true, false), true, address);
    }
    for (const address of [...NEVER, 'nonsense']) assert.equal(isAllowedAddress(address, true, true), false, address);
  });

  test('D02: an IPv4 address inside an IPv6 one is judged by itself, and is never public [SEC18]', () => {
    for (const address of ['::7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1', '2002:7f00:1::', '::ffff:0:127.0.0.1', '64:ff9b::808:808', '2002:808:808::', '::808:808']) {
      assert.equal(isAllowedAddress(address, false, true), false, address);
      assert.equal(isAllowedAddress(address, true, false), true, address);
    }
    for (const address of ['64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', '::a9fe:a9fe', '::ffff:0:169.254.169.254', '64:ff9b::', '2002::1', '64:ff9b::e000:1']) {
      assert.equal(isAllowedAddress(address, true, false), false, address);
    }
    assert.equal(isAllowedAddress('::1', true, false), true);
    assert.equal(isAllowedAddress('::1', false, false), false);
    assert.equal(isAllowedAddress('::', true, true), false);
    assert.equal(isAllowedAddress('2606:4700::1', false, false), true);
  });

  test('where metadata lives is reached only by writing that very address', () => {
    for (const address of METADATA) {
      assert.equal(isAllowedAddress(address, true, false), false, address);
      assert.equal(isAllowedAddress(address, true, true), true, address);
      assert.notEqual(literalProblem({ host: address, allowPrivate: false }), undefined);
    }
    assert.equal(literalProblem({ host: 'name.example', allowPrivate: false }), undefined);
  });

  test('a name with one good and one bad address leads only to the good one; with none, nowhere [SEC18]', async () => {
    const resolves = (addresses: readonly string[]): typeof lookup => {
      const fake = (_host: string, _options: object, callback: (error: null, found: object[]) => void): void => callback(null, addresses.map((address) => ({ address, family: 4 })));
      return fake as typeof lookup;
    };
    const ask = async (addresses: readonly string[], all: boolean): Promise<unknown> => new Promise((resolve) => {
      guardedLookup({ host: 'rebind.example', allowPrivate: false }, resolves(addresses))('rebind.example', { all }, (error, found) => resolve(error === null ? found : error.message));
    });
    assert.deepEqual(await ask(['127.0.0.1', '93.184.216.34'], true), [{ address: '93.184.216.34', family: 4 }]);
    assert.equal(await ask(['127.0.0.1', '93.184.216.34'], false), '93.184.216.34');
    assert.match(String(await ask(['169.254.169.254'], true)), /not allowed/);
  });
});
