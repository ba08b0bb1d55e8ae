// Outcomes for the tests of this folder.
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import type { ToolCall } from '../../src/core/call.ts';
import type { Evidence } from '../../src/core/decision.ts';
import { backendId, callId, instant, roleName, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { CallOutcome, End, Refusal } from '../../src/core/outcome.ts';

const OK: End = { kind: 'answered', isError: false, bytes: 10, digest: '' };

function call(parts: Partial<ToolCall> = {}): ToolCall {
  return {
    kind: 'tool', id: callId('call-1'), target: { kind: 'tool', backend: backendId('fs'), name: 'read' }, at: instant(1), wall: timestamp(1), exposed: 'fs__read',
    principal: { subject: 'alice', roles: [roleName('developer')], scopes: [], issuer: 'i', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(9), credential: '' },
    origin: { surface: 'http', endpoint: { kind: 'merged' }, era: 'legacy', version: '2025-11-25', session: undefined, client: { name: 'inspector', version: '1' }, peer: '127.0.0.1', capabilities: NO_CAPABILITIES, logLevel: undefined, trace: undefined },
    args: toRaw({ password: 'hunter2' }), meta: undefined, wantsProgress: false, continuation: undefined, task: undefined, ...parts,
  };
}

const RULE: Evidence = { stage: 'role', rule: 'role:developer:allow:fs/*', decision: 'pass', mode: 'enforce', severity: 'info', note: undefined };

export function outcome(end: End = OK, parts: Partial<ToolCall> = {}): CallOutcome {
  const denied = end.kind === 'denied';
  return {
    kind: 'call', call: call(parts), trail: [denied ? { ...RULE, rule: 'role:developer:deny:fs/read', decision: 'deny' } : RULE], revision: 3, configHash: 'h', end,
    took: { admitMs: 0.2, queueMs: denied ? undefined : 0, dispatchMs: denied ? undefined : 40, screenMs: undefined, attempts: denied ? 0 : 1 },
    judged: { owner: undefined, changes: true, declared: new Set() },
  };
}

export const FORBIDDEN: End = { kind: 'denied', reason: { code: 'forbidden', rule: 'role:developer:deny:fs/read' } };

export function refusal(parts: Partial<Refusal> = {}): Refusal {
  return {
    kind: 'refused', id: callId('refused-1'), wall: timestamp(1), surface: 'http', peer: '192.0.2.1', principal: undefined, method: 'tools/call', name: 'anything',
    reason: { code: 'unknown_name' }, revision: 3, ...parts,
  };
}
