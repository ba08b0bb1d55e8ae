// [postgres], [store] and [audit]: where what happened is kept, and what of it.
import * as z from 'zod';
import type { Secret } from '../core/secret.ts';
import type { AuditSettings } from '../core/settings.ts';
import { choice, count, maybeText, secret, size, text, words } from './keys.ts';
import type { Path } from './locate.ts';
import { section, type Section } from './section.ts';
import { nameOf, pathOf } from './secrets.ts';

export const DEFAULT_DATABASE_ENV = 'DATABASE_URL';

const POSTGRES = z.strictObject({
  url_env: text(DEFAULT_DATABASE_ENV, { doc: 'Variable with the PostgreSQL URL. When it is unset, the embedded store is used.', reload: 'restart', original: true }),
  url: secret({ doc: 'The PostgreSQL URL, instead of `url_env`.', reload: 'restart', example: '{ file = "/run/credentials/sentinel/database" }' }),
  max_connections: count(10, { doc: 'Size of the connection pool.', reload: 'restart', original: true }, { least: 1, most: 1000 }),
});

export interface PostgresSettings {
  readonly url: Secret | undefined;
  readonly maxConnections: number;
}

export const postgres: Section<PostgresSettings, undefined> = section('postgres', POSTGRES, (file, context): PostgresSettings => {
  const key: Path = ['postgres', file.url === undefined ? 'url_env' : 'url'];
  if (file.url !== undefined && context.given(['postgres', 'url_env'])) context.problem('contradiction', ['postgres', 'url'], 'both `url` and `url_env` are set', 'keep one of the two');
  const url = file.url === undefined ? context.secrets.env(file.url_env) : context.secrets.resolve(file.url, key);
  if (url === undefined && file.url === undefined && context.given(['postgres', 'url_env'])) {
    context.problem('store_embedded', key, `the environment variable ${nameOf(file.url_env)} is not set: the audit goes to the embedded store`);
  }
  if (url !== undefined && !/^postgres(ql)?:\/\//.test(url.reveal())) {
    context.problem('value', key, 'the PostgreSQL URL must begin with postgres:// or postgresql://', undefined, 'key');
  }
  return { url, maxConnections: file.max_connections };
});

const STORE = z.strictObject({
  path: maybeText({ doc: 'File of the embedded store. Unset: sentinel.db in `state_dir`.', reload: 'restart', example: '"/var/lib/sentinel/sentinel.db"' }),
});

/** Out: the path of the embedded store. Given: the state directory. */
export const store: Section<string, string> = section('store', STORE, (file, context, stateDir: string): string =>
  file.path === undefined ? `${stateDir}/sentinel.db` : pathOf(file.path, context.directory, context.home));

const REDACTED = ['password', 'passwd', 'secret', 'token', 'api_key', 'apikey', 'api-key', 'authorization', 'cookie', 'credential', 'private_key', 'privatekey'];

const AUDIT = z.strictObject({
  on_failure: choice(['block', 'continue'], 'block', { doc: 'What happens to calls while the audit cannot be written; "continue" lets read-only calls go on, and no request about a task.' }),
  argument_bytes: size('16KiB', { doc: 'Arguments are stored up to this size.' }, { least: 0, most: 4 * 1024 * 1024 }),
  redact: words(REDACTED, { doc: 'Values of arguments whose name holds one of these are masked before they are stored.' }),
});

export const audit: Section<Omit<AuditSettings, 'enabled'>, undefined> = section('audit', AUDIT, (file): Omit<AuditSettings, 'enabled'> => ({
  onFailure: file.on_failure,
  argumentBytes: file.argument_bytes,
  redactKeys: file.redact.map((word) => word.toLowerCase()),
}));
