import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, describe, test, type TestContext } from 'node:test';
import { Agent } from 'undici';
import { err, ok, type Result } from '../../src/core/result.ts';
import type { RemoteIssuerSettings } from '../../src/core/settings.ts';
import { createFetchKeys, type FetchKeys, keySetUrlFault } from '../../src/identity/fetch-keys.ts';
import { parseKeySet } from '../../src/identity/jwk.ts';
import { type Bench, bench, ed25519, eddsa, goodClaims, part, remoteSettings, type TestKey, verdict } from './kit.ts';

const ISSUER = 'https://idp.example.com/';
const agent = new Agent();
after(() => agent.close());

function published(...keys: readonly TestKey[]): string {
  return JSON.stringify({ keys: keys.map(({ kid, x }) => ({ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid, x })) });
}

function tokenOf(world: Bench, key: TestKey, header: Readonly<Record<string, unknown>> = {}): string {
  return eddsa({ alg: 'EdDSA', kid: key.kid, ...header }, { ...goodClaims(world.clock), iss: ISSUER }, key);
}

interface Issuer {
  /** What the next fetches get. */
  answer: Result<string, string>;
  fetches: number;
  /** Answers wait while this is set. */
  gate: Promise<void> | undefined;
  readonly fetchKeys: FetchKeys;
}

function issuer(answer: Result<string, string>): Issuer {
  const made: Issuer = {
    answer,
    fetches: 0,
    gate: undefined,
    fetchKeys: async () => {
      made.fetches += 1;
      await made.gate;
      return made.answer;
    },
  };
  return made;
}

async function remoteBench(idp: Issuer, over: Partial<RemoteIssuerSettings> = {}): Promise<Bench> {
  return bench({ issuers: [remoteSettings(over)] }, idp.fetchKeys);
}

describe('keys of a remote issuer over time', () => {
  test('are fetched at the first token and then served from memory', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    assert.equal(idp.fetches, 0);
    for (let n = 0; n < 5; n += 1) assert.equal(verdict(await world.ask(tokenOf(world, key, { n }))), 'ok');
    assert.equal(idp.fetches, 1);
  });

  test('are fetched once for many tokens at the same moment', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => world.ask(tokenOf(world, key, { n }))));
    assert.ok(answers.every((answer) => answer.ok));
    assert.equal(idp.fetches, 1);
  });

  test('a rotation is seen at the first token of the new key', async () => {
    const [old, fresh] = [await ed25519(), await ed25519()];
    const idp = issuer(ok(published(old)));
    const world = await remoteBench(idp);
    assert.equal(verdict(await world.ask(tokenOf(world, old))), 'ok');
    idp.answer = ok(published(fresh));
    world.clock.advance(31_000);
    assert.equal(verdict(await world.ask(tokenOf(world, fresh))), 'ok');
    assert.equal(verdict(await world.ask(tokenOf(world, old))), 'unknown_key', 'a cached token of a withdrawn key');
    assert.equal(idp.fetches, 2);
  });

  test('invented key ids cause at most one fetch per refetchMs, and never disturb good tokens', async () => {
    const [key, forger] = [await ed25519(), await ed25519()];
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    assert.equal(verdict(await world.ask(tokenOf(world, key))), 'ok');
    world.clock.advance(31_000);
    for (let n = 0; n < 30; n += 1) assert.equal(verdict(await world.ask(tokenOf(world, forger, { kid: `invented-${n}` }))), 'unknown_key');
    assert.equal(idp.fetches, 2);
    world.clock.advance(29_999);
    assert.equal(verdict(await world.ask(tokenOf(world, forger, { kid: 'again' }))), 'unknown_key');
    assert.equal(idp.fetches, 2);
    assert.equal(verdict(await world.ask(tokenOf(world, key))), 'ok');
  });

  test('a withdrawn key dies with the cache, also for tokens that were verified before', async () => {
    const [old, fresh] = [await ed25519(), await ed25519()];
    const idp = issuer(ok(published(old)));
    const world = await remoteBench(idp);
    const token = tokenOf(world, old);
    assert.equal(verdict(await world.ask(token)), 'ok');
    idp.answer = ok(published(fresh));
    world.clock.advance(600_000);
    assert.equal(verdict(await world.ask(token)), 'unknown_key');
  });

  test('a key that took over the id of another does not vouch for its tokens', async () => {
    const [old, fresh] = [await ed25519(), await ed25519()];
    const idp = issuer(ok(published({ ...old, kid: 'k' })));
    const world = await remoteBench(idp);
    const token = tokenOf(world, old, { kid: 'k' });
    assert.equal(verdict(await world.ask(token)), 'ok');
    idp.answer = ok(published({ ...fresh, kid: 'k' }));
    world.clock.advance(31_000);
    assert.equal(verdict(await world.ask(tokenOf(world, fresh, { kid: 'unknown' }))), 'unknown_key', 'which made it fetch');
    assert.equal(verdict(await world.ask(token)), 'signature');
  });

  test('are renewed beside the requests shortly before they are due', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    const token = tokenOf(world, key);
    await world.ask(token);
    world.clock.advance(500_000);
    idp.gate = new Promise(() => undefined);
    const answer = world.authenticator.authenticate(token);
    assert.ok(!(answer instanceof Promise), 'the request does not wait for the issuer');
    assert.equal(verdict(answer), 'ok');
    assert.equal(idp.fetches, 2);
  });
});

