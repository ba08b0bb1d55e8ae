import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TargetKind } from '../../../src/core/call.ts';
import { backendId, roleName, timestamp } from '../../../src/core/ids.ts';
import { isVisible, mayKnow } from '../../../src/core/policy/decide.ts';
import { compilePattern, type Pattern } from '../../../src/core/policy/globs.ts';
import type { Principal } from '../../../src/core/principal.ts';
import type { Policy } from '../../../src/core/snapshot.ts';

const WHO: Principal = { subject: 'agent', roles: [roleName('one'), roleName('two')], scopes: [], issuer: 'test', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(1), credential: 'c' };
const NOW = timestamp(0);

function patterns(texts: readonly string[]): readonly Pattern[] {
  return texts.map((text) => {
    const compiled = compilePattern(text);
    assert.ok(compiled.ok, text);
    return compiled.value;
  });
}

interface Rules { readonly allow: readonly string[]; readonly deny: readonly string[]; readonly mode: 'enforce' | 'monitor' }

function policyOf(rules: Readonly<Record<string, Rules>>): Policy {
  const roles = Object.entries(rules).map(([name, { allow, deny, mode }]) => [roleName(name), { name: roleName(name), mode, allow: patterns(allow), deny: patterns(deny) }] as const);
  return { roles: new Map(roles), kills: [], toolLimits: [], scopes: [] };
}

test('whoever may see anything of a backend may know the backend', () => {
  const side = fc.constantFrom('a', 'b', 'a*', '*', '?', 'a__b');
  const kind = fc.constantFrom('', '', 'tool:', 'prompt:', 'resource:');
  const pattern = fc.tuple(kind, fc.oneof(side, fc.tuple(side, side).map(([backend, tool]) => `${backend}/${tool}`))).map(([kind, rest]) => kind + rest);
  const rules = fc.record({ allow: fc.array(pattern, { maxLength: 3 }), deny: fc.array(pattern, { maxLength: 2 }), mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'monitor' as const) });
  fc.assert(fc.property(fc.dictionary(fc.constantFrom('one', 'two', 'three'), rules), fc.constantFrom('a', 'b', 'ab'), fc.constantFrom('a', 'b', 'ab', 'a/b'), fc.constantFrom<TargetKind>('tool', 'prompt', 'resource'), (given, backend, name, kind) => {
    const policy = policyOf(given);
    if (isVisible(policy, WHO, { kind, backend: backendId(backend), name }, NOW)) assert.ok(mayKnow(policy, WHO, backendId(backend)));
  }), { numRuns: 2000 });
});

test('a backend nobody named, one that is denied whole, and any backend for a stranger stay unknown', () => {
  const enforce = 'enforce' as const;
  const knows = (rules: Rules, backend: string): boolean => mayKnow(policyOf({ one: rules }), WHO, backendId(backend));
  assert.equal(knows({ allow: ['a/*'], deny: [], mode: enforce }, 'b'), false);
  assert.equal(knows({ allow: ['*'], deny: ['b/*'], mode: enforce }, 'b'), false);
  assert.equal(knows({ allow: ['*'], deny: ['b/write'], mode: enforce }, 'b'), true);
  assert.equal(knows({ allow: ['prompt:b/*'], deny: ['tool:b/*', 'resource:*'], mode: enforce }, 'b'), true);
  assert.equal(knows({ allow: ['b/*'], deny: ['tool:b/*', 'resource:*', 'prompt:*/*'], mode: enforce }, 'b'), false);
  assert.equal(knows({ allow: ['tool:b/*', 'prompt:b/x'], deny: ['tool:b/*', 'prompt:b/*'], mode: enforce }, 'b'), false);
  assert.equal(mayKnow(policyOf({ three: { allow: ['*'], deny: [], mode: enforce } }), WHO, backendId('a')), false);
});
