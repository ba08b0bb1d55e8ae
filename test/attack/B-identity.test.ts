// Cases B of the threat catalogue at the authenticator. What the wire answers (401, challenge) is held by the surfaces' tests.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import { ok } from '../../src/core/result.ts';
import type { FetchKeys } from '../../src/identity/fetch-keys.ts';
import { AUDIENCE, bench, ed25519, eddsa, goodClaims, hs256, ISSUER, part, remoteSettings, revoke, ringKey, SECRET, unwrap, verdict } from '../identity/kit.ts';

const HS = { alg: 'HS256', typ: 'JWT' };

async function askHs(payload: unknown, header: unknown = HS): Promise<string> {
  const { ask } = await bench();
  return verdict(await ask(hs256(header, payload)));
}

async function withClaims(claims: Readonly<Record<string, unknown>>): Promise<string> {
  const { clock } = await bench();
  return askHs({ ...goodClaims(clock), ...claims });
}

/** A payload as text, for what JSON.stringify cannot say. */
async function withText(change: (json: string) => string): Promise<string> {
  const { clock } = await bench();
  return askHs(change(JSON.stringify(goodClaims(clock))));
}

test('B01: no token is refused as missing, at once', async () => {
  const { authenticator } = await bench();
  for (const nothing of [undefined, '']) {
    const answer = authenticator.authenticate(nothing);
    assert.ok(!(answer instanceof Promise));
    assert.equal(verdict(answer), 'missing');
  }
});

describe('B02: garbage', () => {
  for (const [name, token] of [
    ['noise', '%%%%'], ['two dots only', '..'], ['three dots', 'a.b.c.d'], ['one part', 'abc'], ['an empty header', '.e30.AAAA'], ['an empty payload', 'e30..AAAA'],
    ['an empty signature', 'e30.e30.'], ['a header that is no object', `${part('[]')}.${part('{}')}.AAAA`], ['a payload that is no JSON', `${part(HS)}.${part('nope')}.AAAA`],
    ['bytes that are no UTF-8', `${part(HS)}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.AAAA`], ['deep JSON', `${part(HS)}.${part('['.repeat(3000))}.AAAA`],
  ] as const) {
    test(`B02: ${name} is refused without a promise`, async () => {
      const { authenticator } = await bench();
      const answer = authenticator.authenticate(token);
      assert.ok(!(answer instanceof Promise), 'garbage must not reach the crypto');
      assert.equal(verdict(answer), 'malformed');
    });
  }

  test('B02: 100 KB are refused by their length alone, before anything is decoded or hashed', async () => {
    const { clock, authenticator } = await bench();
    const long = hs256(HS, { ...goodClaims(clock), pad: 'x'.repeat(100_000) });
    assert.equal(verdict(await authenticator.authenticate(long)), 'too_long');
  });

  test('B02: the cap is exact: a token of the allowed length is looked at', async () => {
    const { clock } = await bench();
    const token = hs256(HS, goodClaims(clock));
    assert.equal(verdict(await (await bench({ tokenBytes: token.length })).ask(token)), 'ok');
    assert.equal(verdict(await (await bench({ tokenBytes: token.length - 1 })).ask(token)), 'too_long');
  });
});

for (const alg of ['none', 'None', 'nOnE', 'NONE', '', 'HS384', 'HS512', 'hs256', 'RS256', 'Ed25519', 'EdDSA ', null, 1, ['HS256']]) {
  test(`B03: alg ${JSON.stringify(alg)} is refused, signed or not [SEC2]`, async () => {
    const { clock, ask } = await bench();
    const input = `${part({ typ: 'JWT', alg })}.${part(goodClaims(clock))}`;
    assert.equal(verdict(await ask(`${input}.AAAA`)), 'algorithm');
    assert.equal(verdict(await ask(hs256({ typ: 'JWT', alg }, goodClaims(clock)))), 'algorithm');
    assert.equal(verdict(await ask(`${input}.`)), 'malformed');
  });
}

