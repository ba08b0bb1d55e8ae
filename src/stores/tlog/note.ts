// Signed notes (c2sp.org/signed-note): a text, an empty line, and lines that say who signed it. Ed25519 only (signature type 0x01).
import { Buffer } from 'node:buffer';
import { type KeyObject, createPublicKey, hash, sign, verify } from 'node:crypto';
import { err, ok, type Result } from '../../core/result.ts';

export interface NoteFault {
  /** `unknown_key`: none of its signatures is of a key that was given. `bad_signature`: one of them is, and does not hold. */
  readonly code: 'malformed_note' | 'malformed_key' | 'unknown_key' | 'bad_signature';
  readonly detail: string;
}

/** Whom to believe. */
export interface VerifierKey {
  readonly name: string;
  /** Four bytes in hex: together with the name they say which key a signature is of. */
  readonly id: string;
  readonly publicKey: KeyObject;
}

export interface NoteSigner {
  readonly name: string;
  /** Ed25519. */
  readonly privateKey: KeyObject;
}

interface Signature {
  readonly name: string;
  readonly id: string;
  /** Without the key id. */
  readonly bytes: Buffer;
}

export interface SignedNote {
  /** What was signed, with its last line break. */
  readonly text: string;
  readonly signatures: readonly Signature[];
}

const ED25519 = 0x01;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** RFC 8410 §4: what comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** The specification asks for 16 at least. */
const MOST_SIGNATURES = 100;
const MOST_UNITS = 1 << 20;
const DASH = '\u2014 ';
const BAD_NAME = /[\p{White_Space}+]|^$/u;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** The 32 bytes of an Ed25519 key, private or public. */
export function publicBytes(key: KeyObject): Buffer {
  const der = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
  return der.subarray(-KEY_BYTES);
}

/** SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), its first four bytes in hex. */
export function keyId(name: string, publicKey: Uint8Array): string {
  const named = Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), Buffer.from([ED25519]), publicKey]);
  return hash('sha256', named, 'hex').slice(0, 2 * ID_BYTES);
}

/** `name+id+key`: the line by which others learn a key. */
export function vkeyOf(name: string, publicKey: Uint8Array): string {
  return `${name}+${keyId(name, publicKey)}+${Buffer.concat([Buffer.from([ED25519]), publicKey]).toString('base64')}`;
}

export function parseVkey(line: string): Result<VerifierKey, NoteFault> {
  const [, name = '', id = '', text = ''] = /^([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const bytes = decoded(text);
  if (BAD_NAME.test(name) || bytes === undefined) return err({ code: 'malformed_key', detail: 'not of the form name+id+key' });
  if (bytes[0] !== ED25519 || bytes.length !== 1 + KEY_BYTES) return err({ code: 'malformed_key', detail: 'not an Ed25519 key' });
  const raw = bytes.subarray(1);
  if (keyId(name, raw) !== id) return err({ code: 'malformed_key', detail: `the id of this name and key is ${keyId(name, raw)}, not ${id}` });
  return ok({ name, id, publicKey: createPublicKey({ key: Buffer.concat([SPKI, raw]), type: 'spki', format: 'der' }) });
}

/** `text` ends in a line break and holds no other control characters. */
export function makeNote(text: string, signers: readonly NoteSigner[]): Result<string, NoteFault> {
  if (!text.endsWith('\n') || CONTROL.test(text) || !text.isWellFormed()) return err({ code: 'malformed_note', detail: 'the text does not end in a line break, or holds a control character' });
  const unfit = signers.find(({ name }) => BAD_NAME.test(name) || !name.isWellFormed() || CONTROL.test(name));
  if (unfit !== undefined || signers.length === 0) return err({ code: 'malformed_key', detail: 'a name of a key is empty, or has a space or a plus in it' });
  const lines = signers.map(({ name, privateKey }) => {
    const id = Buffer.from(keyId(name, publicBytes(privateKey)), 'hex');
    return `${DASH}${name} ${Buffer.concat([id, sign(null, Buffer.from(text, 'utf8'), privateKey)]).toString('base64')}\n`;
  });
  return ok(`${text}\n${lines.join('')}`);
}

/** The parts of a note. Nothing is believed yet. */
export function parseNote(note: string): Result<SignedNote, NoteFault> {
  const malformed = (detail: string): Result<never, NoteFault> => err({ code: 'malformed_note', detail });
  if (note.length > MOST_UNITS || CONTROL.test(note) || !note.isWellFormed()) return malformed('too long, with control characters, or not UTF-8');
  // The text may have empty lines of its own: the last one is what ends it.
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || end + 2 === note.length || !note.endsWith('\n')) return malformed('no empty line with signatures behind it');
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return malformed(`more than ${MOST_SIGNATURES} signatures`);
  const signatures = lines.flatMap((line) => signatureIn(line) ?? []);
  if (signatures.length < lines.length) return malformed('a line of a signature is not of the form "— name base64"');
  return ok({ text: note.slice(0, end + 1), signatures });
}

function signatureIn(line: string): Signature | undefined {
  const [name = '', text = '', ...more] = line.slice(DASH.length).split(' ');
  const bytes = decoded(text);
  if (!line.startsWith(DASH) || more.length > 0 || BAD_NAME.test(name) || bytes === undefined || bytes.length <= ID_BYTES) return undefined;
  return { name, id: bytes.toString('hex', 0, ID_BYTES), bytes: bytes.subarray(ID_BYTES) };
}

export interface OpenedNote {
  readonly text: string;
  /** Whose signatures hold: one key at least. */
  readonly by: readonly VerifierKey[];
}

/**
 * The text of a note that one of these keys has signed. Signatures of other keys are passed over, as the specification demands; a signature of
 * a known key that does not hold spoils the whole note.
 */
export function openNote(note: string, keys: readonly VerifierKey[]): Result<OpenedNote, NoteFault> {
  const parsed = parseNote(note);
  if (!parsed.ok) return parsed;
  const { text, signatures } = parsed.value;
  const signed = Buffer.from(text, 'utf8');
  const by: VerifierKey[] = [];
  for (const { name, id, bytes } of signatures) {
    const key = keys.find((key) => key.name === name && key.id === id);
    if (key === undefined) continue;
    if (!verify(null, signed, key.publicKey, bytes)) return err({ code: 'bad_signature', detail: `the signature of ${name}+${id} does not hold` });
    if (!by.includes(key)) by.push(key);
  }
  return by.length > 0 ? ok({ text, by }) : err({ code: 'unknown_key', detail: `signed by ${signatures.map(({ name, id }) => `${name}+${id}`).join(', ')}, none of which is trusted here` });
}

/** Base64 with padding (RFC 4648 §4) in its one right spelling. */
function decoded(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
}
