// Records, journals and clocks for the tests of exports: small, whole, and each part replaceable.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { instant, timestamp } from '../../../src/core/ids.ts';
import type { Clock, Random, Timers } from '../../../src/core/ports.ts';
import { ok } from '../../../src/core/result.ts';
import { storable } from '../../../src/core/text.ts';
import type { ExportContext } from '../../../src/stores/export/format.ts';
import type { AuditRecord } from '../../../src/stores/export/record.ts';
import type { Egress } from '../../../src/stores/export/transport.ts';
import { type RecordValues, tailOf } from '../../../src/stores/journal/members.ts';
import type { RecordSource, StoredRecord } from '../../../src/stores/journal/source.ts';

export const NODE = '0198c0de-0000-7000-8000-00000000000a';
export const CONTEXT: ExportContext = { version: '0.1.0', host: 'gw-1.example.com', node: NODE };
export const AT: number = Date.UTC(2026, 6, 28, 9, 30, 0, 250);

export interface Place {
  readonly node?: string;
  readonly epoch?: number;
  readonly seq: number;
}

/** As the journal writes it. */
export function lineOf(values: Partial<RecordValues>, { node = NODE, epoch = 7, seq }: Place): string {
  const id = `0198c0de-0000-7000-8000-${String(epoch * 1_000_000 + seq).padStart(12, '0')}`;
  const tail = tailOf({ id, ts: AT + seq, mono_ns: 1_000_000 + seq, kind: 'outcome', ...values });
  return `{"v":2,"node":"${node}","epoch":${epoch},"seq":${seq},"prev":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",${tail}`;
}

const ROWS = 2 ** 32;

export function stored(segment: number, row: number, record: string): StoredRecord {
  return { rowId: segment * ROWS + row, record };
}

/** Records 1 to `count` of one epoch in one segment. */
export function simpleRecords(count: number, from = 1, { epoch = 7, segment = 1, row = from }: { readonly epoch?: number; readonly segment?: number; readonly row?: number } = {}): readonly StoredRecord[] {
  return Array.from({ length: count }, (_, at) => stored(segment, row + at, lineOf({ kind: 'outcome', method: 'tools/call', status: 'success', decision: 'allow', object_name: `tool-${from + at}` }, { epoch, seq: from + at })));
}

export function sourceOf(records: readonly StoredRecord[] | (() => readonly StoredRecord[])): RecordSource {
  const all = typeof records === 'function' ? records : () => records;
  return { after: (rowId, limit) => all().filter((one) => one.rowId > rowId).slice(0, limit) };
}

export const EVERYTHING = (): boolean => true;

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-export-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const CLOCK: Clock = { mono: () => instant(performance.now()), wall: () => timestamp(AT + 60_000) };
export const RANDOM: Random = { uuid: (): string => 'unused', token: (bytes: number): string => 'x'.repeat(bytes), float: (): number => 0.5 };

/** Real ones that keep nobody alive. */
export const TIMERS: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Everybody lives on this machine. */
export const LOOPBACK: Egress = () => ok((_host, options, done) => (options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)));

/** As Node throws them. */
export class Coded extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`${code}: no`);
    this.code = code;
  }
}

// ── what strangers send ─────────────────────────────────────────────────────
export const HOSTILE: readonly string[] = [
  'NUL \u0000 here', 'lone \ud800 high', 'lone \udc00 low', 'C0 \u0001\u0007\u0008\u000b\u000c\u001b[2J\u001f', 'C1 \u0085\u009b31m', '100%n %s %x', 'two\nlines', 'carriage\r\nreturn',
  'x\n<34>1 2026-01-01T00:00:00Z forged sshd - - - Accepted', 'x\nCEF:0|evil|evil|1|1|forged|10|act=allow', '{"v":2,"kind":"lifecycle"}', 'a|b\\|c', 'k=v act=allow suser\\=root', ']x] y="z" [evil@1 a="b"]',
  '"quoted" \'single\' `tick`', 'back\\slash\\', '\\\\', '\\n', '😀👩‍👩‍👧', 'abc\u202Edcba', '\u2028\u2029', ' leading', 'inner  spaces ', '', 'x'.repeat(70_000), '\ufeffbom', '</script>', '${env:HOME}', '$(id)',
  '__proto__', 'null', '0',
];

