import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AuthSettings } from '../../src/core/settings.ts';
import { AUDIENCE, bench, eddsa, goodClaims, hs256, ISSUER, verdict } from './kit.ts';

const HS = { alg: 'HS256', typ: 'JWT' };

async function askWith(claims: Readonly<Record<string, unknown>>, over: Partial<AuthSettings> = {}): Promise<string> {
  const { clock, ask } = await bench(over);
  return verdict(await ask(hs256(HS, { ...goodClaims(clock), ...claims })));
}

describe('a good token', () => {
  test('signed with the shared secret makes a principal of all it says', async () => {
    const { clock, ask } = await bench();
    const claims = goodClaims(clock);
    const answer = await ask(hs256(HS, claims));
    assert.ok(answer.ok);
    const { credential, ...rest } = answer.value;
    assert.match(credential, /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, { subject: 'ada', roles: ['developer'], scopes: [], issuer: ISSUER, tokenId: 'token-1', keyId: 'hmac', via: 'jwt', expiresAt: claims.exp * 1000 });
  });

  test('signed with the own key names that key', async () => {
    const { clock, key, ask } = await bench();
    const answer = await ask(eddsa({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }, goodClaims(clock), key));
    assert.ok(answer.ok);
    assert.equal(answer.value.keyId, key.kid);
  });

  test("of the original's kind (no iat, no jti, no typ) is accepted", async () => {
    const { clock, ask } = await bench();
    const { iat: _iat, jti: _jti, ...claims } = goodClaims(clock);
    const answer = await ask(hs256({ alg: 'HS256' }, claims));
    assert.ok(answer.ok);
    assert.match(answer.value.tokenId ?? '', /^sha256:[0-9a-f]{64}$/);
  });

  test('under a secret beyond ASCII: its key is the raw UTF-8 of the text', async () => {
    const { Secret } = await import('../../src/core/secret.ts');
    const { clock, ask } = await bench({ hmac: { secret: new Secret('ü'), issuer: ISSUER, audience: AUDIENCE } });
    assert.equal(verdict(await ask(hs256(HS, goodClaims(clock), 'ü'))), 'ok');
    assert.equal(verdict(await ask(hs256(HS, goodClaims(clock), Buffer.from('ü', 'latin1')))), 'signature');
  });
});

describe('roles', () => {
  test('a list keeps its order and drops repeats', async () => {
    const { clock, ask } = await bench();
    const answer = await ask(hs256(HS, { ...goodClaims(clock), role: ['b', 'a', 'b'] }));
    assert.deepEqual(answer.ok && answer.value.roles, ['b', 'a']);
  });

  test('a dotted path reaches into objects; a claim with that whole name wins', async () => {
    const nested = { role: undefined, realm_access: { roles: ['x'] } };
    assert.equal(await askWith(nested, { roleClaim: 'realm_access.roles' }), 'ok');
    assert.equal(await askWith({ 'https://example.com/roles': 'x' }, { roleClaim: 'https://example.com/roles' }), 'ok');
    assert.equal(await askWith(nested, { roleClaim: 'realm_access.toString' }), 'role');
    assert.equal(await askWith({}, { roleClaim: 'role.deeper' }), 'role');
  });

  for (const role of ['', [], [''], ['a', 1], 7, null, {}, 'a\u0000b', 'x'.repeat(257), Array.from({ length: 33 }, (_, n) => `r${n}`)]) {
    test(`${JSON.stringify(role).slice(0, 40)} is no role`, async () => {
      assert.equal(await askWith({ role }), 'role');
    });
  }

  test('a missing role claim is refused: there is no default role', async () => {
    assert.equal(await askWith({ role: undefined }), 'role');
  });
});

