import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wholeText } from '../../src/backends/text.ts';
import { faultText } from '../../src/stores/reasons.ts';

test('what a backend said is told to an operator, and is not in what the audit keeps of the fault', () => {
  const fault = { code: 'exited', detail: 'exit code 3', said: 'last on stderr: no such customer: jane' } as const;
  assert.equal(wholeText(fault), 'exit code 3; last on stderr: no such customer: jane');
  assert.equal(faultText({ kind: 'failed', fault }), 'exited: exit code 3');
  assert.equal(wholeText({ code: 'protocol', detail: 'not MCP' }), 'not MCP');
  assert.equal(wholeText({ code: 'queue_full', limit: 1 }), 'queue_full');
});
