import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { timestamp } from '../../src/core/ids.ts';
import { err, ok } from '../../src/core/result.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AuthSettings } from '../../src/core/settings.ts';
import { createAuthenticator } from '../../src/identity/authenticator.ts';
import { createTokenCache } from '../../src/identity/cache.ts';
import type { KeyFault } from '../../src/identity/keys.ts';
import type { Ring } from '../../src/identity/ring.ts';
import type { Result } from '../../src/core/result.ts';
import { secretWeakness } from '../../src/identity/verifier.ts';
import { AUDIENCE, bench, ed25519, eddsa, goodClaims, hs256, ISSUER, remoteSettings, ringKey, SETTINGS, testClock, unwrap, verdict } from './kit.ts';

const HS = { alg: 'HS256', typ: 'JWT' };

describe('the cache of verified tokens', () => {
  test('a hit is a value, not a promise', async () => {
    const { clock, authenticator } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const first = authenticator.authenticate(token);
    assert.ok(first instanceof Promise);
    const answer = await first;
    const second = authenticator.authenticate(token);
    assert.ok(!(second instanceof Promise));
    assert.deepEqual(second, answer);
  });

  test('never outlives the token [R15]', async () => {
    const { clock, ask, authenticator } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const principal = unwrap(await ask(token));
    clock.advance(3_600_000 + 29_999);
    assert.equal(verdict(await ask(token)), 'ok');
    assert.equal(authenticator.recheck(principal), undefined);
    clock.advance(1);
    assert.equal(verdict(await ask(token)), 'expired');
    assert.equal(authenticator.recheck(principal)?.code, 'expired');
  });

  test('a retiring key stops with its grace, also for cached tokens and streams', async () => {
    const { clock, key, authenticator, world, ask } = await bench();
    const next = await ed25519();
    world.ring = { keys: [ringKey(next), ringKey(key, timestamp(clock.wall() + 60_000))] };
    unwrap(await authenticator.prepare(SETTINGS))();
    const token = eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key);
    const principal = unwrap(await ask(token));
    clock.advance(59_999);
    assert.equal(verdict(await ask(token)), 'ok');
    clock.advance(1);
    assert.equal(verdict(await ask(token)), 'unknown_key');
    assert.equal(authenticator.recheck(principal)?.code, 'unknown_key');
  });

  test('keeps what is used, forgets the rest, and holds no more than its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.array(fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.nat(40))), (entries, steps) => {
        const cache = createTokenCache<number>(entries);
        const truth = new Map<string, number>();
        let count = 0;
        for (const [step, n] of steps) {
          const name = `t${n}`;
          if (step === 'set') {
            count += 1;
            cache.set(name, count);
            truth.set(name, count);
          } else if (step === 'delete') {
            cache.delete(name);
            truth.delete(name);
          } else {
            const found = cache.get(name);
            assert.ok(found === undefined || found === truth.get(name), 'never an old value, never a deleted one');
          }
          assert.ok(cache.size() <= entries);
        }
      }),
    );
    const cache = createTokenCache<number>(4);
    cache.set('kept', 1);
    for (let n = 0; n < 100; n += 1) {
      cache.set(`n${n}`, n);
      assert.equal(cache.get('kept'), 1);
    }
  });

  test('what was refused is not remembered: a token becomes good when its key arrives', async () => {
    const { clock, authenticator, world, ask } = await bench();
    const next = await ed25519();
    const token = eddsa({ alg: 'EdDSA', kid: next.kid }, goodClaims(clock), next);
    assert.equal(verdict(await ask(token)), 'unknown_key');
    world.ring = { keys: [ringKey(next)] };
    unwrap(await authenticator.prepare(SETTINGS))();
    assert.equal(verdict(await ask(token)), 'ok');
  });
});

