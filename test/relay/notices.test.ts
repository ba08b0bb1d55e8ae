import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LOG_LEVELS } from '../../src/core/capabilities.ts';
import { logParams } from '../../src/relay/logs.ts';
import { concerns, subscriptionMeta, updatedParams } from '../../src/relay/updates.ts';
import { delicate, raw } from './raw.ts';

describe('log messages', () => {
  test('T100: as severe as the agent asked for, and none where it did not ask', () => {
    for (const [at, level] of LOG_LEVELS.entries()) {
      const params = raw(`{"level":"${level}","data":1}`);
      assert.equal(logParams(params, 'gh', undefined), undefined);
      for (const [other, least] of LOG_LEVELS.entries()) assert.equal(logParams(params, 'gh', least) !== undefined, at >= other);
    }
  });

  test('the logger says whose words these are, on endpoints of several backends', () => {
    assert.equal(logParams(raw('{"level":"info","logger":"db","data":1.0}'), 'gh', 'info'), '{"level":"info","logger":"gh/db","data":1.0}');
    assert.equal(logParams(raw('{"level":"info","data":1.0}'), 'gh', 'info'), '{"level":"info","data":1.0,"logger":"gh"}');
    const text = raw('{"level":"info","logger":"db","data":1.0}');
    assert.equal(logParams(text, undefined, 'info'), text);
  });

  test('T151: what is logged arrives byte for byte, without what belongs to the backend’s hop', () => {
    fc.assert(fc.property(delicate, (data) => {
      assert.equal(logParams(raw(`{"level":"error","data":${data},"_meta":{"progressToken":1,"a/b":${data}}}`), undefined, 'debug'), `{"level":"error","data":${data},"_meta":{"a/b":${data}}}`);
    }));
  });

  test('what is no log message is not told', () => {
    for (const text of ['{}', '[]', '{"level":"loud","data":1}', '{"level":"info"}', '{"data":1}']) assert.equal(logParams(raw(text), 'gh', 'debug'), undefined, text);
  });
});

describe('updates of resources', () => {
  test('T61: a message of a subscription bears the id of its request, with its type', () => {
    assert.equal(updatedParams('gh+x:1', undefined), '{"uri":"gh+x:1"}');
    for (const id of ['"1"', '1']) assert.equal(updatedParams('gh+x:1', raw(id)), `{"uri":"gh+x:1","_meta":${subscriptionMeta(raw(id))}}`);
    assert.equal(subscriptionMeta(raw('"L1"')), '{"io.modelcontextprotocol/subscriptionId":"L1"}');
  });

  test('T115: news of a part are news of the whole, never those of a neighbour', () => {
    for (const part of ['x:a/b', 'x:a/b/c', 'x:a/b?q', 'x:a/b#f']) assert.equal(concerns('x:a/b', part), true, part);
    for (const other of ['x:a/bc', 'x:a', 'x:a/', 'y:a/b', 'x:a/B']) assert.equal(concerns('x:a/b', other), false, other);
    assert.equal(concerns('x:a/', 'x:a/b'), true);
  });
});