describe('an issuer that is away', () => {
  test('its keys serve stale for maxStaleMs, then keys_unavailable, and again once it is back', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp, { maxStaleMs: 1_000_000 });
    const long = eddsa({ alg: 'EdDSA', kid: key.kid }, { ...goodClaims(world.clock), iss: ISSUER, exp: goodClaims(world.clock).exp + 99_999 }, key);
    const principal = await world.ask(long);
    assert.ok(principal.ok);
    idp.answer = err('ECONNREFUSED');
    world.clock.advance(600_000);
    assert.equal(verdict(await world.ask(long)), 'ok');
    assert.deepEqual(world.authenticator.status(), [{ issuer: ISSUER, keys: 1, ageMs: 600_000, fault: 'ECONNREFUSED' }]);
    world.clock.advance(999_999);
    assert.equal(verdict(await world.ask(long)), 'ok');
    assert.equal(world.authenticator.recheck(principal.value), undefined);
    world.clock.advance(1);
    assert.equal(world.authenticator.recheck(principal.value)?.code, 'keys_unavailable');
    assert.equal(verdict(await world.ask(long)), 'keys_unavailable');
    idp.answer = ok(published(key));
    world.clock.advance(30_000);
    assert.equal(verdict(await world.ask(long)), 'ok');
  });

  test('while stale, no request waits for it, and it is asked once per refetchMs', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    const token = tokenOf(world, key);
    await world.ask(token);
    idp.answer = err('timeout');
    world.clock.advance(600_000);
    await world.ask(token);
    assert.equal(idp.fetches, 2);
    idp.gate = new Promise(() => undefined);
    for (let n = 0; n < 10; n += 1) assert.ok(!(world.authenticator.authenticate(token) instanceof Promise));
    assert.equal(idp.fetches, 2);
    world.clock.advance(30_000);
    for (let n = 0; n < 10; n += 1) assert.ok(!(world.authenticator.authenticate(token) instanceof Promise));
    assert.equal(idp.fetches, 3);
  });

  test('when it never answered, its tokens are keys_unavailable, others are not touched, and it is asked at a bounded rate', async () => {
    const key = await ed25519();
    const idp = issuer(err('ENOTFOUND'));
    const world = await remoteBench(idp);
    for (let n = 0; n < 20; n += 1) assert.equal(verdict(await world.ask(tokenOf(world, key, { n }))), 'keys_unavailable');
    assert.equal(idp.fetches, 1);
    assert.equal(verdict(await world.ask(eddsa({ alg: 'EdDSA', kid: world.key.kid }, goodClaims(world.clock), world.key))), 'ok');
  });

  test('a fetch that throws is a fetch that failed', async () => {
    const key = await ed25519();
    const world = await bench({ issuers: [remoteSettings()] }, async () => {
      throw new Error('boom');
    });
    assert.equal(verdict(await world.ask(tokenOf(world, key))), 'keys_unavailable');
  });

  test('after dispose nothing is fetched', async () => {
    const key = await ed25519();
    const idp = issuer(ok(published(key)));
    const world = await remoteBench(idp);
    world.authenticator.dispose();
    assert.equal(verdict(await world.ask(tokenOf(world, key))), 'keys_unavailable');
    assert.equal(idp.fetches, 0);
  });
});

