// The authorized_keys line that lets one agent reach the gateway through sshd and nothing else. Pure.
import { err, ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { authorizedKeysValue, shellLine } from '../quote.ts';

/** OpenSSH's own list; certificates are left out: their principal, not this line, would say who it is. */
const KEY_TYPES: readonly string[] = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
];

export interface SshAccess {
  readonly agent: string;
  /** `type base64 [comment]`, one line. */
  readonly key: string;
  /** argv of the forced command; every path absolute, since sshd starts it in the home directory. */
  readonly command: readonly string[];
}

/** `restrict` turns off forwarding, terminals, agents and user rc, and whatever OpenSSH adds later (sshd(8)). */
export function authorizedKeysLine(access: SshAccess): Result<string, string> {
  if (!isAgentName(access.agent)) return err(`"${access.agent}" is no agent name: letters, digits, dot, dash and underscore, at most 64`);
  const key = publicKey(access.key);
  if (!key.ok) return key;
  const command = authorizedKeysValue(shellLine(access.command));
  if (command === undefined) return err('a path holds a control character, which no authorized_keys line can carry');
  return ok(`restrict,command=${command} ${key.value} ${access.agent}`);
}

export function isAgentName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

function publicKey(text: string): Result<string, string> {
  if (text.includes('PRIVATE KEY')) return err('that is a private key: give the public one, from the .pub file, and keep this one to its owner');
  const lines = text.trim().split(/\r?\n/);
  const [type, body] = (lines[0] ?? '').split(/[ \t]+/);
  if (lines.length !== 1 || type === undefined || body === undefined) return err("the key must be one line: 'ssh-ed25519 AAAA…'");
  if (!KEY_TYPES.includes(type)) return err(`"${type.slice(0, 40)}" is no key type that this line may carry: ${KEY_TYPES.join(', ')}`);
  // The blob repeats its type after a 32-bit length (RFC 4253 §6.6); a cut or swapped paste shows here, not at the first login.
  const blob = Buffer.from(body, 'base64');
  const named = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1') : '';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body) || named !== type) return err('the key is damaged: its body does not name its type');
  return ok(`${type} ${body}`);
}
