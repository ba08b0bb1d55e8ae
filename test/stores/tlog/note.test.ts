import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkpointText, keyNameOf, nodeOf, openCheckpoint, parseCheckpoint, signCheckpoint } from '../../../src/stores/tlog/checkpoint.ts';
import { leafHash } from '../../../src/stores/tlog/leaf.ts';
import { keyId, makeNote, openNote, parseNote, parseVkey, publicBytes, type VerifierKey, vkeyOf } from '../../../src/stores/tlog/note.ts';
import { NODE, OTHER, keyOf, privateKeyOf, trust } from './log.ts';

// The example of Go's sumdb/note, where the format comes from. Its private key stands there too.
const PETER = {
  name: 'PeterNeumann',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  seed: Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1),
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};
const peterNote = `${PETER.text}\n${PETER.line}`;
const enoch = '\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';

function known(...vkeys: readonly string[]): readonly VerifierKey[] {
  return vkeys.map((vkey) => {
    const key = parseVkey(vkey);
    assert.ok(key.ok, vkey);
    return key.value;
  });
}

/** `ok`, or the code of what is wrong. */
const said = (result: { readonly ok: true } | { readonly ok: false; readonly error: { readonly code: string } }): string => (result.ok ? 'ok' : result.error.code);

describe('signed notes', () => {
  test('are byte for byte those of the implementation that the format comes from', () => {
    const privateKey = privateKeyOf(PETER.seed);
    assert.equal(vkeyOf(PETER.name, publicBytes(privateKey)), PETER.vkey);
    assert.equal(keyId(PETER.name, publicBytes(privateKey)), 'c74f20a3');
    const made = makeNote(PETER.text, [{ name: PETER.name, privateKey }]);
    assert.ok(made.ok && made.value === peterNote);
    const opened = openNote(peterNote, known(PETER.vkey));
    assert.ok(opened.ok && opened.value.text === PETER.text && opened.value.by.length === 1);
  });

  test('signatures of unknown keys are passed over, in front of a known one and behind it, and twice', () => {
    for (const lines of [`${enoch}${PETER.line}`, `${PETER.line}${enoch}`, `${enoch}${enoch}${PETER.line}${PETER.line}`]) assert.equal(said(openNote(`${PETER.text}\n${lines}`, known(PETER.vkey))), 'ok');
    const twice = openNote(`${PETER.text}\n${PETER.line}${PETER.line}`, known(PETER.vkey));
    assert.ok(twice.ok && twice.value.by.length === 1);
    assert.equal(said(openNote(`${PETER.text}\n${enoch}`, known(PETER.vkey))), 'unknown_key');
    assert.equal(said(openNote(peterNote, [])), 'unknown_key');
  });

  test('a signature of the same name and another id, or of another name and the same id, is of another key', () => {
    const bytes = Buffer.from(PETER.line.split(' ')[2] ?? '', 'base64');
    const otherId = Buffer.concat([Buffer.from('00000000', 'hex'), bytes.subarray(4)]).toString('base64');
    assert.equal(said(openNote(`${PETER.text}\n\u2014 PeterNeumann ${otherId}\n`, known(PETER.vkey))), 'unknown_key');
    assert.equal(said(openNote(`${PETER.text}\n${PETER.line.replace('PeterNeumann', 'PeterNewman')}`, known(PETER.vkey))), 'unknown_key');
  });

  test('a changed text is refused, and so is a note with one false signature of a known key among right ones', () => {
    assert.equal(said(openNote(peterNote.replace('answer', 'Answer'), known(PETER.vkey))), 'bad_signature');
    const [name, second] = ['second.example', privateKeyOf(Buffer.alloc(32, 9))];
    const other = makeNote('another text\n', [{ name, privateKey: second }]);
    assert.ok(other.ok);
    const both = `${peterNote}${other.value.split('\n\n')[1]}`;
    assert.equal(said(openNote(both, known(PETER.vkey))), 'ok');
    assert.equal(said(openNote(both, known(PETER.vkey, vkeyOf(name, publicBytes(second))))), 'bad_signature');
    const false2 = PETER.line.replace('/SffcvIA', '/SffcvIB');
    assert.notEqual(false2, PETER.line);
    for (const lines of [`${false2}${PETER.line}`, `${PETER.line}${false2}`]) assert.equal(said(openNote(`${PETER.text}\n${lines}`, known(PETER.vkey))), 'bad_signature', 'of one key twice, once false');
  });

  test('no byte of a note can be turned without it being refused, but for those of signatures of unknown keys', () => {
    const bytes = Buffer.from(peterNote, 'utf8');
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const bent = Buffer.from(bytes);
        bent[at] = (bent[at] ?? 0) ^ (1 << bit);
        assert.notEqual(said(openNote(bent.toString('utf8'), known(PETER.vkey))), 'ok', `byte ${at}, bit ${bit}`);
      }
    }
  });

  test('texts with empty lines end at the last one; any text without control characters comes back as it was', () => {
    const privateKey = keyOf(NODE);
    const line = fc.string({ unit: 'binary', maxLength: 30 }).map((some) => some.replaceAll(/[\u0000-\u001f]/g, '').toWellFormed());
    fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
      const text = `${lines.join('\n')}\n`;
      const made = makeNote(text, [{ name: keyNameOf(NODE), privateKey }]);
      assert.ok(made.ok);
      const opened = openNote(made.value, trust(NODE));
      assert.ok(opened.ok && opened.value.text === text);
    }));
  });

  const malformed: readonly (readonly [why: string, note: string])[] = [
    ['nothing', ''],
    ['no empty line', `${PETER.text}${PETER.line}`],
    ['no signature', `${PETER.text}\n`],
    ['no line break at the end', peterNote.slice(0, -1)],
    ['a carriage return', peterNote.replaceAll('\n', '\r\n')],
    ['a control character in the text', peterNote.replace('answer', 'ans\u0007wer')],
    ['half a surrogate pair', peterNote.replace('answer', 'ans\ud800wer')],
    ['a hyphen for the dash', peterNote.replace('\u2014', '-')],
    ['two spaces behind the dash', peterNote.replace('\u2014 ', '\u2014  ')],
    ['a word behind the signature', peterNote.replace('=\n', '= x\n')],
    ['a plus in the name', peterNote.replace('\u2014 Peter', '\u2014 Pe+ter')],
    ['a wide space in the name', peterNote.replace('\u2014 Peter', '\u2014 Pe\u3000ter')],
    ['base64 without its padding', peterNote.replace('=\n', '\n')],
    ['base64 with bits to spare', peterNote.replace('nAM=', 'nAN=')],
    ['a signature of four bytes', `${PETER.text}\n\u2014 PeterNeumann x08gow==\n`],
    ['text among the signatures', `${peterNote}and more\n`],
    ['more than 100 signatures', `${PETER.text}\n${PETER.line.repeat(101)}`],
  ];
  for (const [why, note] of malformed) test(`a note is refused for ${why}`, () => assert.equal(said(openNote(note, known(PETER.vkey))), 'malformed_note'));

  test('100 signatures are not too many', () => assert.equal(said(parseNote(`${PETER.text}\n${PETER.line.repeat(100)}`)), 'ok'));

  test('a line of a key is refused for a wrong id, another algorithm, another length or another spelling', () => {
    const rsa = Buffer.concat([Buffer.of(2), Buffer.alloc(32)]).toString('base64');
    for (const vkey of [
      '', 'PeterNeumann', PETER.vkey.replace('c74f20a3', 'c74f20a4'), PETER.vkey.replace('c74f20a3', 'C74F20A3'), PETER.vkey.replace('PeterNeumann', 'Peter Neumann'),
      PETER.vkey.replace('PeterNeumann', ''), `${PETER.vkey}\n`, PETER.vkey.slice(0, -4), `PeterNeumann+c74f20a3+${rsa}`, PETER.vkey.replace('ARpc', 'AR pc'),
    ]) assert.equal(said(parseVkey(vkey)), 'malformed_key', vkey);
  });

  test('nothing is signed that nobody could open again', () => {
    const privateKey = keyOf(NODE);
    for (const text of ['', 'no line break', 'a\u0000b\n', 'a\tb\n', '\ud800\n']) assert.equal(said(makeNote(text, [{ name: 'x', privateKey }])), 'malformed_note', JSON.stringify(text));
    for (const name of ['', 'a b', 'a+b', 'a\u2003b', 'a\nb']) assert.equal(said(makeNote('text\n', [{ name, privateKey }])), 'malformed_key', name);
    assert.equal(said(makeNote('text\n', [])), 'malformed_key');
  });
});

