// `{"name":…,"value":…}`: what names a secret is found wherever it stands, for both ways a value is kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePointer, pointerTree } from '../../../src/core/json/pointer.ts';
import { MASK } from '../../../src/core/masking.ts';
import { extract, type Room } from '../../../src/stores/capture/extract.ts';
import { raw, REDACTED, rule, shown, toolCall, world } from './world.ts';

test('a value beside the name of a secret is masked, in whatever order they stand and however long the name is', (t) => {
  const long = 'x'.repeat(300);
  for (const [path, args] of [
    ['/env', '{"env":[{"value":"hunter2","name":"MY_PASSWORD"}]}'],
    ['/env', '{"env":[{"name":"MY_PASSWORD","value":"hunter2"}]}'],
    ['/env/*/value', '{"env":[{"value":"hunter2","name":"MY_PASSWORD"}]}'],
    ['/env/*', '{"env":[{"name":"MY_PASSWORD","type":"plain","value":{"plain":"hunter2"}}]}'],
    ['/env/*', '{"env":[{"key":"MY_PASSWORD","Value":"hunter2"}]}'],
    ['/env', `{"env":{"name":"${long} password","value":"hunter2"}}`],
    ['/env/*/value', `{"env":[{"name":"password${long}","value":"hunter2"}]}`],
  ] as const) {
    const here = world(t, [rule({ arguments: [path] })]);
    const kept = JSON.stringify(shown(here.read(here.kept(toolCall(args)))).arguments);
    assert.ok(kept.includes(MASK) && !kept.includes('hunter2'), kept);
  }
  const here = world(t, [rule({ arguments: ['/env'] })]);
  assert.match(JSON.stringify(shown(here.read(here.kept(toolCall('{"env":[{"value":"plain","name":"LANG"}]}')))).arguments), /plain/);
});

test('what does not fit is looked at so often and no more: a million values too large for the rest are not each copied', () => {
  const pointer = compilePointer('/a/*');
  assert.ok(pointer.ok);
  const tree = pointerTree([pointer.value]);
  const text = raw(JSON.stringify({ a: [...Array.from({ length: 5 }, () => 'x'.repeat(200)), 'small'] }));
  for (const [misses, kept] of [[3, []], [10, ['/a/5']]] as const) {
    const room: Room = { bytes: 36, values: 256, incomplete: false, misses };
    const found = new Map<string, string>();
    extract(text, tree, REDACTED, room, found);
    assert.deepEqual([[...found.keys()], room.incomplete], [kept, true]);
  }
});