describe('times', () => {
  test('the leeway is allowed on each side, and not a second more', async () => {
    const { clock } = await bench();
    const now = clock.wall() / 1000;
    assert.equal(await askWith({ iat: now - 100, exp: now - 29 }), 'ok');
    assert.equal(await askWith({ iat: now - 100, exp: now - 30 }), 'expired');
    assert.equal(await askWith({ nbf: now + 30 }), 'ok');
    assert.equal(await askWith({ nbf: now + 31 }), 'not_yet_valid');
    assert.equal(await askWith({ iat: now + 30 }), 'ok');
    assert.equal(await askWith({ iat: now + 31 }), 'issued_in_future');
  });

  test('a longest life is held, also when iat is left out', async () => {
    const { clock } = await bench();
    const now = clock.wall() / 1000;
    const over = { maxLifetimeMs: 3_600_000 };
    assert.equal(await askWith({ exp: now + 3600 }, over), 'ok');
    assert.equal(await askWith({ exp: now + 3601 }, over), 'lifetime');
    assert.equal(await askWith({ iat: undefined, exp: now + 3601 }, over), 'lifetime');
    assert.equal(await askWith({ iat: now - 10, exp: now + 3595 }, over), 'lifetime');
  });

  test('an exp that no date can hold is refused, so that showing it cannot throw', async () => {
    assert.equal(await askWith({ exp: 8_640_000_000_000 }), 'ok');
    assert.equal(await askWith({ exp: 8_640_000_000_001 }), 'claims');
  });

  test('without exp no token is good', async () => {
    assert.equal(await askWith({ exp: undefined }), 'claims');
  });
});

describe('subjects', () => {
  for (const sub of [undefined, '', 7, ['ada'], 'x'.repeat(257), 'a\u001b[2Jb', 'a\u0085']) {
    test(`${JSON.stringify(sub) ?? 'a missing one'} is refused`.slice(0, 60), async () => {
      assert.equal(await askWith({ sub }), 'claims');
    });
  }
});

describe('no mutated token ever verifies', () => {
  test('whichever character is replaced, and by whichever', async () => {
    const { clock, key, ask } = await bench();
    const claims = goodClaims(clock);
    const tokens = [hs256(HS, claims), eddsa({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }, claims, key)];
    for (const token of tokens) assert.equal(verdict(await ask(token)), 'ok');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...tokens), fc.nat(), fc.constantFrom(...'ABCabcxyz0189-_.=+/ é\n'), async (token, index, char) => {
        const at = index % token.length;
        fc.pre(token[at] !== char);
        assert.notEqual(verdict(await ask(token.slice(0, at) + char + token.slice(at + 1))), 'ok');
      }),
      { numRuns: 400 },
    );
  });

  test('whichever bit of its decoded bytes is flipped', async () => {
    const { clock, ask } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const parts = token.split('.').map((text) => Buffer.from(text, 'base64url'));
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(), fc.nat(7), async (which, index, bit) => {
        const changed = parts.map((bytes) => Buffer.from(bytes));
        const bytes = changed[which] ?? Buffer.alloc(1);
        const at = index % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        const mutant = changed.map((each) => each.toString('base64url')).join('.');
        assert.notEqual(verdict(await ask(mutant)), 'ok');
      }),
      { numRuns: 300 },
    );
  });

  test('nor one that is cut, doubled or carries more text', async () => {
    const { clock, ask } = await bench();
    const token = hs256(HS, goodClaims(clock));
    for (const mutant of [token.slice(0, -1), `${token}A`, `${token}.`, `.${token}`, `${token}.${token}`, ` ${token}`, `${token}\n`, `Bearer ${token}`, `${token}==`]) {
      assert.notEqual(verdict(await ask(mutant)), 'ok', mutant.slice(-20));
    }
  });

  test('the spare bits of the last character are not a second spelling', async () => {
    const { clock, ask } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(token.at(-1) ?? '');
    const twin = token.slice(0, -1) + alphabet.charAt(last ^ 1);
    assert.deepEqual(Buffer.from(twin.split('.')[2] ?? '', 'base64url'), Buffer.from(token.split('.')[2] ?? '', 'base64url'), 'the twin decodes to the same bytes');
    assert.equal(verdict(await ask(twin)), 'malformed');
  });
});

test('arbitrary text never throws and never verifies', async () => {
  const { ask } = await bench();
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((parts) => parts.join('.'))), async (text) => {
      assert.notEqual(verdict(await ask(text)), 'ok');
    }),
    { numRuns: 300 },
  );
});