describe('checkpoints', () => {
  const root = leafHash('a');
  const of = { node: NODE, epoch: 7, size: 1024, root };

  test('are three lines: origin, size and root', () => {
    assert.equal(checkpointText(of), `sentinel-audit/${NODE}/7\n1024\n${root.toString('base64')}\n`);
    const parsed = parseCheckpoint(checkpointText(of));
    assert.deepEqual(parsed, { ok: true, value: of });
    assert.ok(parseCheckpoint(`${checkpointText(of)}more\nand more\n`).ok, 'lines behind the third mean nothing');
  });

  test('are believed when the node has signed them, and not when another trusted node has', () => {
    assert.deepEqual(openCheckpoint(signCheckpoint(of, keyOf(NODE)), trust(NODE)), { ok: true, value: of });
    const byOther = makeNote(checkpointText(of), [{ name: keyNameOf(OTHER), privateKey: keyOf(OTHER) }]);
    assert.ok(byOther.ok);
    assert.equal(said(openCheckpoint(byOther.value, trust(NODE, OTHER))), 'unknown_key');
    const underItsName = makeNote(checkpointText(of), [{ name: keyNameOf(NODE), privateKey: keyOf(OTHER) }]);
    assert.ok(underItsName.ok);
    assert.equal(said(openCheckpoint(underItsName.value, trust(NODE, OTHER))), 'unknown_key');
  });

  test('are refused for any other origin, size or root than the format has', () => {
    const text = checkpointText(of);
    const spelled = root.toString('base64');
    for (const other of [
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n', '', '\n\n\n', text.slice(0, -1), `${text}\n`, `${text}more\n\n`,
      text.replace('/7', '/07'), text.replace('/7', '/0'), text.replace('/7', '/'), text.replace('/7', '/7/7'), text.replace('/7', '/99999999999999999'), text.replace(NODE, 'a+b'), text.replace(NODE, 'a/b'),
      text.replace('1024', '01024'), text.replace('1024', '+1024'), text.replace('1024', '1e3'), text.replace('1024', '-1'), text.replace('1024', ' 1024'), text.replace('1024', '9007199254740992'),
      text.replace(spelled, spelled.slice(0, -1)), text.replace(spelled, root.toString('hex')), text.replace(spelled, root.toString('base64url')), text.replace(spelled, `${spelled}=`), text.replace(spelled, ''),
    ]) assert.equal(said(parseCheckpoint(other)), 'malformed_note', JSON.stringify(other));
    assert.throws(() => signCheckpoint({ ...of, node: 'a b' }, keyOf(NODE)), RangeError);
    assert.throws(() => signCheckpoint({ ...of, size: -1 }, keyOf(NODE)), RangeError);
  });

  test('only keys of an audit name a node', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    assert.equal(nodeOf({ name: keyNameOf(NODE), id: '', publicKey }), NODE);
    for (const name of ['x', 'sentinel-audit/', `sentinel-audit/${NODE}/7`, `x/sentinel-audit/${NODE}`]) assert.equal(nodeOf({ name, id: '', publicKey }), undefined);
  });
});
