import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_OFFERS } from '../../support/offers.ts';
import { backendId, type BackendId } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { buildCatalog } from '../../../src/core/policy/catalog.ts';
import { keptOwners, type Owners } from '../../../src/core/policy/owners.ts';
import type { BackendListing } from '../../../src/core/ports.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const listing = (names: readonly string[]): BackendListing => ({ prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: names.map((name) => toRaw({ name, inputSchema: { type: 'object' } })), instructions: undefined, era: 'legacy', version: '2025-11-25', server: 'x' });
const [alpha, beta, gamma] = ['alpha', 'beta', 'gamma'].map(backendId);
assert.ok(alpha !== undefined && beta !== undefined && gamma !== undefined);

/** Lists one after the other, as a gateway hears them, and says who has which name at the end. */
function after(order: readonly BackendId[], heard: readonly (readonly [BackendId, readonly string[] | 'failed'])[], names: 'prefixed' | 'bare' = 'bare'): Readonly<Record<string, string>> {
  const listings = new Map<BackendId, BackendListing>();
  const failed = new Set<BackendId>();
  let owners: Owners = new Map();
  let exposed: Readonly<Record<string, string>> = {};
  for (const [id, said] of heard) {
    if (said === 'failed') failed.add(id);
    else listings.set(id, listing(said));
    const unheard = new Set(order.filter((one) => !listings.has(one)));
    const built = buildCatalog({ order: order.map((id) => ({ id, aliases: {}, hide: [] })), listings, names, hearing: { owners, unheard, waiting: [...unheard].some((one) => !failed.has(one)) } }, digest);
    owners = built.owners;
    exposed = Object.fromEntries(built.catalog.tools.map((tool) => [tool.exposed, tool.target.backend]));
  }
  return exposed;
}

test('a name is not given to the first that is up, but when all have been heard', () => {
  assert.deepEqual(after([alpha, beta], [[beta, ['pay', 'own']]]), {}, 'alpha may have the same');
  assert.deepEqual(after([alpha, beta], [[beta, ['pay', 'own']], [alpha, ['pay']]]), { own: 'beta' });
  assert.deepEqual(after([alpha, beta], [[beta, ['pay', 'own']], [alpha, ['read']]]), { own: 'beta', pay: 'beta', read: 'alpha' });
});

test('a backend that fails holds nobody up, and contests with its first list what it had been refused otherwise', () => {
  const start = [[alpha, 'failed'], [beta, ['pay', 'own']]] as const;
  assert.deepEqual(after([alpha, beta], start), { own: 'beta', pay: 'beta' });
  assert.deepEqual(after([alpha, beta], [...start, [alpha, ['pay']]]), { own: 'beta' }, 'nobody has it now, whoever was first');
  assert.deepEqual(after([alpha, beta], [...start, [alpha, ['pay']], [alpha, []]]), { own: 'beta' }, 'and nobody gets it by patience');
});

test('a name that is given stays given: a later list neither takes it nor takes it away', () => {
  const start = [[alpha, ['pay']], [beta, ['own']]] as const;
  assert.deepEqual(after([alpha, beta], [...start, [beta, ['own', 'pay']]]), { pay: 'alpha', own: 'beta' });
  assert.deepEqual(after([alpha, beta], [...start, [alpha, []], [beta, ['own', 'pay']]]), { own: 'beta' }, 'not even while its owner does not list it');
  assert.deepEqual(after([alpha, beta], [...start, [alpha, []], [beta, ['own', 'pay']], [alpha, ['pay']]]), { own: 'beta', pay: 'alpha' });
  assert.deepEqual(after([alpha, beta], [[alpha, 'failed'], [beta, ['own']], [alpha, ['pay']], [alpha, ['pay', 'own']]]), { own: 'beta', pay: 'alpha' }, 'only the first list contests');
});

test('who has which bare name does not depend on the order in which the first lists came, nor on who failed before', () => {
  const tools = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
  fc.assert(fc.property(tools, tools, tools, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), fc.subarray([alpha, beta, gamma]), (one, two, three, order, late) => {
    const lists = [[alpha, one], [beta, two], [gamma, three]] as const;
    const heard = order.map((at) => lists[at]).filter((entry) => entry !== undefined);
    const failures = late.map((id) => [id, 'failed'] as const);
    assert.deepEqual(after([alpha, beta, gamma], [...failures, ...heard]), after([alpha, beta, gamma], lists));
  }));
});

test('prefixed names wait for nobody', () => {
  assert.deepEqual(after([alpha, beta], [[beta, ['pay']]], 'prefixed'), { beta__pay: 'beta' });
});

test('names that are no longer listed are kept in a number that has an end, and one backend cannot use up the room of another', () => {
  const given = (owner: BackendId, from: number, count: number): Owners => new Map(Array.from({ length: count }, (_, at) => [`${owner}-${from + at}`, { backend: owner, unheard: new Set<BackendId>() }]));
  const unheard = new Set<BackendId>();
  let owners = given(alpha, 0, 1);
  for (let turn = 0; turn < 30; turn += 1) owners = keptOwners(given(beta, turn * 1000, 1000), { owners, unheard, waiting: false });
  assert.equal([...owners.values()].filter((owner) => owner.backend === beta).length, 10_000);
  assert.ok(owners.has('alpha-0'));
  assert.ok(owners.has('beta-29999') && !owners.has('beta-0'));
});
