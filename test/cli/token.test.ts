import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { readConfigurationFile } from '../../src/app/configuration.ts';
import { signingKeys } from '../../src/app/keys.ts';
import { runCli } from '../../src/cli/run.ts';
import { recordsIn } from '../stores/sample.ts';

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly directory: string;
  run(argv: readonly string[], more?: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> }): Promise<Ran>;
  read(file: string): Promise<string>;
}

function collector(): { readonly stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}

const OWN_KEYS = 'own_keys = true';
const SECRET = { JWT_SECRET_KEY: 'a shared secret of more than thirty-two bytes' };

async function place(t: TestContext, auth: string = OWN_KEYS): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'sentinel-token-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'sentinel.toml'), `[gateway]\nstate_dir = "state"\n[auth]\n${auth}\n[rbac.roles.developer]\nallow = ["*"]\n`);
  return {
    directory,
    read: (file) => readFile(join(directory, file), 'utf8'),
    run: async (argv, { stdin = '', env = {} } = {}) => {
      const [out, err] = [collector(), collector()];
      const status = await runCli(argv, {
        env: { HOME: directory, PATH: process.env['PATH'], SENTINEL_CONFIG: join(directory, 'sentinel.toml'), ...env },
        cwd: directory,
        stdin: Readable.from([stdin]),
        stdout: out.stream,
        stderr: err.stream,
        isTty: { stdin: false, stdout: false, stderr: false },
        width: 80,
        now: () => Date.now(),
        user: 'tester',
        ask: async () => false,
        onStop: () => undefined,
      });
      return { status, out: out.text(), err: err.text() };
    },
  };
}

const ISSUE = ['token', 'issue', '--subject', 'ada', '--role', 'developer'];

interface Row {
  readonly actor: string;
  readonly event: string;
  readonly detail: string;
}

/** Lifecycle records, oldest first, and every byte that the store has on disk. */
async function recorded(directory: string): Promise<{ readonly rows: readonly Row[]; readonly bytes: string }> {
  const state = join(directory, 'state');
  const rows = recordsIn(state).filter(({ event }) => event !== 'epoch_opened')
    .map(({ actor, event, detail }): Row => ({ actor: String(actor), event: String(event), detail: String(detail) }));
  const files = await readdir(join(state, 'journal'));
  return { rows, bytes: (await Promise.all(files.map((name) => readFile(join(state, 'journal', name), 'latin1')))).join('') };
}

describe('what the audit says of keys and tokens', () => {
  test('issued, rotated and revoked without a gateway: who, when, id, subject, roles, end, and nothing of the token itself', async (t) => {
    const { directory, run } = await place(t);
    assert.equal((await run(['keys', 'rotate'])).status, 0);
    const issued = JSON.parse((await run([...ISSUE, '--json'])).out);
    assert.equal((await run(['token', 'revoke', issued.token_id, '--reason', 'lost'])).status, 0);
    const { rows, bytes } = await recorded(directory);
    assert.deepEqual(rows.map(({ actor, event }) => `${event} by ${actor}`), ['key_rotated by tester', 'token_issued by tester', 'token_revoked by tester']);
    const [rotation, issue, revocation] = rows.map(({ detail }): unknown => JSON.parse(detail));
    assert.deepEqual(issue, { subject: 'ada', roles: ['developer'], scopes: [], tokenId: issued.token_id, expiresAt: Date.parse(issued.expires_at) });
    assert.deepEqual(rotation, { keyId: issued.key_id });
    assert.deepEqual(revocation, { what: 'token', value: issued.token_id, reason: 'lost' });
    for (const part of String(issued.token).split('.')) assert.ok(!bytes.includes(part), 'no part of the token is in the store');
    assert.match((await run(['audit', 'query'])).out, /token issued.*by tester.*subject: ada.*expires at: 20/);
  });

  test('where the audit cannot be written no token is issued, unless --no-audit says so; switched off, it is not asked', async (t) => {
    const { directory, run } = await place(t);
    assert.equal((await run(['keys', 'rotate'])).status, 0);
    await rm(join(directory, 'state/journal'), { recursive: true });
    await writeFile(join(directory, 'state/journal'), 'this is no directory, and nothing will make it one');
    const refused = await run([...ISSUE, '--out', 'ada.token']);
    assert.deepEqual([refused.status, refused.out], [1, '']);
    assert.match(refused.err, /error\[SEN-0601\]: no token was issued, because the audit could not be written.*\n.*--no-audit/s);
    assert.ok(!(await readdir(directory)).includes('ada.token'));
    const waived = await run([...ISSUE, '--no-audit']);
    assert.equal(waived.status, 0);
    assert.match(waived.out, /^eyJ/);
    assert.match(waived.err, /the audit says nothing of this token/);
    // The change is made and cannot be taken back: told, and not passed off as done well.
    const rotated = await run(['keys', 'rotate']);
    assert.equal(rotated.status, 3);
    assert.match(rotated.err, /the key is in use, but the audit could not be written/);
    const text = await readFile(join(directory, 'sentinel.toml'), 'utf8');
    await writeFile(join(directory, 'sentinel.toml'), text.replace('[gateway]', '[gateway]\naudit_enabled = false'));
    assert.equal((await run(ISSUE)).status, 0);
  });
});