describe('B04: the public key is no secret', () => {
  test('B04: HS256 over the bytes of the public key, in every spelling, is refused', async () => {
    for (const hmac of [undefined, (await import('./../identity/kit.ts')).SETTINGS.hmac]) {
      const { clock, key, ask } = await bench({ hmac });
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.x };
      const spellings = [JSON.stringify(jwk), JSON.stringify({ ...jwk, kid: key.kid }), key.x, Buffer.from(key.x, 'base64url')];
      for (const secret of spellings) {
        const token = hs256({ alg: 'HS256', typ: 'JWT', kid: key.kid }, goodClaims(clock), secret);
        assert.equal(verdict(await ask(token)), hmac === undefined ? 'algorithm' : 'signature');
      }
    }
  });

  test("B04: HS256 over a remote issuer's public key is refused: that issuer has no HS256", async () => {
    const key = await ed25519();
    const keys = JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: 'k1' }] });
    const { clock, ask } = await bench({ issuers: [remoteSettings()] }, async () => ok(keys));
    const claims = { ...goodClaims(clock), iss: 'https://idp.example.com/' };
    assert.equal(verdict(await ask(hs256({ alg: 'HS256', kid: 'k1' }, claims, key.x))), 'algorithm');
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: 'k1' }, claims, key))), 'ok');
  });

  test("B04: the secret's issuer does not lend its name to another key", async () => {
    const { clock, ask } = await bench({ ownKeys: undefined });
    const key = await ed25519();
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key))), 'algorithm');
  });
});

describe('B06: a token cannot say how it is checked', () => {
  const key = ed25519();
  const headers: readonly (readonly [string, unknown])[] = [
    ['jwk', { kty: 'OKP' }], ['jku', 'https://evil.example/keys'], ['x5u', 'https://evil.example/cert'], ['x5c', ['MIIB']], ['crit', ['exp']], ['crit', []],
    ['b64', false], ['b64', true], ['zip', 'DEF'], ['jku', null],
  ];
  for (const [name, value] of headers) {
    test(`B06: ${name} = ${JSON.stringify(value)} is refused, and nothing is fetched`, async () => {
      let fetched = 0;
      const count: FetchKeys = async () => {
        fetched += 1;
        return ok('{"keys":[]}');
      };
      const { clock, ask } = await bench({ issuers: [remoteSettings()] }, count);
      assert.equal(verdict(await ask(hs256({ ...HS, [name]: value }, goodClaims(clock)))), 'malformed');
      const remote = { ...goodClaims(clock), iss: 'https://idp.example.com/' };
      assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: 'k', [name]: value }, remote, await key))), 'malformed');
      assert.equal(fetched, 0);
    });
  }

  test("B06: a token that carries its own key's jwk does not verify with it", async () => {
    const { clock, ask } = await bench();
    const own = await key;
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: own.kid, jwk: { kty: 'OKP', crv: 'Ed25519', x: own.x } }, goodClaims(clock), own))), 'malformed');
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: own.kid }, goodClaims(clock), own))), 'unknown_key');
  });

  test('B06: an issuer that is not configured causes no fetch, whatever it says of itself', async () => {
    const { clock, ask } = await bench({ issuers: [remoteSettings()] });
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: 'k' }, { ...goodClaims(clock), iss: 'https://evil.example/' }, await key))), 'issuer');
  });
});

