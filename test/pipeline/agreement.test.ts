import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALL_OFFERS } from '../support/offers.ts';
import { backendId, roleName, timestamp } from '../../src/core/ids.ts';
import type { KillScope } from '../../src/core/override.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { isVisible } from '../../src/core/policy/decide.ts';
import type { BackendAnswer, BackendListing } from '../../src/core/ports.ts';
import { ok } from '../../src/core/result.ts';
import { backendSettings, parse, principal, read, settings, world, type Respond } from '../support/world.ts';

const NAMES = ['read', 'write'];
const LISTING: Partial<BackendListing> = {
  tools: NAMES.map((name) => toRaw({ name, inputSchema: { type: 'object' } })),
  prompts: NAMES.map((name) => toRaw({ name })),
  resources: ['file:///read', 'file:///srv/write', 'db://Host/a'].map((uri) => toRaw({ uri, name: uri })),
  templates: [toRaw({ uriTemplate: 'file:///srv/{path}', name: 't' })],
  offers: ALL_OFFERS,
};
const answers: Respond = ({ call }) => ok<BackendAnswer>({ kind: 'result', raw: toRaw(call.kind === 'completion' ? { completion: { values: [] } } : {}) });

const patternArb = fc.constantFrom(
  '*', 'alpha/*', 'beta/*', 'alpha/read', 'write', 'prompt:alpha/*', 'prompt:*/read', 'prompt:write', 'tool:alpha/*', 'resource:alpha/*', 'resource:beta/file:///srv/*', 'resource:*/db://*', 'resource:alpha/file:///read', 'resource:alpha/db://host/a',
);
const scopeArb: fc.Arbitrary<KillScope> = fc.oneof(
  patternArb.map((pattern) => ({ kind: 'tool' as const, pattern })),
  fc.constantFrom('alpha', 'beta').map((id) => ({ kind: 'backend' as const, backend: backendId(id) })),
  fc.constantFrom('alice', 'bob').map((subject) => ({ kind: 'subject' as const, subject })),
);
const roleArb = fc.record({ name: fc.constantFrom('developer', 'other').map(roleName), permissions: fc.constantFrom([], ['*']), allow: fc.array(patternArb, { maxLength: 3 }), deny: fc.array(patternArb, { maxLength: 2 }), mode: fc.constantFrom('enforce' as const, 'enforce' as const, 'monitor' as const), owner: fc.constant(undefined) });

/** How each kind is listed, named and used. */
const KINDS = [
  { list: 'tools/list', member: 'tools', key: 'name', entries: 'tools', method: 'tools/call', params: (name: string) => ({ name }) },
  { list: 'prompts/list', member: 'prompts', key: 'name', entries: 'prompts', method: 'prompts/get', params: (name: string) => ({ name }) },
  { list: 'prompts/list', member: 'prompts', key: 'name', entries: 'prompts', method: 'completion/complete', params: (name: string) => ({ ref: { type: 'ref/prompt', name }, argument: { name: 'a', value: 'b' } }) },
  { list: 'resources/list', member: 'resources', key: 'uri', entries: 'resources', method: 'resources/read', params: (uri: string) => ({ uri }) },
  { list: 'resources/templates/list', member: 'resourceTemplates', key: 'uriTemplate', entries: 'templates', method: 'completion/complete', params: (uri: string) => ({ ref: { type: 'ref/resource', uri }, argument: { name: 'a', value: 'b' } }) },
] as const;

function namesIn(value: unknown, key: string): ReadonlySet<unknown> {
  assert.ok(Array.isArray(value));
  const entries: readonly Readonly<Record<string, unknown>>[] = value;
  return new Set(entries.map((one) => one[key]));
}

test('C03 whatever the policy: what is listed, what may be used, what may be followed and what is visible are the same set, for every method that names an object', async () => {
  await fc.assert(fc.asyncProperty(fc.array(roleArb, { maxLength: 2 }), fc.array(scopeArb, { maxLength: 1 }), fc.subarray(['developer', 'other', 'ghost']), async (roles, scopes, held) => {
    const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: roles.filter((role, at) => roles.findIndex((one) => one.name === role.name) === at) }), listings: { alpha: LISTING, beta: LISTING }, respond: answers });
    w.cell.override(scopes.map((scope, at) => ({ kind: 'kill', id: String(at), scope, by: 'op', reason: 'r', at: timestamp(0), until: undefined })));
    const who = { principal: principal({ roles: held.map(roleName) }) };
    const { policy, catalog } = w.cell.current();
    const visible = (entry: { readonly target: (typeof catalog.tools)[number]['target'] }): boolean => isVisible(policy, who.principal, entry.target, w.clock.wall());
    for (const { list, member, key, entries, method, params } of KINDS) {
      const listed = namesIn(read(await w.ask(list, {}, who)).result?.[member], key);
      for (const entry of catalog[entries]) {
        const answer = read(await w.ask(method, params(entry.exposed), who));
        assert.equal(answer.error === undefined && answer.result?.isError === undefined, visible(entry), `${method} ${entry.exposed}`);
        assert.equal(listed.has(entry.exposed), visible(entry), `${list} ${entry.exposed}`);
      }
    }
    const uris = catalog.resources.map((entry) => entry.exposed);
    const stop = new AbortController();
    const heard: unknown[] = [];
    const pending = w.ask('subscriptions/listen', { notifications: { resourceSubscriptions: uris } }, { ...who, io: { signal: stop.signal, notify: (message) => heard.push(parse(message).params?.['notifications']) } });
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const seen = catalog.resources.filter(visible).map((entry) => entry.exposed);
    assert.deepEqual(heard[0], seen.length === 0 ? {} : { resourceSubscriptions: seen });
    stop.abort('agent');
    await pending;
  }), { numRuns: 100 });
});
