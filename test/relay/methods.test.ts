import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Era } from '../../src/core/call.ts';
import { isOffered, methodOf } from '../../src/relay/methods.ts';

const ERAS: readonly Era[] = ['legacy', 'modern'];

function offeredIn(method: string): readonly Era[] {
  return ERAS.filter((era) => isOffered(method, era));
}

describe('methods of the eras', () => {
  test('what both eras have is answered in both', () => {
    for (const method of ['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'resources/list', 'resources/templates/list', 'resources/read', 'completion/complete']) {
      assert.deepEqual(offeredIn(method), ERAS, method);
    }
  });

  test('T19 T20: what the modern era has dropped does not exist there', () => {
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) assert.deepEqual(offeredIn(method), ['legacy'], method);
  });

  test('what the modern era has brought does not exist before it', () => {
    for (const method of ['server/discover', 'subscriptions/listen']) assert.deepEqual(offeredIn(method), ['modern'], method);
  });

  test('T110: tasks/result and tasks/list are no methods of the modern era', () => {
    for (const method of ['tasks/result', 'tasks/list']) {
      assert.equal(isOffered(method, 'modern'), false, method);
      assert.deepEqual(methodOf(method)?.eras, ['legacy']);
    }
  });

  test('headers repeat the name of what is called, got or read, and of nothing else', () => {
    const mirrored = ['tools/call', 'prompts/get', 'resources/read', 'completion/complete', 'resources/subscribe', 'tools/list'].map((method) => methodOf(method)?.nameMember);
    assert.deepEqual(mirrored, ['name', 'name', 'uri', undefined, undefined, undefined]);
  });

  test('C05: names of Object.prototype are as unknown as any other word', () => {
    for (const name of ['__proto__', 'constructor', 'toString', '', 'tools/call ']) assert.equal(methodOf(name), undefined, name);
  });
});