describe('which key', () => {
  async function askWith(document: unknown, header: Readonly<Record<string, unknown>>, key: TestKey): Promise<string> {
    const world = await remoteBench(issuer(ok(JSON.stringify(document))));
    return verdict(await world.ask(eddsa({ alg: 'EdDSA', ...header }, { ...goodClaims(world.clock), iss: ISSUER }, key)));
  }
  const jwk = (key: TestKey, more: Readonly<Record<string, unknown>> = {}): object => ({ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: key.kid, ...more });

  test('without kid only where the set holds a single key', async () => {
    const [one, two] = [await ed25519(), await ed25519()];
    assert.equal(await askWith({ keys: [jwk(one)] }, {}, one), 'ok');
    assert.equal(await askWith({ keys: [jwk(one), jwk(two)] }, {}, one), 'unknown_key');
  });

  test('without kid nowhere else, even where one key alone could have signed', async () => {
    const one = await ed25519();
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    assert.equal(await askWith({ keys: [jwk(one), { ...ec, kid: 'ec' }] }, {}, one), 'unknown_key');
  });

  test('two keys under one kid are no key', async () => {
    const [one, two] = [await ed25519(), await ed25519()];
    assert.equal(await askWith({ keys: [jwk(one, { kid: 'k' }), jwk(two, { kid: 'k' })] }, { kid: 'k' }, one), 'unknown_key');
  });

  for (const more of [{ use: 'enc' }, { use: 7 }, { key_ops: ['sign'] }, { key_ops: 'verify' }, { alg: 'ES256' }, { alg: 7 }, { crv: 'Ed448' }, { kty: 'oct', k: 'AAAA' }, { d: 'AAAA' }, { kid: 7 }, { kid: 'x'.repeat(257) }, { x: '' }, { x: 'AAAA' }]) {
    test(`a key with ${JSON.stringify(more).slice(0, 40)} is not used`, async () => {
      const key = await ed25519();
      assert.equal(await askWith({ keys: [jwk(key, more)] }, { kid: key.kid }, key), 'unknown_key');
    });
  }

  for (const more of [{ use: 'sig' }, { key_ops: ['verify'] }, { alg: 'EdDSA' }, { alg: 'Ed25519' }, { unknown: { deep: [1] } }]) {
    test(`a key with ${JSON.stringify(more)} is used`, async () => {
      const key = await ed25519();
      assert.equal(await askWith({ keys: [jwk(key, more)] }, { kid: key.kid }, key), 'ok');
    });
  }

  test('RSA and EC keys verify under their algorithms only, and RSA below 2048 bits never', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const document = { keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' }, { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' }, { ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' }] };
    const world = await remoteBench(issuer(ok(JSON.stringify(document))));
    const token = (alg: string, kid: string, key: Parameters<typeof sign>[2]): string => {
      const input = `${part({ alg, kid })}.${part({ ...goodClaims(world.clock), iss: ISSUER })}`;
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
    };
    assert.equal(verdict(await world.ask(token('ES256', 'ec', { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }))), 'ok');
    assert.equal(verdict(await world.ask(token('RS256', 'rsa', rsa.privateKey))), 'ok');
    assert.equal(verdict(await world.ask(token('RS256', 'weak', weak.privateKey))), 'unknown_key');
    assert.equal(verdict(await world.ask(token('RS256', 'ec', rsa.privateKey))), 'unknown_key');
    assert.equal(verdict(await world.ask(token('PS256', 'rsa', rsa.privateKey))), 'algorithm', 'PS256 is not in the list of this issuer');
  });

  for (const [name, text] of [['no JSON', 'nope'], ['no keys', '{}'], ['keys that are no list', '{"keys":{}}'], ['a repeated member', '{"keys":[],"keys":[]}'], ['too many keys', JSON.stringify({ keys: Array.from({ length: 65 }, () => ({})) })]] as const) {
    test(`a document with ${name} is a failed fetch`, async () => {
      assert.ok(!(await parseKeySet(text, ['EdDSA'])).ok);
      const world = await remoteBench(issuer(ok(text)));
      assert.equal(verdict(await world.ask(tokenOf(world, await ed25519()))), 'keys_unavailable');
    });
  }
});

