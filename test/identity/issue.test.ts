import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import type { AuthSettings } from '../../src/core/settings.ts';
import { inspectToken, type TokenInspection } from '../../src/identity/inspect.ts';
import { type IssueRequest, issueToken } from '../../src/identity/issue.ts';
import { revocationsOf } from '../../src/identity/revocations.ts';
import { prepareSetup } from '../../src/identity/setup.ts';
import { ok } from '../../src/core/result.ts';
import { type Bench, bench, ed25519, eddsa, goodClaims, hs256, revoke, ringKey, SETTINGS, unwrap, verdict } from './kit.ts';

const REQUEST: IssueRequest = { subject: 'ada', roles: ['developer'], scopes: [], lifetimeMs: 3_600_000, audience: undefined, algorithm: 'EdDSA' };
const random = { uuid: () => '0198c0de-0000-7000-8000-000000000001' };

function mint(world: Bench, over: Partial<IssueRequest> = {}, settings: AuthSettings = SETTINGS): ReturnType<typeof issueToken> {
  return issueToken(settings, world.world.ring, { ...REQUEST, ...over }, { clock: world.clock, random });
}

function json(text: string | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(text ?? '', 'base64url').toString());
}

describe('an issued token', () => {
  test('is an at+jwt of the active key, says all that RFC 9068 asks, and is let in', async () => {
    const world = await bench();
    const issued = unwrap(await mint(world));
    const [header, payload] = issued.token.split('.');
    assert.deepEqual(json(header), { alg: 'EdDSA', typ: 'at+jwt', kid: world.key.kid });
    const now = world.clock.wall() / 1000;
    assert.deepEqual(json(payload), { role: 'developer', iss: 'sentinel-gateway', aud: 'sentinel-api', sub: 'ada', iat: now, nbf: now, exp: now + 3600, jti: issued.tokenId });
    const principal = unwrap(await world.ask(issued.token));
    assert.deepEqual([principal.tokenId, principal.keyId, principal.expiresAt], [issued.tokenId, issued.keyId, issued.expiresAt]);
  });

  test('by the shared secret is what the original reads', async () => {
    const world = await bench();
    const issued = unwrap(await mint(world, { algorithm: 'HS256' }));
    assert.deepEqual(json(issued.token.split('.')[0]), { alg: 'HS256', typ: 'JWT' });
    assert.equal(verdict(await world.ask(issued.token)), 'ok');
  });

  test('carries several roles as a list, and roles at a dotted path, and reads back the same', async () => {
    for (const roleClaim of ['role', 'realm_access.roles', 'https://example.com/roles']) {
      const settings = { ...SETTINGS, roleClaim };
      const world = await bench({ roleClaim });
      for (const roles of [['b'], ['b', 'a'], ['b', 'a', 'b']]) {
        const issued = unwrap(await mint(world, { roles }, settings));
        assert.deepEqual(unwrap(await world.ask(issued.token)).roles, [...new Set(roles)]);
      }
    }
  });

  test('carries its scopes as one text, each once, and reads them back; without any it has no such claim', async () => {
    const world = await bench();
    const issued = unwrap(await mint(world, { scopes: ['files:read', 'files:write', 'files:read'] }));
    assert.equal(json(issued.token.split('.')[1])['scope'], 'files:read files:write');
    assert.deepEqual(issued.scopes, ['files:read', 'files:write']);
    assert.deepEqual(unwrap(await world.ask(issued.token)).scopes, ['files:read', 'files:write']);
    assert.equal(Object.hasOwn(json(unwrap(await mint(world)).token.split('.')[1]), 'scope'), false);
  });

  test('is not made with a scope that is none, with too many, or where the role claim has their place', async () => {
    const world = await bench();
    for (const scopes of [[''], ['a b'], ['a"'], ['ä'], Array.from({ length: 101 }, (_, at) => `s${at}`)]) {
      const refused = await mint(world, { scopes });
      assert.ok(!refused.ok && refused.error.code === 'invalid', scopes[0]);
    }
    const settings = { ...SETTINGS, roleClaim: 'scope' };
    const refused = await mint(world, { scopes: ['a'] }, settings);
    assert.ok(!refused.ok && refused.error.code === 'invalid');
  });

  test('with a fraction of a second in its life is still whole seconds', async () => {
    const world = await bench();
    world.clock.advance(1_234);
    const issued = unwrap(await mint(world, { lifetimeMs: 1_999 }));
    assert.equal(issued.expiresAt - issued.issuedAt, 1_000);
    assert.equal(verdict(await world.ask(issued.token)), 'ok');
  });
});

