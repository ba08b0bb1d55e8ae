// The key ring and the first agent's token, made where there are none. The token is written to its file and shown to nobody.
import { existsSync } from 'node:fs';
import { inspectToken, issueToken, ensureKeys } from '../../app/keys.ts';
import { readConfiguration } from '../../app/configuration.ts';
import { recordFact } from '../../app/record.ts';
import { ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { printable } from '../../core/text.ts';
import { tokenFromFile } from '../token.ts';
import type { Fault } from '../verb.ts';
import { layFile, replaceFile } from './files.ts';
import type { Laid } from './files.ts';

export interface CredentialWishes {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly subject: string;
  readonly role: string;
  readonly tokenFile: string;
  /** Login name, for the audit. */
  readonly by: string;
}

export async function layCredentials(wishes: CredentialWishes): Promise<Result<readonly Laid[], Fault>> {
  const configuration = readConfiguration(wishes);
  if (!configuration.ok) return configuration;
  const { settings } = configuration.value;
  const laid: Laid[] = [];
  if (settings.auth.ownKeys !== undefined) {
    const keys = await ensureKeys(settings.auth.ownKeys.directory);
    if (!keys.ok) return keys;
    laid.push({ path: settings.auth.ownKeys.directory, made: keys.value.created, what: `Ed25519 keys, ${keys.value.keyId.slice(0, 12)} signs` });
  }
  const note = `token of ${wishes.subject}, role ${wishes.role}`;
  const held = existsSync(wishes.tokenFile);
  const holder = held ? await holderOf(settings, wishes.tokenFile) : undefined;
  if (holder !== undefined) return ok([...laid, { path: wishes.tokenFile, made: false, what: holder }]);
  const issued = await issueToken(settings, { subject: wishes.subject, roles: [wishes.role], scopes: [], lifetimeMs: undefined, audience: undefined, hs256: false });
  if (!issued.ok) return issued;
  const { subject, roles, scopes, tokenId, expiresAt } = issued.value;
  const recorded = await recordFact(settings, wishes.by, { kind: 'token_issued', subject, roles, scopes, tokenId, expiresAt });
  if (!recorded.ok) return recorded;
  const until = new Date(issued.value.expiresAt).toISOString().slice(0, 10);
  const write = held ? replaceFile : layFile;
  return ok([...laid, write(wishes.tokenFile, `${issued.value.token}\n`, `${note}, until ${until}`)]);
}

/** Whose token is kept, by what it says itself. Undefined for one that has expired, or that a new key ring no longer knows: it is made anew, `start` must end in something that works. */
async function holderOf(settings: Parameters<typeof inspectToken>[0], file: string): Promise<string | undefined> {
  const token = tokenFromFile(file);
  if (!token.ok) return undefined;
  const inspected = await inspectToken(settings, token.value.reveal());
  if (!inspected.ok || inspected.value.checks.some((check) => check.outcome === 'fail')) return undefined;
  const claims: unknown = JSON.parse(inspected.value.payload ?? '{}');
  const claim = (name: string): unknown => (typeof claims === 'object' && claims !== null ? Reflect.get(claims, name) : undefined);
  const roles = claim(settings.auth.roleClaim); // a nested claim is left to `token inspect`
  return printable(`token of ${String(claim('sub'))}${roles === undefined ? '' : `, role ${[roles].flat().map(String).join(', ')}`}`);
}