type Route = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(t: TestContext, route: Route): Promise<{ readonly url: string; readonly seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    route(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}/keys`, seen };
}

describe('over a real connection', () => {
  const never = new AbortController().signal;

  test('a key set is fetched, rotated and outlived; the request carries nothing of a token', async (t) => {
    const [old, fresh] = [await ed25519(), await ed25519()];
    let document: string | undefined = published(old);
    const { url, seen } = await serve(t, (_request, response) => {
      if (document === undefined) response.socket?.destroy();
      else response.end(document);
    });
    const world = await bench({ issuers: [remoteSettings({ jwksUrl: url })] }, createFetchKeys(agent));
    assert.equal(verdict(await world.ask(tokenOf(world, old, { kid: old.kid }))), 'ok');
    document = published(old, fresh);
    world.clock.advance(31_000);
    assert.equal(verdict(await world.ask(tokenOf(world, fresh))), 'ok');
    document = undefined;
    world.clock.advance(600_000);
    assert.equal(verdict(await world.ask(tokenOf(world, fresh))), 'ok', 'served stale');
    for (const request of seen) {
      assert.equal(request.url, '/keys');
      assert.equal(request.headers.authorization, undefined);
      assert.ok(!request.rawHeaders.join(' ').includes(fresh.kid));
    }
  });

  test('a redirect is not followed [SEC19]', async (t) => {
    const { url, seen } = await serve(t, (request, response) => {
      if (request.url === '/keys') response.writeHead(302, { location: '/elsewhere' }).end('moved');
      else response.end('{"keys":[]}');
    });
    assert.deepEqual(await createFetchKeys(agent)(url, never), err('HTTP 302'));
    assert.equal(seen.length, 1);
  });

  test('a body beyond the bound is cut off, announced or not', async (t) => {
    const { url } = await serve(t, (request, response) => {
      const body = 'x'.repeat(5_000);
      if (request.headers.host?.startsWith('localhost') === true) response.writeHead(200, { 'content-length': 5_000 });
      response.write(body.slice(0, 2_500));
      response.end(body.slice(2_500));
    });
    const fetchKeys = createFetchKeys(agent, { bytes: 1_000, ms: 5_000 });
    assert.deepEqual(await fetchKeys(url, never), err('larger than 1000 bytes'));
    assert.deepEqual(await fetchKeys(url.replace('127.0.0.1', 'localhost'), never), err('larger than 1000 bytes'));
  });

  test('an issuer that says nothing is given up', async (t) => {
    const { url } = await serve(t, () => undefined);
    assert.deepEqual(await createFetchKeys(agent, { bytes: 1_000, ms: 100 })(url, never), err('no answer within 100 ms'));
  });

  test('one that drips for ever is given up too', async (t) => {
    const { url } = await serve(t, (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    assert.deepEqual(await createFetchKeys(agent, { bytes: 1_000_000, ms: 150 })(url, never), err('no answer within 150 ms'));
  });

  test('an address nobody listens on is words, not a throw', async () => {
    assert.deepEqual(await createFetchKeys(agent)('http://127.0.0.1:1/keys', never), err('ECONNREFUSED'));
  });
});

describe('where keys may come from', () => {
  for (const url of ['https://idp.example.com/keys', 'http://127.0.0.1:8080/k', 'http://localhost/k', 'http://[::1]:9/k']) {
    test(`${url} is allowed`, () => assert.equal(keySetUrlFault(url), undefined));
  }
  for (const url of ['http://idp.example.com/keys', 'http://127.0.0.1.evil.example/k', 'http://localhost.evil.example/', 'file:///etc/passwd', 'data:application/json,{}', 'ftp://x/', 'nope', '', 'https://user:pw@idp.example.com/', 'http://10.0.0.1/', 'http://169.254.169.254/']) {
    test(`${url === '' ? 'an empty one' : url} is not`, async () => {
      assert.notEqual(keySetUrlFault(url), undefined);
      assert.ok(!(await createFetchKeys(agent)(url, new AbortController().signal)).ok);
    });
  }
});
