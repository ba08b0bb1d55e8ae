// [postgres], [store] and [audit]: where what happened is kept, and what of it.
import * as z from 'zod';
import type { Secret } from '../core/secret.ts';
import type { AuditSettings } from '../core/audit/settings.ts';
import type { BackendSettings } from '../core/settings.ts';
import { CAPTURE_KEYS, captureOf } from './audit-capture.ts';
import { EXPORTS, exportsOf } from './audit-exports.ts';
import { WITNESS, witnessOf } from './audit-witness.ts';
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
  path: maybeText({ doc: 'File of the embedded store for what operators said (kills, revocations). Unset: sentinel.db in `state_dir`. The audit has its own files, in `state_dir`/journal.', reload: 'restart', example: '"/var/lib/sentinel/sentinel.db"' }),
});

/** Out: the path of the embedded store. Given: the state directory. */
export const store: Section<string, string> = section('store', STORE, (file, context, stateDir: string): string =>
  file.path === undefined ? `${stateDir}/sentinel.db` : pathOf(file.path, context.directory, context.home));

const MIB = 2 ** 20;
const REDACTED = ['password', 'passwd', 'secret', 'token', 'api_key', 'apikey', 'api-key', 'authorization', 'cookie', 'credential', 'private_key', 'privatekey'];

const AUDIT = z.strictObject({
  on_failure: choice(['block', 'continue'], 'block', { doc: 'What happens to calls that only read while the audit cannot be written. Those that may change something are always refused then, and tools that nobody says only read are taken for such.' }),
  durability: choice(['before_effect', 'reads_batched', 'batched'], 'before_effect', { doc: 'Whose intent is on the disk before the call is made: every call\'s, only of those that may change something, or none\'s (a crash may then lose the last few hundredths of a second).' }),
  owner: maybeText({ doc: 'Who answers for rules that name nobody: stands in the audit beside the decision.', example: '"team-platform"' }),
  redact: words(REDACTED, { doc: 'Values whose name holds one of these are masked wherever a value is kept.' }),
  second_dir: maybeText({ doc: 'Directory, best on another disk, that takes the journal when its own cannot be written.', reload: 'restart', example: '"/mnt/spare/sentinel"' }),
  quota: size('8GiB', { doc: 'What the journal may take of its disk. What is left of it counts like what is free there, see `reserve`.', reload: 'restart' }, { least: 16 * MIB, most: 2 ** 50 }),
  reserve: size('64MiB', { doc: 'What stays free on its disk: below it only calls that read are begun, below a quarter of it none; what is under way is still recorded.', reload: 'restart' }, { least: MIB, most: 2 ** 40 }),
  retention_days: count(400, { doc: 'Records of the embedded store are kept for so many days at least, and go within two days more: a file of the journal holds a day at most, and goes as a whole; the newest stays. In PostgreSQL retention is the database owner\'s.' }, { least: 1, most: 36_500 }),
  ...CAPTURE_KEYS,
  exports: EXPORTS,
  witness: WITNESS,
});

/** Given: the backends that patterns may name. */
export const audit: Section<Omit<AuditSettings, 'enabled'>, readonly BackendSettings[] | undefined> = section('audit', AUDIT, (file, context, backends: readonly BackendSettings[] | undefined): Omit<AuditSettings, 'enabled'> => ({
  onFailure: file.on_failure,
  durability: file.durability,
  owner: file.owner,
  redactKeys: file.redact.map((word) => word.toLowerCase()),
  secondDirectory: file.second_dir === undefined ? undefined : pathOf(file.second_dir, context.directory, context.home),
  quota: file.quota,
  reserve: file.reserve,
  retentionDays: file.retention_days,
  exports: exportsOf(file.exports, context),
  witness: witnessOf(file.witness, context),
  capture: captureOf(file, context, { backends: backends?.map(({ id }) => id), redactKeys: file.redact }),
}));
