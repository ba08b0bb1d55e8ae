// What `explain` says of the rows that a role or a kill refuses: which pattern, which kill.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../src/app/explain.ts';
import type { KillOverride } from '../../src/core/override.ts';
import { timestamp } from '../../src/core/ids.ts';
import { allowAll, passSchemas, settings, world } from '../support/world.ts';

async function why(options: Parameters<typeof world>[0], roles: readonly string[] = ['developer'], kills: readonly KillOverride[] = []): Promise<string | undefined> {
  const w = world(options);
  w.cell.override(kills);
  const report = await explain({ tool: 'alpha/echo', roles, scopes: [], subject: 'alice', args: '{}' }, w.cell.current(), { clock: w.clock, schemas: passSchemas, windows: undefined });
  assert.equal(report.allowed, false);
  return report.trail.at(-1)?.note;
}

const role = (patterns: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }): ReturnType<typeof settings> =>
  settings({ roles: [{ ...allowAll, permissions: [], allow: ['alpha/read', ...(patterns.allow ?? [])], deny: patterns.deny ?? [] }] });

test('a role that is unknown, that denies, and that does not allow are told apart', async () => {
  assert.equal(await why({}, ['ghost', 'x']), 'the configuration has no role ghost, x');
  assert.equal(await why({ settings: role({ allow: ['alpha/*'], deny: ['beta/*', 'alpha/ec*'] }) }), 'role developer: `deny` has alpha/ec*');
  assert.equal(await why({ settings: role({}) }), 'no `allow` of developer names it');
});

test('a kill of the file is told from one of an operator', async () => {
  const base = settings();
  assert.equal(await why({ settings: settings({ kills: { ...base.kills, tools: ['alpha/echo'] } }) }), 'stands in [kill_switch] of the configuration');
  const kill: KillOverride = { kind: 'kill', id: 'k1', scope: { kind: 'tool', pattern: 'alpha/echo' }, by: 'op', reason: 'test', at: timestamp(0), until: undefined };
  assert.equal(await why({}, ['developer'], [kill]), 'said by an operator: sentinel kills');
});
