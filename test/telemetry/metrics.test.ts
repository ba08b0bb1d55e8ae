import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import { createMetrics, type Metrics, type MetricsDeps, type MetricsSample } from '../../src/telemetry/metrics.ts';
import { FAMILIES } from '../../src/telemetry/families.ts';
import { FORBIDDEN, outcome, refusal } from './sample.ts';

const SAMPLE: MetricsSample = {
  inflight: 2, tools: 4, kills: 1, revision: 9, logDropped: 0, lastReload: undefined,
  backends: [{ id: 'fs', up: true, restarts: 2 }, { id: 'db', up: false, restarts: 0 }], circuits: [{ backend: 'fs', state: 'open' }],
  audit: { enabled: true, queued: 7, failed: 5, fault: undefined, space: { bytes: 4096, free: 8192 }, shipping: { state: 'shipping', lagRecords: 3, shipped: 11, resent: 2, refused: 1, conflicts: 0 }, exports: [{ name: 'siem', lag: 4, inARow: 0, delivered: 9, failed: 1, missing: 0 }] }, parked: 11, follows: 13, tasks: 17, hits: { parked: 1, parked_per_principal: 0, follows: 2 },
  surfaces: { sessions: 3, attached: 1, connections: 12, exchanges: 6, subscriptions: 2, keptBytes: 4096, hits: { body: 4, sessions: 0 }, malformed: 8, strayResponses: 9, unrecorded: 10 },
};

function metrics(parts: Partial<MetricsDeps> = {}): Metrics {
  return createMetrics({ version: '0.1.0', node: 'v24', sample: () => SAMPLE, exposedName: ({ backend, name }) => (name === 'gone' ? undefined : `${backend}__${name}`), runtime: false, ...parts });
}

/** Samples of one family, as `{labels} value`. */
async function series(of: Metrics, name: string): Promise<readonly string[]> {
  return (await of.scrape()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)).map((line) => line.slice(name.length).trim());
}

test('the five families of the original keep their names and labels', async () => {
  const of = metrics();
  of.outcome(outcome());
  of.outcome(outcome({ kind: 'answered', isError: true, bytes: 1, digest: '' }));
  of.outcome(outcome({ kind: 'denied', reason: { code: 'limited', scope: 'principal', limit: 1, windowMs: 60_000, retryAfterMs: 1 } }));
  assert.deepEqual(await series(of, 'sentinel_requests_total'), ['{tool="fs__read",status="success"} 1', '{tool="fs__read",status="error"} 1', '{tool="fs__read",status="rate_limited"} 1']);
  assert.deepEqual(await series(of, 'sentinel_errors_total'), ['{tool="fs__read",error_type="error"} 1', '{tool="fs__read",error_type="rate_limited"} 1']);
  assert.deepEqual(await series(of, 'sentinel_rate_limit_hits_total'), ['{tool="fs__read"} 1']);
  assert.deepEqual(await series(of, 'sentinel_backend_healthy'), ['{backend="fs"} 0', '{backend="db"} 0']);
  assert.deepEqual(await series(of, 'sentinel_request_duration_seconds_count'), ['{tool="fs__read"} 2']);
});

test('E11: refused calls are not observed as taking no time', async () => {
  const of = metrics();
  of.outcome(outcome(FORBIDDEN));
  of.outcome(refusal());
  assert.deepEqual(await series(of, 'sentinel_request_duration_seconds_count'), []);
  assert.deepEqual(await series(of, 'sentinel_dispatch_duration_seconds_count'), []);
  assert.deepEqual(await series(of, 'sentinel_admit_duration_seconds_count'), ['1']);
});

test('E11: names that agents make up never become labels', async () => {
  const of = metrics();
  for (let at = 0; at < 500; at += 1) {
    of.outcome(refusal({ name: `bogus-${at}`, method: at % 2 === 0 ? 'tools/call' : `method-${at}` }));
    of.outcome(outcome(FORBIDDEN, { target: { kind: 'tool', backend: backendId('fs'), name: 'gone' }, exposed: `exposed-${at}` }));
  }
  const text = await of.scrape();
  assert.ok(!/bogus|exposed-|method-/.test(text));
  assert.deepEqual(await series(of, 'sentinel_requests_total'), ['{tool="unknown",status="denied"} 750']);
});

test('a backend that renames its tools for ever fills a bounded number of series', async () => {
  const of = metrics();
  for (let at = 0; at < 1500; at += 1) of.outcome(outcome(undefined, { target: { kind: 'tool', backend: backendId('fs'), name: `t${at}` } }));
  const found = await series(of, 'sentinel_calls_total');
  assert.equal(found.length, 1001);
  assert.ok(found.includes('{backend="fs",tool="other",decision="allow",code="ok"} 500'));
});

