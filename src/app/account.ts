// Finds the user a backend is to run as. Only root can start a program as somebody else, and nobody is ever made root by it (H13).
import { readFileSync } from 'node:fs';
import { err, ok, type Result } from '../core/result.ts';
import type { Account } from '../core/settings.ts';

export interface AccountFault {
  readonly message: string;
  readonly help: string;
}

export interface AccountFacts {
  readonly platform: string;
  /** The gateway's own; undefined where users have no number. */
  readonly uid: number | undefined;
  /** The text of passwd(5). */
  readonly passwd: () => string;
}

export function findAccount(name: string): Result<Account, AccountFault> {
  return accountFrom(name, { platform: process.platform, uid: process.getuid?.(), passwd });
}

/** A machine without the file has no users by name. */
function passwd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

export function accountFrom(name: string, facts: AccountFacts): Result<Account, AccountFault> {
  if (facts.platform !== 'linux') return fault(`a backend can have a user of its own on Linux only, this is ${facts.platform}`, 'remove run_as');
  if (facts.uid !== 0) return fault(`only a gateway that runs as root can start a backend as another user, and this is uid ${facts.uid ?? 'unknown'}`, 'run the gateway as root, and give every stdio backend a run_as; or remove run_as');
  const found = /^\d+:\d+$/.test(name) ? name.split(':') : entryOf(name, facts.passwd());
  if (found === undefined) return fault('there is no such user in /etc/passwd', `useradd --system --no-create-home ${/^[a-z_][a-z0-9_-]*$/.test(name) ? name : 'NAME'}; or write uid:gid for a user that is kept elsewhere`);
  const [uid, gid] = [idOf(found[0]), idOf(found[1])];
  if (uid === undefined || gid === undefined) return fault('its user and group must be numbers from 1 to 4294967294: root is what a backend must not be', 'name another user');
  return ok({ name, uid, gid });
}

/** User and group number of the line with exactly this name. */
function entryOf(name: string, passwd: string): readonly (string | undefined)[] | undefined {
  const line = passwd.split('\n').map((text) => text.split(':')).find((fields) => fields[0] === name && fields.length >= 7);
  return line?.slice(2, 4);
}

/** 2^32 - 1 means "leave as it is" to setresuid(2): the backend would stay root. */
const MOST_ID = 0xff_ff_ff_fe;

function idOf(text: string | undefined): number | undefined {
  const id = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return id >= 1 && id <= MOST_ID ? id : undefined;
}

function fault(message: string, help: string): Result<never, AccountFault> {
  return err({ message, help });
}
