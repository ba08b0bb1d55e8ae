// One record of each sort, as the golden files have them.
import type { RecordValues } from '../../../src/stores/journal/members.ts';
import { HOSTILE, lineOf } from './sample.ts';
import { storable } from '../../../src/core/text.ts';

const WHO: Partial<RecordValues> = {
  subject: 'alice', issuer: 'https://login.example.com', roles: '["developer","on-call"]', jti_hmac: 'b'.repeat(64), kid: 'k1', client: 'inspector 1.0.0', session: 'c'.repeat(64), surface: 'http',
  protocol: '2025-11-25', peer: '192.0.2.0/24',
};
const WHAT: Partial<RecordValues> = { method: 'tools/call', backend: 'files', object_type: 'tool', object_name: 'read_file', exposed: 'files__read_file' };
const RULED: Partial<RecordValues> = {
  decision: 'allow', ruling: 'allow', rule: 'role:developer:allow:files/*', mode: 'enforce', severity: 'info', revision: 7, config_hash: 'f'.repeat(64), class: 'reading', owner: 'platform team',
  trail: '[{"stage":"kill","rule":"kill:none","decision":"pass","mode":"enforce","severity":"info"},{"stage":"role","rule":"role:developer:allow:files/*","decision":"pass","mode":"enforce","severity":"info"}]',
};
const CALL = '0198c0de-0000-7000-8000-0000000000c1';
const ARGUMENTS: Partial<RecordValues> = { args_hmac: 'd'.repeat(64), args_bytes: 24, args_shape: '[{"path":"$.path","kind":"string","length":12}]' };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TIMES: Partial<RecordValues> = { admit_us: 250, queue_us: 0, dispatch_us: 12_500, screen_us: 500 };
const ugly = storable(HOSTILE.filter((text) => text.length < 200).join(' ¦ '));

const SORTS: readonly Partial<RecordValues>[] = [
  { kind: 'lifecycle', event: 'epoch_opened', actor: 'system', revision: 7 },
  { kind: 'lifecycle', event: 'started', actor: 'system', revision: 7, detail: '{"version":"0.1.0","configHash":"ff"}' },
  { kind: 'intent', ...WHO, ...WHAT, ...RULED, ...ARGUMENTS, call_id: CALL, trace_id: TRACE },
  { kind: 'outcome', ...WHO, ...WHAT, ...RULED, call_id: CALL, trace_id: TRACE, status: 'success', is_error: 0, code: 'ok', result_hmac: 'e'.repeat(64), result_bytes: 42, attempts: 1, ...TIMES },
  { kind: 'outcome', ...WHO, ...WHAT, ...RULED, call_id: CALL, class: 'changing', object_name: 'write_file', decision: 'allow', ruling: 'deny', rule: 'role:developer:deny:files/write*', mode: 'monitor', severity: 'medium', status: 'error', is_error: 1, code: 'tool_error', fault: 'the tool answered with isError', ...TIMES },
  { kind: 'outcome', ...WHO, ...WHAT, ...RULED, call_id: CALL, class: 'changing', object_name: 'delete_file', decision: 'deny', ruling: 'deny', reason: 'forbidden', rule: 'role:developer:deny:files/delete*', severity: 'high', status: 'denied', code: 'forbidden', fault: 'forbidden: role:developer:deny:files/delete*', admit_us: 90 },
  { kind: 'outcome', ...WHO, ...RULED, call_id: CALL, method: 'resources/read', backend: 'files', object_type: 'resource', object_name: 'file:///srv/a b', exposed: ugly, subject: ugly, rule: ugly, fault: ugly, status: 'error', code: 'timeout', detail: JSON.stringify({ reason: ugly, deep: [ugly] }) },
  { kind: 'refused', call_id: CALL, surface: 'http', peer: '2001:db8:1::/48', decision: 'deny', reason: 'unauthenticated', status: 'denied', code: 'unauthenticated', fault: 'unauthenticated: expired', revision: 7 },
  { kind: 'refused', ...WHO, call_id: CALL, method: ugly, exposed: ugly, decision: 'deny', reason: 'foreign_session', status: 'denied', code: 'foreign_session', fault: 'foreign_session', revision: 7 },
  { kind: 'lifecycle', event: 'auth_failures', actor: 'system', surface: 'http', peer: '192.0.2.0/24', reason: 'unauthenticated', detail: '{"count":4096,"spanMs":10000}' },
  { kind: 'lifecycle', event: 'listed', ...WHO, method: 'tools/list', detail: '{"count":12}' },
  { kind: 'lifecycle', event: 'reloaded', actor: 'signal', revision: 8, detail: '{"configHash":"ee","changes":["rate_limits.default_rpm: 100 → 50"]}' },
  { kind: 'lifecycle', event: 'reload_refused', actor: 'signal', revision: 8, fault: 'SEN-0106', detail: '{"problems":1,"first":"SEN-0106"}' },
  { kind: 'lifecycle', event: 'killed', actor: 'op', revision: 8, detail: '{"scope":"tool:files/delete_file","reason":"incident 4711","cancelled":1,"tasks":0}' },
  { kind: 'lifecycle', event: 'token_issued', actor: 'op', revision: 8, detail: '{"subject":"bob","roles":["developer"],"scopes":[],"tokenId":"t-1","expiresAt":1785230000000}' },
  { kind: 'lifecycle', event: 'key_rotated', actor: 'op', revision: 8, detail: '{"keyId":"k2","previous":"k1"}' },
  { kind: 'lifecycle', event: 'backend', actor: 'system', revision: 8, detail: '{"backend":"files","state":"backing_off","note":"exited with 1"}' },
  { kind: 'lifecycle', event: 'audit_read', actor: 'op', revision: 8, detail: '{"filter":"decision = deny","records":3}' },
  { kind: 'lifecycle', event: 'something_new', actor: 'system', revision: 8, detail: '{"a":null,"b":[true,1.5]}' },
  { kind: 'lifecycle', event: 'stopped', actor: 'signal', revision: 8, detail: '{"reason":"SIGTERM"}' },
];

export const LINES: readonly string[] = SORTS.map((values, at) => lineOf(values, { seq: at + 1 }));