describe('token issue', () => {
  test('prints the token alone on stdout, and what it is on stderr', async (t) => {
    const { run } = await place(t);
    assert.equal((await run(['keys', 'rotate'])).status, 0);
    const ran = await run(ISSUE);
    assert.equal(ran.status, 0, ran.err);
    assert.match(ran.out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    assert.match(ran.err, /for ada \(developer\), good until .* \(in (29|30) d\)/);
    assert.ok(!ran.err.includes(ran.out.trim()));
    assert.match((await run([...ISSUE, '--scope', 'files:read files:write'])).err, /for ada \(developer; scopes files:read files:write\), good until/);
  });

  test('--out writes a private file whole or not at all, and prints its path only', async (t) => {
    const { directory, run, read } = await place(t);
    await run(['keys', 'rotate']);
    const ran = await run([...ISSUE, '--out', 'ada.token', '--json']);
    const token = await read('ada.token');
    const said: { readonly file?: string; readonly token?: string; readonly roles?: readonly string[] } = JSON.parse(ran.out);
    assert.deepEqual([said.file, said.token, said.roles], [join(directory, 'ada.token'), undefined, ['developer']]);
    assert.equal(((await stat(join(directory, 'ada.token'))).mode & 0o777).toString(8), '600');
    const again = await run([...ISSUE, '--out', 'ada.token']);
    assert.equal(again.status, 1);
    assert.match(again.err, /there already/);
    assert.equal(await read('ada.token'), token);
    assert.equal((await run([...ISSUE, '--out', 'ada.token', '--force'])).status, 0);
    assert.notEqual(await read('ada.token'), token);
    assert.ok((await readdir(directory)).every((name) => !name.endsWith('.tmp')));
  });

  test('signs with the shared secret where that is all there is', async (t) => {
    const { run } = await place(t, '');
    const ran = await run([...ISSUE, '--json'], { env: SECRET });
    assert.equal(JSON.parse(ran.out).algorithm, 'HS256');
    assert.equal((await run(['token', 'inspect', '-'], { stdin: JSON.parse(ran.out).token, env: SECRET })).status, 0);
  });

  test('warns of a role that the configuration does not know', async (t) => {
    const { run } = await place(t);
    await run(['keys', 'rotate']);
    assert.match((await run([...ISSUE, '--role', 'develper'])).err, /no role develper/);
  });

  for (const [why, argv, status, says] of [
    ['without a subject', ['token', 'issue', '--role', 'a'], 2, /--subject/], ['without a role', ['token', 'issue', '--subject', 'a'], 2, /--role/],
    ['for a span that is none', [...ISSUE, '--ttl', 'soon'], 2, /no span/], ['by a secret that is not there', [...ISSUE, '--hs256'], 12, /no shared secret/],
    ['without a key', ISSUE, 12, /sentinel keys rotate/],
  ] as const) {
    test(`${why}: exit ${status}`, async (t) => {
      const { run } = await place(t);
      const ran = await run(argv);
      assert.equal(ran.status, status);
      assert.match(ran.err, says);
      assert.equal(ran.out, '');
    });
  }

  test('longer than the configuration allows is refused; the default shrinks to fit', async (t) => {
    const { run } = await place(t, `${OWN_KEYS}\nmax_token_lifetime = "1h"`);
    await run(['keys', 'rotate']);
    assert.equal((await run([...ISSUE, '--ttl', '2h'])).status, 1);
    assert.match((await run(ISSUE)).err, /in (59 min|1 h)\)/);
  });
});

