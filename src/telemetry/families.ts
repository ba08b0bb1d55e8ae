// Every metric there is: the one list from which the registry and docs/metrics.md are made. Base units, closed label sets.

export interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  /** One of the five that the original had. */
  readonly original?: true;
}

/** Half a millisecond to two minutes: a call may be a lookup or a build. */
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
/** Deciding takes microseconds; a schema worker or a slow disk takes more. */
const ADMIT_SECONDS = [0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];

export type CounterName =
  | 'sentinel_requests_total' | 'sentinel_errors_total' | 'sentinel_rate_limit_hits_total' | 'sentinel_calls_total' | 'sentinel_auth_failures_total'
  | 'sentinel_backend_restarts_total' | 'sentinel_audit_failed_total' | 'sentinel_log_dropped_total' | 'sentinel_http_bound_hits_total'
  | 'sentinel_audit_shipped_total' | 'sentinel_audit_exported_total' | 'sentinel_audit_witnessed_total' | 'sentinel_questions_refused_total' | 'sentinel_bound_hits_total' | 'sentinel_http_malformed_total' | 'sentinel_http_stray_responses_total' | 'sentinel_refusals_unrecorded_total';
export type HistogramName = 'sentinel_request_duration_seconds' | 'sentinel_admit_duration_seconds' | 'sentinel_dispatch_duration_seconds';
export type GaugeName =
  | 'sentinel_backend_healthy' | 'sentinel_inflight' | 'sentinel_sessions' | 'sentinel_tools' | 'sentinel_kills_active' | 'sentinel_backend_up'
  | 'sentinel_calls_parked' | 'sentinel_follows' | 'sentinel_tasks' | 'sentinel_circuit_state' | 'sentinel_audit_up' | 'sentinel_audit_queue' | 'sentinel_config_revision' | 'sentinel_config_last_reload_successful'
  | 'sentinel_config_last_reload_timestamp_seconds' | 'sentinel_build_info' | 'sentinel_http_connections' | 'sentinel_http_requests_active'
  | 'sentinel_audit_journal_bytes' | 'sentinel_audit_disk_free_bytes' | 'sentinel_audit_shipping_up' | 'sentinel_audit_export_up' | 'sentinel_audit_export_lag_records' | 'sentinel_audit_shipping_lag_records'
  | 'sentinel_http_streams' | 'sentinel_http_resumable_bytes' | 'sentinel_attached_agents';

type Families = Readonly<Record<CounterName, Family & { readonly type: 'counter' }>>
  & Readonly<Record<HistogramName, Family & { readonly type: 'histogram'; readonly buckets: readonly number[] }>>
  & Readonly<Record<GaugeName, Family & { readonly type: 'gauge' }>>;

