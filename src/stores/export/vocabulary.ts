// What all formats say alike of a record: how grave it is, what it is called, and in which words of each standard.
import type { AuditRecord } from './record.ts';

export const VENDOR = 'sentinel-gateway';
export const PRODUCT = 'Sentinel';

export type Grade = 'info' | 'low' | 'medium' | 'high' | 'critical';

export interface Scale {
  /** RFC 5424 §6.2.1. */
  readonly syslog: number;
  /** CEF: 0 to 10. */
  readonly cef: number;
  /** OCSF `severity_id` and its caption. */
  readonly ocsf: number;
  readonly caption: string;
  /** OpenTelemetry `SeverityNumber` and the text that goes with it. */
  readonly otlp: number;
  readonly text: string;
}

const SCALES: Readonly<Record<Grade, Scale>> = {
  info: { syslog: 6, cef: 1, ocsf: 1, caption: 'Informational', otlp: 9, text: 'INFO' },
  low: { syslog: 5, cef: 3, ocsf: 2, caption: 'Low', otlp: 10, text: 'INFO2' },
  medium: { syslog: 4, cef: 5, ocsf: 3, caption: 'Medium', otlp: 13, text: 'WARN' },
  high: { syslog: 3, cef: 8, ocsf: 4, caption: 'High', otlp: 17, text: 'ERROR' },
  critical: { syslog: 2, cef: 10, ocsf: 5, caption: 'Critical', otlp: 21, text: 'FATAL' },
};

const EVENTS: ReadonlyMap<string, Grade> = new Map<string, Grade>([
  ['auth_failures', 'medium'], ['reload_refused', 'medium'], ['killed', 'high'], ['unkilled', 'medium'], ['token_issued', 'low'], ['token_revoked', 'medium'],
  ['key_rotated', 'low'], ['key_destroyed', 'medium'], ['audit_read', 'low'], ['imported', 'low'], ['export_gap', 'high'], ['export_skipped', 'high'], ['export_rejected', 'high'],
]);

function isGrade(word: string | undefined): word is Grade {
  return word !== undefined && Object.hasOwn(SCALES, word);
}

export function scaleOf(record: AuditRecord): Scale {
  return SCALES[gradeOf(record)];
}

function gradeOf({ severity, kind, event, decision }: AuditRecord): Grade {
  if (isGrade(severity)) return severity;
  if (kind === 'lifecycle') return EVENTS.get(event ?? '') ?? 'info';
  return kind === 'refused' || decision === 'deny' ? 'low' : 'info';
}

const METHODS: ReadonlyMap<string, string> = new Map<string, string>([
  ['tools/call', 'mcp.tool.call'], ['prompts/get', 'mcp.prompt.get'], ['resources/read', 'mcp.resource.read'], ['resources/subscribe', 'mcp.resource.subscribe'],
  ['subscriptions/listen', 'mcp.resource.subscribe'], ['completion/complete', 'mcp.completion.complete'], ['tasks/get', 'mcp.task.get'], ['tasks/list', 'mcp.task.list'],
  ['tasks/result', 'mcp.task.result'], ['tasks/update', 'mcp.task.update'], ['tasks/cancel', 'mcp.task.cancel'],
]);

/** From a closed list: of a refused request the method is an agent's word, and names nothing. */
export function eventName({ kind, event, method, reason }: AuditRecord): string {
  if (kind === 'lifecycle') return `sentinel.${(event ?? 'event').replaceAll(/[^a-z0-9_.]/g, '_').slice(0, 64)}`;
  if (kind === 'refused') return reason === 'unauthenticated' ? 'sentinel.login.refused' : 'mcp.request.refused';
  return METHODS.get(method ?? '') ?? 'mcp.call';
}

const TITLES: ReadonlyMap<string, string> = new Map<string, string>([
  ['started', 'Gateway started'], ['stopped', 'Gateway stopped'], ['reloaded', 'Configuration reloaded'], ['reload_refused', 'Configuration refused'], ['killed', 'Kill switch set'],
  ['unkilled', 'Kill switch lifted'], ['tasks_ended', 'Tasks ended'], ['token_issued', 'Token issued'], ['token_revoked', 'Token or key revoked'], ['key_rotated', 'Signing key rotated'],
  ['key_destroyed', 'Data key destroyed'], ['backend', 'Backend changed its state'], ['epoch_opened', 'Audit run opened'], ['listed', 'List served'], ['audit_read', 'Audit read'],
  ['auth_failures', 'Logins refused'], ['witnessed', 'Checkpoint of another node kept'], ['imported', 'Audit imported'], ['export_gap', 'Audit records missing from this export'],
  ['export_skipped', 'Audit record left out of this export'], ['export_rejected', 'Audit records refused by the receiver of this export'],
]);

/** One short sentence from a closed list: nothing of an agent or a backend is in it. */
export function titleOf(record: AuditRecord): string {
  const { kind, event, reason, decision } = record;
  if (kind === 'lifecycle') return TITLES.get(event ?? '') ?? 'Gateway event';
  if (kind === 'refused') return reason === 'unauthenticated' ? 'Login refused' : 'MCP request refused';
  const what = METHODS.get(record.method ?? '')?.slice('mcp.'.length).replaceAll('.', ' ') ?? 'call';
  if (kind === 'intent') return `MCP ${what} admitted`;
  return `MCP ${what} ${decision === 'deny' ? 'denied' : succeeded(record) ? 'succeeded' : 'failed'}`;
}

/** Of an outcome: whether it ended as its caller wished. */
export function succeeded({ status }: AuditRecord): boolean {
  return status === 'success';
}

/** `true` when the rules said no and the call was let through: monitor and shadow. */
export function onlyObserved({ ruling, decision }: AuditRecord): boolean {
  return ruling === 'deny' && decision === 'allow';
}