describe('token inspect', () => {
  test('shows claims and checks, never the signature; exit 0 accepted, 20 refused', async (t) => {
    const { run } = await place(t);
    await run(['keys', 'rotate']);
    const token = (await run(ISSUE)).out.trim();
    const good = await run(['token', 'inspect', '-'], { stdin: token });
    assert.equal(good.status, 0, good.out);
    assert.match(good.out, /"sub":"ada"/);
    assert.match(good.out, /signature +pass/);
    assert.ok(!good.out.includes(token.split('.')[2] ?? ''));
    const forged = `${token.slice(0, -10)}AAAAAAAAAA`;
    const bad = await run(['token', 'inspect', '--json'], { env: { SENTINEL_TOKEN: forged } });
    assert.equal(bad.status, 20);
    const said: { readonly accepted: boolean; readonly checks: readonly { readonly check: string; readonly outcome: string }[] } = JSON.parse(bad.out);
    assert.equal(said.accepted, false);
    assert.deepEqual(said.checks.filter(({ outcome }) => outcome !== 'pass').map(({ check }) => check), ['signature']);
  });

  test('a file that others can read is refused with the command that mends it', async (t) => {
    const { directory, run } = await place(t);
    await run(['keys', 'rotate']);
    await run([...ISSUE, '--out', 'ada.token']);
    await chmod(join(directory, 'ada.token'), 0o644);
    const ran = await run(['token', 'inspect', 'ada.token']);
    assert.equal(ran.status, 12);
    assert.match(ran.err, /chmod 600/);
  });
});

describe('token revoke', () => {
  test('half a token is not taken for an id: it would be stored, shown and audited', async (t) => {
    const { run } = await place(t);
    await run(['keys', 'rotate']);
    const issued = (await run(['token', 'issue', '--subject', 'a', '--role', 'developer'])).out.trim();
    for (const part of [issued.slice(0, -60).slice(0, issued.indexOf('.') + 20), `${issued}.x`]) {
      const ran = await run(['token', 'revoke', part, '--reason', 'lost']);
      assert.equal(ran.status, 2, ran.err);
      assert.ok(!`${ran.out}${ran.err}`.includes(part.slice(0, 30)), ran.err);
    }
  });

  test('without a gateway writes to the store, and inspect sees it; by file, by id and by key', async (t) => {
    for (const by of ['file', 'id', 'key'] as const) {
      const { run } = await place(t);
      const key = JSON.parse((await run(['keys', 'rotate', '--json'])).out).key_id;
      const issued = JSON.parse((await run([...ISSUE, '--out', 'ada.token', '--json'])).out);
      assert.equal((await run(['token', 'inspect', 'ada.token'])).status, 0);
      const operand = { file: ['ada.token'], id: [issued.token_id], key: ['--key', '--', key] }[by];
      // A key id is base64url, and one in 64 starts with a dash.
      const ran = await run(['token', 'revoke', '--reason', 'lost', ...operand]);
      assert.equal(ran.status, 0, ran.err);
      assert.match(ran.err, /from the next start/);
      const seen = await run(['token', 'inspect', 'ada.token']);
      assert.equal(seen.status, 20);
      assert.match(seen.out, /not revoked +fail/);
      if (by === 'key') assert.match((await run(['keys', 'list'])).out, /revoked/);
    }
  });

  test('asks a running gateway, with the id and never the token', async (t) => {
    const { directory, run } = await place(t);
    await run(['keys', 'rotate']);
    const issued = JSON.parse((await run([...ISSUE, '--json'])).out);
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push(`${request.url ?? ''} ${Buffer.concat(chunks).toString()}`);
        response.end('{}');
      });
    });
    const socket = join(directory, 'control.sock');
    await new Promise<void>((resolve) => {
      server.listen(socket, resolve);
    });
    t.after(() => server.close());
    const env = { SENTINEL_CONTROL: socket };
    const ran = await run(['token', 'revoke', '-', '--reason', 'lost'], { stdin: `${issued.token}\n`, env });
    assert.equal(ran.status, 0, ran.err);
    assert.equal((await run(['keys', 'rotate', '--grace', '0', '--json'], { env })).status, 0);
    assert.equal(bodies.length, 2);
    const [revoked = '', rekeyed = ''] = bodies;
    assert.deepEqual(JSON.parse(revoked.replace('/revoke ', '')), { what: 'token', value: issued.token_id, reason: 'lost', by: 'tester' });
    assert.equal(rekeyed, '/rekey {"by":"tester"}');
  });

  test('needs a reason; a mistyped file is never taken for an id, and an id of another make needs --id', async (t) => {
    const { run } = await place(t);
    await run(['keys', 'rotate']);
    assert.equal((await run(['token', 'revoke', 'x'])).status, 2);
    for (const file of ['ada.token', '~/gw/vicc', './x']) {
      const missing = await run(['token', 'revoke', file, '--reason', 'r']);
      assert.equal(missing.status, 1, file);
      assert.ok(missing.err.includes(`there is no token file ${file}: nothing was revoked`), missing.err);
    }
    const unusual = await run(['token', 'revoke', 'ada.tokn', '--reason', 'r']);
    assert.equal(unusual.status, 2);
    assert.match(unusual.err, /"ada\.tokn" is no file, and no id of the usual form[\s\S]*--id/);
    assert.equal((await run(['token', 'revoke', '--id', 'ada.tokn', '--reason', 'r'])).status, 0);
    assert.equal((await run(['token', 'revoke', `sha256:${'0'.repeat(64)}`, '--reason', 'r'])).status, 0);
  });
});