describe('B07: the kind of token', () => {
  async function remote(typ: string | undefined, header: Readonly<Record<string, unknown>>, claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const key = await ed25519();
    const keys = JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: 'k1' }] });
    const { clock, ask } = await bench({ issuers: [remoteSettings({ typ })] }, async () => ok(keys));
    return verdict(await ask(eddsa({ alg: 'EdDSA', kid: 'k1', ...header }, { ...goodClaims(clock), iss: 'https://idp.example.com/', ...claims }, key)));
  }

  for (const [typ, expected] of [['at+jwt', 'ok'], ['AT+JWT', 'ok'], ['application/at+jwt', 'ok'], ['JWT', 'type'], [undefined, 'type'], ['', 'type'], ['at+jwt ', 'type'], [1, 'type']] as const) {
    test(`B07: where at+jwt is required, typ ${JSON.stringify(typ)} → ${expected}`, async () => {
      assert.equal(await remote('at+jwt', { typ }), expected);
    });
  }

  for (const [typ, expected] of [['at+jwt', 'ok'], ['JWT', 'ok'], [undefined, 'ok'], ['id_token+jwt', 'type'], ['logout+jwt', 'type'], ['dpop+jwt', 'type'], ['secevent+jwt', 'type']] as const) {
    test(`B07: where no typ is required, typ ${JSON.stringify(typ)} → ${expected}`, async () => {
      assert.equal(await remote(undefined, { typ }), expected);
      assert.equal(await withHeader({ alg: 'HS256', typ }), expected);
    });
  }

  async function withHeader(header: unknown): Promise<string> {
    const { clock, ask } = await bench();
    return verdict(await ask(hs256(header, goodClaims(clock))));
  }

  for (const claims of [{ nonce: 'n' }, { at_hash: 'h' }, { c_hash: 'h' }, { typ: 'ID' }, { typ: 'Refresh' }, { token_use: 'id' }]) {
    test(`B07: an ID token (${JSON.stringify(claims)}) is no access token [SEC2]`, async () => {
      assert.equal(await remote(undefined, { typ: 'JWT' }, claims), 'type');
      assert.equal(await withClaims(claims), 'type');
    });
  }

  test('B07: an access token that says so is not mistaken for one', async () => {
    assert.equal(await remote(undefined, { typ: 'JWT' }, { typ: 'Bearer', nonce: 'n' }), 'ok');
    assert.equal(await remote(undefined, { typ: 'at+jwt' }, { nonce: 'n' }), 'ok');
    assert.equal(await remote(undefined, { typ: 'JWT' }, { token_use: 'access' }), 'ok');
  });
});

for (const [aud, expected] of [
  [AUDIENCE, 'ok'], [[AUDIENCE], 'ok'], [[AUDIENCE, AUDIENCE], 'ok'], [undefined, 'audience'], ['other', 'audience'], [`${AUDIENCE}/`, 'audience'], [AUDIENCE.toUpperCase(), 'audience'],
  [[AUDIENCE, 'other'], 'audience'], [['other', AUDIENCE], 'audience'], [[], 'audience'], ['', 'audience'], [[AUDIENCE, 7], 'audience'], [{ [AUDIENCE]: true }, 'audience'], [null, 'audience'],
  [Array.from({ length: 17 }, () => AUDIENCE), 'audience'],
] as const) {
  test(`B08: aud ${JSON.stringify(aud)?.slice(0, 50)} → ${expected} [SEC1]`, async () => {
    assert.equal(await withClaims({ aud }), expected);
  });
}

describe('B09: the issuer is compared byte for byte', () => {
  const configured = 'https://idp.example.com/t1';
  for (const iss of [`${configured}/`, 'https://idp.example.com/T1', 'https://IDP.example.com/t1', 'HTTPS://idp.example.com/t1', 'https://idp.example.com:443/t1', 'https://idp.example.com/%741', `${configured}#`, ` ${configured}`, 7, null, undefined, [configured]]) {
    test(`B09: iss ${JSON.stringify(iss)} is refused [SEC2]`, async () => {
      const key = await ed25519();
      const keys = JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: 'k1' }] });
      const { clock, ask } = await bench({ issuers: [remoteSettings({ issuer: configured })] }, async () => ok(keys));
      const token = (claimed: unknown): string => eddsa({ alg: 'EdDSA', kid: 'k1' }, { ...goodClaims(clock), iss: claimed }, key);
      assert.equal(verdict(await ask(token(iss))), 'issuer');
      assert.equal(verdict(await ask(token(configured))), 'ok');
    });
  }
});

test('B10: exp a second beyond the skew, nbf and iat ahead of it, and too long a life are refused [SEC2]', async () => {
  const { clock } = await bench();
  const now = clock.wall() / 1000;
  assert.equal(await withClaims({ iat: now - 100, exp: now - 31 }), 'expired');
  assert.equal(await withClaims({ nbf: now + 31 }), 'not_yet_valid');
  assert.equal(await withClaims({ iat: now + 31 }), 'issued_in_future');
  const { ask } = await bench({ maxLifetimeMs: 60_000 });
  assert.equal(verdict(await ask(hs256(HS, { ...goodClaims(clock), exp: now + 61 }))), 'lifetime');
});