describe('a reload', () => {
  test('of the secret refuses the tokens of the old one, cached or streaming', async () => {
    const { clock, authenticator, ask } = await bench();
    const token = hs256(HS, goodClaims(clock));
    const principal = unwrap(await ask(token));
    unwrap(await authenticator.prepare({ ...SETTINGS, hmac: { secret: new Secret('another secret of more than 32 bytes!'), issuer: ISSUER, audience: AUDIENCE } }))();
    assert.equal(verdict(await ask(token)), 'signature');
    assert.equal(authenticator.recheck(principal)?.code, 'unknown_key');
  });

  test('that changes nothing leaves streams alone', async () => {
    const { clock, authenticator, ask } = await bench();
    const principal = unwrap(await ask(hs256(HS, goodClaims(clock))));
    unwrap(await authenticator.prepare(SETTINGS))();
    assert.equal(authenticator.recheck(principal), undefined);
  });

  test('of the audience ends streams of the old one', async () => {
    const { clock, authenticator, ask } = await bench();
    const principal = unwrap(await ask(hs256(HS, goodClaims(clock))));
    unwrap(await authenticator.prepare({ ...SETTINGS, hmac: { secret: new Secret('a shared secret of more than thirty-two bytes'), issuer: ISSUER, audience: 'new' } }))();
    assert.equal(authenticator.recheck(principal)?.code, 'unknown_key');
  });

  test('that is refused, or prepared and not taken, changes nothing', async () => {
    const { clock, authenticator, ask, world } = await bench();
    const token = hs256(HS, goodClaims(clock));
    assert.equal(verdict(await ask(token)), 'ok');
    world.ring = undefined;
    const refused = await authenticator.prepare({ ...SETTINGS, hmac: undefined });
    assert.equal(refused.ok, false);
    unwrap(await authenticator.prepare({ ...SETTINGS, hmac: { secret: new Secret('not taken'), issuer: ISSUER, audience: AUDIENCE } }));
    assert.equal(verdict(await ask(token)), 'ok');
  });

  test('and a rotation at the same time both count, whoever is first', async () => {
    for (const first of ['reload', 'rotation']) {
      const { clock, authenticator, ask, world } = await bench();
      const next = await ed25519();
      const reload = unwrap(await authenticator.prepare({ ...SETTINGS, leewayMs: 0 }));
      world.ring = { keys: [ringKey(next)] };
      if (first === 'reload') reload();
      const rotation = authenticator.rekey();
      if (first === 'rotation') reload();
      unwrap(await rotation);
      const token = eddsa({ alg: 'EdDSA', kid: next.kid }, goodClaims(clock), next);
      assert.equal(verdict(await ask(token)), 'ok', 'the new key');
      assert.equal(verdict(await ask(hs256(HS, { ...goodClaims(clock), exp: clock.wall() / 1000 - 1 }))), 'expired', 'the new leeway');
    }
  });

  test('prepared before a rotation and taken after it ends with the rotated keys', async () => {
    const { clock, authenticator, ask, world } = await bench();
    const next = await ed25519();
    const reload = unwrap(await authenticator.prepare({ ...SETTINGS, leewayMs: 0 }));
    world.ring = { keys: [ringKey(next)] };
    unwrap(await authenticator.rekey());
    reload();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: next.kid }, goodClaims(clock), next))), 'ok');
  });

  test('of the keys that cannot be read keeps the old ones', async () => {
    const { clock, key, authenticator, ask, world } = await bench();
    world.fault = { code: 'permissions', message: 'm', help: undefined };
    assert.equal((await authenticator.rekey()).ok, false);
    assert.equal(verdict(await ask(eddsa({ alg: 'EdDSA', kid: key.kid }, goodClaims(clock), key))), 'ok');
  });

  test("keeps an unchanged issuer's keys and drops those of one that is gone", async () => {
    const key = await ed25519();
    let fetches = 0;
    const { clock, authenticator, ask } = await bench({ issuers: [remoteSettings()] }, async () => {
      fetches += 1;
      return ok(JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: 'k' }] }));
    });
    const token = eddsa({ alg: 'EdDSA', kid: 'k' }, { ...goodClaims(clock), iss: 'https://idp.example.com/' }, key);
    const principal = unwrap(await ask(token));
    unwrap(await authenticator.prepare({ ...SETTINGS, issuers: [remoteSettings()] }))();
    assert.equal(verdict(await ask(token)), 'ok');
    assert.equal(fetches, 1);
    unwrap(await authenticator.prepare(SETTINGS))();
    assert.equal(verdict(await ask(token)), 'issuer');
    assert.equal(authenticator.recheck(principal)?.code, 'unknown_key');
  });
});

