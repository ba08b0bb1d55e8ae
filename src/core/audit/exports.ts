// Where else the audit goes: one `[[audit.exports]]` each, checked and complete.
import type { Secret } from '../secret.ts';

/** `replica`: another gateway, which keeps checkpoints in its own audit. */
export type ExportKind = 'file' | 'syslog' | 'otlp' | 'webhook' | 'replica';
export type FormatName = 'jsonl' | 'ocsf' | 'cef' | 'syslog' | 'otlp';
export const FORMAT_NAMES: readonly FormatName[] = ['jsonl', 'ocsf', 'cef', 'syslog', 'otlp'];
/** `checkpoints`: not the records but what vouches for them, to be kept where who can write the journal cannot write (an anchor). */
export type ExportFormat = FormatName | 'checkpoints';

/** Paths of PEM files. Without `ca`, the roots that Node knows. */
export interface ExportTls {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: Secret | undefined;
}

export type ExportStream =
  | { readonly via: 'tls' | 'tcp'; readonly host: string; readonly port: number; readonly allowPrivate: boolean; readonly timeoutMs: number }
  | { readonly via: 'unix'; readonly path: string; readonly timeoutMs: number };

interface Common {
  /** Names its cursor file and its metrics. */
  readonly name: string;
  readonly format: ExportFormat;
  /** In the language of `sentinel audit filter`; undefined = everything. */
  readonly filter: string | undefined;
  readonly batchRecords: number;
  readonly batchBytes: number;
}

interface Http {
  readonly url: string;
  readonly allowPrivate: boolean;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly tls: ExportTls;
  readonly timeoutMs: number;
}

export type ExportSettings = Common & (
  | { readonly kind: 'file'; readonly path: string; readonly maxBytes: number; readonly keep: number }
  | { readonly kind: 'syslog'; readonly target: ExportStream; readonly tls: ExportTls }
  | ({ readonly kind: 'otlp' } & Http)
  | ({ readonly kind: 'webhook'; readonly secret: Secret; readonly body: 'lines' | 'array' } & Http)
  | ({ readonly kind: 'replica' } & Http)
);
