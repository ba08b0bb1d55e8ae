import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../../src/config/load.ts';
import { diffSettings } from '../../src/config/diff.ts';
import { keyNameOf } from '../../src/stores/tlog/checkpoint.ts';
import { parseVkey, publicBytes, vkeyOf } from '../../src/stores/tlog/note.ts';
import { keyOf, NODE, OTHER } from '../stores/tlog/log.ts';
import { FILE, JWT_SECRET } from './source.ts';

const [ONE, TWO] = [NODE, OTHER].map((node) => vkeyOf(keyNameOf(node), publicBytes(keyOf(node))));
const AUTH = '[audit.witness]\n';

type Files = Readonly<Record<string, { readonly text: string; readonly mode: number }>>;

function read(keys: string, files: Files = {}): ReturnType<typeof load> {
  return load({
    text: `${AUTH}${keys}\n`, file: FILE, env: { JWT_SECRET_KEY: JWT_SECRET }, home: '/home/op',
    readFile: (path) => (files[path] === undefined ? { ok: false, error: 'ENOENT' } : { ok: true, value: files[path] }),
    vkeyFlaw: (line) => {
      const parsed = parseVkey(line);
      return parsed.ok ? undefined : parsed.error.detail;
    },
  });
}

function keysOf(keys: string, files?: Files): readonly string[] {
  const loaded = read(keys, files);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value.settings.audit.witness;
}

function refused(keys: string, files?: Files): readonly string[] {
  const loaded = read(keys, files);
  assert.ok(!loaded.ok, 'it was accepted');
  return loaded.error.map(({ code, line, message }) => `${code}@${line}: ${message}`);
}

test('without a word of it nobody\'s checkpoints are taken', () => {
  assert.deepEqual(keysOf(''), []);
  assert.deepEqual(keysOf('keys = []'), []);
});

test('a key is a line, or stands in a file with others, comments and empty lines; each counts once', () => {
  assert.deepEqual(keysOf(`keys = ["${ONE}"]`), [ONE]);
  const files: Files = { '/etc/sentinel/others.pub': { text: `# of the other site\n${ONE}\n\n${TWO}\r\n`, mode: 0o644 }, '/home/op/a+b.pub': { text: `${ONE}\n`, mode: 0o600 } };
  assert.deepEqual(keysOf(`keys = ["others.pub", "~/a+b.pub", "${TWO}"]`, files), [ONE, TWO]);
});

test('what is no key is an error where it stands, and so is a file that others can write', () => {
  const files: Files = { '/k/open.pub': { text: `${ONE}\n`, mode: 0o664 }, '/k/empty.pub': { text: '# nothing\n', mode: 0o644 }, '/k/key.pem': { text: '-----BEGIN PUBLIC KEY-----\n', mode: 0o644 } };
  const flaw = (keys: string): string => refused(`keys = [${keys}]`, files).join();
  assert.equal(flaw('"/k/none.pub"'), 'SEN-0131@2: "/k/none.pub" is no line of a key, and no file that can be read (ENOENT)');
  assert.equal(flaw('"/k/open.pub"'), 'SEN-0131@2: the file /k/open.pub can be written by group or others');
  assert.equal(flaw('"/k/empty.pub"'), 'SEN-0131@2: the file /k/empty.pub holds no key');
  assert.equal(flaw('"/k/key.pem"'), 'SEN-0131@2: a key cannot be used: it is not of the form sentinel-audit/<node>+<id>+<key>');
  assert.match(flaw(`"${ONE?.replace(/\+[0-9a-f]{8}\+/, '+00000000+')}"`), /^SEN-0131@2: a key cannot be used: the id of this name and key is [0-9a-f]{8}, not 00000000$/);
  assert.match(flaw(`"${ONE?.slice(0, -4)}"`), /^SEN-0131@2: a key cannot be used: it is not of the form/);
  assert.match(flaw('"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"'), /^SEN-0131@2: .* is no line of a key, and no file/, 'a key of something else');
  assert.deepEqual(refused('key = "x"').map((line) => line.slice(0, 10)), ['SEN-0106@2']);
});

test('another key counts from a reload on, and the reload says so', () => {
  const [before, after] = [read(`keys = ["${ONE}"]`), read(`keys = ["${TWO}"]`)];
  assert.ok(before.ok && after.ok);
  const { changes, refusals } = diffSettings(before.value.settings, after.value.settings, { file: FILE, text: '' });
  assert.deepEqual([changes, refusals], [[`audit.witness.keys: +${TWO} -${ONE}`], []]);
});