describe('B11: times are plain numbers', () => {
  for (const exp of ['"4102444800"', '1e400', '-1', '4102444800.5', '4.1024448e9', 'null', 'true', '[4102444800]', '9007199254740993', '-0']) {
    for (const name of ['exp', 'nbf', 'iat']) {
      test(`B11: ${name} = ${exp} is refused`, async () => {
        const verdictOf = await withText((json) => json.replace(/"iat":\d+,/, '').replace(/"exp":(\d+)/, name === 'exp' ? `"exp":${exp}` : `"exp":$1,"${name}":${exp}`));
        assert.equal(verdictOf, 'claims');
      });
    }
  }

  test('B11: NaN and Infinity are not JSON', async () => {
    for (const exp of ['NaN', 'Infinity', '-Infinity', '0x7fffffff', '01']) assert.equal(await withText((json) => json.replace(/"exp":\d+/, `"exp":${exp}`)), 'malformed');
  });
});

describe('B12: a claim is said once', () => {
  for (const twice of [`"aud":"evil"`, `"sub":"root"`, `"\\u0061ud":"evil"`, `"role":"admin"`, `"exp":9999999999`]) {
    test(`B12: a payload that repeats a claim (${twice}) is refused, in front or behind`, async () => {
      assert.equal(await withText((json) => json.replace('{', `{${twice},`)), 'malformed');
      assert.equal(await withText((json) => json.replace(/\}$/, `,${twice}}`)), 'malformed');
    });
  }

  test('B12: so is a header', async () => {
    const { clock } = await bench();
    assert.equal(await askHs(goodClaims(clock), '{"alg":"HS256","typ":"JWT","alg":"none"}'), 'malformed');
    assert.equal(await askHs(goodClaims(clock), '{"alg":"none","typ":"JWT","alg":"HS256"}'), 'malformed');
  });

  test('B12: nor can a claim be named into a prototype', async () => {
    assert.equal(await withText((json) => json.replace('{', '{"__proto__":{"role":"admin"},')), 'malformed');
  });
});

describe('B19: jti', () => {
  for (const jti of ['x'.repeat(300), 'ünïcode', 'a b', 'line\nbreak', `sha256:${'0'.repeat(64)}`]) {
    test(`B19: ${JSON.stringify(jti).slice(0, 30)} becomes a digest of fixed length, and can be revoked by either`, async () => {
      const { clock, ask, world, authenticator } = await bench();
      const token = hs256(HS, { ...goodClaims(clock), jti });
      const answer = unwrap(await ask(token));
      assert.match(answer.tokenId ?? '', /^sha256:[0-9a-f]{64}$/);
      assert.notEqual(answer.tokenId, jti, "or a token could take another's id");
      for (const value of [jti, answer.tokenId ?? '']) {
        world.revoked = [revoke('token', value)];
        authenticator.refreshRevocations();
        assert.equal(verdict(await ask(token)), 'revoked');
        world.revoked = [];
        authenticator.refreshRevocations();
        assert.equal(verdict(await ask(token)), 'ok');
      }
    });
  }

  test('B19: the cache of verified tokens does not grow beyond its bound', async () => {
    const { createTokenCache } = await import('../../src/identity/cache.ts');
    const cache = createTokenCache<number>(100);
    for (let n = 0; n < 10_000; n += 1) {
      cache.set(`t${n}`, n);
      assert.ok(cache.size() <= 100);
    }
  });
});

