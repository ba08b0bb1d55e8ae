import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuthFailureCode } from '../../src/core/principal.ts';
import { authStatus, challenge, type ResourceFacts, resourceMetadata, resourceMetadataUrl, scopeChallenge } from '../../src/relay/oauth.ts';

const FACTS: ResourceFacts = { publicUrl: 'https://gw.example.com', path: '/mcp', issuers: ['https://idp.example.com/t1', 'sentinel-gateway'], scopes: [] };
const METADATA_URL = 'https://gw.example.com/.well-known/oauth-protected-resource/mcp';
const FAILURES: readonly AuthFailureCode[] = [
  'malformed', 'too_long', 'algorithm', 'unknown_key', 'signature', 'type', 'issuer', 'audience', 'expired', 'not_yet_valid', 'issued_in_future', 'lifetime', 'claims', 'role', 'revoked',
];

describe('the resource document', () => {
  test('resource is byte for byte the URL that agents use [R3]', () => {
    for (const [publicUrl, path, resource] of [
      ['https://gw.example.com', '/mcp', 'https://gw.example.com/mcp'], ['https://gw.example.com/', '/mcp', 'https://gw.example.com/mcp'],
      ['https://gw.example.com/prefix', '/mcp/github', 'https://gw.example.com/prefix/mcp/github'], ['http://127.0.0.1:9200', '/mcp', 'http://127.0.0.1:9200/mcp'],
    ] as const) {
      assert.equal(resourceMetadata({ ...FACTS, publicUrl, path }).resource, resource);
    }
  });

  test('names the issuers that are URLs, exactly as configured [R1]', () => {
    const issuers = ['https://idp.example.com/t1/', 'sentinel-gateway', 'http://idp.example.com/', 'http://localhost:8080/realm', 'https://idp.example.com/?x=1', 'https://idp.example.com/#x'];
    assert.deepEqual(resourceMetadata({ ...FACTS, issuers }).authorization_servers, ['https://idp.example.com/t1/', 'http://localhost:8080/realm']);
  });

  test('leaves members without a value out: a gateway with keys of its own only names no authorization server', () => {
    assert.deepEqual(resourceMetadata({ ...FACTS, issuers: ['sentinel-gateway'] }), { resource: 'https://gw.example.com/mcp', bearer_methods_supported: ['header'], resource_name: 'Sentinel MCP gateway' });
  });

  test('T150: says the scopes it was given, and no more', () => {
    assert.deepEqual(resourceMetadata({ ...FACTS, scopes: ['mcp:use'] }).scopes_supported, ['mcp:use']);
  });

  test('stands at the path-inserted well-known address [R2]', () => {
    assert.equal(resourceMetadataUrl('https://gw.example.com', '/mcp'), METADATA_URL);
    assert.equal(resourceMetadataUrl('https://gw.example.com/', '/mcp/github'), `${METADATA_URL}/github`);
    assert.equal(resourceMetadataUrl('https://gw.example.com/prefix', '/mcp'), 'https://gw.example.com/.well-known/oauth-protected-resource/prefix/mcp');
  });
});

describe('the challenge', () => {
  test('T140: without credentials has no error, and says where the metadata is', () => {
    assert.equal(challenge('missing', METADATA_URL), `Bearer resource_metadata="${METADATA_URL}"`);
    assert.equal(challenge('missing', METADATA_URL, ['mcp:use', 'mcp:list']), `Bearer resource_metadata="${METADATA_URL}", scope="mcp:use mcp:list"`);
  });

  test('T142: is the same invalid_token for every cause', () => {
    const said = new Set(FAILURES.map((failure) => challenge(failure, METADATA_URL)));
    assert.deepEqual([...said], [`Bearer error="invalid_token", error_description="The access token is not valid here", resource_metadata="${METADATA_URL}"`]);
  });

  test('no setting can break out of its quotes or its line', () => {
    const value = challenge('missing', 'https://x/"\r\nSet-Cookie: a=b\\', ['a"b', 'c\nd']);
    assert.equal(value, 'Bearer resource_metadata="https://x/Set-Cookie: a=b", scope="ab cd"');
  });

  test('keys that cannot be had are no fault of the token: 503, all else 401', () => {
    assert.equal(authStatus('keys_unavailable'), 503);
    for (const failure of [...FAILURES, 'missing'] as const) assert.equal(authStatus(failure), 401);
  });
});

test('a 403 challenge says the error, the scopes and the place, in that order, and no name can add a member to it', () => {
  assert.equal(scopeChallenge('https://gw.example/m', ['a', 'b:c']), 'Bearer error="insufficient_scope", scope="a b:c", resource_metadata="https://gw.example/m"');
  assert.equal(scopeChallenge('https://gw.example/m', ['a", error="x']), 'Bearer error="insufficient_scope", scope="a, error=x", resource_metadata="https://gw.example/m"');
});
