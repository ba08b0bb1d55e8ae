import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distrust, type FoundFile } from '../../src/config/trust.ts';

const FILE = '/etc/sentinel/sentinel.toml';
const found = (over: Partial<FoundFile> & { readonly mode?: number; readonly uid?: number; readonly gid?: number } = {}): FoundFile => {
  const { mode = 0o644, uid = 0, gid = 0, ...rest } = over;
  return { named: FILE, path: FILE, facts: { mode: 0o100_000 | mode, uid, gid }, linkUid: undefined, folder: { path: '/etc/sentinel', mode: 0o40_755 }, ...rest };
};
const refused = (file: FoundFile, uid = 1000): string => {
  const flaw = distrust(file, uid);
  assert.equal(flaw?.code, 'SEN-0128');
  assert.equal(flaw.severity, 'error');
  assert.equal(flaw.file, file.named);
  return `${flaw.message} -> ${flaw.help ?? ''}`;
};

test('root and the user it runs as may own the configuration', () => {
  assert.equal(distrust(found(), 1000), undefined);
  assert.equal(distrust(found({ uid: 1000, gid: 100, mode: 0o600 }), 1000), undefined);
  assert.equal(distrust(found({ uid: 1000, gid: 1000, mode: 0o664 }), 1000), undefined, 'umask 002');
  assert.equal(distrust(found({ folder: { path: '/tmp', mode: 0o41_777 } }), 1000), undefined, 'sticky');
});

test('a configuration of somebody else is refused, also by root', () => {
  assert.equal(refused(found({ uid: 1001, gid: 1001 })), `${FILE} belongs to user 1001, who is neither root nor user 1000, as whom this runs -> chown 1000 ${FILE}, or run the gateway as that user (uid 1001)`);
  assert.match(refused(found({ uid: 1001, gid: 1001 }), 0), /belongs to user 1001/);
});

test('a configuration that others or a shared group may write is refused, with the chmod to type', () => {
  assert.equal(refused(found({ mode: 0o666 })), `${FILE} can be written by others (mode 0666, group 0) -> chmod go-w ${FILE}`);
  assert.match(refused(found({ mode: 0o660, uid: 1000, gid: 50 })), /\(mode 0660, group 50\)/);
  assert.match(refused(found({ folder: { path: '/srv/drop', mode: 0o40_777 } })), /^everybody may write in \/srv\/drop \(mode 0777\).* -> chmod o-w \/srv\/drop$/);
});

test('a link of somebody else is refused: it chooses which file is read', () => {
  assert.match(refused(found({ named: '/tmp/sentinel.toml', linkUid: 1001 })), /^\/tmp\/sentinel\.toml is a link of user 1001, .* -> name the file itself: --config \/etc\/sentinel\/sentinel\.toml$/);
  assert.equal(distrust(found({ named: '/mnt/sentinel.toml', linkUid: 0 }), 1000), undefined);
});