describe('B22: revoked means refused, from the acknowledgement on', () => {
  test('B22: a cached token is refused at once, and so is its stream [R15]', async () => {
    const { clock, ask, world, authenticator } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const principal = unwrap(await ask(token));
    assert.equal(authenticator.recheck(principal), undefined);
    world.revoked = [revoke('token', 'token-1')];
    authenticator.refreshRevocations();
    assert.equal(verdict(await ask(token)), 'revoked');
    assert.equal(authenticator.recheck(principal)?.code, 'revoked');
  });

  test('B22: no verification that was under way is let through by a revocation that came in between', async () => {
    const { clock, key, world, authenticator } = await bench();
    const token = eddsa({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }, goodClaims(clock), key);
    const underWay = Array.from({ length: 50 }, () => authenticator.authenticate(token));
    assert.ok(underWay.every((answer) => answer instanceof Promise));
    world.revoked = [revoke('key', key.kid)];
    authenticator.refreshRevocations();
    for (const answer of await Promise.all(underWay)) assert.equal(verdict(answer), 'revoked');
    assert.equal(verdict(await authenticator.authenticate(token)), 'revoked');
  });

  test('B22: a revoked key takes every token of it and none of another', async () => {
    const { clock, key, ask, world, authenticator } = await bench();
    world.revoked = [revoke('key', key.kid)];
    authenticator.refreshRevocations();
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key))), 'revoked');
    assert.equal(verdict(await ask(hs256(HS, goodClaims(clock)))), 'ok');
  });

  test('B22: a revocation with an end ends there, and the longest of several counts', async () => {
    const { clock, ask, world, authenticator } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const now = clock.wall();
    world.revoked = [revoke('token', 'token-1', timestamp(now + 2_000)), revoke('token', 'token-1', timestamp(now + 1_000))];
    authenticator.refreshRevocations();
    clock.advance(1_500);
    assert.equal(verdict(await ask(token)), 'revoked');
    clock.advance(500);
    assert.equal(verdict(await ask(token)), 'ok');
    world.revoked = [revoke('token', 'token-1'), revoke('token', 'token-1', timestamp(now))];
    authenticator.refreshRevocations();
    assert.equal(verdict(await ask(token)), 'revoked');
  });

  test('B22: a key that leaves the ring stops verifying, also tokens under way and streams', async () => {
    const { clock, key, authenticator, world, ask } = await bench();
    const { SETTINGS } = await import('../identity/kit.ts');
    const token = eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key);
    const principal = unwrap(await ask(token));
    const other = await ed25519();
    world.ring = { keys: [ringKey(other)] };
    const underWay = authenticator.authenticate(eddsa({ alg: 'EdDSA', kid: key.kid }, { ...goodClaims(clock), jti: 'other' }, key));
    unwrap(await authenticator.prepare(SETTINGS))();
    assert.equal(verdict(await ask(token)), 'unknown_key');
    assert.equal(authenticator.recheck(principal)?.code, 'unknown_key');
    assert.equal(verdict(await authenticator.authenticate(eddsa({ alg: 'EdDSA', kid: other.kid }, goodClaims(clock), other))), 'ok');
    assert.equal(verdict(await underWay), 'unknown_key');
  });
});

test('B10, B22: what ends while a signature is checked is over when the check is done', async () => {
  const { clock, key, world, authenticator } = await bench();
  const { SETTINGS } = await import('../identity/kit.ts');
  world.ring = { keys: [ringKey(await ed25519()), ringKey(key, timestamp(clock.wall() + 60_000))] };
  unwrap(await authenticator.prepare(SETTINGS))();
  const retiring = authenticator.authenticate(eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key));
  clock.advance(60_000);
  assert.equal(verdict(await retiring), 'unknown_key');
  unwrap(await authenticator.prepare({ ...SETTINGS, roleClaim: 'groups' }))();
  const swap = unwrap(await authenticator.prepare(SETTINGS));
  const late = authenticator.authenticate(hs256(HS, { ...goodClaims(clock), groups: 'a' }));
  swap();
  assert.deepEqual(unwrap(await late).roles, ['developer'], 'by the settings in force when it is let in');
});

test('B02, B09: what is refused never says the secret, the token or its claims in the detail', async () => {
  const { clock, ask } = await bench();
  for (const claims of [{ iss: 'canary-claim' }, { aud: 'canary-claim' }, { sub: 'canary\u0000claim' }, { role: ['canary-claim', 1] }]) {
    const token = hs256(HS, { ...goodClaims(clock), ...claims });
    const answer = await ask(token);
    assert.ok(!answer.ok);
    for (const word of ['canary', SECRET, ISSUER, token]) assert.ok(!answer.error.detail.includes(word), answer.error.detail);
  }
});
