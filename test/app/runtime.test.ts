import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_OFFERS } from '../support/offers.ts';
import { compileNames } from '../../src/config/compile.ts';
import { RuntimeCell } from '../../src/app/runtime.ts';
import { backendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { Settings } from '../../src/core/settings.ts';
import { backendSettings, settings } from '../support/world.ts';

const ALPHA = backendId('alpha');
const BETA = backendId('beta');
const bare = (...ids: readonly string[]): Settings => settings({ names: 'bare', backends: ids.map((id) => backendSettings(id)) });

function bench(from: Settings): { readonly cell: RuntimeCell; readonly names: () => Readonly<Record<string, string>>; readonly list: (id: string, ...tools: readonly string[]) => void } {
  const cell = new RuntimeCell({ settings: from, configHash: 'h' }, [], { digest: (text) => text, compile: () => ({ roles: new Map(), kills: [], toolLimits: [], scopes: [] }), names: compileNames, onListenerFault: () => assert.fail() });
  return {
    cell,
    names: () => Object.fromEntries(cell.current().catalog.tools.map((tool) => [tool.exposed, tool.target.backend])),
    list: (id, ...tools) => {
      cell.listed(backendId(id), { prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: tools.map((name) => toRaw({ name })), instructions: undefined, era: 'legacy', version: '2025-11-25', server: id });
    },
  };
}

test('bare names wait for the backends that are still starting, and not for those that failed', () => {
  const { cell, names, list } = bench(bare('alpha', 'beta'));
  list('beta', 'pay');
  assert.deepEqual(names(), {}, 'a quick backend does not take the name of a slow one');
  const before = cell.current().revision;
  assert.equal(cell.unavailable(ALPHA).revision, before + 1);
  assert.equal(cell.unavailable(ALPHA).revision, before + 1, 'said once');
  assert.deepEqual(names(), { pay: 'beta' });
  assert.equal(cell.unavailable(BETA).revision, before + 1, 'one that has listed keeps its list while it is down');
});

test('a reload keeps what is given and listed, forgets the rest, and lets a new backend contest', () => {
  const { cell, names, list } = bench(bare('alpha', 'beta'));
  list('alpha', 'pay', 'old');
  list('beta', 'own');
  list('beta', 'own', 'pay', 'old');
  list('alpha', 'pay');
  assert.deepEqual(names(), { pay: 'alpha', own: 'beta' });
  cell.configure({ settings: bare('alpha', 'beta', 'gamma'), configHash: 'h2' });
  assert.deepEqual(names(), { pay: 'alpha', own: 'beta' }, 'what was free waits for the new one');
  list('gamma', 'own');
  assert.deepEqual(names(), { pay: 'alpha', old: 'beta' }, 'and the new one contests as it would at a start');
  cell.configure({ settings: bare('beta'), configHash: 'h3' });
  assert.deepEqual(names(), { own: 'beta', pay: 'beta', old: 'beta' });
});
