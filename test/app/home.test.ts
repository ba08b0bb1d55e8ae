import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { homeOf } from '../../src/app/home.ts';
import { proxyStateDir } from '../../src/app/proxy.ts';

test('an empty HOME is none', () => {
  assert.deepEqual([homeOf({ HOME: '/h' }), homeOf({ HOME: '' }), homeOf({})], ['/h', homedir(), homedir()]);
});

test('what the proxy keeps, its token too, never lands in the working directory', () => {
  for (const strange of ['', 'state']) assert.equal(proxyStateDir({ HOME: '/h', XDG_STATE_HOME: strange }), '/h/.local/state/sentinel/proxy');
  assert.equal(proxyStateDir({ HOME: '/h', XDG_STATE_HOME: '/xdg' }), '/xdg/sentinel/proxy');
});
