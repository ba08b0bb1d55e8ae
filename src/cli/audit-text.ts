// Entries of the audit as people read them. Pure; every text of a stranger passes through `printable`.
import { printable } from '../core/text.ts';
import type { AuditEntry, CallStory } from '../app/audit.ts';
import { rfc3339, table } from './render.ts';
import type { Paint, VerbContext } from './verb.ts';

/** `time decision subject(role) target status ms rule call`. */
export function auditLine(entry: AuditEntry, paint: Paint): string {
  const time = paint.dim(rfc3339(entry.ts));
  if (entry.kind === 'lifecycle') return [time, paint.warn('event '), printable(entry.event ?? '').replaceAll('_', ' '), `by ${printable(entry.actor ?? '')}`, paint.dim(printable(eventWords(entry.detail)))].join('  ').trimEnd();
  const denied = entry.decision === 'deny';
  const ms = tookMs(entry);
  return [
    time,
    entry.decision === null ? '-     ' : denied ? paint.bad('deny  ') : paint.good('allow '),
    who(entry),
    target(entry),
    printable(entry.status ?? entry.kind) + (entry.code === null || entry.code === 'ok' || entry.code === entry.status ? '' : `/${printable(entry.code)}`),
    ms === undefined ? '-' : `${ms} ms`,
    paint.dim(printable(entry.rule ?? '-')) + (isWatched(entry) ? paint.warn(` (${printable(entry.mode ?? '')}: the rules said deny)`) : ''),
    printable(entry.call_id ?? '-'),
    // Of what was turned away before it was a call, only this says why.
    ...(entry.kind === 'refused' && entry.fault !== null && entry.fault !== entry.code ? [paint.dim(printable(entry.fault))] : []),
  ].join('  ');
}

/** `scope: tool a/b, reason: incident 7, cancelled: 2`. */
function eventWords(detail: string | null): string {
  const members = json(detail);
  if (typeof members !== 'object' || members === null) return detail ?? '';
  return Object.entries(members).flatMap(([name, value]: readonly [string, unknown]) => {
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    const text = eventValue(name, value);
    return text === '' ? [] : [`${words}: ${text}`];
  }).join(', ');
}

function eventValue(name: string, value: unknown): string {
  if (typeof value === 'number' && (name === 'until' || name === 'expiresAt')) return rfc3339(value);
  if (Array.isArray(value)) return value.map(String).join('; ');
  if (typeof value === 'string') return name === 'configHash' ? value.slice(0, 12) : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** Allowed only because the rule that denies it is not enforced. */
function isWatched({ decision, ruling }: AuditEntry): boolean {
  return decision === 'allow' && ruling === 'deny';
}

function who({ subject, roles }: AuditEntry): string {
  return subject === null ? 'anonymous' : `${printable(subject)}(${printable(roleNames(roles).join(','))})`;
}

function target({ backend, object_type: kind, object_name: name, exposed, method }: AuditEntry): string {
  if (backend !== null) return `${kind === null || kind === 'tool' ? '' : `${printable(kind)}:`}${printable(backend)}/${printable(name ?? '')}`;
  return printable(exposed ?? method ?? '-');
}

function tookMs({ admit_us: admit, queue_us: queue, dispatch_us: dispatch, screen_us: screen }: AuditEntry): number | undefined {
  return admit === null ? undefined : Math.round((admit + (queue ?? 0) + (dispatch ?? 0) + (screen ?? 0)) / 100) / 10;
}

function roleNames(text: string | null): readonly string[] {
  const value = json(text);
  return Array.isArray(value) ? value.map(String) : [];
}

function json(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Peers are kept as networks, `192.0.2.0/24` and `2001:db8:a::/48`; that of loopback is this machine and nobody else. Older records lack the length. */
export function peerText(peer: string): string {
  const network = peer.replace(/\/(?:24|48)$/, '');
  if (network === '127.0.0.0' || network === '::') return 'this machine (loopback)';
  if (/^\d+\.\d+\.\d+\.0$/.test(network)) return `the network ${network}/24`;
  return network.includes(':') ? `the network ${printable(network)}/48` : printable(peer);
}

/** One call whole. */
export function callText(id: string, { records, intent, outcome }: CallStory, cx: Pick<VerbContext, 'paint' | 'isTty' | 'width'>): string {
  const first = intent ?? records[0];
  const last = outcome ?? first;
  if (first === undefined || last === undefined) return '';
  const end = outcome === undefined ? 'not concluded: it is in flight, or its gateway died and has not been started again' : `${last.status ?? ''} (${last.code ?? ''})`;
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    ['call', id], ['time', rfc3339(first.ts)], ['who', who(first)], ['issuer', first.issuer], ['client', first.client], ['from', first.peer === null ? null : `${first.surface ?? ''} ${peerText(first.peer)}`],
    ['method', first.method], ['target', target(first)], ['named', first.exposed], ['decision', isWatched(last) ? `allow, where the rules said deny (${last.mode ?? ''})` : last.decision], ['rule', last.rule], ['owner', last.owner], ['class', last.class], ['end', end], ['why', last.fault],
    ['took', tookMs(last) === undefined ? null : `${tookMs(last)} ms`], ['arguments', first.args ?? last.args], ['attempts', last.attempts === null || last.attempts < 2 ? null : String(last.attempts)], ['captured', capturedText(id, [first, last])], ['result', last.result_bytes === null ? null : `${last.result_bytes} bytes`],
    ['revision', last.revision === null ? null : String(last.revision)], ['trace', first.trace_id],
  ];
  const lines = facts.filter(([, text]) => text !== null && text !== undefined && text !== '').map(([name, text]) => `${cx.paint.dim(name.padEnd(10))} ${printable(text ?? '')}`);
  const trail = trailRows(last.trail);
  if (trail.length > 0) lines.push('', table(['STAGE', 'DECISION', 'RULE', 'MODE', 'WHY'], trail, cx));
  return lines.join('\n');
}

/** Which keys it takes, and how to read it. */
function capturedText(id: string, entries: readonly AuditEntry[]): string | null {
  const days = entries.flatMap(({ captured }) => {
    const kept = json(captured);
    return typeof kept === 'object' && kept !== null && 'day' in kept ? [String(kept.day)] : [];
  });
  return days.length === 0 ? null : `under the key of ${[...new Set(days)].join(' and ')}: sentinel audit reveal ${id}`;
}

function trailRows(text: string | null): readonly (readonly string[])[] {
  const value = json(text);
  if (!Array.isArray(value)) return [];
  return value.map((step: unknown) => ['stage', 'decision', 'rule', 'mode', 'note'].map((key) => {
    const member: unknown = typeof step === 'object' && step !== null ? Reflect.get(step, key) : undefined;
    return typeof member === 'string' ? member : '';
  }));
}