test('calls are counted by backend, tool, decision and code', async () => {
  const of = metrics();
  of.outcome(outcome());
  of.outcome(outcome(FORBIDDEN));
  of.outcome(outcome({ kind: 'failed', fault: { code: 'timeout', afterMs: 5 } }));
  of.outcome(refusal({ reason: { code: 'unauthenticated', failure: 'expired' } }));
  assert.deepEqual(await series(of, 'sentinel_calls_total'), [
    '{backend="fs",tool="read",decision="allow",code="ok"} 1', '{backend="fs",tool="read",decision="deny",code="forbidden"} 1',
    '{backend="fs",tool="read",decision="allow",code="timeout"} 1', '{backend="unknown",tool="unknown",decision="deny",code="unauthenticated"} 1',
  ]);
  assert.deepEqual(await series(of, 'sentinel_auth_failures_total'), ['{reason="expired"} 1']);
});

test('the rest is asked for at each scrape, and a backend that is gone leaves no series', async () => {
  let sample = SAMPLE;
  const of = metrics({ sample: () => sample });
  assert.deepEqual(await series(of, 'sentinel_backend_up'), ['{backend="fs"} 1', '{backend="db"} 0']);
  assert.deepEqual(await series(of, 'sentinel_circuit_state'), ['{backend="fs"} 2']);
  assert.deepEqual(await series(of, 'sentinel_backend_restarts_total'), ['{backend="fs"} 2', '{backend="db"} 0']);
  assert.deepEqual([...await series(of, 'sentinel_audit_queue'), ...await series(of, 'sentinel_audit_failed_total'), ...await series(of, 'sentinel_audit_up')], ['7', '5', '1']);
  assert.deepEqual(await series(of, 'sentinel_config_last_reload_successful'), ['1']);
  sample = { ...SAMPLE, backends: [], circuits: [], audit: { ...SAMPLE.audit, fault: {} }, lastReload: { at: 5000, ok: false } };
  assert.deepEqual(await series(of, 'sentinel_backend_up'), []);
  assert.deepEqual(await series(of, 'sentinel_backend_restarts_total'), []);
  assert.deepEqual([...await series(of, 'sentinel_audit_up'), ...await series(of, 'sentinel_config_last_reload_successful'), ...await series(of, 'sentinel_config_last_reload_timestamp_seconds')], ['0', '0', '5']);
});

test('what the listeners hold and turn away is shown, each bound by its name', async () => {
  const of = metrics();
  of.outcome(refusal({ reason: { code: 'foreign_session' }, method: 'tools/list' }));
  const one = async (name: string): Promise<string> => (await series(of, `sentinel_${name}`)).join(' ');
  assert.deepEqual(
    [await one('sessions'), await one('attached_agents'), await one('http_connections'), await one('http_requests_active'), await one('http_streams')],
    ['3', '1', '12', '6', '2'],
  );
  assert.equal(await one('http_bound_hits_total'), '{bound="body"} 4 {bound="sessions"} 0');
  assert.deepEqual([await one('http_malformed_total'), await one('http_stray_responses_total'), await one('refusals_unrecorded_total')], ['8', '9', '10']);
  assert.equal(await one('calls_total'), '{backend="unknown",tool="unknown",decision="deny",code="foreign_session"} 1');
});

test('what waits and what is followed is shown, and how often there was no room for more', async () => {
  const of = metrics();
  assert.deepEqual([await series(of, 'sentinel_calls_parked'), await series(of, 'sentinel_follows'), await series(of, 'sentinel_tasks')], [['11'], ['13'], ['17']]);
  assert.deepEqual(await series(of, 'sentinel_bound_hits_total'), ['{bound="parked"} 1', '{bound="parked_per_principal"} 0', '{bound="follows"} 2']);
});

test('every family of the list is served, with help and type, by a registry of its own', async () => {
  const [one, two] = [metrics(), metrics()];
  one.outcome(outcome());
  const text = await one.scrape();
  for (const [name, { type }] of Object.entries(FAMILIES)) assert.ok(text.includes(`# TYPE ${name} ${type}`), name);
  assert.deepEqual(await series(two, 'sentinel_calls_total'), []);
});

test('questions that were put to nobody are counted by backend and reason', async () => {
  const of = metrics();
  for (const why of ['unattributed', 'unattributed', 'too_many'] as const) of.questionRefused(backendId('fs'), why);
  assert.deepEqual(await series(of, 'sentinel_questions_refused_total'), ['{backend="fs",reason="unattributed"} 2', '{backend="fs",reason="too_many"} 1']);
});

test('checkpoints of other gateways are counted where they are taken, and have no series where they are not', async () => {
  const witnessed = { recorded: 3, known: 2, conflict: 1, refused: 5, delayed: 0 };
  assert.deepEqual(await series(metrics(), 'sentinel_audit_witnessed_total'), []);
  const of = metrics({ sample: () => ({ ...SAMPLE, audit: { ...SAMPLE.audit, witnessed } }) });
  assert.deepEqual(await series(of, 'sentinel_audit_witnessed_total'), Object.entries(witnessed).map(([what, count]) => `{what="${what}"} ${count}`));
});