export const FAMILIES: Families = {
  sentinel_requests_total: { type: 'counter', original: true, labels: ['tool', 'status'], help: 'Tool calls by how they ended: success, error, killed, rate_limited, denied, invalid_args or circuit_open. A result with isError counts as error.' },
  sentinel_request_duration_seconds: { type: 'histogram', original: true, labels: ['tool'], buckets: CALL_SECONDS, help: 'Whole time of tool calls that reached a backend. Refused calls are not observed.' },
  sentinel_errors_total: { type: 'counter', original: true, labels: ['tool', 'error_type'], help: 'Tool calls that did not end in success, by status.' },
  sentinel_backend_healthy: { type: 'gauge', original: true, labels: ['backend'], help: '1 when the backend is ready and its circuit is not open, else 0.' },
  sentinel_rate_limit_hits_total: { type: 'counter', original: true, labels: ['tool'], help: 'Tool calls refused because a limit was reached.' },

  sentinel_calls_total: { type: 'counter', labels: ['backend', 'tool', 'decision', 'code'], help: 'Calls by backend, tool under its original name, decision (allow or deny) and code: ok, tool_error, backend_error, a deny reason, or a backend fault.' },
  sentinel_admit_duration_seconds: { type: 'histogram', labels: [], buckets: ADMIT_SECONDS, help: 'Time to decide a call, up to the permit or the denial.' },
  sentinel_dispatch_duration_seconds: { type: 'histogram', labels: ['backend'], buckets: CALL_SECONDS, help: 'Time a backend took to answer, fail or be cancelled.' },
  sentinel_auth_failures_total: { type: 'counter', labels: ['reason'], help: 'Requests refused because their credential was missing or wrong.' },

  sentinel_questions_refused_total: { type: 'counter', labels: ['backend', 'reason'], help: 'Questions of backends of 2025 revisions that were put to nobody, and are in no call\'s record: forbidden (its asks), unattributed (no one call it could belong to), unaskable (a call nobody can be asked for), repeated (its id is in use), too_many (4 at once, 64 in a call).' },

  sentinel_inflight: { type: 'gauge', labels: [], help: 'Calls that have been admitted and not yet concluded.' },
  sentinel_calls_parked: { type: 'gauge', labels: [], help: 'Calls that keep a place to wait in until their agent answers what a backend asked. Bounds: parked, parked_per_principal.' },
  sentinel_follows: { type: 'gauge', labels: [], help: 'Resources and tasks that agents follow, by subscription or stream. Bound of each: follows.' },
  sentinel_tasks: { type: 'gauge', labels: [], help: 'Tasks (long tool calls with a handle) that the gateway knows, over or not. Bounds: tasks, tasks_per_principal.' },
  sentinel_bound_hits_total: { type: 'counter', labels: ['bound'], help: 'What ran into a bound of the pipeline: parked, parked_per_principal (a question that was not asked for it), tasks, tasks_per_principal (a task that was not begun, or is not listed), task_results (a result that was not kept), follows, elicitations (a page to visit of whose end its agent will not hear).' },
  sentinel_sessions: { type: 'gauge', labels: [], help: 'Open agent sessions.' },
  sentinel_attached_agents: { type: 'gauge', labels: [], help: 'Agents attached by `sentinel stdio` over the control socket.' },
  sentinel_http_connections: { type: 'gauge', labels: [], help: 'Open connections of the agents\' listener. Bounds: connections, connections_per_peer.' },
  sentinel_http_requests_active: { type: 'gauge', labels: [], help: 'HTTP requests that are being answered, streams of `subscriptions/listen` among them.' },
  sentinel_http_streams: { type: 'gauge', labels: [], help: 'Open GET streams of sessions. Bound: streams_per_principal.' },
  sentinel_http_resumable_bytes: { type: 'gauge', labels: [], help: 'Bytes of events held for agents that resume a stream. Bounds: resume_buffer, resume_total.' },
  sentinel_http_bound_hits_total: { type: 'counter', labels: ['bound'], help: 'What ran into a bound of the agents\' listener: connections, headers, time (slow headers or bodies), body, guesses (failed authentications), sessions, streams, reader (too slow for its stream), resume (events that could not be kept for it, or no longer).' },
  sentinel_http_malformed_total: { type: 'counter', labels: [], help: 'Connections closed because what came was not HTTP/1.1.' },
  sentinel_http_stray_responses_total: { type: 'counter', labels: [], help: 'Responses that agents posted without having been asked anything.' },
  sentinel_refusals_unrecorded_total: { type: 'counter', labels: [], help: 'Refused requests without an audit record of their own, because their sender had its share of records.' },
  sentinel_tools: { type: 'gauge', labels: [], help: 'Tools in the catalogue.' },
  sentinel_kills_active: { type: 'gauge', labels: [], help: 'Kills in force, from the configuration and from operators.' },
  sentinel_backend_up: { type: 'gauge', labels: ['backend'], help: '1 when the backend is connected and has answered its handshake, else 0.' },
  sentinel_backend_restarts_total: { type: 'counter', labels: ['backend'], help: 'Times the backend was started again after it ended.' },
  sentinel_circuit_state: { type: 'gauge', labels: ['backend'], help: '0 closed, 1 half open, 2 open.' },
  sentinel_audit_up: { type: 'gauge', labels: [], help: '1 when the audit is switched on and its journal takes records, else 0.' },
  sentinel_audit_queue: { type: 'gauge', labels: [], help: 'Audit records that wait to be written.' },
  sentinel_audit_failed_total: { type: 'counter', labels: [], help: 'Audit records given up. Any increase is a reason to wake somebody.' },
  sentinel_audit_journal_bytes: { type: 'gauge', labels: [], help: 'Bytes of the audit\'s journal on disk. Bound: audit.quota.' },
  sentinel_audit_disk_free_bytes: { type: 'gauge', labels: [], help: 'Bytes free on the disk of the audit\'s journal. Below audit.reserve only calls that read are begun, below a quarter of it none.' },
  sentinel_audit_shipping_up: { type: 'gauge', labels: [], help: '1 while the journal is shipped to PostgreSQL, by this process or another of this node, else 0. Only with PostgreSQL.' },
  sentinel_audit_shipping_lag_records: { type: 'gauge', labels: [], help: 'Audit records that PostgreSQL does not have yet. Only with PostgreSQL.' },
  sentinel_audit_shipped_total: { type: 'counter', labels: ['what'], help: 'Audit records sent to PostgreSQL: new, again (they were there: a commit was in doubt), refused (put into audit_refused), and conflict (another record or checkpoint stands in its place: somebody else writes under the id of this node). Only with PostgreSQL.' },
  sentinel_audit_export_up: { type: 'gauge', labels: ['export'], help: '1 while the last attempt of this export of the audit went well, else 0.' },
  sentinel_audit_export_lag_records: { type: 'gauge', labels: ['export'], help: 'Audit records that this export has not looked at yet.' },
  sentinel_audit_exported_total: { type: 'counter', labels: ['export', 'what'], help: 'Of an export of the audit: records delivered, attempts failed, records known to be missing there.' },
  sentinel_audit_witnessed_total: { type: 'counter', labels: ['what'], help: 'Checkpoints of other gateways that were sent to this one: recorded, known (on record already), conflict (contradicts one on record: a journal was written anew), refused (signed by nobody who is believed here, or no checkpoint), and delayed: requests that were told to come again, because of one node came more than 600 in a minute, or too many at once. Only with [audit.witness].' },
  sentinel_log_dropped_total: { type: 'counter', labels: [], help: 'Log lines given up because nobody read stderr.' },
  sentinel_config_revision: { type: 'gauge', labels: [], help: 'Number of the configuration in force.' },
  sentinel_config_last_reload_successful: { type: 'gauge', labels: [], help: '1 when the last reload was accepted (or none was tried), else 0.' },
  sentinel_config_last_reload_timestamp_seconds: { type: 'gauge', labels: [], help: 'When the last reload was tried; 0 when none was.' },
  sentinel_build_info: { type: 'gauge', labels: ['version', 'node'], help: 'Always 1; the labels say which program this is.' },
};
