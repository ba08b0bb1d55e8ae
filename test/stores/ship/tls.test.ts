import assert from 'node:assert/strict';
import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, TIMEOUTS } from '../../../src/stores/ship/connection.ts';
import { strictUrl } from '../../../src/stores/ship/url.ts';
import { testServer } from '../../support/postgres.ts';
import { makeAuthority } from '../export/certificates.ts';
import { ownServer } from './server.ts';
import { temporary } from './synthetic.ts';

const server = testServer();
const skip = 'skip' in server ? server.skip : false;

/** `encrypted`, `open`, or why not. */
async function seen(base: string, host: string, query: string): Promise<string> {
  const url = new URL(base);
  url.hostname = host;
  url.search = query;
  const made = await connect(url.href, TIMEOUTS);
  if (!made.ok) return made.error.detail;
  try {
    const { rows: [row] } = await made.value.ask('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    return row?.['ssl'] === true ? 'encrypted' : 'open';
  } finally {
    made.value.close();
  }
}

test('sslmode of the URL is kept to: who asks for TLS gets a checked server or none', { skip }, async (t) => {
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', hear);
  t.after(() => process.off('warning', hear));
  const own = await ownServer(t);
  const folder = temporary(t);
  const ca = join(folder, 'ca.pem');
  const authority = makeAuthority('an authority of tests');
  writeFileSync(ca, authority.cert);
  const other = join(folder, 'other.pem');
  writeFileSync(other, makeAuthority('another one').cert);

  for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']) {
    assert.match(await seen(own.url, '127.0.0.1', `sslmode=${mode}`), /does not support SSL/, mode);
  }
  assert.equal(await seen(own.url, '127.0.0.1', 'sslmode=disable'), 'open');

  const { cert, key } = authority.issue('localhost');
  const { uid, gid } = statSync(own.data);
  for (const [name, text] of [['server.crt', cert], ['server.key', key]] as const) {
    writeFileSync(join(own.data, name), text, { mode: 0o600 });
    chownSync(join(own.data, name), uid, gid);
  }
  await own.quit();
  await own.start('ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key');
  const cases: readonly (readonly [host: string, query: string, expected: RegExp])[] = [
    ['localhost', `sslmode=verify-full&sslrootcert=${ca}`, /^encrypted$/],
    ['localhost', `sslmode=verify-ca&sslrootcert=${ca}`, /^encrypted$/],
    ['localhost', `sslmode=require&sslrootcert=${ca}`, /^encrypted$/],
    ['127.0.0.1', `sslmode=verify-full&sslrootcert=${ca}`, /ALTNAME_INVALID.*127\.0\.0\.1/],
    ['127.0.0.1', `sslmode=verify-ca&sslrootcert=${ca}`, /ALTNAME_INVALID/],
    ['127.0.0.1', `sslmode=require&sslrootcert=${ca}`, /ALTNAME_INVALID/],
    ['localhost', 'sslmode=verify-full', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/],
    ['localhost', 'sslmode=require', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/],
    ['localhost', 'sslmode=prefer', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/],
    ['localhost', `sslmode=verify-full&sslrootcert=${other}`, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/],
    ['localhost', `sslmode=verify-full&sslrootcert=${join(folder, 'none.pem')}`, /ENOENT/],
    ['127.0.0.1', 'sslmode=no-verify', /^encrypted$/],
    ['127.0.0.1', 'uselibpqcompat=true&sslmode=require', /^encrypted$/],
    ['127.0.0.1', `uselibpqcompat=true&sslmode=verify-ca&sslrootcert=${ca}`, /^encrypted$/],
    ['127.0.0.1', `uselibpqcompat=true&sslmode=verify-ca&sslrootcert=${other}`, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/],
    ['127.0.0.1', 'sslmode=disable', /^open$/],
    ['127.0.0.1', '', /^open$/],
  ];
  for (const [host, query, expected] of cases) assert.match(await seen(own.url, host, query), expected, `${host} ${query}`);
  assert.deepEqual(warnings.filter((text) => text.includes('SSL')), []);
});

test('only the weaker modes of a URL are rewritten, and nothing else in it', () => {
  const same = ['postgres://h/d', 'postgres://h/d?sslmode=disable', 'postgres://h/d?sslmode=no-verify', 'postgres://h/d?sslmode=verify-full', 'postgres://h/d?a=sslmode=require', 'postgres://h/d?sslmode=require&uselibpqcompat=true', 'postgres://h/d?sslmode=requires'];
  for (const url of same) assert.equal(strictUrl(url), url);
  for (const mode of ['allow', 'prefer', 'require', 'verify-ca']) {
    assert.equal(strictUrl(`postgres://u:p%3Fsslmode@h/d?a=1&sslmode=${mode}&b=2`), 'postgres://u:p%3Fsslmode@h/d?a=1&sslmode=verify-full&b=2');
  }
});
