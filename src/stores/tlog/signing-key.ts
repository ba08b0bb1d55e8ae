// The key that signs checkpoints: a file of the state directory, made once, and the line by which others check what it signed.
import { Buffer } from 'node:buffer';
import { type KeyObject, createPrivateKey, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openToOthers } from '../../core/file-mode.ts';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { readOrMake } from '../small-file.ts';
import { keyNameOf, NODE_NAME } from './checkpoint.ts';
import { type NoteSigner, publicBytes, vkeyOf } from './note.ts';

export interface SigningKey extends NoteSigner {
  /** The line of `audit-sign.pub`, without its line break. */
  readonly vkey: string;
}

export const KEY_FILE = 'audit-sign.key';
export const PUBLIC_FILE = 'audit-sign.pub';
const SEED_BYTES = 32;
/** RFC 8410 §7: what comes before the 32 bytes of an Ed25519 seed in its PKCS#8 form. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Reads or makes both files. Of several processes that start at once, all read the key of the one that was first. A key that others can read,
 * or a public line that is of another key or node, is `corrupt`: whoever trusts that line would refuse what is signed from now on.
 */
export function loadSigningKey(stateDir: string, node: string, seed: () => Uint8Array = () => randomBytes(SEED_BYTES)): Result<SigningKey, StoreFault> {
  const [keyPath, publicPath] = [join(stateDir, KEY_FILE), join(stateDir, PUBLIC_FILE)];
  if (!NODE_NAME.test(node)) return err({ code: 'corrupt', detail: `the name of the node holds more than letters, digits, dots, hyphens and underscores, or is longer than 64` });
  try {
    const privateKey = ed25519In(readOrMake(keyPath, () => pemOf(seed())));
    if (privateKey === undefined) return err({ code: 'corrupt', detail: `${keyPath} holds no Ed25519 key in PKCS#8; move it and ${PUBLIC_FILE} away to make new ones` });
    if (openToOthers(statSync(keyPath).mode)) return err({ code: 'corrupt', detail: `${keyPath} can be read by others: chmod 600 ${keyPath}` });
    const name = keyNameOf(node);
    const vkey = vkeyOf(name, publicBytes(privateKey));
    if (readOrMake(publicPath, () => `${vkey}\n`, 0o644).trim() !== vkey) {
      return err({ code: 'corrupt', detail: `${publicPath} is not of this node and ${KEY_FILE}; move it away to make it anew, and tell whoever holds the old line` });
    }
    return ok({ name, privateKey, vkey });
  } catch (thrown) {
    return err({ code: 'unavailable', detail: `${stateDir}: ${messageIn(thrown)}` });
  }
}

function pemOf(seed: Uint8Array): string {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed has ${SEED_BYTES} bytes`);
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), type: 'pkcs8', format: 'der' }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function ed25519In(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