describe('keys', () => {
  test('rotate retires the old key after its grace, at once with --grace 0; list shows no private part', async (t) => {
    const { directory, run, read } = await place(t);
    assert.match((await run(['keys', 'list'])).err, /no keys yet/);
    await run(['keys', 'rotate']);
    const token = (await run(ISSUE)).out;
    const first: { readonly keys: readonly { readonly d: string }[] } = JSON.parse(await read('state/keys/ring.json'));
    assert.match((await run(['keys', 'rotate', '--grace', '2h'])).err, /accepted until .* \(in (1|2) h\)/);
    assert.equal((await run(['token', 'inspect', '-'], { stdin: token })).status, 0);
    const before = JSON.parse((await run(['keys', 'list', '--json'])).out.split('\n').find((line) => line.includes('"active"')) ?? '{}').key_id;
    const cut = await run(['keys', 'rotate', '--grace', '0']);
    assert.match(cut.err, /are refused from now on; issue new ones: sentinel token issue$/m);
    const configuration = readConfigurationFile(join(directory, 'sentinel.toml'), { HOME: directory });
    assert.ok(configuration.ok);
    const now = await signingKeys(configuration.value.settings);
    assert.equal(`new signing key ${now.keyId}\n`, cut.out);
    assert.deepEqual([now.previous, now.until !== undefined && now.until <= Date.now()], [before, true]);
    assert.equal((await run(['token', 'inspect', '-'], { stdin: token })).status, 20, 'no grace means none, also for keys rotated before');
    const listed = await run(['keys', 'list']);
    assert.deepEqual([listed.out.match(/active/g)?.length, listed.out.match(/retired/g)?.length], [1, 2]);
    const [{ d } = { d: '' }] = first.keys;
    assert.ok(d.length > 0 && !(await read('state/keys/ring.json')).includes(d) && !listed.out.includes(d));
  });

  test('are refused when others can read them', async (t) => {
    const { directory, run } = await place(t);
    await run(['keys', 'rotate']);
    const path = join(directory, 'state/keys/ring.json');
    await chmod(path, 0o644);
    for (const argv of [['keys', 'list'], ['keys', 'rotate'], ISSUE]) {
      const ran = await run(argv);
      assert.equal(ran.status, 12);
      assert.ok(ran.err.includes(`chmod 600 ${path}`), ran.err);
    }
  });

  test('of a gateway that has none of its own are not made behind its back', async (t) => {
    const { directory, run } = await place(t, '');
    const ran = await run(['keys', 'rotate'], { env: SECRET });
    assert.equal(ran.status, 12);
    assert.match(ran.err, /own_keys = true/);
    assert.ok(!(await readdir(directory)).includes('state'));
    assert.match((await run(['keys', 'list'], { env: SECRET })).out, /hmac +HS256 +active/);
  });
});

test('a token that is recorded in the embedded store because the database has no URL here is told so', async (t) => {
  const { directory, run } = await place(t);
  await writeFile(join(directory, 'sentinel.toml'), '[gateway]\nstate_dir = "state"\n[auth]\nown_keys = true\n[postgres]\nurl_env = "NOT_SET_HERE"\n[rbac.roles.developer]\nallow = ["*"]\n');
  await run(['keys', 'rotate']);
  const { status, err } = await run(['token', 'issue', '--subject', 'x', '--role', 'developer']);
  assert.equal(status, 0);
  assert.match(err, /warning: .*NOT_SET_HERE is not set: the audit goes to the embedded store/);
});
