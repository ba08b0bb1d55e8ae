import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { publish } from '../../src/cli/publish.ts';
import { parseScope } from '../../src/cli/scope.ts';
import { parseUntil } from '../../src/cli/time.ts';

describe('--until', () => {
  const now = Date.UTC(2026, 0, 1);

  test('takes spans', () => {
    assert.deepEqual(parseUntil('2h', now), { ok: true, value: now + 7_200_000 });
  });

  test('takes RFC 3339 times with their offset', () => {
    assert.deepEqual(parseUntil('2026-01-01T02:00:00+01:00', now), { ok: true, value: now + 3_600_000 });
    assert.deepEqual(parseUntil('2026-01-02 00:00Z', now), { ok: true, value: now + 86_400_000 });
  });

  for (const wrong of ['', '0s', '2', 'tomorrow', '2h ', '-2h', '2026-01-02T00:00:00', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '2025-12-31T23:59:59Z', '99999999999999999d']) {
    test(`refuses ${JSON.stringify(wrong)}`, () => assert.equal(parseUntil(wrong, now).ok, false));
  }
});

describe('the scope of a kill', () => {
  test('is said in words', () => {
    assert.deepEqual(parseScope(['tool', 'files/write_*']), { ok: true, value: { kind: 'tool', pattern: 'files/write_*' } });
    assert.deepEqual(parseScope(['subject', 'bot']), { ok: true, value: { kind: 'subject', subject: 'bot' } });
    assert.deepEqual(parseScope(['all']), { ok: true, value: { kind: 'all' } });
  });

  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /say what to stop/],
    [['tol', 'x'], /did you mean "tool"/],
    [['files/write_file'], /sentinel kill tool files\/write_file/],
    [['everything/echo'], /^unknown scope "everything\/echo"; for one tool: sentinel kill tool everything\/echo$/],
    [['tool'], /needs a name/],
    [['tool', ''], /needs a name/],
    [['all', 'x'], /takes no name/],
    [['tool', 'a', 'b'], /too much/],
  ];
  for (const [words, expected] of refused) {
    test(`refuses ${JSON.stringify(words)}`, () => {
      const scope = parseScope(words);
      assert.match(scope.ok ? '' : scope.error, expected);
    });
  }
});

test('reports are published in snake_case, with RFC 3339 times', () => {
  assert.deepEqual(publish({ startedAt: 0, lastReload: { at: 1000, ok: true }, kills: [{ until: undefined }], tookMs: 5, at: undefined }), {
    started_at: '1970-01-01T00:00:00.000Z',
    last_reload: { at: '1970-01-01T00:00:01.000Z', ok: true },
    kills: [{ until: undefined }],
    took_ms: 5,
    at: undefined,
  });
});
