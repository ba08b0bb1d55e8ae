import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsPage } from '../../src/telemetry/metrics-page.ts';

const PAGE = new URL('../../docs/metrics.md', import.meta.url);

test('docs/metrics.md says what the program serves', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, metricsPage());
  assert.equal(readFileSync(PAGE, 'utf8'), metricsPage());
});
