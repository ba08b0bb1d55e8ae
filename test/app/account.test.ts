import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountFrom, type AccountFacts } from '../../src/app/account.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nfiles:x:990:991:,,,:/nonexistent:/usr/sbin/nologin\nwheel:x:5:0::/:/bin/sh\nhuge:x:4294967295:5::/:/bin/sh\nbent:x:-5:5::/:/bin/sh\nshort:x:7:7\n';
const facts = (over: Partial<AccountFacts> = {}): AccountFacts => ({ platform: 'linux', uid: 0, passwd: () => PASSWD, ...over });
const problem = (name: string, over: Partial<AccountFacts> = {}): string => {
  const found = accountFrom(name, facts(over));
  assert.ok(!found.ok, JSON.stringify(found));
  assert.notEqual(found.error.help, '');
  return found.error.message;
};

test('H13 a user is found by its exact name, or taken by its numbers', () => {
  assert.deepEqual(accountFrom('files', facts()), { ok: true, value: { name: 'files', uid: 990, gid: 991 } });
  assert.deepEqual(accountFrom('123:456', facts({ passwd: () => '' })), { ok: true, value: { name: '123:456', uid: 123, gid: 456 } });
  for (const name of ['nobody', 'file', 'Files', 'files ', 'x', '990', '990:', ':5', '', 'short', '__proto__', 'files:x:990']) assert.match(problem(name), /no such user/, name);
});

test('H13 nobody becomes root by it, not through 0, through the group, or through the number that means "leave as it is"', () => {
  for (const name of ['root', 'wheel', 'huge', 'bent', '0:0', '0:5', '5:0', '4294967295:5', '5:4294967295', '9999999999:5', '99999999999:5']) assert.match(problem(name), /root is what a backend must not be/, name);
});

test('H13 a gateway that is not root on Linux says that it cannot, whatever the name', () => {
  assert.match(problem('files', { uid: 1000 }), /only a gateway that runs as root.*uid 1000/);
  assert.match(problem('files', { uid: undefined }), /only a gateway that runs as root/);
  assert.match(problem('files', { platform: 'darwin' }), /Linux only/);
});