describe('recheck', () => {
  test('refuses a principal that this authenticator did not make', async () => {
    const { clock, ask, authenticator } = await bench();
    const principal = unwrap(await ask(hs256(HS, goodClaims(clock))));
    assert.equal(authenticator.recheck({ ...principal })?.code, 'unknown_key');
  });

  test('of a local principal asks for its expiry only', async () => {
    const { clock, authenticator } = await bench();
    const local = { subject: 'me', roles: [], scopes: [], issuer: 'local', tokenId: undefined, keyId: undefined, via: 'local', expiresAt: timestamp(clock.wall() + 1_000), credential: '' } as const;
    assert.equal(authenticator.recheck(local), undefined);
    clock.advance(31_000);
    assert.equal(authenticator.recheck(local)?.code, 'expired');
  });

  test('a principal cannot be changed by who holds it', async () => {
    const { clock, ask } = await bench();
    const principal = unwrap(await ask(hs256(HS, goodClaims(clock))));
    assert.ok(Object.isFrozen(principal) && Object.isFrozen(principal.roles));
  });
});

describe('no authenticator is made', () => {
  async function build(over: Partial<AuthSettings>, ring: Result<Ring | undefined, KeyFault> = ok(undefined)): Promise<string> {
    const made = await createAuthenticator({ ...SETTINGS, hmac: undefined, ...over }, { clock: testClock(), fetchKeys: async () => err('none'), readRing: async () => ring, revocations: () => [] });
    return made.ok ? 'made' : made.error.code;
  }
  const hmac = (secret: string): AuthSettings['hmac'] => ({ secret: new Secret(secret), issuer: ISSUER, audience: AUDIENCE });

  test('without a secret, a key or an issuer', async () => {
    assert.equal(await build({}), 'no_verifier');
    assert.equal(await build({ ownKeys: undefined }), 'no_verifier');
  });

  test('with an empty secret, even where keys exist', async () => {
    assert.equal(await build({ hmac: hmac('') }, ok({ keys: [ringKey(await ed25519())] })), 'empty_secret');
  });

  test('with keys that others can read, even where a secret exists', async () => {
    assert.equal(await build({ hmac: hmac('s') }, err({ code: 'permissions', message: 'm', help: 'chmod' })), 'keys_unreadable');
  });

  test('with an issuer whose keys would come over plain http [R14]', async () => {
    assert.equal(await build({ issuers: [remoteSettings({ jwksUrl: 'http://idp.example.com/' })] }), 'key_set_url');
  });

  test('with one issuer configured twice for one algorithm', async () => {
    assert.equal(await build({ issuers: [remoteSettings(), remoteSettings({ jwksUrl: 'https://other.example.com/' })] }), 'conflict');
    assert.equal(await build({ issuers: [remoteSettings({ issuer: ISSUER })] }, ok({ keys: [ringKey(await ed25519())] })), 'conflict');
    assert.equal(await build({ issuers: [remoteSettings({ issuer: ISSUER, algorithms: ['RS256'] })] }, ok({ keys: [ringKey(await ed25519())] })), 'made');
  });

  test('and any one of the three is enough', async () => {
    assert.equal(await build({ hmac: hmac('s') }), 'made');
    assert.equal(await build({}, ok({ keys: [ringKey(await ed25519())] })), 'made');
    assert.equal(await build({ issuers: [remoteSettings()] }), 'made');
  });
});

test('a weak secret is told by length and by sameness', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  assert.match(secretWeakness(bytes('')) ?? '', /empty/);
  assert.match(secretWeakness(bytes('x'.repeat(31))) ?? '', /31 bytes/);
  assert.match(secretWeakness(bytes('a'.repeat(64))) ?? '', /repeats/);
  assert.equal(secretWeakness(bytes('0123456789abcdef0123456789abcdef')), undefined);
});