/** Made fit for a record, as the encoder does. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE.filter((text) => text.length < 200)), fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('\\', '|', '=', ']', '"', '\n', '\r', ' ', '%n', ',')), { maxLength: 12 })
  .map((parts) => storable(parts.join('')));

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const nested = fc.dictionary(fc.oneof(hostileText, fc.constant('reason'), fc.constant('__proto__')), fc.oneof(hostileText, fc.integer(), fc.boolean(), fc.constant(null), fc.array(hostileText, { maxLength: 3 })), { maxKeys: 4 }).map((value) => JSON.stringify(value));

export const hostileValues: fc.Arbitrary<Partial<RecordValues>> = fc.record({
  kind: fc.constantFrom('intent', 'outcome', 'refused', 'lifecycle'),
  event: maybe(fc.oneof(fc.constantFrom('started', 'stopped', 'killed', 'reloaded', 'token_issued', 'auth_failures', 'listed', 'backend', 'export_gap', 'constructor', '__proto__'), hostileText)),
  reason: maybe(fc.oneof(fc.constantFrom('unauthenticated', 'foreign_session', 'forbidden', 'origin'), hostileText)),
  decision: maybe(fc.constantFrom('allow', 'deny')), ruling: maybe(fc.constantFrom('allow', 'deny')), class: maybe(fc.constantFrom('reading', 'changing')), mode: maybe(fc.constantFrom('enforce', 'monitor')),
  severity: maybe(fc.oneof(fc.constantFrom('info', 'low', 'medium', 'high', 'critical'), hostileText)), status: maybe(fc.constantFrom('success', 'error', 'denied')),
  method: maybe(fc.oneof(fc.constantFrom('tools/call', 'resources/read', 'constructor'), hostileText)), object_type: maybe(fc.oneof(fc.constantFrom('tool', 'prompt', 'resource', '__proto__'), hostileText)),
  subject: maybe(hostileText), issuer: maybe(hostileText), actor: maybe(hostileText), client: maybe(hostileText), session: maybe(hostileText), surface: maybe(fc.constantFrom('http', 'stdio', 'socket')),
  protocol: maybe(hostileText), peer: maybe(hostileText), backend: maybe(hostileText), object_name: maybe(hostileText), exposed: maybe(hostileText), rule: maybe(hostileText), owner: maybe(hostileText),
  fault: maybe(hostileText), code: maybe(hostileText), call_id: maybe(hostileText), config_hash: maybe(hostileText), kid: maybe(hostileText), jti_hmac: maybe(hostileText),
  trace_id: maybe(fc.oneof(fc.constant('4bf92f3577b34da6a3ce929d0e0e4736'), fc.constant('0'.repeat(32)), hostileText)),
  roles: maybe(fc.array(hostileText, { maxLength: 3 }).map((roles) => JSON.stringify(roles))), trail: maybe(nested), detail: maybe(nested), args_shape: maybe(nested), captured: maybe(nested),
  revision: maybe(fc.nat()), is_error: maybe(fc.constantFrom(0, 1)), admit_us: maybe(fc.nat()), dispatch_us: maybe(fc.nat()), attempts: maybe(fc.nat(5)),
});

/** Every text in a value, at any depth. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Members whose value is one text. */
export function textMembers(record: AuditRecord): readonly (readonly [string, string])[] {
  return Object.entries(record).flatMap(([name, value]): (readonly [string, string])[] => (typeof value === 'string' ? [[name, value]] : []));
}