describe('no token is issued', () => {
  for (const [name, over, code] of [
    ['for an empty subject', { subject: '' }, 'invalid'], ['for a subject with controls', { subject: 'a\nb' }, 'invalid'], ['without a role', { roles: [] }, 'invalid'],
    ['with an empty role', { roles: ['a', ''] }, 'invalid'], ['for an empty audience', { audience: '' }, 'invalid'], ['for no time', { lifetimeMs: 0 }, 'lifetime'],
    ['for ever', { lifetimeMs: Number.POSITIVE_INFINITY }, 'lifetime'],
  ] as const) {
    test(name, async () => {
      const refused = await mint(await bench(), over);
      assert.equal(refused.ok ? 'issued' : refused.error.code, code);
    });
  }

  test('that lives longer than the configuration lets in', async () => {
    const refused = await mint(await bench(), {}, { ...SETTINGS, maxLifetimeMs: 3_599_999 });
    assert.equal(refused.ok ? 'issued' : refused.error.code, 'lifetime');
  });

  test('without a key, without a secret, or by a key that is retiring', async () => {
    const world = await bench();
    const none = await issueToken(SETTINGS, undefined, REQUEST, { clock: world.clock, random });
    assert.equal(none.ok ? 'issued' : none.error.code, 'no_key');
    const retiring = await issueToken(SETTINGS, { keys: [ringKey(world.key, timestamp(9e12))] }, REQUEST, { clock: world.clock, random });
    assert.equal(retiring.ok ? 'issued' : retiring.error.code, 'no_key');
    const secretless = await mint(world, { algorithm: 'HS256' }, { ...SETTINGS, hmac: undefined });
    assert.equal(secretless.ok ? 'issued' : secretless.error.code, 'no_key');
  });

  test('whose role claim would overwrite a registered one', async () => {
    const refused = await mint(await bench(), {}, { ...SETTINGS, roleClaim: 'sub' });
    assert.equal(refused.ok ? 'issued' : refused.error.code, 'invalid');
  });
});

describe('inspection', () => {
  async function look(token: string, world: Bench, revoked: readonly string[] = []): Promise<TokenInspection> {
    const setup = unwrap(await prepareSetup(SETTINGS, { clock: world.clock, fetchKeys: async () => ok(''), readRing: async () => ok(world.world.ring) }, new Map()));
    return inspectToken(token, { verifiers: setup.verifiers, tokenBytes: 8192, revocations: revocationsOf(revoked.map((id) => revoke('token', id))), now: world.clock.wall() });
  }
  const outcomes = (seen: TokenInspection): Readonly<Record<string, string>> => Object.fromEntries(seen.checks.map(({ name, outcome }) => [name, outcome]));

  test('of a good token shows every check passed, and never the signature', async () => {
    const world = await bench();
    const token = hs256({ alg: 'HS256' }, goodClaims(world.clock));
    const seen = await look(token, world);
    assert.ok(seen.accepted);
    assert.ok(seen.checks.every(({ outcome }) => outcome === 'pass'));
    assert.ok(!JSON.stringify(seen).includes(token.split('.')[2] ?? ''));
    assert.equal(seen.tokenId, 'token-1');
  });

  test('of a forged token shows the signature failed, though its claims are fine', async () => {
    const world = await bench();
    const seen = await look(hs256({ alg: 'HS256' }, goodClaims(world.clock), 'other'), world);
    assert.equal(seen.accepted, false);
    assert.deepEqual([outcomes(seen)['signature'], outcomes(seen)['aud']], ['fail', 'pass']);
  });

  test('shows each failing claim, not the first only', async () => {
    const world = await bench();
    const seen = await look(hs256({ alg: 'HS256' }, { ...goodClaims(world.clock), aud: 'x', exp: 1, role: '' }), world);
    const said = outcomes(seen);
    assert.deepEqual([said['aud'], said['exp'], said['role'], said['sub'], said['signature']], ['fail', 'fail', 'fail', 'pass', 'pass']);
  });

  test('without a key skips the signature instead of passing it', async () => {
    const world = await bench();
    const stranger = await ed25519();
    const unknown = await look(eddsa({ alg: 'EdDSA', kid: stranger.kid }, goodClaims(world.clock), stranger), world);
    assert.deepEqual([outcomes(unknown)['key'], outcomes(unknown)['signature'], unknown.accepted], ['fail', 'skipped', false]);
    const foreign = await look(hs256({ alg: 'HS256' }, { ...goodClaims(world.clock), iss: 'else' }), world);
    assert.deepEqual([outcomes(foreign)['key'], outcomes(foreign)['aud'], foreign.accepted], ['skipped', 'skipped', false]);
  });

  test('of a revoked token says so; of garbage says only that', async () => {
    const world = await bench();
    const seen = await look(hs256({ alg: 'HS256' }, goodClaims(world.clock)), world, ['token-1']);
    assert.deepEqual([outcomes(seen)['not revoked'], seen.accepted], ['fail', false]);
    const garbage = await look('not a token', world);
    assert.deepEqual([garbage.accepted, garbage.checks.length, garbage.payload], [false, 1, undefined]);
  });
});
